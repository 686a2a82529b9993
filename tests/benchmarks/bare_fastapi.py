"""What FastAPI costs by itself: one handler that does nothing, on uvicorn."""

from __future__ import annotations

import sys

import uvloop
from fastapi import FastAPI

from leadgen.entrypoints.cli.service import address_of
from leadgen.entrypoints.http.server import listen, serve_app
from leadgen.entrypoints.worker import stop_on_signals

app = FastAPI()


@app.get("/")
async def nothing() -> dict[str, str]:
    """Answer."""
    return {"status": "ok"}


async def _main() -> None:
    with listen("127.0.0.1", 0) as listener:
        sys.stdout.write(f"listens at {address_of(listener)}\nhttp service started\n")
        sys.stdout.flush()
        await serve_app(app, listener, stop_on_signals())


if __name__ == "__main__":
    uvloop.run(_main())
