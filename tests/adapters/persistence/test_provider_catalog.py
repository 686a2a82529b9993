from tests.contracts.provider_catalog import ProviderCatalogContract


class TestSqlProviderCatalog(ProviderCatalogContract):
    """On SQLite and on PostgreSQL."""
