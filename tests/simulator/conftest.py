"""One open world shared by the tests that leave no trace another test could mind."""

from collections.abc import Iterator

import pytest

from tests.simulator.harness import Simulator, instant


@pytest.fixture(scope="package")
def world() -> Iterator[Simulator]:
    """Seed 7, no latency, no limits, no faults."""
    with instant("--seed", "7") as simulator:
        yield simulator
