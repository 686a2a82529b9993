"""A worker that is watched: its own metrics agree with the providers' books, Temporal's are there."""

from __future__ import annotations

import dataclasses
import json
import random
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import httpx2

from tests.adapters.telemetry.metered import Sample, sample, samples
from tests.e2e.people import plain_file
from tests.e2e.processes import NO_LIMITS, Stage, staged, until
from tests.entrypoints.program import WarmStart

OPS = Path(__file__).parents[2] / "ops"


def page(port: int) -> Mapping[Sample, float]:
    """What a page says now."""
    return samples(httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=10, trust_env=False).text)


def free_pair() -> int:
    """A free port whose neighbour is free too, from below those which outgoing connections are given."""
    while True:
        port = random.randrange(20_000, 32_000, 2)
        with (
            suppress(OSError),
            socket.create_server(("127.0.0.1", port)),
            socket.create_server(("127.0.0.1", port + 1)),
        ):
            return port


def total(found: Mapping[Sample, float], name: str, **labels: str) -> float:
    """The sum of a metric over the labels that are not named."""
    return sum(
        value
        for (each, given), value in found.items()
        if each == name and labels.items() <= dict(given).items()
    )


def watched(stage: Stage, port: int) -> Stage:
    """The same, with workers that are watched."""
    settings = {**stage.program.settings, "METRICS_ADDRESS": f"127.0.0.1:{port}"}
    return dataclasses.replace(stage, program=dataclasses.replace(stage.program, settings=settings))


def test_metrics_of_a_worker(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """Calls, hits and money are those of the books; every name of Temporal's that ops/ asks for is served."""
    port = free_pair()
    flags = ("--profile", "instant", *NO_LIMITS)
    with staged(warm, tmp_path, temporal_address, *flags) as plain:
        stage = watched(plain, port)
        with stage.worker():
            stage.set_providers("rate=40/1s")
            stage.import_people(plain_file(12))
            job = stage.program("phones", "find", "--json").document
            assert job["status"] == "done"
            stage.start_workflow("FindPhone", f"fails-{tmp_path.name}", {})
            found = page(port)
            for name, spend in job["providers"].items():
                assert total(found, "leadgen_lookups_total", provider=name) == spend["calls"]
                hits = total(found, "leadgen_lookups_total", provider=name, outcome="hit")
                assert hits == spend["hits"]
            assert total(found, "leadgen_charged_micros_total") == stage.world.charged_micros
            tickets = total(found, "leadgen_limiter_tickets_total")
            assert tickets >= sum(each["calls"] for each in job["providers"].values())
            until(
                lambda: (
                    sample("leadgen_jobs", status="done") in found
                    and page(port)[sample("leadgen_jobs", status="done")] == 1
                ),
                15,
                "the job is on the page",
            )
            until(lambda: total(page(port + 1), "temporal_workflow_failed") == 1, 15, "the failure is told")
            temporal = page(port + 1)
            assert total(temporal, "temporal_workflow_completed", workflow_type="FindPhones") == 1
    texts = (OPS / "alerts.yml", OPS / "grafana" / "leadgen.json")
    asked = {name for text in texts for name in re.findall(r"\btemporal_[a-z_]+", text.read_text("utf-8"))}
    assert asked
    assert asked <= {name for name, _ in temporal}
    assert "ActivityWorker" in json.dumps([sorted(labels) for _, labels in temporal])


def test_no_metrics_unless_asked_for(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """Without the setting a worker opens no port; a bad address is one line and exit status 2."""
    with staged(warm, tmp_path, temporal_address) as stage:
        for address in ("9464", "127.0.0.1:99999"):
            ended = stage.program.from_scratch("worker", METRICS_ADDRESS=address)
            assert ended.code == 2, ended
            assert "LEADGEN_METRICS_ADDRESS" in ended.err
