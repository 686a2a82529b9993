"""`leadgen jobs pause`, `resume` and `cancel`, while nothing but the database is there."""

import pytest

from tests.entrypoints.program import Ended, Program
from tests.entrypoints.records import import_leads, record_job, record_job_over_budget

SETTINGS = {
    "TEMPORAL_ADDRESS": "127.0.0.1:1",
    "ORION_URL": "http://127.0.0.1:1/orion",
    "ORION_API_KEY": "secret-key",
}


def run(program: Program, *words: str) -> Ended:
    """A command without a Temporal server."""
    return program("jobs", *words, **SETTINGS)


def wide(text: str) -> int:
    """The length of the longest line."""
    return max(len(line) for line in text.splitlines())


def test_pause(program: Program) -> None:
    """The job is paused though Temporal is away; the command says both, and how to go on."""
    import_leads(program)
    job_id = record_job(program)
    ended = run(program, "pause", job_id)
    assert (ended.code, wide(ended.out + ended.err) <= 80) == (0, True)
    assert f"Job {job_id}: paused" in ended.out
    assert f"leadgen jobs resume {job_id}" in ended.out
    assert "Temporal does not answer" in ended.err
    assert "recorded" in ended.err
    shown, listed = run(program, "show", job_id), run(program, "list")
    assert f"leadgen jobs resume {job_id}" in shown.out
    assert f"{job_id} paused" in " ".join(listed.out.split())
    assert wide(listed.out) <= 80


def test_pause_twice_as_json(program: Program) -> None:
    """Prints the job, and nothing else on stdout; the second time nothing has changed."""
    import_leads(program)
    job_id = record_job(program)
    first = run(program, "pause", job_id, "--json").document
    assert (first["job_id"], first["status"], first["wanted"]) == (job_id, "paused", "pause")
    assert run(program, "pause", job_id, "--json").document == first
    assert first.items() <= run(program, "show", job_id, "--json").document.items()


def test_resume(program: Program) -> None:
    """A paused job runs again, with another budget if one is given; a running one is left as it is."""
    import_leads(program)
    job_id = record_job(program)
    run(program, "pause", job_id)
    words = ("resume", job_id, "--no-wait", "--json")
    resumed = run(program, *words, "--budget", "0.50")
    assert (resumed.document["status"], resumed.document["wanted"]) == ("running", "run")
    assert resumed.document["budget_usd"] == 0.5
    assert "Temporal does not answer" in resumed.err
    assert run(program, *words).document == resumed.document
    refused = run(program, *words, "--budget", "0.60")
    assert (refused.code, "pause it" in refused.complaint) == (1, True)


def test_cancel(program: Program) -> None:
    """A job that is to be cancelled says so, and neither pauses nor goes on."""
    import_leads(program)
    job_id = record_job(program)
    cancelled = run(program, "cancel", job_id)
    assert (cancelled.code, f"Job {job_id}: cancelling" in cancelled.out) == (0, True)
    assert f"{job_id} cancelling" in " ".join(run(program, "list").out.split())
    for words in (("pause", job_id), ("resume", job_id)):
        refused = run(program, *words)
        assert (refused.code, "is being cancelled" in refused.complaint) == (1, True)
    document = run(program, "cancel", job_id, "--json").document
    assert (document["status"], document["wanted"]) == ("running", "cancel")


@pytest.mark.parametrize("command", ["pause", "cancel"])
def test_ended_job(program: Program, command: str) -> None:
    """What has ended can neither be paused nor cancelled: one line that says where to look instead."""
    job_id = record_job_over_budget(program, import_leads(program), 10_000)
    refused = run(program, command, job_id)
    assert refused.code == 1
    assert f"job {job_id} is budget_reached" in refused.complaint
    assert "leadgen jobs" in refused.complaint


def test_budget_reached_without_temporal(program: Program) -> None:
    """A job that needs a new workflow is not opened again while none can be started."""
    job_id = record_job_over_budget(program, import_leads(program), 10_000)
    refused = run(program, "resume", job_id, "--budget", "5")
    assert (refused.code, "Temporal is not available" in refused.complaint) == (1, True)
    assert run(program, "show", job_id, "--json").document["status"] == "budget_reached"


@pytest.mark.parametrize("command", ["pause", "resume", "cancel"])
def test_unknown_job(program: Program, command: str) -> None:
    """An unknown id is told in one line; without an id it is bad usage."""
    ended = run(program, command, "nothing")
    assert (ended.code, "no job has the id 'nothing'" in ended.complaint) == (1, True)
    assert run(program, command).code == 2


def test_help(program: Program) -> None:
    """The help names the three commands, and what becomes of what is under way."""
    listed = program("jobs", "--help").out
    assert all(f" {command} " in listed for command in ("pause", "resume", "cancel"))
    assert "what is under way is booked" in " ".join(program("jobs", "pause", "--help").out.split())
    assert "for good" in program("jobs", "cancel", "--help").out
