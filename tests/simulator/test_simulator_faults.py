"""Faults that come back the same in every run, and may be gone on a repeat."""

from collections.abc import Iterator
from statistics import median

import pytest

from tests.simulator.harness import Simulator, instant, person

FLAGS = (
    "--fault",
    "orion:error=0.3",
    "--fault",
    "orion:busy=0.2",
    "--fault",
    "orion:garbage=0.2",
    "--fault",
    "astra:error=0.25",
)


@pytest.fixture(scope="module")
def flaky() -> Iterator[Simulator]:
    """An Orion with three kinds of faults and an Astra with one."""
    with instant(*FLAGS) as simulator:
        yield simulator


def statuses(world: Simulator, numbers: list[int]) -> dict[int, list[int]]:
    """For each person the statuses of five calls."""
    return {number: [world.ask("orion", person(number)).status_code for _ in range(5)] for number in numbers}


def test_faults_are_reproducible(flaky: Simulator) -> None:
    """The n-th asking of a question meets the same fate in every process; a repeat may succeed."""
    numbers = list(range(20))
    with instant(*FLAGS) as other:
        first = statuses(flaky, numbers)
        assert first == statuses(other, numbers[::-1])
        assert flaky.book("orion")["faults"] == other.book("orion")["faults"]
    assert {status for row in first.values() for status in row} == {200, 429, 500}
    assert any(row[0] == 500 and 200 in row for row in first.values())


def test_rates_are_kept(flaky: Simulator) -> None:
    """The share of faults is near the rate of the flag, and only that kind happens."""
    for number in range(200):
        flaky.ask("astra", person(number))
    faults = flaky.book("astra")["faults"]
    assert 30 <= faults["error"] <= 75
    assert sum(faults.values()) == faults["error"]


def test_demo_profile_has_latency_and_a_flaky_nimbus() -> None:
    """The demo is slower than nothing; its Nimbus has second shapes."""
    with Simulator("--rate", "nimbus=none") as world:
        seconds = []
        for number in range(5):
            answer = world.ask("nimbus", person(number))
            seconds.append(answer.elapsed.total_seconds())
        assert 0.09 < median(seconds) < 0.30
        assert len(set(seconds)) > 1
        assert world.books()["profile"] == "demo"
