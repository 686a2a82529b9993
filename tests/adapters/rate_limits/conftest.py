"""Which of these tests take their time."""

import pytest

ON_BOTH = ("test_a_second_process", "test_no_window_is_over_through_all_changes")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Failover waits for real seconds: on PostgreSQL most of it belongs to `make test-slow`."""
    for item in items:
        is_failover = item.path.name == "test_failover.py" and "postgresql" in item.name
        if is_failover and not item.name.startswith(ON_BOTH):
            item.add_marker(pytest.mark.slow)
