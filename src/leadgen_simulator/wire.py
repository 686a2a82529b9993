"""Answers that break HTTP or its manners: written byte by byte to the transport, past aiohttp."""

import asyncio
import functools
import gzip
import os
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import cast

from aiohttp import web

from leadgen_simulator.replies import Reply

HANG_SECONDS = 60.0
PACE_SECONDS = 1.0
ENDLESS_BYTES = 64 * 1024 * 1024

_POLL_SECONDS = 0.05
_FLUSH_SECONDS = 0.01
_MISSING_BYTES = 64
_CHUNK_BYTES = 64 * 1024
_BUFFER_BYTES = 1024 * 1024
_RESET_AT_ONCE = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


class Line:
    """The connection of one call; writing to a client that has left does nothing."""

    def __init__(self, request: web.BaseRequest) -> None:
        self._transport = cast("asyncio.WriteTransport | None", request.transport)

    @property
    def gone(self) -> bool:
        """Whether the client has left."""
        return self._transport is None or self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Sends, or leaves to the kernel to send."""
        if self._transport is not None and not self.gone:
            self._transport.write(data)

    def reset(self) -> None:
        """Ends the connection with a RST, and drops what was not sent."""
        if self._transport is None or self.gone:
            return
        plug = self._transport.get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
        self._transport.abort()

    async def left_within(self, seconds: float) -> bool:
        """Waits; whether the client has left by then."""
        end = time.monotonic() + seconds
        while not self.gone and (rest := end - time.monotonic()) > 0:  # noqa: ASYNC110 (a transport has no event)
            await asyncio.sleep(min(_POLL_SECONDS, rest))
        return self.gone

    async def drained(self) -> None:
        """Waits for a client that reads more slowly than is written."""
        while not self.gone and self._unsent > _BUFFER_BYTES:  # noqa: ASYNC110 (a transport has no event)
            await asyncio.sleep(_FLUSH_SECONDS)

    @property
    def _unsent(self) -> int:
        return self._transport.get_write_buffer_size() if self._transport is not None else 0


class Written(web.StreamResponse):
    """Tells aiohttp that the answer is on the wire already, and that the connection ends here."""

    async def prepare(self, request: web.BaseRequest) -> None:
        """Writes nothing."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Writes nothing."""


Deliver = Callable[[Line, Reply], Awaitable[None]]


def head(reply: Reply, **lines: object) -> bytes:
    """Status line and headers; `Content_Length=7` adds or overrides one."""
    headers = {"Content-Length": len(reply.body), **reply.headers, "Connection": "close"}
    headers |= {name.replace("_", "-"): value for name, value in lines.items()}
    text = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
    return f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\n{text}\r\n".encode()


async def hang(line: Line, _reply: Reply) -> None:
    """Not one byte until the client leaves, or for a minute."""
    if not await line.left_within(HANG_SECONDS):
        line.reset()


async def reset(line: Line, _reply: Reply) -> None:
    """A reset before the first byte."""
    line.reset()


async def reset_body(line: Line, reply: Reply) -> None:
    """A reset after half of the body."""
    line.write(head(reply) + reply.body[: len(reply.body) // 2])
    await line.left_within(_FLUSH_SECONDS)
    line.reset()


async def length_long(line: Line, reply: Reply) -> None:
    """Fewer bytes than announced, then an orderly end."""
    line.write(head(reply, Content_Length=len(reply.body) + _MISSING_BYTES) + reply.body)


async def length_short(line: Line, reply: Reply) -> None:
    """More bytes than announced, on a connection that pretends to stay."""
    announced = len(reply.body) // 2
    line.write(head(reply, Content_Length=announced, Connection="keep-alive") + reply.body)


async def gzip_bomb(line: Line, reply: Reply) -> None:
    """A thousand times as large unpacked as on the wire: 64 KB, 64 MB."""
    packed = await asyncio.to_thread(_bomb)
    line.write(head(reply, Content_Length=len(packed), Content_Encoding="gzip") + packed)


async def endless_body(line: Line, reply: Reply) -> None:
    """A JSON text in chunks that does not end; after 64 MB the simulator gives up."""
    line.write(head(reply, Content_Length=None, Transfer_Encoding="chunked"))
    line.write(_chunk(b'{"phone": "'))
    zeros = _chunk(b"0" * _CHUNK_BYTES)
    for _ in range(ENDLESS_BYTES // _CHUNK_BYTES):
        line.write(zeros)
        await line.drained()
        await asyncio.sleep(0)
        if line.gone:
            return
    line.reset()


async def slow_header(line: Line, reply: Reply) -> None:
    """One byte a second from the first on, for a minute at most."""
    await _trickle(line, head(reply) + reply.body)


async def slow_body(line: Line, reply: Reply) -> None:
    """The headers at once, then one byte a second, for a minute at most."""
    line.write(head(reply))
    await _trickle(line, reply.body)


async def in_steps(line: Line, reply: Reply, stop: Callable[[str], Awaitable[None]]) -> None:
    """The answer as it should be, with a stop after the headers and one after half of the body."""
    half = len(reply.body) // 2
    line.write(head(reply))
    await stop("headers")
    line.write(reply.body[:half])
    await stop("body")
    line.write(reply.body[half:])


async def _trickle(line: Line, data: bytes) -> None:
    for place in range(min(len(data), int(HANG_SECONDS / PACE_SECONDS))):
        line.write(data[place : place + 1])
        if await line.left_within(PACE_SECONDS):
            return
    if len(data) * PACE_SECONDS > HANG_SECONDS:
        line.reset()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@functools.cache
def _bomb() -> bytes:
    return gzip.compress(b'{"phone": "%b"}' % (b"0" * ENDLESS_BYTES), mtime=0)
