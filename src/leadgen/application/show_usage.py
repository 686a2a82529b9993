"""Tells what an account has used in a month."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from leadgen.application.ports.account_repository import IAccountRepository
from leadgen.application.ports.budget_repository import IBudgetRepository
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.ledger_books import ILedgerBooks, ProviderTotals
from leadgen.domain.budget import LOOKUP_MICROS, Span
from leadgen.domain.tier import Tier
from leadgen.domain.value import value


@value(frozen=True, slots=True)
class Usage:
    """A month (UTC) of an account: what each provider's lookups add up to, and what is left of its quota.

    ``quota`` is None where nothing limits the lookups; ``used``, under way included, is of the current month.
    """

    month: date
    tier: Tier
    quota: int | None
    used: int
    providers: Mapping[str, ProviderTotals]


class ShowUsage:
    """Adds up an account's lookups."""

    def __init__(
        self,
        *,
        accounts: IAccountRepository,
        budgets: IBudgetRepository,
        books: ILedgerBooks,
        clock: IClock,
    ) -> None:
        self._accounts = accounts
        self._budgets = budgets
        self._books = books
        self._clock = clock

    async def run(self, account: str, month: date | None = None) -> Usage:
        """The month of that day, or the current one. Raises UnknownId, ServiceUnavailable."""
        first = (month or self._clock.now().date()).replace(day=1)
        tier = await self._accounts.tier(account)
        budgets = await self._budgets.all_of(account)
        quota = next((budget for budget in budgets if budget.span is Span.MONTH), None)
        used = (quota.used_micros + quota.held_micros) // LOOKUP_MICROS if quota else 0
        totals = await self._books.totals_of(account, since=_midnight(first), until=_midnight(_next(first)))
        return Usage(first, tier, tier.lookups_per_month, used, totals)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _next(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)
