"""Places where a call can be made to stop, so that a test can break something exactly there."""

import asyncio
from dataclasses import dataclass

POINTS = ("received", "charged", "headers", "body")
"""The request has come and nothing is booked; it is booked; the headers are out; half of the body is."""


@dataclass(frozen=True, slots=True)
class Caller:
    """What is told about a call that is held."""

    provider: str
    question: str
    reference: str | None


@dataclass(frozen=True, slots=True)
class Hold:
    """The next call of this provider, about this question if any, stops at this point."""

    provider: str
    point: str
    question: str | None

    def meets(self, caller: Caller) -> bool:
        """Whether it is meant for this call."""
        return caller.provider == self.provider and self.question in (None, caller.question)


class Gate:
    """Holds and pauses of all providers; while nothing is set, nobody asks it."""

    def __init__(self) -> None:
        self.armed: list[Hold] = []
        self.held: list[tuple[Caller, str]] = []
        self._paused: dict[str, asyncio.Event] = {}
        self._releases: list[asyncio.Event] = []
        self._someone = asyncio.Event()

    @property
    def active(self) -> bool:
        """Whether a call could have to stop."""
        return bool(self.armed or self._paused)

    def paused(self, provider: str) -> bool:
        """Whether the provider takes calls in and lets them wait."""
        return provider in self._paused

    def pause(self, provider: str) -> None:
        """Lets all calls of the provider wait when they have come."""
        self._paused.setdefault(provider, asyncio.Event())

    def resume(self, provider: str) -> None:
        """Ends a pause."""
        going_on = self._paused.pop(provider, None)
        if going_on is not None:
            going_on.set()

    def arm(self, hold: Hold) -> None:
        """Makes one call stop."""
        self.armed.append(hold)

    def disarm(self, provider: str) -> None:
        """Forgets the holds that no call has met."""
        self.armed = [hold for hold in self.armed if hold.provider != provider]

    def release(self) -> None:
        """Lets all held calls go on."""
        for event in self._releases:
            event.set()
        self._releases, self.held = [], []
        self._someone.clear()

    def stops_while_writing(self, caller: Caller) -> bool:
        """Whether the answer to this call must be written in steps."""
        return any(hold.point in ("headers", "body") and hold.meets(caller) for hold in self.armed)

    async def reach(self, point: str, caller: Caller) -> None:
        """Returns at once, or when the pause or the hold that is meant for this call has ended."""
        while point == "received" and (going_on := self._paused.get(caller.provider)):
            await going_on.wait()
        hold = next((one for one in self.armed if one.point == point and one.meets(caller)), None)
        if hold is None:
            return
        self.armed.remove(hold)
        release = asyncio.Event()
        self.held.append((caller, point))
        self._releases.append(release)
        self._someone.set()
        await release.wait()

    async def somebody(self, seconds: float) -> tuple[Caller, str] | None:
        """The call that has been held longest, as soon as there is one; None when there is none in time."""
        try:
            await asyncio.wait_for(self._someone.wait(), seconds)
        except TimeoutError:
            return None
        return self.held[0] if self.held else None
