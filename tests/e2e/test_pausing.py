"""Jobs that are paused, resumed and cancelled, whatever is killed meanwhile."""

import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.e2e.people import plain_file
from tests.e2e.processes import NO_LIMITS, PROVIDERS, Running, Stage, running, staged, until
from tests.e2e.receipt import micros
from tests.entrypoints.program import SCRIPT, WarmStart
from tests.servers.temporal import temporal_server

PEOPLE = 60
SLOWLY = ("rate=8/1s", "concurrency=10", "timeout=2s")
FLAGS = ("--profile", "demo", *NO_LIMITS)
PROMPT_SECONDS = 1.5
"""A second for the wish to be seen, and a half for questions that had their turn already."""


def calls(stage: Stage) -> int:
    """How many calls the providers have received."""
    return int(stage.world.books()["totals"]["calls"])


def begin(stage: Stage) -> str:
    """The id of a job that is under way, and will be for a while."""
    stage.set_providers(*SLOWLY)
    stage.import_people(plain_file(PEOPLE))
    job_id = str(stage.program("phones", "find", "--no-wait", "--json").document["job_id"])
    until(lambda: calls(stage) >= 10, 30, "the job is under way")
    return job_id


def quiet(stage: Stage) -> Sequence[dict[str, Any]]:
    """All calls, once everything is booked, and none has come for two seconds."""
    since, seen = time.monotonic(), -1
    while time.monotonic() < since + 2 or stage.audit()["intents_open"]:
        if calls(stage) != seen:
            seen, since = calls(stage), time.monotonic()
        time.sleep(0.05)
    return stage.world.calls()


def check_books(stage: Stage, job: dict[str, Any]) -> None:
    """Nothing that was answered was asked again; job, ledger and providers agree on every micro-dollar."""
    answered = [
        (call["provider"], call["question"])
        for call in stage.world.calls()
        if call["outcome"] in {"hit", "miss"}
    ]
    assert len(answered) == len(set(answered))
    audited = stage.audit("--against", f"{stage.world.url}/usage")
    assert (audited["intents_open"], audited["held_usd"], audited["claims"]) == (0, 0, [])
    assert micros(audited["posted_usd"] + audited["estimated_usd"]) == stage.world.charged_micros
    assert micros(job["cost_usd"]) == stage.world.charged_micros


def test_pause_survives_everything(warm: WarmStart, tmp_path: Path) -> None:
    """A pause is prompt, outlives its worker and its Temporal server, and costs nothing in the end."""
    with temporal_server(tmp_path) as temporal, staged(warm, tmp_path, temporal.address, *FLAGS) as stage:
        with stage.worker() as first:
            job_id = begin(stage)
            ended = stage.program("jobs", "pause", job_id)
            paused_at = time.monotonic()
            assert (ended.code, ended.err) == (0, "")
            received = quiet(stage)
            assert received[-1]["at"] <= paused_at + PROMPT_SECONDS
            under_way = stage.job(job_id)
            assert under_way["status"] == "paused"
            assert 0 < sum(under_way[state] for state in ("found", "not_found")) < PEOPLE
            assert first.stop(signal.SIGKILL) == -signal.SIGKILL
        with stage.worker() as second:
            assert len(quiet(stage)) == len(received)
            temporal.kill()
            assert second.stop(signal.SIGKILL) == -signal.SIGKILL
        temporal.start()
        with stage.worker():
            assert stage.job(job_id)["status"] == "paused"
            job = stage.program("jobs", "resume", job_id, "--json").document
        assert (job["job_id"], job["status"], job["leads"]) == (job_id, "done", PEOPLE)
        assert sum(job[state] for state in ("found", "not_found", "incomplete")) == PEOPLE
        check_books(stage, job)


def test_killed_in_the_middle_of_a_pause(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """A worker that dies with calls under way, just paused, leaves a job that goes on to its end."""
    with staged(warm, tmp_path, temporal_address, *FLAGS) as stage:
        with stage.worker() as first:
            job_id = begin(stage)
            assert stage.program("jobs", "pause", job_id).code == 0
            assert first.stop(signal.SIGKILL) == -signal.SIGKILL
        with stage.worker():
            job = stage.program("jobs", "resume", job_id, "--json").document
        assert (job["status"], job["leads"], job["failed"]) == ("done", PEOPLE, 0)
        in_doubt = 10 * len(PROVIDERS) * 20_000
        assert 0 <= micros(job["cost_usd"]) - stage.world.charged_micros <= in_doubt
        assert stage.audit("--against", f"{stage.world.url}/usage")["claims"] == []
        assert micros(stage.audit()["posted_usd"]) == stage.world.charged_micros


def test_cancel(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """A cancelled job ends with what it has; a later one takes up the rest, and pays for nothing twice."""
    with staged(warm, tmp_path, temporal_address, *FLAGS) as stage, stage.worker():
        job_id = begin(stage)
        assert stage.program("jobs", "cancel", job_id).code == 0
        cancelled_at = time.monotonic()
        until(lambda: stage.job(job_id)["status"] == "cancelled", 15, "the job ends")
        received = quiet(stage)
        assert received[-1]["at"] <= cancelled_at + PROMPT_SECONDS
        job = stage.job(job_id)
        assert job["leads"] == sum(job[state] for state in ("found", "not_found", "incomplete")) == PEOPLE
        assert (job["incomplete"] > 0, job["failed"]) == (True, 0)
        check_books(stage, job)
        again = stage.program("jobs", "cancel", job_id, "--json").document
        del again["providers"]  # without the reasons that `jobs show` adds
        assert again.items() <= job.items()
        refused = stage.program("jobs", "resume", job_id)
        assert (refused.code, f"job {job_id} is cancelled" in refused.complaint) == (1, True)
        rest = stage.program("phones", "find", "--json").document
        assert rest["status"] == "done"
        states = [lead["phone_status"] for lead in stage.leads()]
        assert set(states) <= {"found", "not_found", "incomplete"}
        check_books(stage, {"cost_usd": job["cost_usd"] + rest["cost_usd"]})


def test_whoever_follows_is_told(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """`phones find` says once that its job is paused, and follows on; Ctrl-C leaves the job to itself."""
    with staged(warm, tmp_path, temporal_address, *FLAGS) as stage, stage.worker():
        stage.set_providers(*SLOWLY)
        stage.import_people(plain_file(PEOPLE))
        environment = stage.program.environment()
        with running("find", [str(SCRIPT), "phones", "find"], tmp_path, environment) as find:
            until(lambda: calls(stage) >= 10, 30, "the job is under way")
            (job,) = stage.program("jobs", "list", "--json").document["jobs"]
            resume = f"leadgen jobs resume {job['job_id']}"
            assert stage.program("jobs", "pause", job["job_id"]).code == 0
            find.says(resume)
            quiet(stage)
            assert stage.program("jobs", "resume", job["job_id"], "--no-wait").code == 0
            before = calls(stage)
            until(lambda: calls(stage) > before + 3, 15, "the job goes on")
            interrupted(find, job["job_id"])
        assert find.text.count(resume) == 1
        before = calls(stage)
        until(lambda: calls(stage) > before + 3, 15, "the job still goes on")
        assert stage.program("jobs", "cancel", job["job_id"]).code == 0
        until(lambda: stage.job(job["job_id"])["status"] == "cancelled", 15, "the job ends")


def interrupted(find: Running, job_id: str) -> None:
    """Ctrl-C ends the command, which says that the job goes on and how to stop it."""
    assert find.press_ctrl_c() == 130
    assert "The job goes on" in find.text
    assert f"leadgen jobs pause {job_id}" in find.text
    assert "Traceback" not in find.text
