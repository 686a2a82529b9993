"""Tries the whole OpenAPI document on a real service over a real Temporal server: `make fuzz-api`."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.e2e.processes import Running, running
from tests.entrypoints.program import BARE, SCRIPT
from tests.servers.temporal import temporal_server

ROOT = Path(__file__).parents[2]
_OF_EACH = 80
_CASES = re.compile(r"(\d+) generated")


@dataclass(frozen=True)
class Served:
    """A running service, a key to it, and its process."""

    address: str
    key: str
    process: Running


@dataclass(frozen=True)
class Verdict:
    """What came of a run: how many requests were tried, and what was printed."""

    passed: bool
    cases: int
    text: str


@contextmanager
def served(folder: Path, temporal_address: str, **settings: str) -> Iterator[Served]:
    """`leadgen serve` over a new database; one provider has a key, and is not there."""
    provider = {"ORION_URL": "http://127.0.0.1:1/orion", "ORION_API_KEY": "secret-key"}
    own = {"TEMPORAL_ADDRESS": temporal_address, "API_RATE": "1000000/1s", "LOG_FORMAT": "json"}
    given = own | provider | settings
    environment = {**BARE, **{f"LEADGEN_{name}": value for name, value in given.items()}}

    def leadgen(*words: str) -> str:
        command = [str(SCRIPT), *words]
        return subprocess.run(
            command, cwd=folder, env=environment, check=True, capture_output=True, text=True
        ).stdout

    leadgen("db", "upgrade")
    key = json.loads(leadgen("keys", "create", "--json"))["key"]
    with running("service", [str(SCRIPT), "serve", "--port", "0"], folder, environment) as process:
        process.says("http service started")
        (address,) = re.findall(r"listens at (http\S+)", process.text)
        yield Served(address, key, process)


def real_ids(there: Served) -> dict[str, list[str]]:
    """Ids of things that there are, by the names of the paths' parameters; one in four is not deleted."""
    headers = {"Authorization": f"Bearer {there.key}"}
    with httpx2.Client(base_url=there.address, headers=headers, timeout=30, trust_env=False) as client:

        def made(path: str, body: object, field: str = "id") -> str:
            answer = client.post(path, json=body)
            assert answer.status_code in {201, 202}, answer.text
            return str(answer.json()[field])

        numbers = range(_OF_EACH)
        return {
            "lead_id": [made("/v1/leads", {"email": f"person{n}@fernhill.example"}) for n in numbers],
            "job_id": [made("/v1/phone-lookups", {"only": "failed"}, "job_id") for n in numbers],
            "webhook_id": [made("/v1/webhooks", {"url": f"https://fernhill.example/{n}"}) for n in numbers],
            "key_id": [made("/v1/api-keys", {"name": f"key {n}"}) for n in numbers],
            "name": ["orion", "astra", "nimbus", "orion"],
        }


def fuzz(there: Served, folder: Path, examples: int, seed: int | None = None) -> Verdict:
    """Runs all checks, with so many examples of each operation beside those of its limits."""
    ids = real_ids(there)
    (folder / "ids.json").write_text(json.dumps(ids), "utf-8")
    command = [str(Path(sys.executable).parent / "st"), "--config-file", str(ROOT / "schemathesis.toml")]
    command += ["run", f"{there.address}/openapi.json", "-H", f"Authorization: Bearer {there.key}"]
    command += ["--max-examples", str(examples), "--no-color"]
    command += [] if seed is None else ["--seed", str(seed)]
    environment = {**BARE, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    cases = sum(map(int, _CASES.findall(ended.stdout)))
    return Verdict(ended.returncode == 0, cases, ended.stdout + ended.stderr)


def main() -> int:
    """Prints what Schemathesis does; exit 1 when a check fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.http.fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=100, help="of each operation")
    parser.add_argument("--seed", type=int, help="of an earlier run")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as place,
        temporal_server(Path(place)) as temporal,
        served(Path(place), temporal.address) as there,
    ):
        verdict = fuzz(there, Path(place), options.examples, options.seed)
        faults = there.process.text.count('"fault"')
        alive = httpx2.get(f"{there.address}/healthz", trust_env=False).status_code
    sys.stdout.write(verdict.text)
    sys.stdout.write(f"{verdict.cases} cases; {faults} faults in the log; the service answers {alive}\n")
    return 0 if verdict.passed and not faults and alive == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
