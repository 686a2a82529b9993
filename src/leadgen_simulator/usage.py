"""The usage report: what a provider would put on its invoice, call by call."""

import asyncio
import csv
import io
from collections.abc import Collection
from datetime import UTC, datetime

from aiohttp import web

from leadgen_simulator.books import HANDLED, Call, CallLog, usd
from leadgen_simulator.replies import problem

COLUMNS = ("provider", "reference", "received_at", "outcome", "charged_usd")

_CALLS_A_CHUNK = 500


class UsageReport:
    """All calls whose question was handled, charged or not, as CSV."""

    def __init__(self, log: CallLog, key: str, providers: Collection[str]) -> None:
        self._log = log
        self._authorization = f"Bearer {key}"
        self._providers = providers

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Streamed in small pieces, so that a long report does not hold up the paid calls."""
        if request.headers.get("Authorization", self._authorization) != self._authorization:
            return _refusal(401, "bad_key")
        wanted = request.query.get("provider")
        if wanted is not None and wanted not in self._providers:
            return _refusal(400, "no such provider")
        calls = self._log.numbered(0, None)
        response = web.StreamResponse(headers={"Content-Type": "text/csv; charset=utf-8"})
        await response.prepare(request)
        await response.write(_lines([COLUMNS]))
        for start in range(0, len(calls), _CALLS_A_CHUNK):
            part = (call for _, call in calls[start : start + _CALLS_A_CHUNK])
            rows = [_row(one) for one in part if one.outcome in HANDLED and wanted in (None, one.provider)]
            if rows:
                await response.write(_lines(rows))
            await asyncio.sleep(0)
        return response


def _row(call: Call) -> tuple[str, ...]:
    return (
        call.provider,
        call.reference or "",
        _iso(call.wall_ns),
        call.outcome,
        usd(call.charged or 0),
    )


def _iso(wall_ns: int) -> str:
    """UTC with microseconds and Z."""
    seconds, rest = divmod(wall_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


def _lines(rows: Collection[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _refusal(status: int, error: str) -> web.Response:
    reply = problem(status, error)
    return web.Response(status=status, body=reply.body, headers=reply.headers)
