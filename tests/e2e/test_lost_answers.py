"""Paid questions whose answers are lost: with their workers, or on their way."""

import signal
from collections import Counter
from pathlib import Path

from tests.e2e.people import messy_file, plain_file
from tests.e2e.processes import NO_LIMITS, PROVIDERS, staged, until
from tests.e2e.receipt import hold_against_the_books, micros
from tests.entrypoints.program import WarmStart


def every(flag: str, value: str) -> tuple[str, ...]:
    """A flag of the simulator for all providers."""
    return tuple(word for name in PROVIDERS for word in (flag, f"{name}={value}"))


def test_repeats_after_a_killed_worker(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """Asked again under their keys, a killed worker's questions are charged once; nothing is in doubt."""
    flags = ("--profile", "instant", *NO_LIMITS, *every("--idempotency", "on"), *every("--latency", "400ms"))
    with staged(warm, tmp_path, temporal_address, *flags) as stage:
        stage.set_providers("rate=20/1s", "concurrency=10", "timeout=2s", "unknown=repeat")
        stage.import_people(plain_file(40))
        with stage.worker() as first:
            job_id = stage.program("phones", "find", "--no-wait", "--json").document["job_id"]
            until(lambda: stage.world.books()["totals"]["calls"] >= 15, 30, "the job is under way")
            assert first.stop(signal.SIGKILL) == -signal.SIGKILL
        in_doubt = stage.audit()["intents_open"]
        assert in_doubt > 0
        with stage.worker():
            until(lambda: stage.job(job_id)["status"] == "done", 90, "the job ends")
        job, audited, calls = stage.job(job_id), stage.audit(), stage.world.calls()
        charged = stage.world.charged_micros
    assert (job["leads"], job["found"] + job["not_found"]) == (40, 40)
    assert (audited["intents_open"], audited["unknown_open"], audited["estimated_usd"]) == (0, 0, 0)
    assert (micros(audited["posted_usd"]), micros(job["cost_usd"])) == (charged, charged)
    received = Counter(call["reference"] for call in calls)
    paid = Counter(call["reference"] for call in calls if call["charged_micros"])
    assert (len(received), max(paid.values())) == (audited["lookups"], 1)
    assert 1 <= sum(count - 1 for count in received.values()) <= in_doubt


def test_recalled_answers(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """Answers that were cut off behind their charge are looked up, and cost nothing more."""
    text, people, _ = messy_file(16)
    faults = ("--fault", "orion:hang_charged=0.4", "--fault", "astra:reset_charged=0.4")
    flags = ("--profile", "instant", *NO_LIMITS, *every("--recall", "on"), *faults)
    with staged(warm, tmp_path, temporal_address, *flags) as stage, stage.worker():
        stage.set_providers("rate=40/1s", "concurrency=20", "timeout=2s", "unknown=recall")
        stage.import_people(text)
        job = stage.program("phones", "find", "--json").document
        assert (job["status"], job["incomplete"]) == ("done", 0)
        hold_against_the_books(stage, people, job)
        audited, books = stage.audit(), stage.world.books()
        assert (audited["unknown_open"], audited["estimated_usd"]) == (0, 0)
        assert micros(audited["posted_usd"]) == books["totals"]["charged_micros"]
        faults_seen = books["totals"]["faults"]
        assert min(faults_seen[kind] for kind in ("hang_charged", "reset_charged")) > 0, faults_seen


def test_assumed_charges_and_the_report(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """What was assumed to be charged is corrected by the providers' report, to the micro-dollar."""
    text, people, _ = messy_file(16)
    faults = ("--fault", "orion:reset_charged=0.4", "--fault", "astra:reset_free=0.6")
    with (
        staged(warm, tmp_path, temporal_address, "--profile", "instant", *NO_LIMITS, *faults) as stage,
        stage.worker(),
    ):
        stage.set_providers("rate=40/1s", "concurrency=20", "timeout=500ms")
        stage.import_people(text)
        job = stage.program("phones", "find", "--json").document
        assert (job["status"], job["incomplete"] > 0) == ("done", True)
        assumed, charged = stage.audit(), stage.world.charged_micros
        assert assumed["unknown_open"] > 0
        posted, estimated = micros(assumed["posted_usd"]), micros(assumed["estimated_usd"])
        assert posted < charged < posted + estimated
        report = f"{stage.world.url}/usage"
        until(lambda: not stage.audit("--against", report)["unknown_open"], 30, "everything is settled")
        audited = stage.audit("--against", report)
        assert (micros(audited["posted_usd"]), audited["estimated_usd"]) == (charged, 0)
        assert (audited["settled"], audited["claims"]) == (0, [])
        assert len(people) == 16
