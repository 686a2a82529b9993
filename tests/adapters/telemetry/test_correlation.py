"""Calls without an answer have a line each, by whose ids everything about them is found."""

from structlog.testing import capture_logs

from leadgen.adapters.telemetry.correlation import log_calls
from leadgen.domain.provider import Charges
from tests.adapters.telemetry.metered import OUTCOMES
from tests.builders import NOW, lookup


def test_lines() -> None:
    """Numbers and misses have none; what may have cost money is a warning, what was free is told."""
    asked = lookup(job_id="job-1")
    with capture_logs() as lines:
        log_calls([asked.closed(each, Charges.REQUEST, NOW) for each in OUTCOMES])
    assert [(line["log_level"], line["why"]) for line in lines] == [
        ("warning", "timed out"),
        ("info", "no route"),
        ("info", "429"),
        ("info", "500"),
    ]
    ids = {"event": "no answer", "provider": "orion", "lead_id": "lead-1", "job_id": "job-1"}
    assert all(line.items() >= ids.items() for line in lines)
    assert {line["lookup"] for line in lines} == {asked.key[:12]}
