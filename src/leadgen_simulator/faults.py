"""All that can go wrong with a call: of each kind what is booked, what is kept, and what is written."""

from collections import deque
from dataclasses import dataclass
from typing import Literal

from leadgen_simulator import replies, wire
from leadgen_simulator.replies import Spoil
from leadgen_simulator.wire import Deliver

SHAPE = "shape"
"""Not a fault but a habit of Nimbus: the number under its second name."""
SLOW_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind. An executed call costs what the provider charges, and its outcome is kept for its key."""

    kind: str
    status: int
    """As it is written; 0 when no status line is."""
    charged: bool
    keeps: Literal["answer", "failure", "nothing"]
    """What the same key gets next time: the true answer, this failure again, or another try."""
    outcome: str | None = None
    """As it is booked; None is hit or miss, whatever the truth is."""
    spoil: Spoil | None = None
    deliver: Deliver | None = None
    delay_seconds: float | None = None


CALM = Fault("none", 200, charged=True, keeps="answer")
"""Nothing goes wrong."""


def _spoilt(
    kind: str,
    spoil: Spoil | None = None,
    deliver: Deliver | None = None,
    *,
    status: int = 200,
    outcome: str | None = None,
) -> Fault:
    """Executed and charged; only the way out fails."""
    return Fault(kind, status, charged=True, keeps="answer", outcome=outcome, spoil=spoil, deliver=deliver)


def _broken(kind: str, *, charged: bool) -> Fault:
    """The provider itself fails while it executes; the failure is its answer to this key for ever."""
    spoil = replies.failure(500, "internal error")
    return Fault(kind, 500, charged=charged, keeps="failure", outcome="error", spoil=spoil)


def _lost(
    kind: str, status: int, spoil: Spoil | None = None, deliver: Deliver | None = None, outcome: str = "lost"
) -> Fault:
    """Never executed: free, and as if it had not come."""
    return Fault(kind, status, charged=False, keeps="nothing", outcome=outcome, spoil=spoil, deliver=deliver)


def _busy(kind: str, spoil: Spoil) -> Fault:
    return _lost(kind, 429, spoil, outcome="busy")


_FAILED = {
    502: replies.failure(502, "bad gateway"),
    503: replies.failure(503, "service unavailable"),
    504: replies.failure(504, "gateway timeout"),
}

_TABLE = (
    _broken("error", charged=False),
    _busy("busy", replies.busy("1")),
    Fault("slow", 200, charged=True, keeps="answer", delay_seconds=SLOW_SECONDS),
    _spoilt("garbage", replies.garbage, outcome="garbage"),
    # the four above keep their places: the order decides which share of chance is whose
    _spoilt("hang_charged", deliver=wire.hang, status=0),
    _lost("hang_free", 0, deliver=wire.hang),
    _spoilt("reset_charged", deliver=wire.reset, status=0),
    _lost("reset_free", 0, deliver=wire.reset),
    _spoilt("reset_body", deliver=wire.reset_body),
    _broken("500_charged", charged=True),
    _broken("500_free", charged=False),
    *(_spoilt(f"{status}_charged", spoil, status=status) for status, spoil in _FAILED.items()),
    *(_lost(f"{status}_free", status, spoil) for status, spoil in _FAILED.items()),
    _busy("429_seconds", replies.busy("2")),
    _busy("429_date", replies.busy_until_date),
    _busy("429_absent", replies.busy(None)),
    _busy("429_zero", replies.busy("0")),
    _busy("429_negative", replies.busy("-1")),
    _busy("429_huge", replies.busy("1000000000")),
    _busy("429_text", replies.busy("soon")),
    _spoilt("html", replies.html),
    _spoilt("truncated_json", replies.truncated_json),
    _spoilt("wrong_schema", replies.wrong_schema),
    _spoilt("nan", replies.nan),
    _spoilt("duplicate_keys", replies.duplicate_keys),
    _spoilt("length_long", deliver=wire.length_long),
    _spoilt("length_short", deliver=wire.length_short),
    _spoilt("gzip_truncated", replies.gzip_truncated),
    _spoilt("gzip_bomb", deliver=wire.gzip_bomb),
    _spoilt("endless_body", deliver=wire.endless_body),
    _spoilt("big_body", replies.big_body),
    _spoilt("slow_header", deliver=wire.slow_header),
    _spoilt("slow_body", deliver=wire.slow_body),
    _lost("redirect_self", 307, replies.redirect(307, None)),
    _lost("redirect_metadata", 302, replies.redirect(302, "http://169.254.169.254/")),
    _lost("redirect_moved", 301, replies.redirect(301, "/moved")),
    _spoilt("202", replies.bare(202, b'{"status": "accepted"}'), status=202),
    _spoilt("204", replies.bare(204), status=204),
    _spoilt("206", replies.partial, status=206),
    _spoilt("big_header", replies.big_header),
)

FAULTS = {fault.kind: fault for fault in (CALM, *_TABLE)}
"""All kinds by name, and `none`."""
FAULT_KINDS = tuple(fault.kind for fault in _TABLE)
"""What may go wrong with a call; their rates add up to at most 1."""


@dataclass(slots=True)
class Scripted:
    """The next `count` calls, about one question or any, meet this fault."""

    fault: str
    count: int
    question: str | None


class Script:
    """What the next calls meet; it goes before chance."""

    def __init__(self) -> None:
        self._scenes: deque[Scripted] = deque()

    def __bool__(self) -> bool:
        return bool(self._scenes)

    @property
    def scenes(self) -> list[Scripted]:
        """What is still to come."""
        return list(self._scenes)

    def extend(self, scenes: list[Scripted]) -> None:
        """Puts more at the end; an empty list clears all."""
        if not scenes:
            self._scenes.clear()
        self._scenes.extend(scenes)

    def take(self, question: str) -> Fault | None:
        """The fault of a call about this question, or None when the script says nothing about it."""
        for scene in self._scenes:
            if scene.question in (None, question):
                scene.count -= 1
                if not scene.count:
                    self._scenes.remove(scene)
                return FAULTS[scene.fault]
        return None
