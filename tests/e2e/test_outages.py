"""Providers that are down for a while, in the middle of a job."""

from pathlib import Path

from tests.e2e.people import plain_file
from tests.e2e.processes import NO_LIMITS, running, staged
from tests.entrypoints.program import SCRIPT, WarmStart

PEOPLE = 60


def test_a_short_outage_is_waited_out(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """Whoever follows the job reads of it; no lead is left without an answer, and none pays twice."""
    with (
        staged(warm, tmp_path, temporal_address, "--profile", "instant", *NO_LIMITS) as stage,
        stage.worker(),
    ):
        stage.set_providers("rate=100/1s", "concurrency=20")
        stage.import_people(plain_file(PEOPLE))
        stage.world.control(provider="orion", faults={"error": 1.0})
        command = [str(SCRIPT), "phones", "find"]
        with running("find", command, tmp_path, stage.program.environment()) as find:
            find.says("orion: breaker open")
            stage.world.control(provider="orion", faults={})
            find.says(f"{PEOPLE} leads: ", seconds=120)
        (job,) = stage.program("jobs", "list", "--json").document["jobs"]
        assert (job["status"], job["found"] + job["not_found"]) == ("done", PEOPLE)
        answered = [call for call in stage.world.calls() if call["outcome"] in {"hit", "miss"}]
        assert len(answered) == len({(call["provider"], call["question"]) for call in answered})
        assert {call["provider"] for call in answered} >= {"orion", "astra"}
