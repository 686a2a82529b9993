from tests.contracts.job_repository import JobRepositoryContract


class TestSqlJobRepository(JobRepositoryContract):
    """On SQLite and on PostgreSQL."""
