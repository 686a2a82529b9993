"""Personal data and keys are in the database and nowhere else, after everything has been used once."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import httpx2
import pytest
import redis

from tests.e2e.people import plain_file
from tests.e2e.processes import KEY, NO_LIMITS, Running, Stage, staged, until
from tests.e2e.test_metrics import free_pair
from tests.e2e.test_temporal_cli import histories
from tests.entrypoints.program import WarmStart
from tests.servers.collector import collecting
from tests.servers.valkey import ValkeyServer

LEADS = 20
FAULTS = (
    "--fault", "orion:error=0.3", "--fault", "orion:garbage=0.2", "--fault", "astra:busy=0.2",
    "--fault", "nimbus:reset_charged=0.3",
)  # fmt: skip


class Hook(BaseHTTPRequestHandler):
    """Keeps what it is told."""

    told: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        """Takes everything, headers too."""
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.told.append(f"{self.headers}\n{body}")
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Stays silent."""


@contextmanager
def hook() -> Iterator[str]:
    """The address of a receiver."""
    Hook.told.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def with_settings(stage: Stage, **settings: str) -> Stage:
    """The same with more settings."""
    program = dataclasses.replace(stage.program, settings={**stage.program.settings, **settings})
    return dataclasses.replace(stage, program=program)


def all_of(valkey: ValkeyServer) -> str:
    """All keys and values of a Valkey, as text."""
    with redis.Redis.from_url(valkey.url) as client:
        keys = list(client.scan_iter(count=1_000))
        return "\n".join(f"{key!r} {client.dump(key)!r}" for key in keys)


def lines_of(worker: Running) -> list[dict[str, object]]:
    """The lines of a worker's log, each of which is one JSON object."""
    return [json.loads(line) for line in worker.text.splitlines()]


def test_canaries(warm: WarmStart, tmp_path: Path, temporal_address: str, valkey: ValkeyServer) -> None:
    """No number, address, name or key is in logs, metrics, traces, histories, Redis, webhooks or errors."""
    port = free_pair()
    flags = ("--profile", "instant", *NO_LIMITS, *FAULTS)
    with staged(warm, tmp_path, temporal_address, *flags) as plain, hook() as url, collecting() as collector:
        stage = with_settings(
            plain,
            METRICS_ADDRESS=f"127.0.0.1:{port}",
            REDIS_URL=valkey.url,
            LOG_LEVEL="DEBUG",
            LOG_FORMAT="json",
            WEBHOOK_ALLOW="127.0.0.0/8",
            TRACES_ENDPOINT=collector.address,
            TRACES_BULK_RATIO="1",
        )
        secret = stage.program("webhooks", "add", url, "--json").document["secret"]
        with stage.worker() as worker:
            stage.set_providers("rate=40/1s")
            stage.import_people(plain_file(LEADS))
            job = stage.program("phones", "find", "--json").document
            lead = stage.leads()[0]["id"]
            stage.start_workflow("FindPhone", f"one-{tmp_path.name}", {"lead_id": lead})
            stage.result_of(f"one-{tmp_path.name}")
            stage.start_workflow("FindPhone", f"none-{tmp_path.name}", {"lead_id": "nobody"})
            until(lambda: len(Hook.told) > job["found"], 30, "webhooks")
            wrong = [
                stage.program("leads", "show", "nobody"),
                stage.program("phones", "find", "--lead", "nobody"),
                stage.program("leads", "import", "nothing.csv"),
                stage.program("leads", "list", DATABASE_URL="postgresql://ann:s3cret@127.0.0.1:9/x"),
            ]
            pages = [
                httpx2.get(f"http://127.0.0.1:{each}/metrics", timeout=10, trust_env=False).text
                for each in (port, port + 1)
            ]
            told = histories(stage)
            limits = all_of(valkey)
        people = stage.leads()
        traces = "\n".join(collector.texts)
    places = {
        "log": worker.text,
        "metrics": "\n".join(pages),
        "histories": "\n".join(told.values()),
        "redis": limits,
        "traces": traces,
        "webhooks": "\n".join(Hook.told),
        "errors": "\n".join(each.err for each in wrong),
    }
    assert {"ask orion", "RunActivity:run_chunk"} <= {span.name for span in collector.spans}
    assert all(places.values()), {name: len(text) for name, text in places.items()}
    phones = [each["phone"] for each in people if each["phone"]]
    assert len(phones) == job["found"] > 0
    canaries = {KEY, secret, secret.removeprefix("whsec_"), "s3cret", "quillworks.example"}
    canaries |= {phone.removeprefix("+") for phone in phones} | {phone[-7:] for phone in phones}
    for each in people:
        canaries |= {each["email"], each["email"].partition("@")[0]}
    found = {(name, canary) for name, text in places.items() for canary in canaries if canary in text}
    assert not found
    lines = lines_of(worker)
    assert any(line["event"] == "no answer" and line["job_id"] == job["job_id"] for line in lines)
    assert any("workflow_id" in line and "run_id" in line for line in lines)


@pytest.mark.parametrize("canary", ["ada@lovelace.example", "+12025550123"])
def test_the_search_would_find_it(
    warm: WarmStart, tmp_path: Path, temporal_address: str, canary: str
) -> None:
    """A history that did hold a canary would be found out: what is read is decoded."""
    with staged(warm, tmp_path, temporal_address) as stage:
        stage.start_workflow("FindPhone", f"canary-{tmp_path.name}", {"lead_id": canary})
        assert canary in "\n".join(histories(stage).values())
        stage.temporal("workflow", "terminate", "--workflow-id", f"canary-{tmp_path.name}")
