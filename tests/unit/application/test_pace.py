"""How many calls a process makes ready at once."""

from leadgen.application.pace import LATE_SECONDS, ROOM_MAX, ROOM_MIN, Pace


def _play(pace: Pace, late_seconds: float, calls: int, since: float = 0.0) -> None:
    for number in range(calls):
        pace.note(late_seconds, since + number / 1_000, is_full=True)


def test_room_grows_while_calls_leave_in_time() -> None:
    """A process that keeps up is given more, though never more than the most."""
    pace = Pace()
    _play(pace, 0.0, 100)
    assert pace.room == ROOM_MIN + 100
    _play(pace, 0.0, 2_000)
    assert pace.room == ROOM_MAX


def test_room_shrinks_when_calls_leave_late() -> None:
    """A process that does not keep up makes fewer calls ready, though never fewer than the least."""
    pace = Pace(room=200.0)
    _play(pace, 2 * LATE_SECONDS, 1, since=1.0)
    assert pace.room == 180.0
    for moment in range(2, 60):
        _play(pace, 2 * LATE_SECONDS, 1, since=float(moment))
    assert pace.room == ROOM_MIN


def test_one_delay_counts_once() -> None:
    """All that were late by the same delay shrink the room together, not each of them anew."""
    pace = Pace(room=200.0)
    _play(pace, 2 * LATE_SECONDS, 50, since=1.0)
    assert pace.room == 180.0


def test_room_that_nobody_needs_does_not_grow() -> None:
    """Calls that leave in time prove nothing of a room that was never full."""
    pace = Pace()
    pace.note(0.0, 0.0, is_full=False)
    assert pace.room == ROOM_MIN


def test_growth_is_slow_once_the_end_is_known() -> None:
    """Near the point where calls were late the room grows by a few for each round."""
    pace = Pace(room=200.0)
    _play(pace, 2 * LATE_SECONDS, 1, since=1.0)
    _play(pace, 0.0, 180, since=2.0)
    assert 185.0 < pace.room < 190.0
