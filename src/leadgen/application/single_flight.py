"""Of those in one process who ask the same question at once, one asks and the others await its answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from leadgen.application.purchase import Purchase


@dataclass(slots=True, eq=False)
class Flight:
    """A question that is being asked, or queues to be, and those who await its answer too."""

    key: str
    purchase: Purchase
    has_ended: asyncio.Event = field(default_factory=asyncio.Event)
    _is_sent: bool = False
    _followers: list[Purchase] = field(default_factory=list)

    def follow(self, purchase: Purchase) -> None:
        """Lets somebody await its answer: their question leaves when this one does."""
        self._followers.append(purchase)
        if self._is_sent:
            purchase.note_sent()

    def note_sent(self) -> None:
        """Tells all of them that the question is on its way."""
        self._is_sent = True
        for purchase in (self.purchase, *self._followers):
            purchase.note_sent()


class SingleFlight:
    """The flights that others may follow: the first of each key."""

    def __init__(self) -> None:
        self._leading: dict[str, Flight] = {}

    def has(self, key: str) -> bool:
        """Whether somebody is asking this."""
        return key in self._leading

    def begin(self, key: str, purchase: Purchase) -> Flight:
        """A flight of one's own; others follow it unless they have one to follow already."""
        flight = Flight(key, purchase)
        self._leading.setdefault(key, flight)
        return flight

    def end(self, flight: Flight) -> None:
        """Lets those go on who have followed."""
        if self._leading.get(flight.key) is flight:
            del self._leading[flight.key]
        flight.has_ended.set()

    async def follow(self, key: str, purchase: Purchase) -> bool:
        """Waits for the end of the flight to follow; False at once where there is none."""
        flight = self._leading.get(key)
        if flight is None or not purchase.may_follow(flight.purchase):
            return False
        flight.follow(purchase)
        await flight.has_ended.wait()
        return True
