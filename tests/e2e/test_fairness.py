"""Three accounts that want more than a provider allows, and a lookup that somebody waits for beside them."""

import time
from pathlib import Path

import pytest

from tests.benchmarks.fairness import FLAGS, fair_shares, shares
from tests.e2e.people import plain_file
from tests.e2e.processes import staged, until
from tests.entrypoints.program import WarmStart


def test_shares(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """By weights 1, 2 and 4 each gets its share of what is allowed, to 5 points."""
    with staged(warm, tmp_path, temporal_address, *FLAGS) as stage:
        measured = shares(stage, 200, 50)
    assert measured == {account: pytest.approx(share, abs=0.05) for account, share in fair_shares().items()}


def test_lookup_beside_big_jobs(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """Beside more chunks than a worker runs at once, all waiting for the limit, one lead is found at once."""
    with staged(warm, tmp_path, temporal_address, *FLAGS) as stage, stage.worker():
        for name in ("orion", "astra", "nimbus"):
            stage.program("providers", "set", name, "rate=2/1s", "concurrency=2")
        for number in range(5):
            account = f"account-{number}"
            stage.program("accounts", "create", account)
            people = stage.program.write("people.csv", plain_file(100))
            stage.program("leads", "import", people, "--account", account)
            stage.program("phones", "find", "--no-wait", "--account", account)
        stage.import_people(plain_file(1))
        (lead,) = stage.leads()
        until(lambda: stage.world.books()["totals"]["calls"] >= 10, 60, "the jobs are under way")
        begun = time.monotonic()
        stage.start_workflow("FindPhone", "one-lead", {"lead_id": lead["id"]})
        assert stage.result_of("one-lead")["status"] in {"found", "not_found"}
        assert time.monotonic() - begun < 20
        left = stage.program("jobs", "list", "--account", "account-0", "--json").document["jobs"][0]
        assert left["found"] + left["not_found"] < 100
