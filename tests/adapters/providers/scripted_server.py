"""A loopback HTTP server that answers byte for byte as scripted, however wrong that is."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Send:
    """Writes these bytes."""

    data: bytes


@dataclass(frozen=True)
class Drip:
    """Writes these bytes one by one, with a pause after each."""

    data: bytes
    pause_seconds: float = 0.05


@dataclass(frozen=True)
class Endless:
    """Writes these bytes over and over, as fast as they are taken."""

    data: bytes


@dataclass(frozen=True)
class Stall:
    """Keeps the connection open and says nothing more."""


@dataclass(frozen=True)
class Close:
    """Closes the connection in good order."""


@dataclass(frozen=True)
class Reset:
    """Breaks the connection off with a TCP reset."""


Step = Send | Drip | Endless | Stall | Close | Reset


@dataclass(frozen=True)
class Received:
    """A request as it came in; header names in lower case."""

    method: str
    target: str
    lines: Sequence[tuple[str, str]]
    body: bytes

    @property
    def headers(self) -> Mapping[str, str]:
        """Each header's last value."""
        return dict(self.lines)

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    def all(self, name: str) -> list[str]:
        """The values of a header, which may have come more than once."""
        return [value for each, value in self.lines if each == name]

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query)


@dataclass
class ScriptedServer:
    """Plays ``on_connection`` when a connection opens and ``script`` after each request; records them all."""

    port: int
    script: Sequence[Step] = ()
    on_connection: Sequence[Step] = ()
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _arrival: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/phone"

    async def arrival(self) -> None:
        """Returns once a request has come in."""
        await self._arrival.wait()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            stays = await _play(self.on_connection, writer)
            while stays:
                self.requests.append(await _request(reader))
                self._arrival.set()
                stays = await _play(self.script, writer)
        except (OSError, EOFError):
            pass  # the other side has gone
        finally:
            writer.close()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@asynccontextmanager
async def scripted_server() -> AsyncIterator[ScriptedServer]:
    """A server on a free port; its script may be changed at any time."""
    listening = socket.create_server(("127.0.0.1", 0))
    scripted = ScriptedServer(port=listening.getsockname()[1])
    server = await asyncio.start_server(scripted.accept, sock=listening)
    try:
        yield scripted
    finally:
        server.close()
        await scripted.stop()
        await server.wait_closed()


def answer(
    status: int | str, body: bytes = b"", headers: Mapping[str, str] | None = None, *, packed: bool = False
) -> bytes:
    """A whole answer; ``headers`` may contradict the body, ``packed`` compresses it."""
    sent = gzip.compress(body) if packed else body
    lines = {"Content-Type": "application/json", "Content-Length": str(len(sent)), **(headers or {})}
    if packed:
        lines["Content-Encoding"] = "gzip"
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Scripted\r\n{head}\r\n".encode("latin-1") + sent


async def _request(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    method, target, _ = first.split(" ")
    body = await reader.readexactly(int(dict(headers).get("content-length", "0")))
    return Received(method, target, headers, body)


async def _play(steps: Sequence[Step], writer: asyncio.StreamWriter) -> bool:
    """Carries out the steps; whether the connection is to stay open."""
    for step in steps:
        match step:
            case Send(data):
                await _write(writer, data)
            case Drip(data, pause_seconds):
                for byte in data:
                    await _write(writer, bytes([byte]))
                    await asyncio.sleep(pause_seconds)
            case Endless(data):
                while True:
                    await _write(writer, data)
            case Stall():
                await asyncio.Event().wait()
            case Close():
                return False
            case Reset():
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
                return False
    return True


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()
