"""How many calls the worst window holds, counted by brute force."""

from collections.abc import Sequence


def worst_window(moments: Sequence[int], window: int) -> int:
    """The most moments in any half-open interval of this length; a worst one always begins at a moment."""
    return max((_count(moments, start, start + window) for start in moments), default=0)


def _count(moments: Sequence[int], start: int, end: int) -> int:
    return sum(start <= moment < end for moment in moments)
