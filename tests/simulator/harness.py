"""A simulator process and the few things a test asks of it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

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
        self.process.communicate()

    def ask(self, provider: str, body: object, key: str = KEY, **options: Any) -> httpx2.Response:
        """One paid call."""
        return self.client.post(**call(provider, body, key), **options)

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


def call(provider: str, body: object, key: str = KEY) -> Json:
    """The arguments of a POST with the key where the provider wants it."""
    place: dict[str, Json] = {
        "orion": {"headers": {"x-auth-me": key}},
        "astra": {"headers": {"apiKey": key}},
        "nimbus": {"params": {"api": key}},
    }
    return {"url": f"/{provider}", "json": body, **place[provider]}


def instant(*flags: str) -> Simulator:
    """A world without latency, limits and faults, but for the flags."""
    return Simulator("--profile", "instant", *UNLIMITED, *flags)
