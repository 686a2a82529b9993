"""Watches providers by what their calls bring: breakers and tallies, of which each process has copies."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from leadgen.application.fresh_copy import FreshCopy
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.provider_board import IProviderBoard
from leadgen.application.ports.tally_book import ITallyBook
from leadgen.domain.breaker import Barred, Breaker, BreakerState, Cause, Mark, mark_of
from leadgen.domain.errors import ServiceUnavailable
from leadgen.domain.experience import Cell, Experience
from leadgen.domain.lead import Question
from leadgen.domain.provider import Hit, Miss, Outcome
from leadgen.domain.segment import segment_of

_BREAKERS_SECONDS = 0.5
"""How old the copy of the breakers may be: with the next, everybody sees a change within a second."""

_FLUSH_SECONDS = 0.5
_EXPERIENCE_SECONDS = 5.0
_MARKS_MAX = 10_000


@dataclass(slots=True)
class _Notes:
    """What calls have said since it was last written down."""

    marks: dict[str, list[Mark]] = field(default_factory=lambda: defaultdict(list))
    seen: dict[Cell, tuple[int, int]] = field(default_factory=dict)
    """How many calls and hits."""


class ProviderWatch:
    """Says whether a provider may be asked, and takes note of what came of it.

    Notes gather here and are written down together, half a second after the first: no query per call. Of a
    process that dies those are lost, which costs nobody a cent.
    """

    def __init__(self, *, board: IProviderBoard, tallies: ITallyBook, clock: IClock) -> None:
        self._board = board
        self._tallies = tallies
        self._clock = clock
        self._breakers = FreshCopy(board.breakers, clock, seconds_max=_BREAKERS_SECONDS)
        self._experiences = FreshCopy(self._read_experience, clock, seconds_max=_EXPERIENCE_SECONDS)
        self._experience = Experience({})
        self._passes: Counter[tuple[str, object]] = Counter()
        self._notes = _Notes()
        self._flushing: asyncio.Task[None] | None = None
        self._one_flush = asyncio.Lock()

    async def breakers(self) -> Mapping[str, Breaker]:
        """All breakers on record, as they were at most half a second ago. Raises ServiceUnavailable."""
        return await self._breakers.get()

    async def experience(self) -> Experience:
        """What is known of all providers, as it was a few seconds ago. Raises ServiceUnavailable."""
        self._experience = await self._experiences.get()
        return self._experience

    async def refusal(self, provider: str) -> Barred | None:
        """Why this provider is not to be asked, or None where it may be, if only to try it."""
        breaker = await self._standing(provider)
        if breaker is None or breaker.state is BreakerState.CLOSED:
            return None
        now = self._clock.now()
        if breaker.is_due(now):
            return None
        return None if self._passes[provider, breaker.until] > 0 else breaker.barred(now)

    async def admit(self, provider: str) -> Barred | None:
        """Why this call is not to be made, or None: one that tries a provider takes one of the few places."""
        breaker = await self._standing(provider)
        if breaker is None or breaker.state is BreakerState.CLOSED:
            return None
        if breaker.is_due(self._clock.now()):
            breaker = await self._try(breaker)
        if self._passes[provider, breaker.until] > 0:
            self._passes[provider, breaker.until] -= 1
            return None
        return breaker.barred(self._clock.now())

    async def _standing(self, provider: str) -> Breaker | None:
        breakers = self._breakers.at_hand()
        if breakers is None:
            breakers = await self.breakers()
        return breakers.get(provider)

    def note(
        self, question: Question, provider: str, missed: Collection[str] | None, outcome: Outcome
    ) -> None:
        """Takes note of what a call brought, after those in ``missed`` had nothing.

        Where that is None, such as after another one's hit, it tells nothing about the hit rate.
        """
        cell = None if missed is None else Cell(segment_of(question), provider, tuple(sorted(missed)))
        mark = mark_of(outcome, self._experience.expected(cell) if cell else None)
        if mark is not None:
            self._notes.marks[provider].append(mark)
        if cell and isinstance(outcome, Hit | Miss):
            calls, hits = self._notes.seen.get(cell, (0, 0))
            is_hit = isinstance(outcome, Hit) and outcome.phone is not None
            self._notes.seen[cell] = calls + 1, hits + is_hit
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush_later())

    async def drain(self) -> None:
        """Writes down what is noted; where the database does not answer, it is let go."""
        async with self._one_flush:  # so only a nap is cut short
            if self._flushing is not None:
                self._flushing.cancel()
        if self._flushing is not None:
            await asyncio.wait([self._flushing])
        await self._flush()

    async def reset(self, provider: str) -> Breaker:
        """Closes a breaker by hand; the hit rate of late is the provider's measure from now on."""
        await self._tallies.accept(provider)
        while True:
            standing = (await self._board.breakers()).get(provider, Breaker(provider))
            closed = standing.closed(self._clock.now())
            if await self._board.save([closed]):
                self._breakers.forget()
                return closed

    async def _try(self, breaker: Breaker) -> Breaker:
        """The breaker half open, with places for this process where it was the first."""
        tried = breaker.tried(self._clock.now())
        if await self._board.save([tried]):
            self._passes = Counter(
                {key: left for key, left in self._passes.items() if key[0] != breaker.provider}
            )
            self._passes[breaker.provider, tried.until] = (breaker.cause or Cause.FAILURES).probes
        self._breakers.forget()
        return (await self.breakers()).get(breaker.provider, breaker)

    async def _flush_later(self) -> None:
        while self._notes.marks or self._notes.seen:
            await self._clock.sleep(_FLUSH_SECONDS)
            await self._flush()

    async def _flush(self) -> None:
        async with self._one_flush:
            notes, self._notes = self._notes, _Notes()
            try:
                await self._step(notes.marks)
                if notes.seen:
                    await self._tallies.add(notes.seen)
            except ServiceUnavailable:
                self._keep(notes)

    async def _step(self, left: dict[str, list[Mark]]) -> None:
        """Moves breakers on, and takes out of ``left`` whose are written.

        Where somebody else was faster, once more from what stands then.
        """
        while left:
            now, standing = self._clock.now(), await self._board.breakers()
            stepped = {name: standing.get(name, Breaker(name)).after(left[name], now) for name in left}
            changed = [each for name, each in stepped.items() if each != standing.get(name, Breaker(name))]
            saved = await self._board.save(changed) if changed else set()
            lost = {each.provider for each in changed} - set(saved)
            for name in left.keys() - lost:
                del left[name]
            if any(each.state is not BreakerState.CLOSED for each in changed):
                self._breakers.forget()

    def _keep(self, notes: _Notes) -> None:
        """What could not be written is kept for the next time, within bounds."""
        for name, marks in notes.marks.items():
            self._notes.marks[name] = (marks + self._notes.marks[name])[-_MARKS_MAX:]
        for cell, (calls, hits) in notes.seen.items():
            new_calls, new_hits = self._notes.seen.get(cell, (0, 0))
            self._notes.seen[cell] = calls + new_calls, hits + new_hits

    async def _read_experience(self) -> Experience:
        return Experience(await self._tallies.tallies())
