"""What was paid for once is paid for once: two jobs at the same time, and one after the other."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.people import plain_file
from tests.e2e.processes import NO_LIMITS, PROVIDERS, Stage, staged
from tests.e2e.receipt import micros
from tests.entrypoints.program import WarmStart


def find_twice_at_once(stage: Stage) -> list[dict[str, Any]]:
    """Orders two jobs before anybody is there to do them, so that both cover all leads; waits for both."""
    first, second = (stage.program("phones", "find", "--no-wait", "--json") for _ in range(2))
    ordered = [first.document, second.document]
    assert (first.err, f"Job {ordered[0]['job_id']} has not ended" in second.err) == ("", True)
    with stage.worker(), stage.worker():
        for job in ordered:
            stage.result_of(f"find-phones-{job['job_id']}")
    return [stage.job(job["job_id"]) for job in ordered]


def two_jobs_pay_once(stage: Stage, leads: int) -> None:
    """Checks both receipts, the ledger and the providers' books; then a rerun, which pays for nothing."""
    stage.set_providers("rate=1000/1s", "concurrency=50")
    stage.import_people(plain_file(leads))
    jobs = find_twice_at_once(stage)
    assert [(job["status"], job["leads"]) for job in jobs] == [("done", leads)] * 2
    assert jobs[0]["found"] == jobs[1]["found"]
    calls = stage.world.calls()
    asked = [(call["provider"], call["question"]) for call in calls]
    assert len(asked) == len(set(asked)), "a question was asked twice"
    assert len({call["reference"] for call in calls}) == len(calls)
    cost = sum(micros(job["cost_usd"]) for job in jobs)
    assert cost == stage.world.charged_micros == micros(stage.audit()["posted_usd"])
    reused = [job["reused"] for job in jobs]  # a lead that has its number already needs no answer
    misses = len(PROVIDERS) * jobs[0]["not_found"]
    assert misses <= sum(each["calls"] for each in reused) <= len(calls), reused
    assert 0 < sum(micros(each["saved_usd"]) for each in reused) <= cost, reused
    with stage.worker():
        again = stage.program("phones", "find", "--again", "--json").document
    assert (again["status"], again["cost_usd"]) == ("done", 0)
    assert again["leads"] == again["not_found"] == jobs[0]["not_found"]
    assert again["reused"]["calls"] == len(PROVIDERS) * again["leads"]
    assert len(stage.world.calls()) == len(calls)


def test_two_jobs_over_the_same_leads(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """Two workers, two jobs over the same leads: every question is bought by one of them."""
    flags = ("--profile", "instant", *NO_LIMITS)
    with staged(warm, tmp_path, temporal_address, *flags) as stage:
        two_jobs_pay_once(stage, 60)


@pytest.mark.slow
def test_two_jobs_over_a_thousand_leads(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """A thousand waterfalls are paid for, not two thousand."""
    flags = ("--profile", "instant", *NO_LIMITS)
    with staged(warm, tmp_path, temporal_address, *flags) as stage:
        two_jobs_pay_once(stage, 1_000)
