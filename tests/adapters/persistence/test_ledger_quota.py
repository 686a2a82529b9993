from tests.contracts.ledger_quota import LedgerQuotaContract


class TestSqlLedgerQuota(LedgerQuotaContract):
    """On SQLite and on PostgreSQL."""
