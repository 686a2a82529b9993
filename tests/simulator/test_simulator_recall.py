"""Looking a call up by its reference."""

from collections.abc import Iterator
from contextlib import suppress

import httpx2
import pytest

from tests.simulator.harness import PROVIDERS, Simulator, asking, eventually, instant, person


@pytest.fixture(scope="module")
def recalling() -> Iterator[Simulator]:
    """All three tell what became of a call; keys protect nothing."""
    with instant(*(word for name in PROVIDERS for word in ("--recall", f"{name}=on"))) as simulator:
        yield simulator


@pytest.mark.parametrize("provider", PROVIDERS)
def test_answered_call(recalling: Simulator, provider: str) -> None:
    """An answered call is told with its charge and the very answer; the look-up is free."""
    body = next(recalling.people(provider, hit=True))
    answer = recalling.ask(provider, body, reference="a/b?c%,d").json()
    before = recalling.book(provider)
    found = recalling.look_up(provider, "a/b?c%,d")
    assert found.status_code == 200
    assert found.json() == {"status": "answered", "charged": True, "answer": answer}
    after = recalling.book(provider)
    assert after == {**before, "lookups": before["lookups"] + 1}


def test_free_miss(recalling: Simulator) -> None:
    """Where only hits are charged, a miss is answered and not charged."""
    body = next(recalling.people("astra", hit=False))
    recalling.control("astra", charges="hit")
    recalling.ask("astra", body, reference="miss")
    recalling.control("astra", charges="request")
    found = recalling.look_up("astra", "miss").json()
    assert (found["status"], found["charged"]) == ("answered", False)


@pytest.mark.parametrize("kind", ["reset_charged", "gzip_truncated", "504_charged"])
def test_spoiled_call(recalling: Simulator, kind: str) -> None:
    """A call that was executed and whose answer was spoiled is answered, charged, with the true answer."""
    body = next(recalling.people("orion", hit=True))
    recalling.script("orion", kind)
    with suppress(httpx2.TransportError, httpx2.DecodingError):
        recalling.ask("orion", body, reference=f"spoiled-{kind}")
    truth = {"phone": recalling.truth(body)["orion"]["national"]}
    found = recalling.look_up("orion", f"spoiled-{kind}").json()
    assert found == {"status": "answered", "charged": True, "answer": truth}


@pytest.mark.parametrize(("kind", "charged"), [("500_free", False), ("500_charged", True)])
def test_failed_call(recalling: Simulator, kind: str, charged: bool) -> None:
    """A failed execution is told with its status and whether it cost."""
    recalling.script("orion", kind)
    recalling.ask("orion", person(1), reference=kind)
    assert recalling.look_up("orion", kind).json() == {
        "status": "failed",
        "http_status": 500,
        "charged": charged,
    }


@pytest.mark.parametrize("kind", ["busy", "502_free", "reset_free"])
def test_unknown_call(recalling: Simulator, kind: str) -> None:
    """What was never executed is unknown, like what never came."""
    recalling.script("orion", kind)
    with suppress(httpx2.TransportError):
        recalling.ask("orion", person(1), reference=kind)
    for reference in (kind, "never"):
        found = recalling.look_up("orion", reference)
        assert (found.status_code, found.json()) == (404, {"status": "unknown"})


def test_running_call() -> None:
    """A call at work is running, although it is paid for."""
    with (
        instant("--recall", "orion=on", "--latency", "orion=30s") as world,
        asking(world, person(1), "slow"),
    ):
        assert eventually(lambda: bool(world.book("orion")["calls_charged"]))
        assert world.look_up("orion", "slow").json() == {"status": "running"}


def test_needs_the_key_and_the_offer(world: Simulator, recalling: Simulator) -> None:
    """A wrong key is a 401; a provider that offers no look-up says 501, which is not `unknown`."""
    assert recalling.client.get("/orion/calls/a").status_code == 401
    world.ask("orion", person(1), reference="there")
    found = world.look_up("orion", "there")
    assert (found.status_code, found.json()) == (501, {"error": "not offered"})
    assert world.book("orion")["lookups"] == 0


def test_references_are_the_providers_own(recalling: Simulator) -> None:
    """A reference at one provider means nothing to another."""
    recalling.ask("orion", person(2), reference="orions")
    assert recalling.look_up("orion", "orions").status_code == 200
    assert recalling.look_up("astra", "orions").status_code == 404
