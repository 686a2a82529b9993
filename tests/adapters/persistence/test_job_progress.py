from tests.contracts.job_progress import JobProgressContract


class TestSqlJobProgress(JobProgressContract):
    """On SQLite and on PostgreSQL."""
