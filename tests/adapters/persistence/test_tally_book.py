from tests.contracts.tally_book import TallyBookContract


class TestSqlTallyBook(TallyBookContract):
    """On SQLite and on PostgreSQL."""
