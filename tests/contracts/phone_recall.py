"""What every `IPhoneProvider` that speaks HTTP must do with references: send them, and recall by them."""

from __future__ import annotations

import json
import logging
import time
import tracemalloc
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from leadgen.adapters.providers.http import Client, new_client
from leadgen.domain.lead import Question
from leadgen.domain.provider import Fault, Hit, IPhoneProvider, Miss, NotSent, Outcome, Rejected
from tests.adapters.providers.hostile_answers import (
    BROKEN_HTTP,
    CUT_SHORT,
    MISSES,
    NO_JSON_OBJECT,
    TOO_SLOW,
    WRONG_TYPES,
)
from tests.adapters.providers.scripted_server import (
    Close,
    Endless,
    ScriptedServer,
    Send,
    Stall,
    Step,
    answer,
    free_port,
)

KEY = "key-c4n4ry"
QUESTION = Question(
    email="zoe@example.com",
    full_name="Zoë Núñez",
    website="example.com",
    job_title="Head of Sales",
    country="ES",
)
REFERENCE = "3f" * 32
ENOUGH_SECONDS = 5.0
SHORT_SECONDS = 0.2
SLACK_SECONDS = 1.0
BROKEN = Rejected(Fault.BROKEN, "it failed at the provider")

IN_DOUBT: Mapping[str, bytes] = {
    "running": answer(200, b'{"status": "running"}'),
    "nothing said": answer(200, b"{}"),
    "another word": answer(200, b'{"status": "charged"}'),
    "no word": answer(200, b'{"status": ["answered"], "answer": {}}'),
    "no answer": answer(200, b'{"status": "answered"}'),
    "null": answer(200, b'{"status": "answered", "answer": null}'),
    "a number": answer(200, b'{"status": "answered", "answer": "600123456"}'),
    "a list": answer(200, b'{"status": "answered", "answer": [{}]}'),
    "two words": answer(200, b'{"status": "answered", "status": "failed", "answer": {}}'),
    "failed and charged": answer(200, b'{"status": "failed", "http_status": 500, "charged": true}'),
    "unknown and 200": answer(200, b'{"status": "unknown"}'),
    "answered and 404": answer(404, b'{"status": "answered", "answer": {}}'),
    "another 404": answer(404, b"<html>404</html>"),
    "204": b"HTTP/1.1 204 Scripted\r\n\r\n",
    "bad gzip": answer(200, b"{}", {"Content-Encoding": "gzip"}),
}
OTHER_STATUSES = (201, 202, 206, 300, 304, 400, 401, 402, 403, 405, 408, 409, 410, 429, 500, 501, 503, 599)


class PhoneRecallContract(ABC):
    """A part of `PhoneProviderContract`, whose fixtures it uses."""

    field: ClassVar[str]

    @abstractmethod
    def _hit(self) -> bytes:
        """The body of a hit."""

    # references that go out

    async def test_reference_as_received(self, provider: IPhoneProvider, server: ScriptedServer) -> None:
        """A question carries its reference once, unchanged, as its idempotency key; a repeat the same one."""
        server.script = [Send(answer(200, self._hit()))]
        for reference in (REFERENCE, REFERENCE, "ab" * 32):
            await provider.ask(
                QUESTION, reference=reference, timeout_seconds=ENOUGH_SECONDS, may_send=_at_once
            )
        assert [request.all("idempotency-key") for request in server.requests] == [
            [REFERENCE],
            [REFERENCE],
            ["ab" * 32],
        ]
        assert all(REFERENCE not in request.target for request in server.requests)
        assert server.requests[0].body == server.requests[1].body

    async def test_409_is_the_provider_still_at_work(
        self, provider: IPhoneProvider, server: ScriptedServer
    ) -> None:
        """The first question under this reference is not answered yet: a fault that passes."""
        server.script = [Send(answer(409, self._hit(), {"Retry-After": "1"}))]
        outcome = await provider.ask(
            QUESTION, reference=REFERENCE, timeout_seconds=ENOUGH_SECONDS, may_send=_at_once
        )
        assert outcome == Rejected(Fault.BROKEN, "HTTP 409", 1.0)
        assert len(server.requests) == 1

    # what is recalled

    async def test_recall_as_received(self, provider: IPhoneProvider, server: ScriptedServer) -> None:
        """Exactly one GET under the provider's URL, with its key and without a word about the person."""
        server.script = [Send(_answered(self._hit()))]
        await _recall(provider)
        (request,) = server.requests
        assert (request.method, request.path, request.body) == ("GET", f"/v1/phone/calls/{REFERENCE}", b"")
        keys = [value for values in request.query.values() for value in values]
        assert [*request.headers.values(), *keys].count(KEY) == 1
        assert request.all("idempotency-key") == []
        for word in ("zoe", "Sales", "example.com"):
            assert word not in repr(request)

    async def test_recall_keeps_the_parameters_of_the_url(self, server: ScriptedServer) -> None:
        """What the configured URL holds stays: a slash at its end, parameters behind it."""
        server.script = [Send(answer(404, b"{}"))]
        async with new_client() as client:
            await _recall(self.build(client, f"{server.url}/?plan=a%20b"))
        assert server.requests[0].path == f"/v1/phone/calls/{REFERENCE}"
        assert server.requests[0].query["plan"] == ["a b"]

    async def test_recalled_hit(self, provider: IPhoneProvider, server: ScriptedServer) -> None:
        """The answer is read as it would have been when it came."""
        server.script = [Send(answer(200, self._hit()))]
        answered = await provider.ask(
            QUESTION, reference=REFERENCE, timeout_seconds=ENOUGH_SECONDS, may_send=_at_once
        )
        assert isinstance(answered, Hit)
        server.script = [Send(_answered(self._hit()))]
        assert await _recall(provider) == answered
        server.script = [Send(_answered(self._hit(), packed=True))]
        assert await _recall(provider) == answered

    @pytest.mark.parametrize("value", MISSES)
    async def test_recalled_miss(self, provider: IPhoneProvider, server: ScriptedServer, value: str) -> None:
        """All ways to say "none"."""
        server.script = [Send(_answered(f'{{"{self.field}": {value}}}'.encode()))]
        assert await _recall(provider) == Miss()

    @pytest.mark.parametrize(
        "told", ['"http_status": 500', '"http_status": "key-c4n4ry"', '"charged": false']
    )
    async def test_recalled_failure(
        self, provider: IPhoneProvider, server: ScriptedServer, told: str
    ) -> None:
        """A call that failed for nothing; none of the provider's words is taken over."""
        server.script = [Send(answer(200, f'{{"status": "failed", {told}}}'.encode()))]
        assert await _recall(provider) == BROKEN

    async def test_never_received(self, provider: IPhoneProvider, server: ScriptedServer) -> None:
        """What the provider says it has never seen was never asked."""
        server.script = [Send(answer(404, b'{"status": "unknown"}'))]
        assert await _recall(provider) == NotSent("the provider never received it")

    # what leaves everything in doubt

    @pytest.mark.parametrize("reply", IN_DOUBT.values(), ids=IN_DOUBT.keys())
    async def test_recalled_doubt(
        self, provider: IPhoneProvider, server: ScriptedServer, reply: bytes
    ) -> None:
        """Still running, or nothing of which one could be sure."""
        server.script = [Send(reply)]
        assert await _recall(provider) is None

    @pytest.mark.parametrize("status", OTHER_STATUSES)
    async def test_recall_with_another_status(
        self, provider: IPhoneProvider, server: ScriptedServer, status: int
    ) -> None:
        """Only a 200 and a 404 say anything, whatever the body."""
        for body in (b'{"status": "unknown"}', b'{"status": "answered", "answer": %b}' % self._hit()):
            server.script = [Send(answer(status, body))]
            assert await _recall(provider) is None

    @pytest.mark.parametrize("value", WRONG_TYPES)
    async def test_recalled_number_of_a_wrong_type(
        self, provider: IPhoneProvider, server: ScriptedServer, value: str
    ) -> None:
        """An answer that could not be read the first time cannot the second."""
        server.script = [Send(_answered(f'{{"{self.field}": {value}}}'.encode()))]
        assert await _recall(provider) is None

    @pytest.mark.parametrize("body", NO_JSON_OBJECT, ids=[repr(body[:12]) for body in NO_JSON_OBJECT])
    @pytest.mark.parametrize("status", [200, 404])
    async def test_recall_of_no_json_object(
        self, provider: IPhoneProvider, server: ScriptedServer, body: bytes, status: int
    ) -> None:
        """Garbage, of a 404 too: a path that is not offered is no promise."""
        server.script = [Send(answer(status, body))]
        assert await _recall(provider) is None

    @pytest.mark.parametrize("script", BROKEN_HTTP.values(), ids=BROKEN_HTTP.keys())
    async def test_recall_over_broken_http(
        self, provider: IPhoneProvider, server: ScriptedServer, script: Sequence[Step]
    ) -> None:
        """It is asked for once, and broken answers are none."""
        server.script = script
        assert await _recall(provider) is None
        assert len(server.requests) == 1

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize("place", ["", "http://169.254.169.254/", "//", "file:///x"])
    async def test_recall_follows_no_redirect(
        self, provider: IPhoneProvider, server: ScriptedServer, status: int, place: str
    ) -> None:
        """A key goes to its provider and nowhere else."""
        server.script = [Send(answer(status, b"", {"Location": place or server.url}))]
        assert await _recall(provider) is None
        assert len(server.requests) == 1

    async def test_recall_of_a_gigabyte(self, provider: IPhoneProvider, server: ScriptedServer) -> None:
        """A body that claims a gigabyte, and one that unpacks to 64 MiB, are not held in memory."""
        endless: Sequence[Step] = [
            Send(answer(200, b"", {"Content-Length": str(1024**3)})),
            Endless(b" " * 65536),
        ]
        scripts: Sequence[Sequence[Step]] = (
            endless,
            [Send(answer(200, b" " * 64 * 1024 * 1024, packed=True))],
        )
        tracemalloc.start()
        try:
            for server.script in scripts:
                assert await _recall(provider) is None
            assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
        finally:
            tracemalloc.stop()

    @pytest.mark.parametrize("script", TOO_SLOW.values(), ids=TOO_SLOW.keys())
    async def test_recall_has_a_deadline(
        self, provider: IPhoneProvider, server: ScriptedServer, script: Sequence[Step]
    ) -> None:
        """However slowly bytes trickle in, it is over in time."""
        server.script = script
        started = time.monotonic()
        assert await _recall(provider, seconds=SHORT_SECONDS) is None
        assert time.monotonic() - started < SHORT_SECONDS + SLACK_SECONDS

    @pytest.mark.parametrize("url", ["", "x", "ftp://127.0.0.1/", "http://[", "http://127.0.0.1:99999/"])
    async def test_recall_from_nowhere(self, client: Client, url: str) -> None:
        """A wrong setting and a host that is not there are no answer, and no error."""
        assert await _recall(self.build(client, url)) is None
        assert await _recall(self.build(client, f"http://127.0.0.1:{free_port()}/")) is None

    async def test_recall_is_not_logged(
        self, provider: IPhoneProvider, server: ScriptedServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Neither key nor answer nor address, at any level, whatever comes back."""
        caplog.set_level(logging.DEBUG)
        for name in ("httpx2", "httpcore2"):
            caplog.set_level(logging.DEBUG, logger=name)
        secret = b'{"status": "answered", "answer": {"secret": "%b"}}' % KEY.encode()
        outcomes = []
        scripts: Sequence[Sequence[Step]] = (
            [Send(answer(200, secret))],
            [Send(answer(200, secret, CUT_SHORT)), Close()],
            [Send(answer(302, b"", {"Location": f"{server.url}?api={KEY}"}))],
            [Send(answer(500, KEY.encode()))],
            [Close()],
        )
        for server.script in scripts:
            outcomes.append(await _recall(provider))
        server.script = [Stall()]
        outcomes.append(await _recall(provider, seconds=SHORT_SECONDS))
        for text in (caplog.text, repr(outcomes)):
            assert KEY not in text
            assert str(server.port) not in text

    @abstractmethod
    def build(self, client: Client, url: str) -> IPhoneProvider:
        """See PhoneProviderContract."""


def _answered(body: bytes, **framing: Any) -> bytes:
    told = json.dumps({"status": "answered", "charged": True, "answer": 0}).encode()
    return answer(200, told.replace(b"0", body), **framing)


async def _at_once() -> bool:
    return True


async def _recall(provider: IPhoneProvider, *, seconds: float = ENOUGH_SECONDS) -> Outcome | None:
    return await provider.recall(QUESTION, reference=REFERENCE, timeout_seconds=seconds)
