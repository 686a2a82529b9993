from tests.contracts.job_events import JobEventsContract


class TestSqlJobEvents(JobEventsContract):
    """On SQLite and on PostgreSQL."""
