from tests.contracts.idempotency_store import IdempotencyStoreContract


class TestSqlIdempotencyStore(IdempotencyStoreContract):
    """On SQLite and on PostgreSQL."""
