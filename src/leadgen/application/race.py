"""Drives one lead's waterfall where several providers may be asked at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from leadgen.application.paid_calls import PaidCalls
from leadgen.application.ports.clock import IClock
from leadgen.application.purchase import Entry, Purchase
from leadgen.application.ticket_desk import PATIENCE_SECONDS
from leadgen.domain.value import value
from leadgen.domain.waterfall import Answered, Ask, Event, Held, Sent, Tick, Verdict, Waterfall

Enter = Callable[[Ask, Entry], Purchase]
"""Makes the purchase that goes with a question of the race."""


@value(frozen=True, slots=True)
class Parked:
    """The search goes on, but nothing can be done before ``until``."""

    until: datetime


@value(frozen=True, slots=True)
class _Flight:
    """A question under way."""

    entry: Entry
    answer: asyncio.Task[Answered | Held]

    def let_go(self) -> None:
        """Nobody waits for it: it leaves its queue, or is not sent, or settles itself."""
        self.entry.is_let_go = True
        self.answer.cancel()


class Race:
    """One search; its questions outlive it where they were sent, and book themselves."""

    def __init__(self, *, paid_calls: PaidCalls, clock: IClock, enter: Enter) -> None:
        self._paid_calls = paid_calls
        self._clock = clock
        self._enter = enter
        self._flights: dict[str, _Flight] = {}
        self._sent: list[str] = []
        self._one_left = asyncio.get_running_loop().create_future()

    async def run(self, waterfall: Waterfall) -> Verdict | Parked:
        """How the race ended, or when to go on with it."""
        event: Event = Tick()
        try:
            while True:
                moves = waterfall.step(event, self._clock.now())
                for ask in moves.let_go:
                    self._flights.pop(ask.provider).let_go()
                for ask in moves.asks:
                    self._start(ask)
                if moves.verdict is not None:
                    return moves.verdict
                if moves.wake_at and not self._flights and self._seconds_to(moves.wake_at) > PATIENCE_SECONDS:
                    return Parked(moves.wake_at)
                event = await self._next(moves.wake_at)
        finally:
            for flight in self._flights.values():
                flight.answer.cancel()

    def _start(self, ask: Ask) -> None:
        entry = Entry(on_sent=lambda: self._note_sent(ask.provider))
        answer = asyncio.create_task(self._paid_calls.ask(self._enter(ask, entry)))
        self._flights[ask.provider] = _Flight(entry, answer)

    def _note_sent(self, provider: str) -> None:
        self._sent.append(provider)
        if not self._one_left.done():
            self._one_left.set_result(None)

    async def _next(self, wake_at: datetime | None) -> Event:
        """The question that has left, the answer that has come, or that it is time."""
        alarm = None if wake_at is None else asyncio.create_task(self._sleep_until(wake_at))
        answers = [flight.answer for flight in self._flights.values()]
        try:
            awaited = [self._one_left, *answers, *([alarm] if alarm else [])]
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if alarm:
                alarm.cancel()
        if self._sent:
            sent = self._sent.pop(0)
            if not self._sent:
                self._one_left = asyncio.get_running_loop().create_future()
            return Sent(sent)
        ended = next((name for name, flight in self._flights.items() if flight.answer.done()), None)
        return self._flights.pop(ended).answer.result() if ended else Tick()

    async def _sleep_until(self, moment: datetime) -> None:
        await self._clock.sleep(self._seconds_to(moment))

    def _seconds_to(self, moment: datetime) -> float:
        return (moment - self._clock.now()).total_seconds()
