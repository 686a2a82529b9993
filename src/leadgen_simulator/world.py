"""The world behind one port: the three providers and the pages that tell about them."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from leadgen_simulator.barriers import Gate
from leadgen_simulator.books import Call, CallLog, total
from leadgen_simulator.books_file import BooksFile, UnreadableBooks, call_of
from leadgen_simulator.config import WorldConfig
from leadgen_simulator.contracts import CONTRACTS
from leadgen_simulator.control import Control
from leadgen_simulator.lag import LagMeter
from leadgen_simulator.provider import Provider, parse_object
from leadgen_simulator.recall import Recall
from leadgen_simulator.usage import UsageReport

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_CALLS_A_CHUNK = 500


class World:
    """Routes a request by its path; there is no router and no middleware on the way of a paid call."""

    def __init__(self, config: WorldConfig, lag: LagMeter, file: BooksFile | None = None) -> None:
        self._config = config
        self._lag = lag
        self._started = time.monotonic()
        self._log = CallLog(file)
        gate = Gate()
        self._providers = [Provider(contract, config, self._log, gate) for contract in CONTRACTS]
        by_name = {one.contract.name: one for one in self._providers}
        if file is not None:
            _go_on(file, config, by_name)
        control = Control(by_name, gate, file)
        self._routes: dict[str, Handler] = {f"/{name}": one.handle for name, one in by_name.items()}
        self._recalls = {f"/{name}/calls/": Recall(one, file) for name, one in by_name.items()}
        self._pages: dict[tuple[str, str], Handler] = {
            ("GET", "/healthz"): self._healthz,
            ("GET", "/books"): self._books,
            ("GET", "/books/calls"): self._calls,
            ("GET", "/usage"): UsageReport(self._log, config.key, by_name).handle,
            ("GET", "/control"): control.show,
            ("POST", "/control"): control.change,
            ("GET", "/control/held"): control.held,
            ("POST", "/truth"): self._truth,
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers any request."""
        provider = self._routes.get(request.path)
        if provider is not None:
            return await provider(request)
        page = self._pages.get((request.method, request.path))
        if page is not None:
            return await page(request)
        for prefix, recall in self._recalls.items():
            if request.method == "GET" and request.path.startswith(prefix):
                return recall.handle(request, request.path.removeprefix(prefix))
        return _json({"error": "no such page"}, 404)

    async def _healthz(self, request: web.BaseRequest) -> web.Response:
        return _json({"status": "ok"})

    async def _books(self, request: web.BaseRequest) -> web.Response:
        return _json(
            {
                "seed": self._config.seed,
                "profile": self._config.profile,
                "uptime_seconds": round(time.monotonic() - self._started, 3),
                "lag_ms_max": round(self._lag.lag_ms_max, 3),
                "lag_over_50ms": self._lag.lag_over_50ms,
                "providers": {one.contract.name: _summary(one) for one in self._providers},
                "totals": self._totals(),
            }
        )

    def _totals(self) -> dict[str, object]:
        over = sum(window.over for one in self._providers for window in one.limits.windows)
        over_cap = sum(one.limits.over_cap for one in self._providers)
        return {**total([one.book for one in self._providers]).summary(), "over": over + over_cap}

    async def _truth(self, request: web.BaseRequest) -> web.Response:
        body = parse_object(await request.read())
        if body is None:
            return _json({"error": "the body is no JSON object"}, 400)
        return _json({one.contract.name: one.known(body) for one in self._providers})

    async def _calls(self, request: web.BaseRequest) -> web.StreamResponse:
        """Streamed in small pieces, so that a long list does not hold up the paid calls."""
        after, limit = request.query.get("after", "0"), request.query.get("limit")
        if not after.isdecimal() or not (limit is None or limit.isdecimal()):
            return _json({"error": "after and limit are whole numbers"}, 400)
        dropped, calls = (
            self._log.dropped,
            self._log.numbered(int(after), None if limit is None else int(limit)),
        )
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(b'{"dropped":%d,"calls":[' % dropped)
        for start in range(0, len(calls), _CALLS_A_CHUNK):
            rows = b",".join(_row(seq, call) for seq, call in calls[start : start + _CALLS_A_CHUNK])
            await response.write(b"," + rows if start else rows)
            await asyncio.sleep(0)
        await response.write(b"]}")
        return response


def _summary(provider: Provider) -> dict[str, object]:
    limits, config = provider.limits, provider.config
    return {
        **provider.book.summary(),
        "price_micros": config.price_micros,
        "charges": config.charges,
        "in_flight": limits.in_flight,
        "in_flight_max": limits.in_flight_max,
        "concurrency": {"cap": limits.cap, "over": limits.over_cap},
        "rules": [
            {"rule": window.rule.text, "in_window_max": window.in_window_max, "over": window.over}
            for window in limits.windows
        ],
    }


def _row(seq: int, call: Call) -> bytes:
    row = {
        "seq": seq,
        "at": call.at_ns / 1e9,
        "provider": call.provider,
        "question": call.question,
        "reference": call.reference,
        "status": call.status,
        "outcome": call.outcome,
        "fault": call.fault,
        "charged_micros": call.charged or 0,
    }
    return json.dumps(row).encode()


def _go_on(file: BooksFile, config: WorldConfig, providers: Mapping[str, Provider]) -> None:
    """Takes in what earlier runs wrote; then says that another run begins."""

    def take(line: Mapping[str, Any]) -> None:
        if line["type"] == "call":
            call, kept = call_of(line)
            providers[call.provider].restore(call, kept)
        elif line["type"] == "lookup":
            providers[line["provider"]].book.lookups += 1
        elif line["type"] == "start" and line["seed"] != config.seed:
            raise UnreadableBooks(f"{file.path} holds the books of seed {line['seed']}, not {config.seed}")

    file.read(take)
    settings = {name: one.config.told() for name, one in providers.items()}
    file.write("start", seed=config.seed, profile=config.profile, providers=settings)


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
