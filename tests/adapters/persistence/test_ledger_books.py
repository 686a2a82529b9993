from tests.contracts.ledger_books import LedgerBooksContract


class TestSqlLedgerBooks(LedgerBooksContract):
    """On SQLite and on PostgreSQL."""
