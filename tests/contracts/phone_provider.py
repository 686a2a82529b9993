"""What every `IPhoneProvider` that speaks HTTP must do, whatever the other side does.

A provider's test subclasses `PhoneProviderContract`, says how to build the provider, and adds its recorded
answers and the shape of its request.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import json
import logging
import socket
import time
import tracemalloc
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from leadgen.adapters.providers.http import Client, new_client
from leadgen.domain.lead import Input, Question
from leadgen.domain.provider import Fault, Hit, IPhoneProvider, Miss, NotSent, Outcome, Rejected, Unknown
from tests.adapters.providers.hostile_answers import (
    ANSWERED_AT,
    BROKEN_HTTP,
    CUT_SHORT,
    MISSES,
    NO_JSON_OBJECT,
    RETRY_AFTER,
    TOO_SLOW,
    WRONG_TYPES,
)
from tests.adapters.providers.scripted_server import (
    Close,
    Endless,
    Received,
    Reset,
    ScriptedServer,
    Send,
    Stall,
    Step,
    answer,
    free_port,
    scripted_server,
)
from tests.contracts.phone_recall import (
    ENOUGH_SECONDS,
    KEY,
    QUESTION,
    REFERENCE,
    SHORT_SECONDS,
    SLACK_SECONDS,
    PhoneRecallContract,
)
from tests.contracts.phone_tickets import PhoneTicketContract


class PhoneProviderContract(PhoneRecallContract, PhoneTicketContract, ABC):
    """Subclass it as ``Test...``; the field names of the answer and the recordings are the subclass's."""

    recordings: ClassVar[str]
    """File in ``tests/adapters/providers/answers``; its first answer is a hit for a lead in ``ES``."""
    field: ClassVar[str]
    """The field of the answer that holds the number."""
    needs: ClassVar[frozenset[Input]]

    @abstractmethod
    def build(self, client: Client, url: str) -> IPhoneProvider:
        """The provider, with ``KEY`` as its key."""

    @abstractmethod
    def check_request(self, request: Received) -> None:
        """Asserts that ``QUESTION`` was asked with ``KEY``, as the provider wants it."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "recorded" in metafunc.fixturenames:
            recorded = self._recorded()
            metafunc.parametrize("recorded", recorded, ids=[item["name"] for item in recorded])

    @pytest.fixture
    async def server(self) -> AsyncIterator[ScriptedServer]:
        async with scripted_server() as server:
            yield server

    @pytest.fixture
    async def client(self) -> AsyncIterator[Client]:
        async with new_client() as client:
            yield client

    @pytest.fixture
    def provider(self, client: Client, server: ScriptedServer) -> IPhoneProvider:
        return self.build(client, server.url)

    # what is asked

    async def test_question_as_received(self, provider: IPhoneProvider, server: ScriptedServer) -> None:
        """Exactly one POST arrives, with key and body as the provider wants them."""
        server.script = [Send(answer(200, self._hit()))]
        await _ask(provider)
        assert len(server.requests) == 1
        request = server.requests[0]
        assert request.method == "POST"
        assert request.path == "/v1/phone"
        assert request.headers["content-type"] == "application/json"
        assert request.headers["accept-encoding"] == "gzip"
        assert "python" not in request.headers["user-agent"]
        self.check_request(request)

    def test_needs(self, provider: IPhoneProvider) -> None:
        """Names the inputs without which it is not asked."""
        assert provider.needs == self.needs

    # answers that can be read

    async def test_recorded_answers(
        self, provider: IPhoneProvider, server: ScriptedServer, recorded: dict[str, Any]
    ) -> None:
        """Answers as they were seen are read as they should be."""
        server.script = [Send(answer(200, recorded["body"].encode()))]
        outcome = await _ask(provider, dataclasses.replace(QUESTION, country=recorded["country"]))
        assert type(outcome).__name__.lower() == recorded["outcome"]
        if isinstance(outcome, Hit):
            assert (outcome.phone.e164 if outcome.phone else None) == recorded["phone"]
            assert outcome.raw == recorded["raw"]

    @pytest.mark.parametrize("value", MISSES)
    async def test_no_number_is_a_miss(
        self, provider: IPhoneProvider, server: ScriptedServer, value: str
    ) -> None:
        """All ways to say "none"."""
        server.script = [Send(answer(200, self._with(value)))]
        assert await _ask(provider) == Miss()

    @pytest.mark.parametrize("status", [200, 201, 202, 203, 206])
    async def test_any_2xx_is_an_answer(
        self, provider: IPhoneProvider, server: ScriptedServer, status: int
    ) -> None:
        """An answer is read whatever its 2xx."""
        server.script = [Send(answer(status, self._hit()))]
        assert isinstance(await _ask(provider), Hit)

    async def test_204_is_a_miss(self, provider: IPhoneProvider, server: ScriptedServer) -> None:
        """No content is no number, and the connection lives on."""
        server.script = [Send(b"HTTP/1.1 204 Scripted\r\n\r\n")]
        assert [await _ask(provider), await _ask(provider)] == [Miss(), Miss()]
        assert server.connections == 1

    @pytest.mark.parametrize("packed", [False, True])
    async def test_other_ways_to_frame_a_hit(
        self, provider: IPhoneProvider, server: ScriptedServer, packed: bool
    ) -> None:
        """Compressed, after an early hint, with a byte order mark: still the same answer."""
        hint = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        server.script = [Send(hint + answer(200, b"\xef\xbb\xbf" + self._hit(), packed=packed))]
        assert isinstance(await _ask(provider), Hit)

    async def test_chunks_and_the_end_of_a_connection_frame_too(
        self, provider: IPhoneProvider, server: ScriptedServer
    ) -> None:
        """A body in chunks, or one that ends with its connection."""
        head, body = b"HTTP/1.1 200 Scripted\r\n", self._hit()
        chunks = b"1\r\n{\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body) - 1, body[1:])
        server.script = [Send(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)]
        assert isinstance(await _ask(provider), Hit)
        server.script = [Send(head + b"\r\n" + body), Close()]
        assert isinstance(await _ask(provider), Hit)

    async def test_evidence_is_short_and_printable(
        self, provider: IPhoneProvider, server: ScriptedServer
    ) -> None:
        """What is no number is kept as evidence that every database can store."""
        server.script = [Send(answer(200, self._with(json.dumps("call\x00me\ud800\n" + "x" * 1000))))]
        outcome = await _ask(provider)
        assert outcome == Hit(None, "call\ufffdme\ufffd\ufffd" + "x" * 55)
        assert isinstance(outcome, Hit)
        assert len(outcome.raw) == 64

    # answers that cannot

    @pytest.mark.parametrize("value", WRONG_TYPES)
    async def test_number_of_a_wrong_type(
        self, provider: IPhoneProvider, server: ScriptedServer, value: str
    ) -> None:
        """A JSON type that holds no number leaves open what was answered."""
        server.script = [Send(answer(200, self._with(value)))]
        assert await _ask(provider) == Unknown("number was of a wrong type")

    @pytest.mark.parametrize("body", NO_JSON_OBJECT, ids=[repr(body[:12]) for body in NO_JSON_OBJECT])
    async def test_2xx_that_is_no_json_object(
        self, provider: IPhoneProvider, server: ScriptedServer, body: bytes
    ) -> None:
        """Never a miss: it may have been charged."""
        server.script = [Send(answer(200, body))]
        assert await _ask(provider) in (Unknown("answer was no JSON"), Unknown("answer was no JSON object"))

    async def test_broken_json(self, provider: IPhoneProvider, server: ScriptedServer) -> None:
        """Cut in the middle, with a field named twice, or with a number of 5,000 digits."""
        twice = self._hit()[:-1] + b"," + self._with("null")[1:]
        for body in (self._hit()[: len(self._hit()) // 2], twice, self._with("9" * 5000)):
            server.script = [Send(answer(200, body))]
            assert await _ask(provider) == Unknown("answer was no JSON")

    @pytest.mark.parametrize("length", ["4096", "5", "-1", "many"])
    async def test_wrong_content_length(
        self, provider: IPhoneProvider, server: ScriptedServer, length: str
    ) -> None:
        """Longer than what comes, shorter, or no length."""
        server.script = [Send(answer(200, self._hit(), {"Content-Length": length})), Close()]
        assert isinstance(await _ask(provider), Unknown)

    async def test_broken_gzip(self, provider: IPhoneProvider, server: ScriptedServer) -> None:
        """Cut short, even behind the last byte of the JSON, or no gzip at all."""
        packed = gzip.compress(self._hit())
        for body in (
            packed[:-1],
            packed[:-8],
            packed[: len(packed) // 2],
            packed[:-8] + bytes(8),
            self._hit(),
        ):
            server.script = [Send(answer(200, body, {"Content-Encoding": "gzip"}))]
            assert await _ask(provider) == Unknown("answer was no valid gzip")

    async def test_gzip_bomb(self, provider: IPhoneProvider, server: ScriptedServer) -> None:
        """A body that unpacks to 64 MiB is not unpacked."""
        server.script = [Send(answer(200, b" " * 64 * 1024 * 1024, packed=True))]
        tracemalloc.start()
        try:
            assert await _ask(provider) == Unknown("answer was longer than 1 MiB")
            assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
        finally:
            tracemalloc.stop()

    async def test_long_body(self, provider: IPhoneProvider, server: ScriptedServer) -> None:
        """1 MiB is read, one byte more is not."""
        exact = self._hit().ljust(1024 * 1024)
        server.script = [Send(answer(200, exact))]
        assert isinstance(await _ask(provider), Hit)
        server.script = [Send(answer(200, exact + b" "))]
        assert await _ask(provider) == Unknown("answer was longer than 1 MiB")

    async def test_endless_body(self, provider: IPhoneProvider, server: ScriptedServer) -> None:
        """A body without an end is left after 1 MiB."""
        server.script = [Send(b"HTTP/1.1 200 Scripted\r\n\r\n"), Endless(b" " * 65536)]
        assert await _ask(provider) == Unknown("answer was longer than 1 MiB")

    @pytest.mark.parametrize("script", BROKEN_HTTP.values(), ids=BROKEN_HTTP.keys())
    async def test_broken_http_leaves_in_doubt(
        self, provider: IPhoneProvider, server: ScriptedServer, script: Sequence[Step]
    ) -> None:
        """The question has left, so it may have been charged; it is asked once."""
        server.script = script
        outcome = await _ask(provider)
        assert isinstance(outcome, Unknown)
        assert not outcome.is_timeout
        assert len(server.requests) == 1

    # answers that turn the question down

    @pytest.mark.parametrize(
        ("status", "fault"),
        [
            *((status, Fault.QUESTION) for status in (300, 304, 400, 404, 405, 410, 418, 422, 451)),
            *((status, Fault.ACCOUNT) for status in (401, 402, 403)),
            (429, Fault.BUSY),
            *((status, Fault.BROKEN) for status in (408, 409, 500, 501, 502, 503, 504, 599)),
        ],
    )
    async def test_statuses(
        self, provider: IPhoneProvider, server: ScriptedServer, status: int, fault: Fault
    ) -> None:
        """A status says whose fault it is, whatever the body; nothing is asked again."""
        body = b"" if status == 304 else self._hit()  # which by its nature has none
        server.script = [Send(answer(status, body))]
        why = {
            401: ", the key is not accepted",
            402: ", the wallet is empty",
            403: ", the key may not ask this",
        }
        assert await _ask(provider) == Rejected(fault, f"HTTP {status}{why.get(status, '')}")
        assert len(server.requests) == 1

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize(
        "place", ["", "http://169.254.169.254/", "//", "http://[", "file:///x", "\u00ff://"]
    )
    async def test_redirects_are_not_followed(
        self, provider: IPhoneProvider, server: ScriptedServer, status: int, place: str
    ) -> None:
        """Wherever they point, themselves included: a question is asked once, at one place."""
        headers = {"Location": place or server.url, "Set-Cookie": "a=b; Path=/"}
        server.script = [Send(answer(status, b"", headers))]
        assert await _ask(provider) == Rejected(Fault.QUESTION, f"HTTP {status}")
        assert len(server.requests) == 1

    @pytest.mark.parametrize(("text", "seconds"), RETRY_AFTER)
    async def test_retry_after(
        self, provider: IPhoneProvider, server: ScriptedServer, text: str, seconds: float | None
    ) -> None:
        """Seconds or a date against the answer's own, within 0.05 s and an hour; rubbish is none at all."""
        server.script = [Send(answer(429, b"", {"Retry-After": text, "Date": ANSWERED_AT}))]
        assert await _ask(provider) == Rejected(Fault.BUSY, "HTTP 429", seconds)
        server.script = [Send(answer(503, b"", {"Retry-After": text, "Date": ANSWERED_AT}))]
        assert await _ask(provider) == Rejected(Fault.BROKEN, "HTTP 503", seconds)

    async def test_body_of_a_refusal_is_not_waited_for(
        self, provider: IPhoneProvider, server: ScriptedServer
    ) -> None:
        """The status has said it all."""
        server.script = [Send(answer(503, b"", CUT_SHORT)), Stall()]
        assert await _ask(provider) == Rejected(Fault.BROKEN, "HTTP 503")

    # time

    @pytest.mark.parametrize("script", TOO_SLOW.values(), ids=TOO_SLOW.keys())
    async def test_deadline_in_all(
        self, provider: IPhoneProvider, server: ScriptedServer, script: Sequence[Step]
    ) -> None:
        """However slowly bytes trickle in, it is over in time, on this side."""
        server.script = script
        started = time.monotonic()
        outcome = await _ask(provider, seconds=SHORT_SECONDS)
        assert time.monotonic() - started < SHORT_SECONDS + SLACK_SECONDS
        assert outcome == Unknown("timed out after 0.2 s")
        assert isinstance(outcome, Unknown)
        assert outcome.is_timeout

    async def test_deadline_without_a_connection(self, client: Client) -> None:
        """A host that takes no connections was not asked."""
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
            address = listening.getsockname()
            waiting = [socket.socket() for _ in range(4)]
            for other in waiting:
                other.setblocking(False)
                other.connect_ex(address)
            provider = self.build(client, f"http://127.0.0.1:{address[1]}/")
            assert isinstance(await _ask(provider, seconds=SHORT_SECONDS), NotSent)
            for other in waiting:
                other.close()

    async def test_deadline_in_the_handshake(self, client: Client, server: ScriptedServer) -> None:
        """Bytes of a TLS handshake are none of the question."""
        server.on_connection = [Stall()]
        provider = self.build(client, server.url.replace("http:", "https:"))
        outcome = await _ask(provider, seconds=SHORT_SECONDS)
        assert outcome == NotSent("no connection within 0.2 s")

    async def test_deadline_in_the_queue_for_a_connection(self, server: ScriptedServer) -> None:
        """A question that waited for a connection in vain was not asked; the one that had it was."""
        server.script = [Stall()]
        async with new_client(connections_max=1) as client:
            provider = self.build(client, server.url)
            first = asyncio.create_task(_ask(provider, seconds=2 * SHORT_SECONDS))
            await server.arrival()
            assert isinstance(await _ask(provider, seconds=SHORT_SECONDS), NotSent)
            assert isinstance(await first, Unknown)
        assert len(server.requests) == 1

    async def test_cancellation_goes_through(self, provider: IPhoneProvider, server: ScriptedServer) -> None:
        """It is no outcome, and leaves the client fit for the next question."""
        server.script = [Stall()]
        asking = asyncio.create_task(_ask(provider))
        await server.arrival()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        server.script = [Send(answer(200, self._hit()))]
        assert isinstance(await _ask(provider), Hit)

    # connections

    async def test_refused_connection(self, client: Client) -> None:
        """Nobody there: nothing was asked."""
        outcome = await _ask(self.build(client, f"http://127.0.0.1:{free_port()}/"))
        assert outcome == NotSent("could not connect")

    @pytest.mark.parametrize(
        ("greeting", "detail"),
        [([Send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Close()], "TLS failed"), ([Reset()], None)],
        ids=["no tls", "reset"],
    )
    async def test_failed_handshake(
        self,
        client: Client,
        server: ScriptedServer,
        greeting: Sequence[Step],
        detail: str | None,
    ) -> None:
        """Without TLS no byte of the question leaves."""
        server.on_connection = greeting
        outcome = await _ask(self.build(client, server.url.replace("http:", "https:")))
        assert isinstance(outcome, NotSent)
        assert detail in (None, outcome.detail)

    async def test_reset_before_the_question(self, provider: IPhoneProvider, server: ScriptedServer) -> None:
        """Connected is as good as sent: bytes may have been on their way."""
        server.on_connection = [Reset()]
        assert isinstance(await _ask(provider), Unknown)
        assert not server.requests

    @pytest.mark.parametrize(
        "url", ["", "x", "ftp://127.0.0.1/", "http://", "http://[", "http://a:b/", "http://127.0.0.1:99999/"]
    )
    async def test_url_that_is_none(self, client: Client, url: str) -> None:
        """A wrong setting is reported, not raised."""
        provider = self.build(client, url)
        assert isinstance(await _ask(provider), NotSent)
        assert not await provider.is_reachable(timeout_seconds=ENOUGH_SECONDS)

    async def test_connection_is_used_again(
        self, provider: IPhoneProvider, client: Client, server: ScriptedServer
    ) -> None:
        """Two questions, one connection, and no cookie kept."""
        server.script = [Send(answer(200, self._hit(), {"Set-Cookie": "a=b; Path=/"}))]
        assert isinstance(await _ask(provider), Hit)
        assert isinstance(await _ask(provider), Hit)
        assert server.connections == 1
        assert not list(client.cookies.jar)

    async def test_reachable(self, provider: IPhoneProvider, server: ScriptedServer) -> None:
        """A connection is enough; nothing is asked."""
        assert await provider.is_reachable(timeout_seconds=ENOUGH_SECONDS)
        assert server.connections <= 1
        assert not server.requests

    async def test_not_reachable(self, client: Client, server: ScriptedServer) -> None:
        """Refused, or silent in the handshake."""
        assert not await self.build(client, f"http://127.0.0.1:{free_port()}/").is_reachable(
            timeout_seconds=ENOUGH_SECONDS
        )
        server.on_connection = [Stall()]
        silent = self.build(client, server.url.replace("http:", "https:"))
        assert not await silent.is_reachable(timeout_seconds=SHORT_SECONDS)

    # secrets

    async def test_nothing_is_logged(
        self, provider: IPhoneProvider, server: ScriptedServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Neither key nor answer nor address, at any level, with any outcome."""
        caplog.set_level(logging.DEBUG)
        for name in ("httpx2", "httpcore2"):
            caplog.set_level(logging.DEBUG, logger=name)
        outcomes = []
        for status in (200, 302, 401, 500):
            headers = {"Location": f"{server.url}?api={KEY}"}
            server.script = [Send(answer(status, b'{"secret": "%b"}' % KEY.encode(), headers))]
            outcomes.append(await _ask(provider))
        server.script = [Close()]
        outcomes.append(await _ask(provider))
        for text in (caplog.text, repr(outcomes)):
            assert KEY not in text
            assert str(server.port) not in text

    def _recorded(self) -> list[dict[str, Any]]:
        folder = Path(__file__).parents[1] / "adapters" / "providers" / "answers"
        recorded: list[dict[str, Any]] = json.loads((folder / self.recordings).read_text(encoding="utf-8"))
        return recorded

    def _hit(self) -> bytes:
        body: str = self._recorded()[0]["body"]
        return body.encode()

    def _with(self, value: str) -> bytes:
        return f'{{"{self.field}": {value}}}'.encode()


async def at_once() -> bool:
    """A ticket that is open already."""
    return True


async def _ask(
    provider: IPhoneProvider, question: Question = QUESTION, *, seconds: float = ENOUGH_SECONDS
) -> Outcome:
    return await provider.ask(question, reference=REFERENCE, timeout_seconds=seconds, may_send=at_once)
