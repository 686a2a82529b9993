"""Calls that stop where a test wants to break something."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from leadgen_simulator.barriers import POINTS
from tests.simulator.harness import Json, Simulator, asking, eventually, instant, person
from tests.simulator.test_simulator_usage import calls_of

FLAGS = ("--idempotency", "orion=on", "--recall", "orion=on")


def held(world: Simulator) -> Json:
    """The call that is held."""
    answer = world.client.get("/control/held?timeout=3")
    assert answer.status_code == 200
    found: Json = answer.json()
    return found


@pytest.mark.parametrize(
    ("point", "booked", "written", "told"),
    [
        ("received", 0, 0, "running"),
        ("charged", 1, 0, "running"),
        ("headers", 1, 0, "answered"),
        ("body", 1, 0.5, "answered"),
    ],
)
def test_call_stops_there(point: str, booked: int, written: float, told: str, tmp_path: Path) -> None:
    """At each point just so much is booked, on disk and written; released, the call ends as it should."""
    file = tmp_path / "books.jsonl"
    with instant(*FLAGS, "--books", str(file)) as world:
        body = person(1)
        digest = world.truth(body)["orion"]["question"]
        assert world.control("orion", hold=point)["armed"][0]["point"] == point
        with asking(world, body, "k") as connection:
            expected = {"provider": "orion", "question": digest, "reference": "k", "point": point, "held": 1}
            assert held(world) == expected
            assert world.book("orion")["calls_charged"] == len(calls_of(file)) == booked
            assert world.look_up("orion", "k").json()["status"] == told
            head, _, part = (connection.recv(9999) if point in ("headers", "body") else b"").partition(
                b"\r\n\r\n"
            )
            assert head.startswith(b"HTTP/1.1 200 OK") is (point in ("headers", "body"))
            assert world.control(release=True)["held"] == []
            whole = head + b"\r\n\r\n" + part
            while not whole.endswith(b"}"):
                whole += connection.recv(9999)
        answer = whole.rpartition(b"\r\n\r\n")[2]
        assert len(part) == int(len(answer) * written)
        assert json.loads(answer) == world.ask("orion", body, reference="k").json()
        assert world.book("orion")["calls_charged"] == len(world.usage()) == 1


def test_client_that_is_killed_there() -> None:
    """A client that dies while its call is held pays all the same, once; its key then gets the answer."""
    with instant(*FLAGS) as world:
        for number, point in enumerate(POINTS):
            world.control("orion", hold=point)
            with asking(world, person(number), point):
                held(world)
            assert world.book("orion")["calls_charged"] == number + (point != "received")
            world.control(release=True)
            assert eventually(lambda: bool(world.book("orion")["in_flight"] == 0))
            assert "Idempotent-Replayed" in world.ask("orion", person(number), reference=point).headers
            assert world.book("orion")["calls_charged"] == number + 1


def test_key_is_taken_from_the_moment_of_receipt() -> None:
    """While a call is held before it is booked, its key is at work: a second call cannot slip through."""
    with instant(*FLAGS) as world:
        world.control("orion", hold="received")
        with asking(world, person(1), "k"):
            held(world)
            assert world.ask("orion", person(1), reference="k").status_code == 409
            assert world.ask("orion", person(2), reference="k").status_code == 422
            world.control(release=True)
        assert eventually(lambda: bool(world.book("orion")["calls_charged"] == 1))


def test_hold_for_one_question() -> None:
    """A hold for one question lets the others by; one that nobody met can be disarmed."""
    with instant() as world:
        digest = world.truth(person(1))["orion"]["question"]
        world.control("orion", hold="charged", question=digest)
        assert world.ask("orion", person(2)).status_code == 200
        assert world.ask("astra", person(1)).status_code == 200
        with asking(world, person(1), "k"):
            assert held(world)["question"] == digest
            world.control(release=True)
        world.control("orion", hold="charged")
        assert world.control("orion", hold=None)["armed"] == []
        assert world.ask("orion", person(1)).status_code == 200


def test_one_call_through_all_points() -> None:
    """Released and armed for the next point in one go, a call is led through all four."""
    with instant() as world:
        world.control("orion", hold=POINTS[0])
        with asking(world, person(1), "k") as connection:
            for point, following in pairwise([*POINTS, None]):
                assert held(world)["point"] == point
                world.control("orion", release=True, hold=following)
            whole = b""
            while piece := connection.recv(9999):
                whole += piece
        assert whole.endswith(b"}")


def test_nobody_is_held(world: Simulator) -> None:
    """Without a held call the page waits as long as it is told, and says nothing."""
    assert world.client.get("/control/held?timeout=0.05").status_code == 204
    assert world.client.get("/control/held?timeout=soon").status_code == 400
