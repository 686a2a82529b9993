"""The admission rule of a provider's limits: the N-back ring.

Number the admissions of a credential 0, 1, 2 ... with starts that never decrease. For each rule "N per W"
admission k starts no earlier than W + J after admission k - N, and its call is sent within J of its start.
Then no window of length W ever holds more than N sends, however bursty the demand.

All times are integer microseconds of one clock that never goes back.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

from leadgen.domain.errors import InvalidSetting

MICROS_PER_SECOND = 1_000_000
CALLS_MAX = 1_000_000
STARTS_KEPT_MIN = 1_000
"""So many admissions are remembered at least, so that a rule that comes later finds what it counts."""

WINDOW_MICROS_MAX = 31 * 86_400 * MICROS_PER_SECOND
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_RULE = re.compile(r"(\d{1,7})/(\d{1,7})?([smhd])")


@dataclass(frozen=True, slots=True)
class Rule:
    """At most ``calls`` in any window of ``window_micros``."""

    calls: int
    window_micros: int

    def __str__(self) -> str:
        seconds = self.window_micros // MICROS_PER_SECOND
        unit = next(u for u in reversed(_UNITS) if seconds % _UNITS[u] == 0)
        return f"{self.calls}/{seconds // _UNITS[unit]}{unit}"


@dataclass(frozen=True, slots=True)
class Limits:
    """All that a provider allows: any number of rules, and how many calls may be in flight at once."""

    rules: tuple[Rule, ...]
    concurrency: int

    def __post_init__(self) -> None:
        """Raises InvalidSetting where nothing would be limited, or nothing allowed."""
        if not self.rules:
            raise InvalidSetting("rate", "", "at least one rule, such as 5/1s")
        if self.concurrency < 1:
            raise InvalidSetting("concurrency", self.concurrency, "at least 1")


@dataclass(frozen=True, slots=True)
class Timing:
    """How tickets lie in time, in microseconds.

    ``lead``: how far ahead a start lies at least, so that an intent can be committed before it;
    ``validity``: how long after its start a call may still be sent; ``horizon``: the furthest start that
    is handed out, since a ticket holds its place in the concurrency cap while it matures.
    """

    lead: int = 50_000
    validity: int = 50_000
    horizon: int = 500_000


@dataclass(frozen=True, slots=True)
class Granted:
    """A permission to send within ``validity`` of ``start``; ``lease`` is to be given back."""

    start: int
    lease: int


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing was consumed; a rule allows no start before ``start``."""

    start: int


@dataclass(frozen=True, slots=True)
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


@dataclass(slots=True)
class Ring:
    """The admissions of one credential, and the rule for the next one."""

    limits: Limits
    timing: Timing
    count: int = 0
    floor: int = 0
    seen: int = 0
    starts: deque[int] = field(default_factory=deque)
    leases: dict[int, int] = field(default_factory=dict)

    def admit(self, now: int, lease_micros: int) -> Admission:
        """The next permission to send, or when to ask again; a place is held for ``lease_micros`` at most."""
        now = self.seen = max(now, self.seen)
        self._drop_expired(now)
        if len(self.leases) >= self.limits.concurrency:
            return Full(min(self.leases.values()))
        start = self._next_start(now)
        if start > now + self.timing.horizon:
            return Later(start)
        self.starts.append(start)
        while len(self.starts) > max(STARTS_KEPT_MIN, *(rule.calls for rule in self.limits.rules)):
            self.starts.popleft()
        lease = self.count
        self.count += 1
        self.leases[lease] = start + lease_micros
        return Granted(start, lease)

    def release(self, lease: int) -> None:
        """Gives a place back; a second time, or after the lease ended, changes nothing."""
        self.leases.pop(lease, None)

    def penalise(self, until: int) -> None:
        """No start before ``until``: the provider asked for a pause."""
        self.floor = max(self.floor, until)

    def reconfigure(self, limits: Limits) -> None:
        """Other limits from now on; what was admitted so far still counts."""
        self.limits = limits

    def _next_start(self, now: int) -> int:
        start = max(now + self.timing.lead, self.floor, self.starts[-1] if self.starts else 0)
        for rule in self.limits.rules:
            if self.count >= rule.calls and self.starts:
                back = self.starts[-min(rule.calls, len(self.starts))]
                start = max(start, back + rule.window_micros + self.timing.validity)
        return start

    def _drop_expired(self, now: int) -> None:
        for lease in [lease for lease, until in self.leases.items() if until <= now]:
            del self.leases[lease]
