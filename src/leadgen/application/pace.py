"""The pace of a process: how many calls it makes ready at once, so that each leaves when its ticket says."""

from __future__ import annotations

from dataclasses import dataclass

LATE_SECONDS = 0.012
"""Who leaves so long after their moment waited for others: a good half of a ticket's window."""

LATE_SHARE_MAX = 0.25
"""So many of the last calls may be late: a pause now and then is no lack of pace."""

ROOM_MIN = 32.0
ROOM_MAX = 1000.0
_SHRINK = 0.8
_GROWTH = 8.0
_HEED_SECONDS = 0.1
"""What was made ready before a change has left by then; until then it tells nothing about the change."""

_CALLS = 32
"""The share is taken over about so many calls."""


@dataclass(slots=True)
class Pace:
    """Grows while calls leave in time, and shrinks when they do not.

    More calls than a process can carry would not go faster: they would miss their tickets, and each missed
    one costs another ticket, which the provider's limit has to give.
    """

    room: float = ROOM_MIN
    _is_known: bool = False
    """Whether the end of the room was found; until then it grows fast."""
    _shrunk_at: float = float("-inf")
    _late_share: float = 0.0

    def note(self, late_seconds: float, now: float, *, is_full: bool) -> None:
        """A call left so long after its moment; ``is_full``: others wait for its room."""
        is_late = late_seconds > LATE_SECONDS
        if now - self._shrunk_at > _HEED_SECONDS:
            self._late_share += (is_late - self._late_share) / _CALLS
            if self._late_share > LATE_SHARE_MAX:
                self._is_known, self._shrunk_at, self._late_share = True, now, 0.0
                self.room = max(self.room * _SHRINK, ROOM_MIN)
        if is_full and not is_late:
            self.room = min(self.room + (_GROWTH / self.room if self._is_known else 1.0), ROOM_MAX)
