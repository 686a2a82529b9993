"""One trace from a request or a command to the calls it leads to, over real processes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import httpx2

from tests.e2e.people import plain_file
from tests.e2e.processes import NO_LIMITS, Stage, staged, until
from tests.e2e.test_http import service
from tests.entrypoints.program import WarmStart
from tests.servers.collector import Collector, Span, collecting

FLAGS = ("--profile", "instant", *NO_LIMITS)


def traced(stage: Stage, collector: Collector, **settings: str) -> Stage:
    """The same, its traces sent to a collector."""
    all_settings = {**stage.program.settings, "TRACES_ENDPOINT": collector.address, **settings}
    return dataclasses.replace(stage, program=dataclasses.replace(stage.program, settings=all_settings))


def descent(span: Span, spans: list[Span]) -> list[str]:
    """The names from the first span of a trace down to this one."""
    by_id = {each.id: each for each in spans}
    names = [span.name]
    while span.parent:
        span = by_id[span.parent]
        names.insert(0, span.name)
    return names


def test_a_request_is_one_trace(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """Request, workflow, activity and provider calls are one trace, which tells what came of each."""
    with collecting() as collector:
        with staged(warm, tmp_path, temporal_address, *FLAGS) as plain:
            stage = traced(plain, collector)
            with stage.worker(), service(stage) as (address, key):
                headers = {"Authorization": f"Bearer {key}", "baggage": "who=canary-baggage"}
                with httpx2.Client(base_url=address, headers=headers, timeout=60, trust_env=False) as client:
                    lead = client.post("/v1/leads", json={"email": "ada@lovelace.example"}).json()
                    path = f"/v1/leads/{lead['id']}/phone-lookup"
                    assert client.post(path, params={"wait_seconds": 30}).status_code == 200
                    assert client.get("/v1/leads/nobody").status_code == 404
                asked = {call["provider"] for call in stage.world.calls()}
        calls = collector.named("ask ")
        assert {span.attributes["leadgen.provider"] for span in calls} == asked
        (root,) = collector.named("POST /v1/leads/{lead_id}/phone-lookup")
        assert root.attributes["http.response.status_code"] == 200
        of_trace = [span for span in collector.spans if span.trace == root.trace]
        for call in calls:
            assert descent(call, of_trace) == [
                root.name,
                "StartWorkflow:FindPhone",
                "StartActivity:search_lead",
                "RunActivity:search_lead",
                call.name,
            ]
            assert call.attributes["leadgen.outcome"] in {"hit", "miss"}
            assert call.attributes["leadgen.attempt"] == 1
            assert call.events == ("sent",)
            shown = stage.program("ledger", "show", str(call.attributes["leadgen.lookup_id"]))
            assert shown.code == 0, shown
        assert collector.named("RunWorkflow:FindPhone")[0].trace == root.trace
        assert {span.name for span in collector.named("GET")} == {"GET /v1/leads/{lead_id}"}
        assert collector.paths == {"/v1/traces"}
        told = "\n".join(collector.texts)
    for canary in ("lovelace", "canary-baggage", "nobody", key, "wait_seconds", lead["id"] + "/"):
        assert canary not in told, canary


def test_of_a_job_a_share_is_traced(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """A job is one trace from its command; of its calls none is traced, or each, as the setting says."""
    with collecting() as collector, staged(warm, tmp_path, temporal_address, *FLAGS) as plain:
        for share, leads in (("0", 12), ("1", 24)):
            stage = traced(plain, collector, TRACES_BULK_RATIO=share)
            with stage.worker():
                stage.set_providers("rate=1000/1s", "concurrency=50")
                stage.import_people(plain_file(leads))
                known = len(stage.world.calls())
                job = stage.program("phones", "find", "--json").document
                made = len(stage.world.calls()) - known
            assert made >= 12
            calls = collector.named("ask ")
            assert len(calls) == (made if share == "1" else 0)
            assert all(call.attributes["leadgen.job_id"] == job["job_id"] for call in calls)
            chunks = [
                span
                for span in collector.named("RunActivity:run_chunk")
                if span.attributes["leadgen.job_id"] == job["job_id"]
            ]
            (trace,) = {span.trace for span in chunks}
            assert {call.trace for call in calls} <= {trace}
            until(
                lambda trace=trace: (
                    trace in {span.trace for span in collector.named("StartWorkflow:FindPhones")}
                ),  # type: ignore[misc]
                15,
                "the command's own span",
            )
