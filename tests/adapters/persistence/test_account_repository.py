from leadgen.adapters.persistence.tables import DEFAULT_ACCOUNT
from leadgen.domain.tier import Tier
from tests.contracts.account_repository import AccountRepositoryContract
from tests.contracts.stores import OpenStores


class TestSqlAccountRepository(AccountRepositoryContract):
    """On SQLite and on PostgreSQL."""


async def test_the_default_account(open_stores: OpenStores) -> None:
    """A migrated database has one account, which may ask every provider."""
    assert await open_stores().accounts.tier(DEFAULT_ACCOUNT) is Tier.ENTERPRISE
