"""Creates an account."""

from __future__ import annotations

from leadgen.application.ports.account_repository import IAccountRepository
from leadgen.domain.account import Account, parse_account_name
from leadgen.domain.errors import NotPossible
from leadgen.domain.tier import Tier


class CreateAccount:
    """Opens an account, which has no lead and no budget yet."""

    def __init__(self, *, accounts: IAccountRepository) -> None:
        self._accounts = accounts

    async def run(self, name: str, tier: Tier) -> Account:
        """The new account. Raises InvalidSetting, NotPossible where the name is taken, ServiceUnavailable."""
        account = Account(parse_account_name(name), tier)
        if not await self._accounts.add(account):
            raise NotPossible(
                f"there is an account {name!r} already: `leadgen accounts set {name} --tier {tier}`"
                " changes its tier"
            )
        return account
