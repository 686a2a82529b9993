"""The process: starts listening, says so in one line, and ends on a signal or with its parent."""

import asyncio
import contextlib
import errno
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from aiohttp import web

from leadgen_simulator.books_file import BooksFile, UnreadableBooks
from leadgen_simulator.config import WorldConfig
from leadgen_simulator.flags import Options, parse
from leadgen_simulator.lag import LagMeter
from leadgen_simulator.world import World

_PARENT_POLL_SECONDS = 0.5
_FAREWELL_SECONDS = 0.1
_KEEPALIVE_SECONDS = 3600.0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a world until it is told to stop; the exit status."""
    options = parse(sys.argv[1:] if argv is None else argv)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_run(options))
    except OSError as exc:
        sys.stderr.write(f"leadgen-simulator: {_why(exc, options)}\n")
        return 1
    except UnreadableBooks as exc:
        sys.stderr.write(f"leadgen-simulator: {exc}\n")
        return 1
    return 0


async def _run(options: Options) -> None:
    stop = asyncio.Event()
    _stop_on_signals(stop)
    async with serving(options.world, options.host, options.port, options.books) as url:
        sys.stdout.write(f"leadgen-simulator listening on {url}\n")
        sys.stdout.flush()
        watcher = asyncio.create_task(_watch_parent(options.parent, stop)) if options.parent else None
        await stop.wait()
        if watcher is not None:
            watcher.cancel()


@contextlib.asynccontextmanager
async def serving(world: WorldConfig, host: str, port: int, books: Path | None = None) -> AsyncIterator[str]:
    """A world that listens; yields its base URL and does not wait for slow answers at the end."""
    lag = LagMeter()
    with BooksFile(books) if books else contextlib.nullcontext() as file:
        handler = World(world, lag, file).handle
        if file is not None and file.torn_bytes:
            sys.stderr.write(f"leadgen-simulator: dropped an unfinished last line of {books}\n")
        server = web.Server(handler, access_log=None, keepalive_timeout=_KEEPALIVE_SECONDS)
        runner = web.ServerRunner(server, shutdown_timeout=_FAREWELL_SECONDS)
        await runner.setup()
        meter = asyncio.create_task(lag.run())
        try:
            await web.TCPSite(runner, host, port, backlog=1024).start()
            yield f"http://{f'[{host}]' if ':' in host else host}:{runner.addresses[0][1]}"
        finally:
            meter.cancel()
            await runner.cleanup()


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))


async def _watch_parent(pid: int, stop: asyncio.Event) -> None:
    """Sets `stop` when the process is gone; a direct parent also when it is a zombie nobody has reaped."""
    direct = os.getppid() == pid
    while True:
        if not _alive(pid) or (direct and os.getppid() != pid):
            stop.set()
            return
        await asyncio.sleep(_PARENT_POLL_SECONDS)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """The faster event loop where there is one."""
    try:
        import uvloop  # noqa: PLC0415  (there is none on Windows)
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _why(exc: OSError, options: Options) -> str:
    if exc.filename is not None:
        return f"cannot open {exc.filename}: {exc.strerror}"
    if exc.errno == errno.EADDRINUSE:
        return f"port {options.port} on {options.host} is in use"
    return f"cannot listen on {options.host}, port {options.port}: {exc.strerror or exc}"
