"""Changing a world while it runs."""

import pytest

from tests.simulator.harness import PROVIDERS, Json, Simulator, eventually, instant, person
from tests.simulator.test_simulator_charging import send_and_leave


def test_settings_change() -> None:
    """Hit rate, price, charges, latency, keys and look-ups change for the calls that come after."""
    with instant() as world:
        told = world.control(
            "orion",
            hit_rate=0,
            price_micros=7,
            charges="hit",
            latency_seconds=0.05,
            idempotency=True,
            recall=True,
        )
        assert told["providers"]["orion"] == {
            "rules": [],
            "concurrency": None,
            "faults": {},
            "next": [],
            "hit_rate": 0.0,
            "latency_seconds": 0.05,
            "charges": "hit",
            "price_micros": 7,
            "idempotency": True,
            "recall": True,
            "hit_rates": {},
            "overlap": 0.0,
            "pause": False,
        }
        assert told["providers"]["astra"]["price_micros"] == 10_000
        answer = world.ask("orion", person(1), reference="a")
        assert answer.elapsed.total_seconds() > 0.02
        assert world.truth(person(1))["orion"]["hit"] is False
        assert world.look_up("orion", "a").json()["charged"] is False
        assert "Idempotent-Replayed" in world.ask("orion", person(1), reference="a").headers
        world.control("orion", hit_rate=1, latency_seconds=0)
        world.ask("orion", person(1))
        assert world.book("orion")["charged_micros"] == 7
        assert world.client.get("/control").json()["providers"]["orion"]["hit_rate"] == 1.0


def test_fault_rates_are_replaced() -> None:
    """New rates take the place of all old ones, and without a provider they are everybody's."""
    with instant("--fault", "orion:error=1") as world:
        assert world.ask("orion", person(1)).status_code == 500
        world.control(faults={"504_charged": 1})
        assert [world.ask(name, person(1)).status_code for name in PROVIDERS] == [504] * 3
        world.control("orion", faults={})
        assert world.ask("orion", person(1)).status_code == 200
        assert world.book("orion")["faults"]["504_charged"] == 1


def test_script_goes_before_chance() -> None:
    """The next calls meet what the script says, in its order; then chance rules again."""
    with instant("--fault", "orion:busy=1") as world:
        scenes = [{"fault": "none", "count": 2}, {"fault": "503_free"}]
        world.control("orion", next=scenes)
        world.control("orion", next=[{"fault": "206"}])
        assert [world.ask("orion", person(1)).status_code for _ in range(5)] == [200, 200, 503, 206, 429]
        world.control("orion", next=scenes)
        told = world.control("orion", next=[])
        assert told["providers"]["orion"]["next"] == []
        assert world.ask("orion", person(1)).status_code == 429


def test_script_for_everybody() -> None:
    """Without a provider each of the three gets the script for itself."""
    with instant() as world:
        world.control(next=[{"fault": "503_charged", "count": 2}])
        codes = {name: [world.ask(name, person(1)).status_code for _ in range(3)] for name in PROVIDERS}
    assert list(codes.values()) == [[503, 503, 200]] * 3


def test_script_about_one_question(world: Simulator) -> None:
    """A scene for one question waits for it and leaves the others alone."""
    digest = world.truth(person(1))["orion"]["question"]
    world.control("orion", next=[{"fault": "error", "question": digest}])
    assert [world.ask("orion", person(number)).status_code for number in (2, 1, 1)] == [200, 500, 200]
    assert world.calls()[-1]["question"] == digest


def test_pause_accepts_and_holds() -> None:
    """A paused provider takes calls in, books nothing and answers when the pause ends; others go on."""
    with instant() as world:
        assert world.control("orion", pause=True)["providers"]["orion"]["pause"] is True
        send_and_leave(world, person(1))
        assert eventually(lambda: bool(world.book("orion")["in_flight"] == 1))
        assert world.book("orion")["calls"] == 0
        assert world.ask("astra", person(1)).status_code == 200
        world.control(pause=False)
        assert eventually(lambda: bool(world.book("orion")["calls_charged"] == 1))


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"speed": 1}, "unknown field 'speed'"),
        ({"provider": "pluto"}, "no provider"),
        ({"faults": {"boom": 1}}, "'boom' is no fault"),
        ({"faults": {"error": 2}}, "from 0 to 1"),
        ({"faults": {"error": 0.6, "busy": 0.6}}, "more than 1"),
        ({"faults": {"shape": 0.5}}, "nimbus alone"),
        ({"faults": []}, "object of rates"),
        ({"next": {}}, "'next' is a list"),
        ({"next": [{"fault": "boom"}]}, "'boom' is no fault"),
        ({"next": [{"fault": "error", "count": 0}]}, "'count' is a whole number"),
        ({"next": [{"fault": "error", "when": 1}]}, "an entry of 'next'"),
        ({"next": [{"fault": "error", "question": "me"}]}, "16 hexadecimal digits"),
        ({"hit_rate": True}, "wants numbers"),
        ({"latency_seconds": -1}, "from 0 to 3600"),
        ({"price_micros": 1.5}, "whole number"),
        ({"charges": "never"}, "'charges' is"),
        ({"idempotency": "on"}, "true or false"),
        ({"hold": "nowhere"}, "'hold' is one of"),
        ({"question": "0" * 16}, "goes with 'hold'"),
        ({"release": False}, "'release' is true"),
    ],
)
def test_nonsense_changes_nothing(world: Simulator, body: Json, word: str) -> None:
    """A wish that makes no sense is a 400 that says why and what is allowed; the good half is not done."""
    before = world.client.get("/control").json()
    answer = world.client.post("/control", json={"price_micros": 1, **body})
    assert answer.status_code == 400
    assert word in answer.json()["error"]
    assert {"provider", "faults", "next", "hold"} <= set(answer.json()["allowed"])
    assert world.client.get("/control").json() == before


def test_no_object(world: Simulator) -> None:
    """A body that is no JSON object is a 400 as well."""
    assert world.client.post("/control", content=b"[]").status_code == 400
