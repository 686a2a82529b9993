"""The wire under the HTTP client: a gate right before the first byte of a question."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from aiohttp import BytesPayload, ClientRequest, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from httpx_aiohttp.httpx2 import AiohttpTransport

from leadgen.domain.provider import MaySend

CONNECTIONS_MAX = 1000
_IDLE_SECONDS_MAX = 4.0  # below the 5 s of many servers: a question sent as they hang up would be in doubt


class TicketRanOutError(Exception):
    """It was too late by then: nothing was sent."""


class SentAlreadyError(Exception):
    """The client wanted to send a question again by itself."""


class HungUpError(Exception):
    """The connection was closed from the other side while the question waited for its time."""


class Wire:
    """One question on its way, once: until ``used`` not a byte of it has left."""

    def __init__(self, may_send: MaySend) -> None:
        self.used = False
        self.ran_out = False
        self._may_send = may_send
        self._connection: Connection | None = None

    def take(self, connection: Connection) -> None:
        """The connection that stands for this question; raises SentAlreadyError for another one."""
        if self._connection is not None:
            connection.release()
            raise SentAlreadyError
        self._connection = connection

    async def open(self) -> None:
        """Lets the first byte out when it may leave; else the connection is lost with its question."""
        if not await self._may_send():
            self.ran_out = True
            raise TicketRanOutError
        protocol = self._connection.protocol if self._connection else None
        if protocol is None or not protocol.is_connected():
            raise HungUpError
        self.used = True


class GatedPayload(BytesPayload):
    """A body before which nothing leaves: the library keeps the headers until it is written.

    It is the last thing before the first byte. Where a connection is handed out would be a turn of the event
    loop earlier, and that turn may be a long one.
    """

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """See BytesPayload."""
        await _wire.get().open()
        await super().write_with_length(writer, content_length)


_wire: ContextVar[Wire] = ContextVar("wire")


@contextmanager
def under(wire: Wire) -> Iterator[None]:
    """What is sent in this block goes over this wire."""
    token = _wire.set(wire)
    try:
        yield
    finally:
        _wire.reset(token)


class _Connector(TCPConnector):
    """Tells each question which connection it has got."""

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout) -> Connection:
        connection = await super().connect(req, traces, timeout)
        if wire := _wire.get(None):
            wire.take(connection)
        return connection


class Transport(AiohttpTransport):
    """Connections that are kept alive for a while; no cookies, proxies, retries or limits of time."""

    def __init__(self, tls: ssl.SSLContext, connections_max: int) -> None:
        super().__init__(verify=tls, trust_env=False, client=lambda: _new_session(tls, connections_max))

    @property
    def session(self) -> ClientSession:
        """What lies under httpx2, for questions whose requests are ready-made."""
        if not isinstance(self.client, ClientSession):
            self.client = self.get_client()
        return self.client


def _new_session(tls: ssl.SSLContext, connections_max: int) -> ClientSession:
    connector = _Connector(limit=connections_max, keepalive_timeout=_IDLE_SECONDS_MAX, ssl=tls)
    return ClientSession(
        connector=connector, cookie_jar=DummyCookieJar(), trust_env=False, auto_decompress=False
    )
