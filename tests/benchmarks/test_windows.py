import random

import pytest

from tests.benchmarks.windows import worst_window


@pytest.mark.parametrize(
    ("moments", "worst"),
    [
        ([], 0),
        ([7], 1),
        ([0, 10], 1),  # half-open: the second one begins the next window
        ([0, 9], 2),
        ([5, 5, 5], 3),
        ([9, 0, 30, 8, 31], 3),  # in any order
        ([0, 6, 8, 12, 14], 4),  # the worst one lies across a boundary of 10
    ],
)
def test_worst_window_of_ten(moments: list[int], worst: int) -> None:
    """The fullest interval is found wherever it begins."""
    assert worst_window(moments, 10) == worst


def test_worst_window_is_the_fullest_of_all() -> None:
    """Trying every possible beginning finds the same."""
    generator = random.Random(1)
    moments = [generator.randrange(200) for _ in range(60)]
    tried = (sum(start <= moment < start + 13 for moment in moments) for start in range(-13, 200))
    assert worst_window(moments, 13) == max(tried)
