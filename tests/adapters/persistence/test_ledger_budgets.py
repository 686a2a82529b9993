from tests.contracts.ledger_budgets import LedgerBudgetsContract


class TestSqlLedgerBudgets(LedgerBudgetsContract):
    """On SQLite and on PostgreSQL."""
