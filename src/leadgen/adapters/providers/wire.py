"""The wire to a provider: connections that are kept, and a gate right before the first byte of a question.

aiohttp connects, pools, encrypts and parses. What its session would build anew for each question (a request,
a task that writes it, a response) is left out: it cost more than all of these together.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from aiohttp import (
    ClientRequest,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    NonHttpUrlClientError,
    StreamReader,
    TCPConnector,
)
from aiohttp.client_proto import ResponseHandler
from aiohttp.hdrs import CONTENT_LENGTH
from httpx_aiohttp.httpx2 import AiohttpTransport
from yarl import URL

from leadgen.domain.provider import MaySend
from leadgen.domain.value import value

T = TypeVar("T")

CONNECTIONS_MAX = 1000
_IDLE_SECONDS_MAX = 4.0  # below the 5 s of many servers: a question sent as they hang up would be in doubt
_NO_TIMEOUT = ClientTimeout()


class TicketRanOutError(Exception):
    """It was too late by then: nothing was sent."""


class HungUpError(Exception):
    """The connection was closed from the other side while the question waited for its time."""


@value(frozen=True, slots=True)
class Address:
    """Where questions go, worked out once: whom to connect to, and all of their heads that never changes."""

    request: ClientRequest
    head: bytes

    @classmethod
    def of(cls, method: str, url: URL, headers: Mapping[str, str]) -> Address:
        """Raises ValueError for what cannot be written, before anything is sent."""
        if url.scheme not in ("http", "https"):
            raise NonHttpUrlClientError(url)
        if any(not value.isascii() or not value.isprintable() for value in headers.values()):
            raise ValueError
        request = ClientRequest(method, url, headers=headers, loop=asyncio.get_running_loop())
        told = [f"{name}: {value}\r\n" for name, value in request.headers.items() if name != CONTENT_LENGTH]
        line = f"{request.method} {request.url.raw_path_qs} HTTP/1.1\r\n"
        return cls(request, "".join((line, *told)).encode("ascii"))


@value(frozen=True, slots=True)
class Answer:
    """What came back: its status, its headers by any case of their names, and its body, still to be read."""

    status: int
    headers: Mapping[str, str]
    content: StreamReader


class Wire:
    """One question on its way, once: until ``used`` not a byte of it has left."""

    def __init__(self, connector: TCPConnector, may_send: MaySend) -> None:
        self.used = False
        self.ran_out = False
        self._connector = connector
        self._may_send = may_send

    async def ask(self, address: Address, rest: bytes, read: Callable[[Answer], Awaitable[T]]) -> T:
        """What is read of the answer; head and rest leave in the very step of the last look at the ticket.

        Raises TicketRanOutError, HungUpError, and what aiohttp raises.
        """
        connection = await self._connector.connect(address.request, [], _NO_TIMEOUT)
        is_over = True
        try:
            protocol = connection.protocol
            if not await self._may_send():
                self.ran_out = True
                raise TicketRanOutError
            if protocol is None or protocol.transport is None or _is_spoilt(protocol):
                raise HungUpError
            protocol.set_response_params(read_until_eof=True, auto_decompress=False)
            self.used, is_over = True, False
            protocol.transport.write(address.head + rest)
            answer = await _answer(protocol)
            is_over = True
            return await read(answer)
        finally:
            # aiohttp keeps it for others where the answer was read to its end.
            connection.release() if is_over else connection.close()


async def _answer(protocol: ResponseHandler) -> Answer:
    """The first one that is not of the kind "go on"."""
    while True:
        message, content = await protocol.read()
        if not 100 <= message.code <= 199 or message.upgrade:
            return Answer(message.code, message.headers, content)


def _is_spoilt(protocol: ResponseHandler) -> bool:
    """Whether it was closed meanwhile, or something came that nobody has asked for."""
    return not protocol.is_connected() or protocol.should_close


class Transport(AiohttpTransport):
    """Connections that are kept alive for a while; no cookies, proxies, retries or limits of time."""

    def __init__(self, tls: ssl.SSLContext, connections_max: int) -> None:
        super().__init__(verify=tls, trust_env=False, client=lambda: _new_session(tls, connections_max))

    @property
    def connector(self) -> TCPConnector:
        """What lies under httpx2, for questions whose heads are ready-made."""
        if not isinstance(self.client, ClientSession):
            self.client = self.get_client()
        connector = self.client.connector
        assert isinstance(connector, TCPConnector)
        return connector


def _new_session(tls: ssl.SSLContext, connections_max: int) -> ClientSession:
    connector = TCPConnector(limit=connections_max, keepalive_timeout=_IDLE_SECONDS_MAX, ssl=tls)
    return ClientSession(
        connector=connector, cookie_jar=DummyCookieJar(), trust_env=False, auto_decompress=False
    )
