"""What costs money, also when nobody is there to hear the answer."""

import json
import socket
from collections.abc import Iterator
from itertools import islice

import httpx2
import pytest

from tests.simulator.harness import KEY, PROVIDERS, Simulator, eventually, instant, person


@pytest.fixture(scope="module")
def faulty() -> Iterator[Simulator]:
    """One kind of fault a provider, at every call."""
    faults = ("orion:garbage=1", "astra:busy=1", "nimbus:error=1")
    with instant(*(word for fault in faults for word in ("--fault", fault))) as simulator:
        yield simulator


def send_and_leave(world: Simulator, body: object) -> None:
    """One call to Orion by a client that hangs up at once."""
    raw = json.dumps(body).encode()
    head = f"POST /orion HTTP/1.1\r\nHost: x\r\nx-auth-me: {KEY}\r\nContent-Length: {len(raw)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(world.url.rsplit(":", 1)[1]))) as connection:
        connection.sendall(head.encode() + raw)


def test_every_request_is_charged() -> None:
    """By default hits and misses cost the same: the provider's price."""
    with instant() as world:
        for number in range(20):
            for provider in PROVIDERS:
                world.ask(provider, person(number))
        for provider, price in (("orion", 20_000), ("astra", 10_000), ("nimbus", 15_000)):
            book = world.book(provider)
            assert book["hits"] + book["misses"] == book["answered"] == book["calls_charged"] == 20
            assert book["hits"]
            assert book["misses"]
            assert book["charged_micros"] == 20 * price
        assert world.books()["totals"]["charged_usd"] == "0.900000"
        assert sum(one["charged_micros"] for one in world.calls()) == 900_000


def test_only_hits_are_charged() -> None:
    """With `hit` a miss is free, at the price of the flag."""
    with instant("--charges", "astra=hit", "--price", "astra=0.0125") as world:
        for number in range(30):
            world.ask("astra", person(number))
        book = world.book("astra")
        assert book["calls_charged"] == book["hits"]
        assert book["misses"] > 0
        assert book["charged_micros"] == 12_500 * book["hits"]


def test_garbage_is_charged(faulty: Simulator) -> None:
    """A 200 that cannot be read is charged, whether HTML or JSON cut short."""
    answers = [faulty.ask("orion", person(number)) for number in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["Content-Type"] for answer in answers} == {"text/html", "application/json"}
    for answer in answers:
        with pytest.raises(ValueError):
            answer.json()
    book = faulty.book("orion")
    assert book["garbage"] == book["faults"]["garbage"] == book["calls_charged"] == 20
    assert book["hits"] == book["misses"] == 0


@pytest.mark.parametrize(("provider", "kind", "status"), [("nimbus", "error", 500), ("astra", "busy", 429)])
def test_failures_are_free(provider: str, kind: str, status: int, faulty: Simulator) -> None:
    """500 and 429 cost nothing, and a faulted 429 is no refusal for limits."""
    answer = faulty.ask(provider, person(1))
    assert answer.status_code == status
    assert answer.headers.get("Retry-After") == ("1" if kind == "busy" else None)
    book = faulty.book(provider)
    assert (book["calls_charged"], book["refused_limits"], book["faults"][kind]) == (0, 0, 1)


def test_client_that_left_has_paid() -> None:
    """A client that hangs up during the latency is booked and keeps its place in flight until the end."""
    with instant("--latency", "orion=700ms") as world:
        for number in range(3):
            send_and_leave(world, person(number))
        assert eventually(lambda: bool(world.book("orion")["in_flight"] == 3), 0.5)
        book = world.book("orion")
        assert (book["answered"], book["calls_charged"], book["charged_micros"]) == (3, 3, 60_000)
        assert eventually(lambda: bool(world.book("orion")["in_flight"] == 0))
        assert world.book("orion")["calls_charged"] == len(world.calls()) == 3


def test_slow_answer_is_charged_at_acceptance() -> None:
    """An answer that takes longer than the client's patience is in the books before it is given."""
    with instant("--fault", "orion:slow=1") as world:
        body = next(islice(world.people("orion", hit=True), 1))
        with pytest.raises(httpx2.ReadTimeout):
            world.ask("orion", body, timeout=0.2)
        book = world.book("orion")
        assert (book["hits"], book["calls_charged"], book["faults"]["slow"], book["in_flight"]) == (
            1,
            1,
            1,
            1,
        )
