"""The strict side of a provider: exact sliding windows over arrivals, and a concurrency cap."""

from collections import deque
from dataclasses import dataclass
from typing import Literal

from leadgen_simulator.config import ProviderConfig, Rule

_SECOND_NS = 1_000_000_000


class Window:
    """One rule over the admitted arrivals of the last `window_ns`; a call exactly that old has left."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.in_window_max = 0
        self.over = 0
        self._arrivals: deque[int] = deque()

    def wait_ns(self, now: int) -> int:
        """How long until the window has room: 0 when it has."""
        arrivals, horizon = self._arrivals, now - self.rule.window_ns
        while arrivals and arrivals[0] <= horizon:
            arrivals.popleft()
        if len(arrivals) < self.rule.calls:
            return 0
        self.over += 1
        return arrivals[0] - horizon

    def admit(self, now: int) -> None:
        """Takes the arrival into the window."""
        self._arrivals.append(now)
        self.in_window_max = max(self.in_window_max, len(self._arrivals))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an arrival was not admitted, and for how many whole seconds not to come back."""

    reason: Literal["rate_limit", "concurrency"]
    retry_after: int


class Limits:
    """All limits of one provider; `admit` decides at once, every admitted call is given back by `release`."""

    def __init__(self, config: ProviderConfig) -> None:
        self.windows = [Window(rule) for rule in config.rules]
        self.cap = config.concurrency
        self.over_cap = 0
        self.in_flight = 0
        self.in_flight_max = 0

    def admit(self, now: int) -> Refusal | None:
        """Takes the arrival in, or says why not; a refused arrival fills no window."""
        wait = 0
        for window in self.windows:  # all of them, so that each rule counts what went over it
            wait = max(wait, window.wait_ns(now))
        crowded = self.cap is not None and self.in_flight >= self.cap
        self.over_cap += crowded
        if wait:
            return Refusal("rate_limit", max(1, -(-wait // _SECOND_NS)))
        if crowded:
            return Refusal("concurrency", 1)
        for window in self.windows:
            window.admit(now)
        self.in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self.in_flight)
        return None

    def release(self) -> None:
        """Ends one admitted call."""
        self.in_flight -= 1
