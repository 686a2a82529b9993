"""The pace of a process: how many calls it makes ready at once, so that each leaves when its ticket says."""

from __future__ import annotations

from dataclasses import dataclass

LATE_SECONDS = 0.012
"""Who leaves so long after their moment waited for others, and nearly missed a ticket's window (20 ms)."""

ROOM_MIN = 32.0
ROOM_MAX = 1000.0
_SHRINK = 0.9
_GROWTH = 8.0
_HEED_SECONDS = 0.1
"""What was made ready before a change has left by then; until then it tells nothing about the change."""


@dataclass(slots=True)
class Pace:
    """Grows while calls leave in time, and shrinks when they do not.

    More calls than a process can carry would not go faster: they would miss their tickets, and each missed
    one costs another ticket, and where that comes too late an intent that is recorded anew.
    """

    room: float = ROOM_MIN
    _is_known: bool = False
    """Whether the end of the room was found; until then it grows fast."""
    _shrunk_at: float = float("-inf")

    def note(self, late_seconds: float, now: float, *, is_full: bool) -> None:
        """A call left so long after its moment; ``is_full``: others wait for its room."""
        if late_seconds > LATE_SECONDS:
            if now - self._shrunk_at > _HEED_SECONDS:
                self._is_known, self._shrunk_at = True, now
                self.room = max(self.room * _SHRINK, ROOM_MIN)
        elif is_full:
            self.room = min(self.room + (_GROWTH / self.room if self._is_known else 1.0), ROOM_MAX)
