"""Workers that are killed or stopped, workflows that are terminated, jobs that nobody started."""

import asyncio
import signal
import socket
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from leadgen.adapters.persistence.schema import upgrade
from leadgen.adapters.system import SystemClock
from leadgen.composition import Overrides, compose
from leadgen.domain.job import Job, JobScope, JobStatus
from leadgen.domain.job_order import JobOrder
from leadgen.settings import Settings
from tests.e2e.people import plain_file
from tests.e2e.processes import NO_LIMITS, PROVIDERS, Stage, running, staged, until
from tests.e2e.receipt import micros
from tests.entrypoints.program import Program, WarmStart

FAST = ("rate=20/1s", "concurrency=10", "timeout=2s")


class Yesterday(SystemClock):
    """A clock that is a day behind."""

    def now(self) -> datetime:
        """The same moment of yesterday."""
        return datetime.now(UTC) - timedelta(days=1)


def calls(stage: Stage) -> int:
    """How many calls the providers have received."""
    return int(stage.world.books()["totals"]["calls"])


def database_of(stage: Stage) -> Settings:
    """The settings of a stage, for use in this process."""
    return Settings(
        database_url=f"sqlite:///{stage.folder / '.leadgen' / 'leadgen.db'}",
        temporal_address=stage.temporal_address,
        task_queue=stage.queue,
    )


async def order_yesterday(stage: Stage) -> str:
    """The id of a job that was ordered a day ago, and given to Temporal."""
    async with compose(database_of(stage), Overrides(providers={}, clock=Yesterday())) as leadgen:
        return (await leadgen.order_job.run("default", JobOrder())).id


async def record(stage: Stage, job_id: str, created_at: datetime) -> None:
    """Records a job as if its process had died before it was given to Temporal."""
    async with compose(database_of(stage), Overrides(providers={})) as leadgen:
        await leadgen.jobs.add(Job(job_id, "default", JobScope(), JobStatus.WAITING, created_at))


def test_killed_worker(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """A worker killed in the middle of a job loses no lead, and nothing that was answered is asked again."""
    with staged(warm, tmp_path, temporal_address, "--profile", "demo", *NO_LIMITS) as stage:
        stage.set_providers(*FAST)
        stage.import_people(plain_file(60))
        with stage.worker() as first:
            ordered = stage.program("phones", "find", "--no-wait", "--json").document
            until(lambda: calls(stage) >= 20, 30, "the job is under way")
            assert first.stop(signal.SIGKILL) == -signal.SIGKILL
        under_way = stage.job(ordered["job_id"])
        assert under_way["status"] == "running"
        with stage.worker():
            until(lambda: stage.job(ordered["job_id"])["status"] == "done", 90, "the job ends")
        job, leads, books = stage.job(ordered["job_id"]), stage.leads(), stage.world.books()
        received = stage.world.calls()
        audited = stage.audit("--against", f"{stage.world.url}/usage")
    states = [lead["phone_status"] for lead in leads]
    assert (job["leads"], len(leads), job["failed"]) == (60, 60, 0)
    assert {state: states.count(state) for state in ("found", "not_found", "incomplete")} == {
        state: job[state] for state in ("found", "not_found", "incomplete")
    }
    assert sum(job[state] for state in ("found", "not_found", "incomplete")) == 60
    answered = [
        (call["provider"], call["question"]) for call in received if call["outcome"] in {"hit", "miss"}
    ]
    assert len(answered) == len(set(answered))
    in_doubt = 10 * len(PROVIDERS) * 20_000
    assert 0 <= round(job["cost_usd"] * 1_000_000) - books["totals"]["charged_micros"] <= in_doubt
    assert (audited["unknown_open"], audited["intents_open"], audited["claims"]) == (0, 0, [])
    assert micros(audited["posted_usd"]) == books["totals"]["charged_micros"]
    assert (audited["held_usd"], audited["estimated_usd"]) == (0, 0)


def test_stopped_worker(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """SIGTERM ends a worker in the middle of a job within 15 seconds, with all that it asked booked."""
    flags = ("--profile", "demo", *NO_LIMITS, *(w for n in PROVIDERS for w in ("--latency", f"{n}=900ms")))
    with staged(warm, tmp_path, temporal_address, *flags) as stage:
        stage.set_providers(*FAST)
        stage.import_people(plain_file(40))
        with stage.worker() as worker:
            ordered = stage.program("phones", "find", "--no-wait", "--json").document
            until(lambda: calls(stage) >= 5, 30, "the job is under way")
            assert worker.stop(signal.SIGTERM, 15) == 0
            assert "worker stopped" in worker.text
            assert "Traceback" not in worker.text
        job, books = stage.job(ordered["job_id"]), stage.world.books()
    assert job["status"] == "running"
    assert round(job["cost_usd"] * 1_000_000) == books["totals"]["charged_micros"]
    assert {name: spent["calls"] for name, spent in job["providers"].items()} == {
        name: book["calls"] for name, book in books["providers"].items() if book["calls"]
    }


def test_idle_worker_stops_at_once(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """A worker that does nothing ends within seconds, on SIGINT too."""
    with staged(warm, tmp_path, temporal_address, "--profile", "instant") as stage, stage.worker() as worker:
        began = time.monotonic()
        assert worker.stop(signal.SIGINT, 15) == 0
        assert time.monotonic() - began < 5


def test_worker_stopped_while_it_waits(warm: WarmStart, tmp_path: Path) -> None:
    """A worker that waits for a Temporal that is not there ends when it is told to."""
    program = Program(warm, tmp_path, {})
    assert program("db", "upgrade").code == 0
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        environment = program.environment(TEMPORAL_ADDRESS=f"127.0.0.1:{silent.getsockname()[1]}")
        command = [sys.executable, "-m", "leadgen.entrypoints.worker"]
        with running("worker", command, tmp_path, environment) as worker:
            worker.says("waiting")
            assert worker.stop(signal.SIGTERM, 5) == 0
            assert "Traceback" not in worker.text


def test_upkeep(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """Upkeep closes the job of a terminated workflow and starts one that nobody started, but no young one."""
    with staged(warm, tmp_path, temporal_address, "--profile", "instant", *NO_LIMITS) as stage:
        stage.set_providers(*FAST)
        stage.import_people(plain_file(4))
        upgrade(database_of(stage).database_url)
        terminated = asyncio.run(order_yesterday(stage))
        stage.temporal("workflow", "terminate", "--workflow-id", f"find-phones-{terminated}")
        orphan, young = f"orphan-{stage.queue}", f"young-{stage.queue}"
        asyncio.run(record(stage, orphan, datetime.now(UTC) - timedelta(minutes=5)))
        with stage.worker():
            asyncio.run(record(stage, young, datetime.now(UTC) + timedelta(minutes=5)))
            stage.start_workflow("Upkeep", f"upkeep-{stage.queue}")
            assert set(stage.result_of(f"upkeep-{stage.queue}")) == {
                "jobs_started",
                "jobs_closed",
                "lookups_abandoned",
                "answers_found",
                "jobs_woken",
                "endpoints_woken",
                "deliveries_pruned",
            }
            until(lambda: stage.job(orphan)["status"] == "done", 30, "the orphan ends")
        assert stage.job(terminated)["status"] == "stopped"
        assert stage.job(young)["status"] == "waiting"
        job = stage.job(orphan)
        assert (job["leads"], job["found"] + job["not_found"]) == (4, 4)
