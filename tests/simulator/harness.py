"""A simulator process and the few things a test asks of it."""

import csv
import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import httpx2

import leadgen_simulator

KEY = "simulator-key"
PROVIDERS = ("orion", "astra", "nimbus")
UNLIMITED = [
    word for name in PROVIDERS for word in ("--rate", f"{name}=none", "--concurrency", f"{name}=none")
]
_SOURCE = Path(leadgen_simulator.__file__).parents[1]

Json = dict[str, Any]


def command(*flags: str) -> list[str]:
    """The command line of a simulator."""
    return [sys.executable, "-m", "leadgen_simulator", *flags]


def environment() -> dict[str, str]:
    """The environment in which the package is found, installed or not."""
    return {**os.environ, "PYTHONPATH": str(_SOURCE)}


def person(number: int, domain: str = "example.com") -> Json:
    """A body that all three providers accept; each reads what it needs."""
    return {
        "fullName": f"Pat Doe {number}",
        "companyWebsite": f"firm{number}.{domain}",
        "email": f"pat{number}@firm{number}.{domain}",
        "jobTitle": "Engineer",
    }


def eventually(condition: Callable[[], bool], seconds: float = 3.0) -> bool:
    """Whether the condition comes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def exchange(world: "Simulator", body: object, seconds: float = 0.2) -> tuple[bytes, str]:
    """One call to Orion over a bare socket: what came in time, and then `open`, `closed` or `reset`."""
    raw = json.dumps(body).encode()
    head = f"POST /orion HTTP/1.1\r\nHost: x\r\nx-auth-me: {KEY}\r\nContent-Length: {len(raw)}\r\n\r\n"
    got, end = b"", time.monotonic() + seconds
    with socket.create_connection(("127.0.0.1", int(world.url.rsplit(":", 1)[1]))) as connection:
        connection.sendall(head.encode() + raw)
        while (rest := end - time.monotonic()) > 0:
            connection.settimeout(rest)
            try:
                piece = connection.recv(1 << 20)
            except TimeoutError:
                break
            except ConnectionResetError:
                return got, "reset"
            if not piece:
                return got, "closed"
            got += piece
    return got, "open"


@contextmanager
def asking(world: "Simulator", body: object, reference: str) -> Iterator[socket.socket]:
    """A call to Orion that waits for its answer."""
    raw = json.dumps(body).encode()
    head = (
        f"POST /orion HTTP/1.1\r\nHost: x\r\nx-auth-me: {KEY}\r\n"
        f"Idempotency-Key: {reference}\r\nContent-Length: {len(raw)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", int(world.url.rsplit(":", 1)[1]))) as connection:
        connection.settimeout(3)
        connection.sendall(head.encode() + raw)
        yield connection


class Simulator:
    """A running simulator and a client to it."""

    def __init__(self, *flags: str) -> None:
        self.process = subprocess.Popen(
            command(*flags), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        self.url = self.line.rsplit(" ", 1)[-1].strip()
        self.client = httpx2.Client(base_url=self.url, timeout=10, trust_env=False, verify=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.kill()
        assert self.process.stderr is not None
        if not self.process.stderr.closed:
            assert "Traceback" not in self.process.communicate()[1]

    def ask(
        self, provider: str, body: object, key: str = KEY, reference: str | None = None, **options: Any
    ) -> httpx2.Response:
        """One paid call."""
        return self.client.post(**call(provider, body, key, reference), **options)

    def look_up(self, provider: str, reference: str) -> httpx2.Response:
        """What became of a call."""
        place = call(provider, None)
        del place["json"]
        return self.client.get(**{**place, "url": f"/{provider}/calls/{quote(reference, safe='')}"})

    def usage(self, **query: str) -> list[dict[str, str]]:
        """The usage report."""
        answer = self.client.get("/usage", params=query)
        assert answer.status_code == 200, answer.text
        return list(csv.DictReader(io.StringIO(answer.text)))

    def control(self, provider: str | None = None, **body: object) -> Json:
        """Changes the world; what is set then."""
        told = body if provider is None else {"provider": provider, **body}
        return self._json(self.client.post("/control", json=told))

    def script(self, provider: str, *faults: str) -> None:
        """Lets the next calls meet these faults."""
        self.control(provider, next=[{"fault": fault} for fault in faults])

    def books(self) -> Json:
        """The summary."""
        return self._json(self.client.get("/books"))

    def book(self, provider: str) -> Json:
        """One provider's part of the summary."""
        found: Json = self.books()["providers"][provider]
        return found

    def calls(self, **query: int) -> list[Json]:
        """The calls as received."""
        found: list[Json] = self._json(self.client.get("/books/calls", params=query))["calls"]
        return found

    def truth(self, body: Json) -> Json:
        """What is true about a person."""
        return self._json(self.client.post("/truth", json=body))

    def people(self, provider: str, *, hit: bool, domain: str = "example.com") -> Iterator[Json]:
        """People whom the provider knows, or does not know."""
        for number in range(2000):
            body = person(number, domain)
            if self.truth(body)[provider]["hit"] is hit:
                yield body

    def _json(self, response: httpx2.Response) -> Json:
        assert response.status_code == 200, response.text
        found: Json = response.json()
        return found


def call(provider: str, body: object, key: str = KEY, reference: str | None = None) -> Json:
    """The arguments of a POST with the key where the provider wants it."""
    named = {} if reference is None else {"Idempotency-Key": reference}
    place: dict[str, Json] = {
        "orion": {"headers": {"x-auth-me": key, **named}},
        "astra": {"headers": {"apiKey": key, **named}},
        "nimbus": {"params": {"api": key}, "headers": named},
    }
    return {"url": f"/{provider}", "json": body, **place[provider]}


def instant(*flags: str) -> Simulator:
    """A world without latency, limits and faults, but for the flags."""
    return Simulator("--profile", "instant", *UNLIMITED, *flags)
