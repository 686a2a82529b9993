from tests.contracts.budget_repository import BudgetRepositoryContract


class TestSqlBudgetRepository(BudgetRepositoryContract):
    """On SQLite and on PostgreSQL."""
