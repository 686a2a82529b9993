from tests.contracts.provider_board import ProviderBoardContract


class TestSqlProviderBoard(ProviderBoardContract):
    """On SQLite and on PostgreSQL."""
