from tests.contracts.job_wishes import JobWishesContract


class TestSqlJobWishes(JobWishesContract):
    """On SQLite and on PostgreSQL."""
