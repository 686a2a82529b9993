"""One provider at work: key, limits, question, fate, books, latency, answer, in this order."""

import asyncio
import json
import time
from collections.abc import Mapping

from aiohttp import web

from leadgen_simulator.books import REFUSALS, CallLog, ProviderBook
from leadgen_simulator.config import SHAPE, SLOW_SECONDS, ProviderConfig, WorldConfig
from leadgen_simulator.contracts import Contract
from leadgen_simulator.limits import Limits, Refusal
from leadgen_simulator.truth import Fate, Oracle, Question, Truth

_JSON = {"Content-Type": "application/json"}
_HTML = {"Content-Type": "text/html"}
_HTML_PAGE = b"<html><head><title>502</title></head><body><h1>Something went wrong</h1></body></html>"
_UNREADABLE = (web.RequestPayloadError, web.HTTPRequestEntityTooLarge, OSError)


class Provider:
    """Answers the calls of one provider; a call is booked when it is accepted, before any wait."""

    def __init__(self, contract: Contract, world: WorldConfig, log: CallLog) -> None:
        self.contract = contract
        self.config: ProviderConfig = world.providers[contract.name]
        self.limits = Limits(self.config)
        self.book = ProviderBook(contract.name, log)
        self.oracle = Oracle(world.seed, contract.name, self.config)
        self._key = world.key
        self._receptions: dict[bytes, int] = {}

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """One call from arrival to answer; it runs to its end even when the client has gone."""
        arrival = time.monotonic_ns()
        if request.method != "POST":
            return self._turn_away(arrival, "bad_method")
        if self.contract.key(request) != self._key:
            return self._turn_away(arrival, "bad_key")
        refusal = self.limits.admit(arrival)
        if refusal is not None:
            return await self._refuse(request, arrival, refusal)
        try:
            return await self._serve(request, arrival)
        finally:
            self.limits.release()

    def known(self, body: Mapping[str, object]) -> dict[str, object]:
        """What is true about the person of the body, free of charge and unseen by the books."""
        question = self.contract.question(body)
        truth = self.oracle.truth(question) if question else None
        if truth is None or truth.national is None:
            return {"hit": False}
        return {"hit": True, "national": truth.national, "country": truth.country}

    async def _serve(self, request: web.BaseRequest, arrival: int) -> web.Response:
        body = parse_object(await _read(request))
        if body is None:
            return self._turn_away(arrival, "bad_json")
        question = self.contract.question(body)
        if question is None:
            return self._turn_away(arrival, "missing_field")
        response, seconds = self._decide(arrival, question)
        if seconds > 0:
            await asyncio.sleep(seconds)
        return response

    def _decide(self, arrival: int, question: Question) -> tuple[web.Response, float]:
        """The answer and the seconds until it is given; everything is booked here."""
        truth = self.oracle.truth(question)
        reception = self._receptions.get(truth.digest, 0) + 1
        self._receptions[truth.digest] = reception
        fate = self.oracle.fate(truth, reception)
        if fate.fault is not None:
            self.book.faults[fate.fault] += 1
        if fate.fault == "error":
            self.book.failed(arrival, truth.digest, 500, "error")
            return _problem(500, "internal error"), fate.latency_seconds
        if fate.fault == "busy":
            self.book.failed(arrival, truth.digest, 429, "busy")
            return _problem(429, "busy", retry_after=1), fate.latency_seconds
        return self._answer(
            arrival, truth, fate
        ), SLOW_SECONDS if fate.fault == "slow" else fate.latency_seconds

    def _answer(self, arrival: int, truth: Truth, fate: Fate) -> web.Response:
        """A 2xx, charged as the provider charges."""
        hit, garbage = truth.national is not None, fate.fault == "garbage"
        free = self.config.charges == "hit" and not hit
        outcome = "garbage" if garbage else "hit" if hit else "miss"
        self.book.answered(arrival, truth.digest, outcome, None if free else self.config.price_micros)
        body = json.dumps(self.contract.answer(truth, second_shape=fate.second_shape)).encode()
        if garbage:
            return _garbage(body, fate.style)
        if fate.second_shape:
            self.book.faults[SHAPE] += 1
        return web.Response(body=body, headers=_JSON)

    async def _refuse(self, request: web.BaseRequest, arrival: int, refusal: Refusal) -> web.Response:
        body = parse_object(await _read(request))
        question = self.contract.question(body) if body else None
        digest = self.oracle.truth(question).digest if question else None
        self.book.over_limit(arrival, digest, refusal.reason)
        return _problem(429, refusal.reason, retry_after=refusal.retry_after)

    def _turn_away(self, arrival: int, kind: str) -> web.Response:
        self.book.turned_away(arrival, kind)
        return _problem(REFUSALS[kind], kind)


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


def _problem(status: int, error: str, *, retry_after: int | None = None) -> web.Response:
    headers = _JSON if retry_after is None else {**_JSON, "Retry-After": str(retry_after)}
    return web.Response(status=status, body=json.dumps({"error": error}).encode(), headers=headers)


def _garbage(body: bytes, style: int) -> web.Response:
    """A page of HTML, or the answer cut in the middle."""
    if style % 2:
        return web.Response(body=_HTML_PAGE, headers=_HTML)
    return web.Response(body=body[: max(1, len(body) // 2)], headers=_JSON)
