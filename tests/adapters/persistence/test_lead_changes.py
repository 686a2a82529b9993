from tests.contracts.lead_changes import LeadChangesContract


class TestSqlLeadChanges(LeadChangesContract):
    """On SQLite and on PostgreSQL."""
