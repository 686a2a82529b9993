"""A provider that answers from a script."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from leadgen.application.ports.clock import IClock
from leadgen.domain.lead import Input, Question
from leadgen.domain.provider import Charges, Hit, IPhoneProvider, MaySend, Miss, NotSent, Outcome, Unknown


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was asked, when (monotonic seconds), how long the answer might take, and its key."""

    question: Question
    at: float
    timeout_seconds: float
    reference: str


class ScriptedProvider(IPhoneProvider):
    """Tell it what to say with ``will_answer``; what is not in the script is answered with ``otherwise``.

    An exception in the script is raised, as a bug in an adapter would be. ``hold`` keeps back all answers
    until ``release``; ``while_asked`` is awaited in the middle of each question. ``asked`` has every
    question, ``given`` every answer, so that ``charged`` knows what the provider will put on its bill: a
    repeat under a reference that it has charged already is free. ``will_recall`` says what it tells of
    earlier questions (nothing, unless it is told to); ``recalled`` has the references that it was asked for.
    """

    def __init__(
        self, clock: IClock, *needs: Input, otherwise: Outcome | None = None, seconds: float = 0.0
    ) -> None:
        self.asked: list[Asked] = []
        self.recalled: list[str] = []
        self.given: list[tuple[str, Outcome]] = []
        self.in_flight_max = 0
        self.otherwise: Outcome = otherwise or Miss()
        self.seconds = seconds
        self.reachable = True
        self.looked_at = 0
        self.while_asked: Callable[[Question], Awaitable[None]] | None = None
        self._clock = clock
        self._needs = frozenset(needs)
        self._script: dict[str | None, deque[Outcome | Exception]] = defaultdict(deque)
        self._memory: deque[Outcome | Exception | None] = deque()
        self._open = asyncio.Event()
        self._open.set()
        self._in_flight = 0

    @property
    def needs(self) -> frozenset[Input]:
        return self._needs

    @property
    def emails(self) -> list[str | None]:
        """About whom was asked, in order."""
        return [asked.question.email for asked in self.asked]

    def will_answer(self, *answers: Outcome | Exception, about: str | None = None) -> None:
        """What comes next, to whoever asks, or only to questions about this e-mail address."""
        self._script[about].extend(answers)

    def will_recall(self, *outcomes: Outcome | Exception | None) -> None:
        """What it tells of earlier questions, one after the other."""
        self._memory.extend(outcomes)

    def hold(self) -> None:
        """Keeps back all answers."""
        self._open.clear()

    def release(self) -> None:
        """Lets the answers go."""
        self._open.set()

    def charged(self, charges: Charges) -> int:
        """How many references are on the bill; where an answer was lost, what a repeat brought decides."""
        answers: dict[str, Outcome] = {}
        for reference, outcome in self.given:
            if isinstance(outcome, Hit | Miss) or (isinstance(outcome, Unknown) and reference not in answers):
                answers[reference] = outcome
        free = Miss if charges is Charges.HIT else ()
        return sum(not isinstance(outcome, free) for outcome in answers.values())

    async def ask(
        self, question: Question, *, reference: str, timeout_seconds: float, may_send: MaySend
    ) -> Outcome:
        if not await may_send():
            return NotSent("its ticket ran out", late=True)
        self.asked.append(Asked(question, self._clock.monotonic(), timeout_seconds, reference))
        self._in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self._in_flight)
        try:
            return await self._answer(question, reference)
        finally:
            self._in_flight -= 1

    async def recall(self, question: Question, *, reference: str, timeout_seconds: float) -> Outcome | None:
        self.recalled.append(reference)
        outcome = self._memory.popleft() if self._memory else None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def is_reachable(self, *, timeout_seconds: float) -> bool:
        self.looked_at += 1
        return self.reachable

    async def _answer(self, question: Question, reference: str) -> Outcome:
        if self.while_asked is not None:
            await self.while_asked(question)
        await self._clock.sleep(self.seconds)
        await self._open.wait()
        answer = self._next(question.email, None)
        if isinstance(answer, Exception):
            raise answer
        self.given.append((reference, answer))
        return answer

    def _next(self, *places: str | None) -> Outcome | Exception:
        return next((self._script[at].popleft() for at in places if self._script[at]), self.otherwise)
