"""The strict limits: exact, counted, and harmless to those who obey."""

import asyncio
import time
from collections.abc import Iterator, Sequence

import httpx2
import pytest

from leadgen_simulator.config import ProviderConfig, Rule
from leadgen_simulator.limits import Limits
from tests.simulator.harness import Simulator, call, eventually, instant, person


@pytest.fixture(scope="module")
def strict() -> Iterator[Simulator]:
    """Three rules, one for each of the tests that use up a provider."""
    with instant(
        "--rate", "nimbus=2/30s", "--rate", "orion=3/1ms,4/1h", "--rate", "astra=2/30s"
    ) as simulator:
        yield simulator


async def burst(world: Simulator, provider: str, count: int) -> Sequence[httpx2.Response]:
    """So many calls at once, each about somebody else."""
    async with httpx2.AsyncClient(base_url=world.url, trust_env=False, verify=False) as client:
        return await asyncio.gather(
            *(client.post(**call(provider, person(number))) for number in range(count))
        )


def test_obedient_client_is_never_refused() -> None:
    """A client that keeps its distance meets no 429 and leaves 0 over."""
    with instant("--rate", "astra=5/100ms,1000/1h") as world:
        for number in range(10):
            assert world.ask("astra", person(number)).status_code == 200
            time.sleep(0.025)
        book = world.book("astra")
        assert book["refused_limits"] == 0
        assert [(rule["rule"], rule["over"]) for rule in book["rules"]] == [("5/100ms", 0), ("1000/1h", 0)]
        assert book["rules"][1]["in_window_max"] == 10


def test_burst_is_cut_to_the_rule(strict: Simulator) -> None:
    """Above N in a window comes 429 with Retry-After; it is free and counted as over."""
    answers = [strict.ask("nimbus", person(number)) for number in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 2 + [429] * 4
    assert all(29 <= int(answer.headers["Retry-After"]) <= 30 for answer in answers[2:])
    book = strict.book("nimbus")
    assert book["rules"] == [{"rule": "2/30s", "in_window_max": 2, "over": 4}]
    assert (book["refused_limits"], book["calls"], book["calls_charged"]) == (4, 6, 2)
    assert book["faults"]["busy"] == 0
    last = [one for one in strict.calls() if one["provider"] == "nimbus"][-1]
    assert last["outcome"] == "rate_limit"
    assert last["question"]


def test_window_opens_again() -> None:
    """A refused call fills no window: after W the next one is admitted."""
    with instant("--rate", "orion=1/300ms") as world:
        assert world.ask("orion", person(1)).status_code == 200
        assert int(world.ask("orion", person(2)).headers["Retry-After"]) == 1
        assert eventually(lambda: world.ask("orion", person(2)).status_code == 200, 1.0)


def test_each_rule_counts_for_itself(strict: Simulator) -> None:
    """Of several rules each counts what went over it, and the longest wait is announced."""
    answers = []
    for number in range(6):
        answers.append(strict.ask("orion", person(number)))
        time.sleep(0.002)
    assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 2
    assert int(answers[-1].headers["Retry-After"]) > 3500
    assert [rule["over"] for rule in strict.book("orion")["rules"]] == [0, 2]


def test_malformed_calls_take_a_place(strict: Simulator) -> None:
    """A call with a good key and a bad body has arrived all the same; one with a bad key has not."""
    assert [strict.ask("astra", {}, key="wrong").status_code for _ in range(3)] == [401] * 3
    assert [strict.ask("astra", {}).status_code for _ in range(3)] == [400, 400, 429]


@pytest.mark.asyncio
async def test_concurrency_cap() -> None:
    """More in flight than the cap is 429; the cap is the highest ever in flight."""
    with instant("--concurrency", "orion=3", "--latency", "orion=600ms") as world:
        answers = await burst(world, "orion", 8)
        refused = [answer for answer in answers if answer.status_code == 429]
        assert len(refused) == 5
        assert {answer.headers["Retry-After"] for answer in refused} == {"1"}
        book = world.book("orion")
        assert (book["in_flight_max"], book["in_flight"]) == (3, 0)
        assert book["concurrency"] == {"cap": 3, "over": 5}
        assert book["refused_limits"] == world.books()["totals"]["over"] == 5


def test_default_limits() -> None:
    """Without flags the three have the limits of their contracts."""
    with Simulator("--profile", "instant") as world:
        for provider, cap, limit in (("orion", 3, 5), ("astra", 10, 10), ("nimbus", 2, 2)):
            for number in range(12):
                world.ask(provider, person(number))
            book = world.book(provider)
            assert book["concurrency"]["cap"] == cap
            assert book["rules"][0]["rule"] == f"{limit}/1s"
            assert book["rules"][0]["in_window_max"] == limit


def test_window_is_exact() -> None:
    """N arrivals in any half-open window of W: just before is refused, exactly W later is admitted."""
    limits = Limits(ProviderConfig((Rule(2, 1000, "2/1us"),), None, 0, 0.5))
    admitted = [now for now in (0, 400, 999, 1000, 1399, 1400, 2000) if limits.admit(now) is None]
    assert admitted == [0, 400, 1000, 1400, 2000]
    assert limits.windows[0].over == 2
