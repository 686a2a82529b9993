"""The HTTP service over real processes: its documentation as it stands, and a job that is followed."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.e2e.people import plain_file
from tests.e2e.processes import NO_LIMITS, Stage, running, staged
from tests.entrypoints.program import SCRIPT, WarmStart
from tests.http.listening import listen_with_drops

DOCS = Path(__file__).parents[2] / "docs" / "api.md"


@contextmanager
def service(stage: Stage) -> Iterator[tuple[str, str]]:
    """The address of a service over a stage, and a key to it."""
    key = str(stage.program("keys", "create", "--json").document["key"])
    command = [str(SCRIPT), "serve", "--port", "0"]
    with running("service", command, stage.folder, stage.program.environment(API_RATE="10000/1s")) as process:
        process.says("http service started")
        (address,) = re.findall(r"listens at (http\S+)", process.text)
        yield address, key


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_documentation(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """Every example of docs/api.md does what it says."""
    text = DOCS.read_text(encoding="utf-8")
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    (python,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    with (
        staged(warm, tmp_path, temporal_address, "--profile", "instant", *NO_LIMITS) as stage,
        stage.worker(),
    ):
        stage.program.write("people.csv", plain_file(20))
        with service(stage) as (address, key):
            environment = {**stage.program.environment(), "LEADGEN": address, "KEY": key}
            for command in (["bash", "-euo", "pipefail", "-c", shell], [sys.executable, "-c", python]):
                ended = subprocess.run(
                    command,
                    cwd=tmp_path,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=120,
                    check=False,
                )
                assert ended.returncode == 0, ended.stdout + ended.stderr
                assert '"status":"done"' in ended.stdout or "'lead_id'" in ended.stdout
    assert (tmp_path / "phones.csv").read_text(encoding="utf-8").count("\n") == 22


@pytest.mark.parametrize("leads", [150, pytest.param(2_000, marks=pytest.mark.slow)])
async def test_three_lost_connections(
    warm: WarmStart, tmp_path: Path, temporal_address: str, leads: int
) -> None:
    """Who loses the connection three times while a real job runs sees every event once."""
    with (
        staged(warm, tmp_path, temporal_address, "--profile", "instant", *NO_LIMITS) as stage,
        stage.worker(),
    ):
        stage.set_providers("rate=1000/1s", "concurrency=50")
        with service(stage) as (address, key):
            headers = {"Authorization": f"Bearer {key}"}
            async with httpx2.AsyncClient(
                base_url=address, headers=headers, timeout=60, trust_env=False
            ) as client:
                file = {"Content-Type": "text/csv"}
                await client.post("/v1/leads/import", content=plain_file(leads), headers=file)
                job = (await client.post("/v1/phone-lookups", json={})).json()
                seen = await listen_with_drops(client, job["job_id"], [2, leads // 3, leads // 2])
                story = (await client.get(f"/v1/jobs/{job['job_id']}")).json()
    ended = [event["lead_id"] for event in seen if event["kind"] == "lead"]
    assert (len(ended), len(set(ended)), story["leads"]) == (leads, leads, leads)
    assert [event["status"] for event in seen if event["kind"] == "job"] == ["running", "done"]
    found = sum(event["status"] == "found" for event in seen)
    assert (found, story["status"]) == (story["found"], "done"), json.dumps(story)
