"""Several providers at once, over real processes: what losers cost is in the ledger to the micro-dollar."""

from pathlib import Path

import pytest

from tests.e2e.people import plain_file
from tests.e2e.processes import NO_LIMITS, PROVIDERS, staged
from tests.e2e.receipt import micros
from tests.entrypoints.program import WarmStart

LATENCIES = tuple(
    word
    for name, latency in (("orion", "600ms"), ("astra", "80ms"), ("nimbus", "130ms"))
    for word in ("--latency", f"{name}={latency}")
)


@pytest.mark.parametrize("strategy", [("parallel",), ("hedged", "--hedge-after", "200ms")], ids=" ".join)
def test_losers_are_booked(
    warm: WarmStart, tmp_path: Path, temporal_address: str, strategy: tuple[str, ...]
) -> None:
    """Job, ledger and the simulator's books agree, when the job has ended; every answer has its lead."""
    flags = ("--profile", "instant", *NO_LIMITS, *LATENCIES)
    with staged(warm, tmp_path, temporal_address, *flags) as stage, stage.worker():
        stage.set_providers("rate=1000/1s", "concurrency=50")
        stage.import_people(plain_file(60))
        job = stage.program("phones", "find", "--strategy", *strategy, "--json").document
        books = stage.world.books()
        audit = stage.audit()
        assert (job["status"], job["strategy"]) == ("done", strategy[0])
        assert job["leads"] == job["found"] + job["not_found"] == 60
        assert micros(job["cost_usd"]) == micros(audit["posted_usd"]) == books["totals"]["charged_micros"]
        assert (audit["intents_open"], audit["held_usd"], audit["estimated_usd"]) == (0, 0, 0)
        for name in PROVIDERS:
            assert job["providers"][name]["calls"] == books["providers"][name]["calls"], name
        known = {
            name: sum(call["outcome"] == "hit" for call in stage.world.calls() if call["provider"] == name)
            for name in PROVIDERS
        }
        assert {name: job["providers"][name]["hits"] for name in PROVIDERS} == known
        assert sum(known.values()) > job["found"], "no loser had a number, so nothing was shown"
