"""Webhooks go to the addresses that were checked, and nowhere else, whatever the other side does."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from leadgen.adapters.webhooks.sender import HttpWebhookSender
from leadgen.application.ports.webhook_sender import Reply
from leadgen.domain.egress import Egress, parse_networks
from tests.adapters.providers.scripted_server import (
    Close,
    Endless,
    Reset,
    ScriptedServer,
    Send,
    Stall,
    Step,
    answer,
    scripted_server,
)

LOOPBACK = Egress(parse_networks("127.0.0.0/8", "X"))
HEADERS = {"webhook-id": "msg_1"}


class Names(AbstractResolver):
    """A name server that gives these addresses in turn, one list a question."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            ResolveResult(
                hostname=host,
                host=each,
                port=port,
                family=socket.AF_INET6 if ":" in each else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for each in addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
async def receiver() -> AsyncIterator[ScriptedServer]:
    """Takes everything."""
    async with scripted_server() as server:
        server.script = [Send(answer(204))]
        yield server


def url(receiver: ScriptedServer, host: str = "127.0.0.1", path: str = "/hook?a=1") -> str:
    """The receiver under a name."""
    return f"http://{host}:{receiver.port}{path}"


async def test_sent(receiver: ScriptedServer) -> None:
    """Body and headers arrive as they are."""
    reply = await HttpWebhookSender(LOOPBACK).send(url(receiver), HEADERS, b'{"a": 1}')
    assert (reply, reply.is_taken, reply.is_gone) == (Reply(204, "HTTP 204"), True, False)
    (request,) = receiver.requests
    assert (request.method, request.target, request.body) == ("POST", "/hook?a=1", b'{"a": 1}')
    assert request.headers["webhook-id"] == "msg_1"
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["169.254.169.254"],
        ["100.64.0.1"],
    ],
)
async def test_names_of_addresses_inside(receiver: ScriptedServer, addresses: list[str]) -> None:
    """A name that leads inside, with all of its addresses or with one, is not called."""
    sender = HttpWebhookSender(Egress(), names=Names(addresses))
    reply = await sender.send(f"https://lovelace.example:{receiver.port}/", HEADERS, b"{}")
    assert reply == Reply(None, "its address is neither globally routable nor in LEADGEN_WEBHOOK_ALLOW")
    assert receiver.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "017700000001", "localhost", "[::1]"])
async def test_spellings_of_loopback(receiver: ScriptedServer, host: str) -> None:
    """However it is written, this machine is not called."""
    reply = await HttpWebhookSender(Egress()).send(f"https://{host}:{receiver.port}/", HEADERS, b"{}")
    assert reply.status is None
    assert "HTTP" not in reply.told
    assert receiver.connections == 0


async def test_the_checked_address_is_called(receiver: ScriptedServer) -> None:
    """The name is asked for once a try: a second answer cannot lead elsewhere. The host's name is kept."""
    names = Names(["127.0.0.1"], ["10.9.9.9"])
    sender = HttpWebhookSender(LOOPBACK, names=names)
    assert (await sender.send(url(receiver, "lovelace.example"), HEADERS, b"{}")).is_taken
    assert names.asked == 1
    assert receiver.requests[0].headers["host"] == f"lovelace.example:{receiver.port}"
    assert not (await sender.send(url(receiver, "lovelace.example"), HEADERS, b"{}")).is_taken
    assert receiver.connections == 1


async def test_without_https_to_the_world(receiver: ScriptedServer) -> None:
    """Where http is allowed inside, a name that leads outside is still not called by it."""
    sender = HttpWebhookSender(LOOPBACK, names=Names(["8.8.8.8"]))
    reply = await sender.send("http://lovelace.example/", HEADERS, b"{}")
    assert reply == Reply(None, "without https only addresses in LEADGEN_WEBHOOK_ALLOW are called")


@pytest.mark.parametrize("status", [301, 302, 307, 308, 404, 410, 500, 503])
async def test_other_answers(receiver: ScriptedServer, status: int) -> None:
    """Anything but 2xx has failed; a redirect is not followed, 410 says that nothing is wanted any more."""
    receiver.script = [Send(answer(status, headers={"Location": url(receiver, path="/elsewhere")}))]
    reply = await HttpWebhookSender(LOOPBACK).send(url(receiver), HEADERS, b"{}")
    assert (reply.status, reply.is_taken, reply.is_gone) == (status, False, status == 410)
    assert [request.path for request in receiver.requests] == ["/hook"]


@pytest.mark.parametrize(
    "script",
    [[Stall()], [Close()], [Reset()], [Send(b"nonsense\r\n\r\n"), Close()], [Endless(b"x" * 8_192)]],
    ids=["stall", "close", "reset", "nonsense", "endless"],
)
async def test_no_answer(receiver: ScriptedServer, script: list[Step]) -> None:
    """A receiver that hangs, hangs up or talks nonsense costs its time and is told in words of our own."""
    receiver.script = script
    sender = HttpWebhookSender(LOOPBACK, timeout_seconds=0.3)
    async with asyncio.timeout(5):
        reply = await sender.send(url(receiver), HEADERS, b"{}")
    assert reply.status is None
    assert "nonsense" not in reply.told
    assert "127.0.0.1" not in reply.told


async def test_an_endless_body(receiver: ScriptedServer) -> None:
    """An answer is its status: a body without end is not read."""
    receiver.script = [
        Send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Endless(b"1\r\nx\r\n" * 999),
    ]
    async with asyncio.timeout(5):
        assert (await HttpWebhookSender(LOOPBACK).send(url(receiver), HEADERS, b"{}")).is_taken


async def test_nobody_listens(unused_port: int) -> None:
    """A receiver that is down is a failed try."""
    reply = await HttpWebhookSender(LOOPBACK).send(f"http://127.0.0.1:{unused_port}/", HEADERS, b"{}")
    assert reply.status is None
    assert reply.told.startswith("no connection")


async def test_proxies(receiver: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment is not used: it would go where no check was made."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await HttpWebhookSender(LOOPBACK).send(url(receiver), HEADERS, b"{}")).is_taken
