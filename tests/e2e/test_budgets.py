"""A job that runs out of money, and goes on when there is more."""

import json
from pathlib import Path

import pytest

from tests.e2e.people import messy_file
from tests.e2e.processes import NO_LIMITS, PROVIDERS, staged
from tests.e2e.receipt import hold_against_the_books, micros
from tests.entrypoints.program import WarmStart

PRICE_USD = 0.02
ONE_PRICE = [word for name in PROVIDERS for word in ("--price", f"{name}={PRICE_USD}")]
"""What no longer pays for one provider pays for none; else a cheaper one is still asked, and may find it."""


def test_budget_of_a_job(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """A job stops at its budget with an exact receipt; resumed, it ends as if it had never had one."""
    text, people, _ = messy_file(30)
    with (
        staged(warm, tmp_path, temporal_address, "--profile", "instant", *ONE_PRICE, *NO_LIMITS) as stage,
        stage.worker(),
    ):
        stage.set_providers("rate=40/1s", "concurrency=20", f"price={PRICE_USD}")
        stage.import_people(text)
        first = stage.program("phones", "find", "--budget", "0.15", "--json").document
        assert (first["status"], first["budget_usd"]) == ("budget_reached", 0.15)
        assert first["leads"] == sum(first[state] for state in ("found", "not_found", "incomplete"))
        assert first["incomplete"] > 0
        assert first["cost_usd"] == 7 * PRICE_USD
        assert micros(first["cost_usd"]) == stage.world.charged_micros
        assert stage.audit()["held_usd"] == 0

        same = stage.program("jobs", "resume", first["job_id"], "--json").document
        assert same == first
        assert micros(first["cost_usd"]) == stage.world.charged_micros

        job = stage.program("jobs", "resume", first["job_id"], "--budget", "20", "--json").document
        assert (job["job_id"], job["status"], job["budget_usd"]) == (first["job_id"], "done", 20)
        states = hold_against_the_books(stage, people, job)
        assert set(states.values()) == {"found", "not_found"}
        references = [call["reference"] for call in stage.world.calls()]
        assert len(references) == len(set(references))
        assert micros(stage.audit()["posted_usd"]) == stage.world.charged_micros

        ended = stage.program("jobs", "resume", job["job_id"])
        assert (ended.code, "only one that is paused or budget_reached" in ended.complaint) == (1, True)
        runs = json.loads(
            stage.temporal(
                *("workflow", "list", "--output", "json"),
                *("--query", f'WorkflowId STARTS_WITH "find-phones-{job["job_id"]}"'),
            )
        )
        assert len({run["execution"]["workflowId"] for run in runs}) == 3
        assert {run["status"] for run in runs} == {"WORKFLOW_EXECUTION_STATUS_COMPLETED"}


@pytest.mark.slow
def test_budget_of_a_day(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """A budget of the account stops every job at the same amount, until it is raised."""
    text, people, _ = messy_file(16)
    with (
        staged(warm, tmp_path, temporal_address, "--profile", "instant", *ONE_PRICE, *NO_LIMITS) as stage,
        stage.worker(),
    ):
        stage.set_providers("rate=40/1s", "concurrency=20", f"price={PRICE_USD}")
        stage.import_people(text)
        assert stage.program("budgets", "set", "day=0.05").code == 0
        first = stage.program("phones", "find", "--json").document
        assert (first["status"], first["budget_usd"]) == ("budget_reached", None)
        again = stage.program("phones", "find", "--json").document
        assert (again["status"], again["cost_usd"]) == ("budget_reached", 0)
        assert first["cost_usd"] == 2 * PRICE_USD
        (budget,) = stage.program("budgets", "list", "--json").document["budgets"]
        assert (budget["used_usd"], budget["held_usd"]) == (first["cost_usd"], 0)
        assert micros(budget["used_usd"]) == stage.world.charged_micros
        assert stage.program("budgets", "set", "day=none").code == 0
        job = stage.program("jobs", "resume", first["job_id"], "--json").document
        assert job["status"] == "done"
        hold_against_the_books(stage, people, job)
