"""The whole OpenAPI document, tried by Schemathesis with all checks but what schemathesis.toml changes."""

from pathlib import Path

import pytest

from tests.http.fuzz import fuzz, served
from tests.servers.temporal import temporal_server


@pytest.mark.parametrize(
    ("examples", "cases_min"), [(4, 500), pytest.param(120, 2_000, marks=pytest.mark.slow)]
)
def test_all_operations(tmp_path: Path, examples: int, cases_min: int) -> None:
    """No operation breaks a promise of its document, and no fault is in the log."""
    with temporal_server(tmp_path) as temporal, served(tmp_path, temporal.address) as there:
        verdict = fuzz(there, tmp_path, examples)
        assert verdict.passed, verdict.text
        assert verdict.cases >= cases_min
        assert '"fault"' not in there.process.text
