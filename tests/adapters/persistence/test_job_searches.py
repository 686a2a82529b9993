from tests.contracts.job_searches import JobSearchesContract


class TestSqlJobSearches(JobSearchesContract):
    """On SQLite and on PostgreSQL."""
