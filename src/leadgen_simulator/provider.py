"""One provider at work: key, limits, question, reference, fate, books, latency, answer, in this order."""

import asyncio
import functools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

from aiohttp import web

from leadgen_simulator import idempotency
from leadgen_simulator.barriers import Caller, Gate
from leadgen_simulator.books import HANDLED, REFUSALS, REPLAY, Call, CallLog, ProviderBook
from leadgen_simulator.config import ProviderConfig, WorldConfig
from leadgen_simulator.contracts import Contract
from leadgen_simulator.faults import CALM, FAULTS, Fault, Script
from leadgen_simulator.idempotency import Kept, Record, References
from leadgen_simulator.limits import Limits, Refusal
from leadgen_simulator.replies import JSON, Reply, problem
from leadgen_simulator.truth import Oracle, Question, Truth
from leadgen_simulator.wire import Deliver, Line, Written, in_steps

_UNREADABLE = (web.RequestPayloadError, web.HTTPRequestEntityTooLarge, OSError)


class Visit(NamedTuple):
    """When a call came, on both clocks, and under which reference."""

    at_ns: int
    wall_ns: int
    reference: str | None


@dataclass(frozen=True, slots=True)
class Execution:
    """What was decided about a call, and is booked already."""

    reply: Reply
    fault: Fault
    seconds: float


class Provider:
    """Answers the calls of one provider; a call is booked when it is accepted, before any wait."""

    def __init__(self, contract: Contract, world: WorldConfig, log: CallLog, gate: Gate) -> None:
        self.contract = contract
        self.config: ProviderConfig = world.providers[contract.name]
        self.limits = Limits(self.config)
        self.book = ProviderBook(contract.name)
        self.oracle = Oracle(world.seed, contract.name, self.config)
        self.script = Script()
        self.references = References()
        self._seed = world.seed
        self._key = world.key
        self._log = log
        self._gate = gate
        self._receptions: dict[str, int] = {}
        self._handled = 0

    def configure(self, config: ProviderConfig) -> None:
        """Goes on under another configuration; limits stay as they are."""
        self.config = config
        self.oracle = Oracle(self._seed, self.contract.name, config)

    def restore(self, call: Call, kept: Kept | None) -> None:
        """Takes in a call of an earlier run."""
        self._log.restore(call)
        self.book.count(call)
        if call.question is not None and call.outcome in HANDLED:
            self._receptions[call.question] = self._receptions.get(call.question, 0) + 1
            self._handled += 1
        if call.reference is not None and kept is not None:
            self.references.restore(call.reference, call.wall_ns, kept)

    def admits(self, request: web.BaseRequest) -> bool:
        """Whether the request shows the key in the provider's own place."""
        return self.contract.key(request) == self._key

    def recall(self, reference: str) -> Record | None:
        """What is known about a call."""
        return self.references.find(reference, time.time_ns())

    def known(self, body: Mapping[str, object]) -> dict[str, object]:
        """What is true about the person of the body, free of charge and unseen by the books."""
        question = self.contract.question(body)
        if question is None:
            return {"hit": False}
        truth = self.oracle.truth(question)
        if truth.national is None:
            return {"hit": False, "question": truth.question}
        return {
            "hit": True,
            "national": truth.national,
            "country": truth.country,
            "question": truth.question,
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One call from arrival to answer; it runs to its end even when the client has gone."""
        given = request.headers.get(idempotency.HEADER)
        usable = given is None or idempotency.valid(given)
        visit = Visit(time.monotonic_ns(), time.time_ns(), given if usable else None)
        if request.method != "POST":
            return self._turn_away(visit, "bad_method")
        if not self.admits(request):
            return self._turn_away(visit, "bad_key")
        refusal = self.limits.admit(visit.at_ns)
        if refusal is not None:
            return await self._refuse(request, visit, refusal)
        try:
            return await self._serve(request, visit) if usable else self._turn_away(visit, "bad_reference")
        finally:
            self.limits.release()

    async def _serve(self, request: web.BaseRequest, visit: Visit) -> web.StreamResponse:
        body = parse_object(await _read(request))
        if body is None:
            return self._turn_away(visit, "bad_json")
        question = self.contract.question(body)
        if question is None:
            return self._turn_away(visit, "missing_field")
        if visit.reference is None:
            return await self._handle(request, visit, question, None)
        mark = idempotency.fingerprint(body)
        earlier = self.references.find(visit.reference, visit.wall_ns) if self.config.idempotency else None
        if earlier is not None:
            return self._repeat(visit, question, earlier, mark)
        record = self.references.claim(visit.reference, mark, visit.wall_ns)
        try:
            return await self._handle(request, visit, question, record)
        finally:
            record.running = False

    def _repeat(self, visit: Visit, question: Question, earlier: Record, mark: str) -> web.Response:
        """The same key again."""
        digest = self.oracle.truth(question).question
        if earlier.fingerprint != mark:
            return self._turn_away(visit, "idempotency_mismatch", digest)
        if earlier.running or earlier.kept is None:
            return self._turn_away(visit, "in_progress", digest, {"Retry-After": "1"})
        self._book(visit, digest, earlier.kept.status, REPLAY)
        return _response(idempotency.replayed(earlier.kept))

    async def _handle(
        self, request: web.BaseRequest, visit: Visit, question: Question, record: Record | None
    ) -> web.StreamResponse:
        """One question, which is executed unless a fault is in the way."""
        self._drift()
        truth, gate = self.oracle.truth(question), self._gate
        if gate.active:
            await gate.reach("received", self._caller(visit, truth))
        done = self._execute(request, visit, truth, record)
        if gate.active:
            await gate.reach("charged", self._caller(visit, truth))
        if done.seconds > 0:
            await asyncio.sleep(done.seconds)
        if record is not None and record.kept is not None:
            record.running = False
        deliver = done.fault.deliver
        if deliver is None and gate.active:
            deliver = self._steps(self._caller(visit, truth))
        if deliver is None:
            return _response(done.reply)
        await deliver(Line(request), done.reply)
        return Written()

    def _caller(self, visit: Visit, truth: Truth) -> Caller:
        return Caller(self.contract.name, truth.question, visit.reference)

    def _steps(self, caller: Caller) -> Deliver | None:
        """How to write an answer that somebody wants to stop half-way."""
        if not self._gate.stops_while_writing(caller):
            return None
        return functools.partial(in_steps, stop=functools.partial(self._gate.reach, caller=caller))

    def _execute(
        self, request: web.BaseRequest, visit: Visit, truth: Truth, record: Record | None
    ) -> Execution:
        """Decides about a call and books it; nothing waits in here."""
        question = truth.question
        reception = self._receptions.get(question, 0) + 1
        fate = self.oracle.fate(truth, reception)
        scripted = self.script.take(question) if self.script else None
        fault = scripted or (CALM if fate.fault is None else FAULTS[fate.fault])
        answer = json.dumps(self.contract.answer(truth, second_shape=fate.second_shape)).encode()
        reply = true = Reply(200, JSON, answer, request.path_qs if fault.spoil else "")
        if fault.spoil is not None:
            reply = fault.spoil(true, fate.style)
        hit = truth.national is not None
        charged = fault.charged and (hit or self.config.charges == "request")
        kept = None
        if record is not None and fault.keeps != "nothing":
            stored = true if fault.keeps == "answer" else reply
            kept = Kept(record.fingerprint, stored.status, stored.body, charged)
        self._book(
            visit,
            question,
            fault.status,
            fault.outcome or ("hit" if hit else "miss"),
            fault=None if fault is CALM else fault.kind,
            second_shape=fate.second_shape and fault.keeps == "answer",
            charged=self.config.price_micros if charged else None,
            kept=kept,
        )
        self._receptions[question] = reception
        self._handled += 1
        if record is not None:
            record.keep(kept)
        return Execution(
            reply, fault, fate.latency_seconds if fault.delay_seconds is None else fault.delay_seconds
        )

    def _drift(self) -> None:
        """Takes on the hit rates whose time has come."""
        while self.config.drifts and self._handled >= self.config.drifts[0].after_calls:
            due, *later = self.config.drifts
            rates = MappingProxyType({**self.config.hit_rates, due.country: due.hit_rate})
            self.configure(replace(self.config, hit_rates=rates, drifts=tuple(later)))

    async def _refuse(self, request: web.BaseRequest, visit: Visit, refusal: Refusal) -> web.Response:
        body = parse_object(await _read(request))
        question = self.contract.question(body) if body else None
        digest = self.oracle.truth(question).question if question else None
        self._book(visit, digest, 429, refusal.reason)
        return _response(problem(429, refusal.reason, {"Retry-After": str(refusal.retry_after)}))

    def _turn_away(
        self, visit: Visit, kind: str, question: str | None = None, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        self._book(visit, question, REFUSALS[kind], kind)
        return _response(problem(REFUSALS[kind], kind, headers))

    def _book(
        self,
        visit: Visit,
        question: str | None,
        status: int,
        outcome: str,
        *,
        fault: str | None = None,
        second_shape: bool = False,
        charged: int | None = None,
        kept: Kept | None = None,
    ) -> None:
        at_ns, wall_ns, reference = visit
        call = Call(
            at_ns,
            wall_ns,
            self.contract.name,
            question,
            reference,
            status,
            outcome,
            fault,
            second_shape,
            charged,
        )
        self._log.add(call, kept)
        self.book.count(call)


def parse_object(raw: bytes) -> dict[str, object] | None:
    """The JSON object of a body, or None when it is anything else."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


async def _read(request: web.BaseRequest) -> bytes:
    """The body; one that cannot be read is an empty one."""
    try:
        return await request.read()
    except _UNREADABLE:
        return b""


def _response(reply: Reply) -> web.Response:
    return web.Response(status=reply.status, body=reply.body, headers=reply.headers)
