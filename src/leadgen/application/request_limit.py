"""How many requests a key may send: the rules of a provider's limit, turned towards our own callers."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from leadgen.application.ports.clock import IClock
from leadgen.domain.errors import TooMany
from leadgen.domain.limits import MICROS_PER_SECOND, Rule

_CALLERS_MAX = 10_000


class RequestLimit:
    """Counts the requests of each caller within this process; no window holds more than its rule allows."""

    def __init__(self, *, rules: Sequence[Rule], clock: IClock) -> None:
        self._rules = rules
        self._kept = max(rule.calls for rule in rules)
        self._clock = clock
        self._seen: dict[str, deque[float]] = {}

    def take(self, caller: str) -> None:
        """Counts a request; raises TooMany, and does not count it, where it is one too many."""
        now = self._clock.monotonic()
        moments = self._moments(caller)
        waits = [
            moments[-rule.calls] + rule.window_micros / MICROS_PER_SECOND - now
            for rule in self._rules
            if len(moments) >= rule.calls
        ]
        if (wait := max(waits, default=0.0)) > 0:
            raise TooMany(wait)
        moments.append(now)

    def _moments(self, caller: str) -> deque[float]:
        if caller not in self._seen and len(self._seen) >= _CALLERS_MAX:
            self._seen.pop(next(iter(self._seen)))  # who came first
        return self._seen.setdefault(caller, deque(maxlen=self._kept))
