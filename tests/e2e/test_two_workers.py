"""Two worker processes under the default limits of the three providers."""

from pathlib import Path

import pytest

from tests.e2e.people import plain_file
from tests.e2e.processes import PROVIDERS, staged
from tests.entrypoints.program import WarmStart

LAG_MS_MAX = 20.0
"""A simulator that was later than a ticket is valid has measured nothing."""


@pytest.mark.slow
def test_no_call_is_refused(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """Both count the same limits: not one call too many, not one lead left over."""
    with (
        staged(warm, tmp_path, temporal_address, "--profile", "demo") as stage,
        stage.worker() as first,
        stage.worker() as second,
    ):
        stage.import_people(plain_file(250))
        job = stage.program("phones", "find", "--json").document
        books = stage.world.books()
        limits = stage.program("providers", "limits", "--json").document["providers"]
        assert job["found"] + job["not_found"] == job["leads"] == 250
        assert [each["mode"] for each in limits] == ["sql"] * 3, (first.text, second.text)
        if books["lag_ms_max"] > LAG_MS_MAX:
            pytest.skip(f"the simulator itself was {books['lag_ms_max']:.0f} ms late")
        assert [books["providers"][name]["refused_limits"] for name in PROVIDERS] == [0, 0, 0]
