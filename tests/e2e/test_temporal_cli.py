"""Workflows started from the Temporal CLI, and what anybody can read in their histories."""

import base64
import json
from pathlib import Path
from typing import Any

from tests.e2e.people import plain_file
from tests.e2e.processes import NO_LIMITS, Stage, staged, until
from tests.entrypoints.program import WarmStart

RUNNING = "WORKFLOW_EXECUTION_STATUS_RUNNING"
FAILED = "WORKFLOW_EXECUTION_STATUS_FAILED"


def plain(value: Any) -> str:
    """All text in a JSON value, its payloads decoded."""
    if isinstance(value, dict):
        if isinstance(value.get("data"), str):
            return base64.b64decode(value["data"], validate=True).decode(errors="replace")
        return "\n".join(plain(inner) for inner in value.values())
    return "\n".join(map(plain, value)) if isinstance(value, list) else str(value)


def histories(stage: Stage) -> dict[str, str]:
    """The text of the history of every workflow of this stage, by workflow id."""
    query = f"TaskQueue = '{stage.queue}'"
    listed = json.loads(stage.temporal("workflow", "list", "--query", query, "--output", "json"))
    ids = [each["execution"]["workflowId"] for each in listed]
    shown = {each: stage.temporal("workflow", "show", "-w", each, "--output", "json") for each in ids}
    return {each: text + plain(json.loads(text)) for each, text in shown.items()}


def status_of(stage: Stage, workflow_id: str) -> str:
    """The status of a workflow, in Temporal's own words."""
    described = json.loads(stage.temporal("workflow", "describe", "-w", workflow_id, "--output", "json"))
    return str(described["workflowExecutionInfo"]["status"])


def test_two_workflows(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """Both workflow types start from plain JSON, and no result and no history tells who it is."""
    flags = ("--profile", "instant", *NO_LIMITS, "--fault", "orion:error=0.2")
    with staged(warm, tmp_path, temporal_address, *flags, queue="leadgen") as stage, stage.worker():
        stage.set_providers("rate=40/1s")
        stage.import_people(plain_file(12))
        before = stage.leads()
        stage.start_workflow("FindPhone", "one-lead", {"lead_id": before[0]["id"]})
        one = stage.result_of("one-lead")
        stage.start_workflow("FindPhones", "all-leads", {})
        everybody = stage.result_of("all-leads")
        after = stage.leads()
        told = histories(stage)
        job = stage.job(everybody["job_id"])
        charged = stage.world.books()["totals"]["charged_micros"]
    first = after[0]
    assert one == {
        "lead_id": first["id"],
        "status": first["phone_status"],
        "provider": first["phone_provider"],
        "cost_usd": f"{first['cost_usd']:.6f}",
    }
    assert everybody["status"] == "done"
    assert {key: everybody[key] for key in ("leads", "found", "not_found", "incomplete", "failed")} == {
        key: job[key] for key in ("leads", "found", "not_found", "incomplete", "failed")
    }
    assert round(sum(lead["cost_usd"] for lead in after) * 1_000_000) == charged
    assert first["id"] in told["one-lead"]
    assert everybody["job_id"] in told["all-leads"]
    secrets = {lead[key] for lead in after for key in ("email", "name", "phone") if lead[key]}
    secrets |= {part for lead in after for part in lead["name"].split()}
    secrets |= {lead["phone"].removeprefix("+1") for lead in after if lead["phone"]}
    assert any(lead["phone"] for lead in after)
    for workflow_id, text in told.items():
        leaked = {secret for secret in secrets if secret.casefold() in text.casefold()}
        assert not leaked, workflow_id


def test_wrong_input(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """A workflow that cannot do what it is asked fails at once, in words fit for the page of Temporal."""
    with staged(warm, tmp_path, temporal_address, "--profile", "instant") as stage, stage.worker():
        for workflow_id, given, words in (
            ("no-lead", {}, "lead_id is missing"),
            ("unknown-lead", {"lead_id": "nobody"}, "no lead has the id"),
        ):
            name = f"{stage.queue}-{workflow_id}"
            stage.start_workflow("FindPhone", name, given)
            until(lambda name=name: status_of(stage, name) != RUNNING, 20, "the workflow ends")  # type: ignore[misc]
            assert status_of(stage, name) == FAILED
            assert words in stage.temporal("workflow", "show", "-w", name, "--output", "json")
