"""The admission rule of a provider's limits: the N-back ring.

Number the admissions of a credential 0, 1, 2 ... with starts that never decrease. For each rule "N per W"
admission k starts no earlier than W + J after admission k - N, and its call is sent within J of its start.
Then no window of length W ever holds more than N sends, however bursty the demand.

All times are integer microseconds of one clock that never goes back.
"""

from __future__ import annotations

import functools
import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import chain

from leadgen.domain.errors import InvalidSetting
from leadgen.domain.value import value

MICROS_PER_SECOND = 1_000_000
CALLS_MAX = 1_000_000
GAP_MICROS_MAX = 10_000
BULK_WINDOW_MICROS_MAX = 10 * MICROS_PER_SECOND
"""Bulk is spread evenly over windows up to this one: so long at most it takes where a burst was allowed."""
BULK_GAPS_OF_THREE = 4
"""Two starts of bulk may lie nearer where the one before is so many gaps back: no rule sets its pace then."""
BULK_FORESIGHT_MICROS = 50_000
"""So far ahead bulk takes places: late timers cost no calls, and who is urgent does not wait long behind."""
WINDOW_MICROS_MAX = 31 * 86_400 * MICROS_PER_SECOND
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_RULE = re.compile(r"(\d{1,7})/(\d{1,7})?([smhd])")


@value(frozen=True, slots=True)
class Rule:
    """At most ``calls`` in any window of ``window_micros``."""

    calls: int
    window_micros: int

    def __str__(self) -> str:
        seconds = self.window_micros // MICROS_PER_SECOND
        unit = next(u for u in reversed(_UNITS) if seconds % _UNITS[u] == 0)
        return f"{self.calls}/{seconds // _UNITS[unit]}{unit}"


@value(frozen=True, slots=True)
class Limits:
    """All that a provider allows: any number of rules, and how many calls may be in flight at once."""

    rules: tuple[Rule, ...]
    concurrency: int
    is_bulk: bool = False
    """Whether calls are spread over the windows, to leave starts all along for somebody who is in a hurry."""

    def __post_init__(self) -> None:
        """Raises InvalidSetting where nothing would be limited, or nothing allowed."""
        if not self.rules:
            raise InvalidSetting("rate", "", "at least one rule, such as 5/1s")
        if self.concurrency < 1:
            raise InvalidSetting("concurrency", self.concurrency, "at least 1")

    def for_bulk(self) -> Limits:
        """The same limits for calls that nobody waits for: as many of them, but evenly, and not far ahead.

        A burst at the beginning of a window would come again in each that follows, and who comes after it
        would wait for the next window.
        """
        return _for_bulk(self)

    def foresight(self, validity: int) -> int:
        """How far ahead places may be taken: a quarter of the time in which the rules fill the cap.

        A place is held while its ticket matures. Held for longer, places and not rules would set the pace.
        """
        pace = min(rule.window_micros // (4 * rule.calls) for rule in self.rules)
        foresight = (self.concurrency + 1) * max(pace, self.least_gap(validity))
        return min(foresight, BULK_FORESIGHT_MICROS) if self.is_bulk else foresight

    def gap(self, validity: int) -> int:
        """How far apart starts lie; in bulk a little less than the pace, to make up for stalls."""
        gap = self.least_gap(validity)
        if self.is_bulk:
            short = (rule for rule in self.rules if rule.window_micros <= BULK_WINDOW_MICROS_MAX)
            gap = max(gap, *(rule.window_micros * 19 // (20 * rule.calls) for rule in short), 0)
        return gap

    def least_gap(self, validity: int) -> int:
        """How far apart they lie at least: so much that a burst does not wake all its callers at once.

        At most the pace of the shortest rule, which costs nothing: at that pace its window is always full.
        """
        shortest = min(self.rules, key=lambda rule: rule.window_micros)
        return min((shortest.window_micros + validity) // shortest.calls, GAP_MICROS_MAX)


@functools.lru_cache(maxsize=64)
def _for_bulk(limits: Limits) -> Limits:
    """The same object each time: what follows from it is worked out once."""
    return replace(limits, is_bulk=True)


@value(frozen=True, slots=True)
class Timing:
    """How tickets lie in time, in microseconds.

    ``lead``: how far ahead a start lies at least, so that an intent can be committed before it, where nobody
    knows how long that takes, and ``lead_min`` where somebody does; ``validity``: how long after its start a
    call may still be sent; ``horizon``: the furthest start that is handed out, since a ticket holds its place
    in the concurrency cap while it matures.
    """

    lead: int = 50_000
    lead_min: int = 10_000
    validity: int = 20_000
    horizon: int = 500_000
    lead_max: int = 2_000_000
    """No lead is longer, whatever is asked for: so late, and later by ``validity``, a call can leave."""

    def lead_of(self, wanted: int) -> int:
        """How far ahead a start lies at least where ``wanted`` is asked for; 0: as usual."""
        return max(self.lead_min, min(wanted, self.lead_max)) if wanted else self.lead

    def reach(self, lead: int, limits: Limits) -> int:
        """How far ahead a start lies at most."""
        return self.bounded(lead, limits.foresight(self.validity))

    def bounded(self, lead: int, foresight: int) -> int:
        """The same, where the foresight of the limits is known already."""
        return max(min(self.horizon, lead + foresight), lead)

    @property
    def latest(self) -> int:
        """How long after its admission a call may leave at the latest."""
        return max(self.horizon, self.lead_of(self.lead_max)) + self.validity


TIMING = Timing()
"""That of leadgen; another one is for tests."""


@value(frozen=True, slots=True)
class Granted:
    """A permission to send within ``validity`` of ``start``; ``lease`` is to be given back."""

    start: int
    lease: int


@value(frozen=True, slots=True)
class Later:
    """Nothing was consumed; a rule allows no start before ``start``."""

    start: int


@value(frozen=True, slots=True)
class Full:
    """Nothing was consumed; all places are taken, the first of them until ``until`` at the latest."""

    until: int


Admission = Granted | Later | Full


def parse_rules(text: str, setting: str) -> tuple[Rule, ...]:
    """The rules behind ``5/1s,100/1h``; raises InvalidSetting in the name of ``setting``."""
    rules = []
    for part in text.replace(" ", "").split(","):
        match = _RULE.fullmatch(part)
        calls, window = (int(match[1]), int(match[2] or 1) * _UNITS[match[3]]) if match else (0, 0)
        if not (0 < calls <= CALLS_MAX and 0 < window * MICROS_PER_SECOND <= WINDOW_MICROS_MAX):
            raise InvalidSetting(setting, text, "calls per window, such as 5/1s or 5/1s,100/1h")
        rules.append(Rule(calls, window * MICROS_PER_SECOND))
    return tuple(rules)


@value(frozen=True, slots=True)
class _Spacing:
    """What limits say of every admission, worked out once; ``counted``: how far back their rules count."""

    limits: Limits
    gap: int
    least_gap: int
    foresight: int
    counted: int

    @classmethod
    def of(cls, limits: Limits, timing: Timing) -> _Spacing:
        """See ``Limits``."""
        counted = max(rule.calls for rule in limits.rules)
        validity = timing.validity
        gaps = limits.gap(validity), limits.least_gap(validity)
        return cls(limits, *gaps, limits.foresight(validity), counted)


@dataclass(slots=True)
class Ring:
    """The admissions of one credential, and the rule for the next one."""

    limits: Limits
    """Its concurrency may change; other rules may count further back than is remembered here."""
    timing: Timing
    count: int = 0
    floor: int = 0
    seen: int = 0
    starts: array[int] = field(default_factory=lambda: array("q"))
    """The last ones: as many as the rules count back, for a while up to twice as many."""
    leases: dict[int, int] = field(default_factory=dict)
    _no_end_before: int = field(default=0, compare=False)
    """No lease ends earlier, so that they are gone through once in a while and not for each admission."""
    _spacing: _Spacing | None = field(default=None, compare=False)

    def admit(self, now: int, lease_micros: int, lead_micros: int = 0) -> Admission:
        """The next permission to send, or when to ask again; a place is held for ``lease_micros`` at most.

        ``lead_micros``: how far ahead the start lies at least; 0: as usual.
        """
        lead, spacing = self.timing.lead_of(lead_micros), self._spaced()
        now = self.seen = max(now, self.seen)
        if now >= self._no_end_before:
            self._drop_expired(now)
        if len(self.leases) >= self.limits.concurrency:
            return Full(min(self.leases.values()))
        start = self._next_start(now + lead)
        if start > now + self.timing.bounded(lead, spacing.foresight):
            return Later(start)
        self.starts.append(start)
        if len(self.starts) >= 2 * spacing.counted:
            del self.starts[: -spacing.counted]
        lease = self.count
        self.count += 1
        self.leases[lease] = start + lease_micros
        self._no_end_before = min(self._no_end_before, start + lease_micros)
        return Granted(start, lease)

    def earliest(self, now: int) -> int:
        """When a call could start at the earliest, as far as the rules go; takes nothing."""
        return self._next_start(max(now, self.seen) + self.timing.lead)

    def release(self, lease: int) -> None:
        """Gives a place back; a second time, or after the lease ended, changes nothing."""
        self.leases.pop(lease, None)

    def penalise(self, until: int) -> None:
        """No start before ``until``: the provider asked for a pause."""
        self.floor = max(self.floor, until)

    def seed(self, starts: Iterable[int], lease_ends: Iterable[int]) -> None:
        """Begins with what is known to have been admitted elsewhere; its leases cannot be given back."""
        self.starts = array("q", sorted(starts))
        self.count = len(self.starts)
        self.leases = {-place: end for place, end in enumerate(lease_ends, 1)}
        self._no_end_before = 0

    def dump(self) -> bytes:
        """All that ``load`` needs to go on with these admissions."""
        starts = self.starts[-self._spaced().counted :]
        leases = chain.from_iterable(self.leases.items())
        return array("q", (self.count, self.floor, self.seen, len(starts), *starts, *leases)).tobytes()

    @classmethod
    def load(cls, dumped: bytes, limits: Limits, timing: Timing) -> Ring:
        """The ring that was dumped, under the same rules."""
        numbers = array("q", dumped)
        count, floor, seen, size = numbers[:4]
        leases = numbers[4 + size :]
        return cls(
            limits,
            timing,
            count,
            floor,
            seen,
            numbers[4 : 4 + size],
            dict(zip(leases[::2], leases[1::2], strict=True)),
        )

    def _spaced(self) -> _Spacing:
        if self._spacing is None or self._spacing.limits is not self.limits:
            self._spacing = _Spacing.of(self.limits, self.timing)
        return self._spacing

    def _next_start(self, earliest: int) -> int:
        start = max(earliest, self.floor, self._spread_start())
        for rule in self.limits.rules:
            if len(self.starts) >= rule.calls:
                back = self.starts[-rule.calls]
                start = max(start, back + rule.window_micros + self.timing.validity)
        return start

    def _spread_start(self) -> int:
        """The next start that is far enough from the last ones, see ``Limits.gap``."""
        starts, spacing = self.starts, self._spaced()
        if not starts:
            return 0
        even = starts[-1] + spacing.gap
        if spacing.counted == 1 or len(starts) == 1:
            return even
        loose = starts[-2] + BULK_GAPS_OF_THREE * spacing.gap
        return min(even, max(starts[-1] + spacing.least_gap, loose))

    def _drop_expired(self, now: int) -> None:
        self.leases = {lease: until for lease, until in self.leases.items() if until > now}
        self._no_end_before = min(self.leases.values(), default=now + WINDOW_MICROS_MAX)
