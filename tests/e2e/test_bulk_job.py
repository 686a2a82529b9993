"""A bulk job from a messy file to its end, held against what is true and what the providers booked."""

from pathlib import Path

from tests.e2e.people import messy_file
from tests.e2e.processes import NO_LIMITS, PROVIDERS, staged
from tests.e2e.receipt import hold_against_the_books
from tests.entrypoints.program import WarmStart

FAULTS = ("--fault", "orion:error=0.2", "--fault", "nimbus:garbage=0.2", "--fault", "astra:busy=0.2")


def test_messy_file(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """Every lead ends as the providers' knowledge implies, at the micro-dollar, and is paid for once."""
    text, people, bad = messy_file(30)
    limits = [word for name in PROVIDERS for word in ("--rate", f"{name}=40/1s")]
    with staged(warm, tmp_path, temporal_address, "--profile", "instant", *limits) as stage, stage.worker():
        stage.set_providers("rate=40/1s")
        receipt = stage.import_people(text)
        assert receipt["rows"] == receipt["created"] + receipt["merged"] + len(receipt["rejected"])
        assert (receipt["created"], len(receipt["rejected"])) == (len(people), bad)
        job = stage.program("phones", "find", "--json").document
        assert job["status"] == "done"
        states = hold_against_the_books(stage, people, job)
        assert set(states.values()) == {"found", "not_found"}
        assert stage.world.books()["totals"]["over"] == 0
        before = stage.world.books()["totals"]["calls"]
        again = stage.program("phones", "find", "--json").document
        assert (again["status"], again["leads"], again["cost_usd"]) == ("done", 0, 0)
        once_more = stage.program("phones", "find", "--again", "--json").document
        assert (once_more["not_found"], once_more["cost_usd"]) == (job["not_found"], 0)
        assert stage.world.books()["totals"]["calls"] == before


def test_messy_file_and_faults(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """Errors are repeated, garbage is not; what stays unknown is incomplete and booked as charged."""
    text, people, _ = messy_file(30)
    flags = ("--profile", "instant", *NO_LIMITS, *FAULTS)
    with staged(warm, tmp_path, temporal_address, *flags) as stage, stage.worker():
        stage.set_providers("rate=40/1s", "concurrency=20")
        stage.import_people(text)
        job = stage.program("phones", "find", "--json").document
        assert job["status"] == "done"
        states = hold_against_the_books(stage, people, job)
        assert set(states.values()) == {"found", "not_found", "incomplete"}
        faults = stage.world.books()["totals"]["faults"]
        assert min(faults[kind] for kind in ("error", "garbage", "busy")) > 0, faults
