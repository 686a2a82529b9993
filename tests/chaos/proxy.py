"""A TCP proxy between a worker and a server, which can cut, hang, delay, refuse, and act on what is said."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from enum import Enum
from typing import Any, Protocol

_CHUNK_BYTES = 65536
_RESET = struct.pack("ii", 1, 0)
_CALL_SECONDS = 10.0


class Tap(Protocol):
    """Understands one connection: what the client asks, what the server answers; each moment has a name."""

    def asked(self, data: bytes) -> list[str]:
        """The moments in what the client is about to be heard saying."""

    def answered(self, data: bytes) -> list[str]:
        """The moments in what the server is about to be heard saying."""


class Act(Enum):
    """What becomes of the bytes in which a moment was seen."""

    PASS = "they go on"
    CUT = "they are swallowed, and both sides find the connection reset"


Wire = Callable[[str], Act]
"""A trip wire: is called with each moment before its bytes go on, and says what becomes of them."""


class Proxy:
    """One address that stands for a server; its toxics hold for old and new connections alike."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, target: tuple[str, int], tap: Callable[[], Tap]
    ) -> None:
        self._loop = loop
        self._target = target
        self._tap = tap
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.refuses = False
        self.delay_seconds = 0.0
        self.wire: Wire | None = None

    async def open(self) -> None:
        """Listens on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stops listening and resets all connections."""
        if self._server is not None:
            self._server.close()
        self._cut()

    def cut(self) -> None:
        """Resets all connections of this moment, on both sides."""
        self._loop.call_soon_threadsafe(self._cut)

    def hang(self) -> None:
        """Bytes stay where they are, until ``go_on``."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def go_on(self) -> None:
        """Bytes flow again, those that were held first."""
        self._loop.call_soon_threadsafe(self._flows.set)

    def _cut(self) -> None:
        for pair in list(self._pairs):
            for writer in pair:
                _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            _reset(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            _reset(writer)
            return
        tap, pair = self._tap(), (writer, far_writer)
        self._pairs.add(pair)
        flows = (
            asyncio.create_task(self._pump(reader, far_writer, tap.asked)),
            asyncio.create_task(self._pump(far_reader, writer, tap.answered)),
        )
        try:
            done, _ = await asyncio.wait(flows, return_when=asyncio.FIRST_COMPLETED)
            if any(flow.result() is Act.CUT for flow in done):
                for one in pair:
                    _reset(one)
        finally:
            self._pairs.discard(pair)
            for flow in flows:
                flow.cancel()
            for one in pair:
                one.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, look: Callable[[bytes], list[str]]
    ) -> Act:
        """Carries bytes in one direction until an end; whether that is a cut, or somebody hung up."""
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                for moment in look(data):
                    if self.wire is not None and self.wire(moment) is Act.CUT:
                        return Act.CUT
                await self._flows.wait()
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                writer.write(data)
                await writer.drain()
            return Act.PASS
        return Act.CUT


class Switchboard:
    """All proxies of a run, in a thread of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="switchboard", daemon=True)
        self._thread.start()

    @contextlib.contextmanager
    def proxy(self, port: int, tap: Callable[[], Tap]) -> Iterator[Proxy]:
        """A proxy before this port of this machine."""
        proxy = Proxy(self._loop, ("127.0.0.1", port), tap)
        self._run(proxy.open())
        try:
            yield proxy
        finally:
            self._run(proxy.close())

    def close(self) -> None:
        """Ends the thread, and with it all that still flows."""
        self._run(_end_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_SECONDS)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_CALL_SECONDS)


async def _end_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _reset(writer: asyncio.StreamWriter) -> None:
    peer: socket.socket | None = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        if peer is not None:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
