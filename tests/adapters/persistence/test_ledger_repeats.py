from tests.contracts.ledger_repeats import LedgerRepeatsContract


class TestSqlLedgerRepeats(LedgerRepeatsContract):
    """On SQLite and on PostgreSQL."""
