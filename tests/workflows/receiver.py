"""A receiver of webhooks as people write them, and that fails as they do."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook


@dataclass
class Receiver:
    """Verifies what it gets with the library of Standard Webhooks, and keeps each id once.

    The first ``down`` tries of each message get 503. The next ``hangs`` are taken and never answered, so
    that the sender has to come again with what is there already.
    """

    down: int = 0
    hangs: int = 0
    secret: str = ""
    url: str = ""
    tries: Counter[str] = field(default_factory=Counter)
    kept: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    doubles: int = 0

    async def take(self, request: web.Request) -> web.Response:
        """One try."""
        message = request.headers["webhook-id"]
        self.tries[message] += 1
        if self.tries[message] <= self.down:
            return web.Response(status=503)
        event = Webhook(self.secret).verify(await request.read(), dict(request.headers))
        self.doubles += message in self.kept
        self.kept[message] = event
        if self.tries[message] <= self.down + self.hangs:
            await asyncio.sleep(30)  # longer than any sender waits; the end of the server cuts it short
        return web.Response(status=204)


@asynccontextmanager
async def receiving(receiver: Receiver) -> AsyncIterator[Receiver]:
    """The receiver, listening on a port of its own."""
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    _, port = runner.addresses[0][:2]
    receiver.url = f"http://127.0.0.1:{port}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()
