"""The simulated providers of a world, and what only they know; they never die in a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.chaos.people import Person
from tests.chaos.processes import Nursery, Request, bare_environment, until

_ANSWER_SECONDS = 20.0


class World:
    """A running simulator."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx2.Client(base_url=url, timeout=_ANSWER_SECONDS, trust_env=False, verify=False)

    def close(self) -> None:
        """Closes the connections to it."""
        self._client.close()

    def books(self) -> dict[str, Any]:
        """Its counters."""
        found: dict[str, Any] = self._client.get("/books").json()
        return found

    def truth(self, person: Person) -> Mapping[str, Any]:
        """What each provider knows about a person."""
        found: Mapping[str, Any] = self._client.post("/truth", json=person.body).json()
        return found

    def control(self, **change: object) -> None:
        """Changes how it behaves."""
        reply = self._client.post("/control", json=change)
        assert reply.status_code == 200, reply.text

    def held(self, seconds: float) -> dict[str, Any] | None:
        """A call that stands at the point where calls were to be held; None when none came in time."""
        reply = self._client.get("/control/held", params={"timeout": seconds})
        if reply.status_code == 204:
            return None
        found: dict[str, Any] = reply.json()
        return found


@contextmanager
def simulated(nursery: Nursery, folder: Path, *flags: str) -> Iterator[World]:
    """A world of its own, gone at the end."""
    out = folder / "simulator.log"
    child = nursery.start(Request("simulator", flags, folder, bare_environment(), out, out))
    try:
        assert until(lambda: out.exists() and "listening on " in out.read_text(), 30.0), out.read_text()
        url = next(line.split()[-1] for line in out.read_text().splitlines() if "listening on " in line)
        with closing(World(url)) as world:
            yield world
    finally:
        child.stop()
