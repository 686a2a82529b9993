"""A runner and a sender of webhooks that remember, and do as they are told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from leadgen.application.ports.webhook_runner import IWebhookRunner
from leadgen.application.ports.webhook_sender import IWebhookSender, Reply
from leadgen.domain.errors import ServiceUnavailable

TAKEN = Reply(204, "HTTP 204")
DOWN = Reply(None, "no connection")
GONE = Reply(410, "HTTP 410")


class RecordingWebhookRunner(IWebhookRunner):
    """``woken`` has the endpoints in order; ``down`` makes it fail, ``refused`` says how often it did."""

    def __init__(self) -> None:
        self.woken: list[str] = []
        self.refused = 0
        self.down = False

    async def deliver(self, endpoint_id: str) -> None:
        if self.down:
            self.refused += 1
            raise ServiceUnavailable("the runner", "nowhere", "start it")
        self.woken.append(endpoint_id)


@dataclass
class ScriptedWebhookSender(IWebhookSender):
    """Answers what ``answer`` says to the try of this number (0, 1, ...); ``sent`` has all tries.

    ``meanwhile`` is what happens before an answer comes.
    """

    answer: Callable[[int], Reply] = lambda _: TAKEN
    sent: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[None]] | None = None

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        self.sent.append((url, headers, body))
        if self.meanwhile is not None:
            await self.meanwhile()
        return self.answer(len(self.sent) - 1)
