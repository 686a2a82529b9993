from tests.contracts.api_key_repository import ApiKeyRepositoryContract


class TestSqlApiKeyRepository(ApiKeyRepositoryContract):
    """On SQLite and on PostgreSQL."""
