"""Logs are configured for a whole process, so each case is one."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import logging
import sys
from leadgen.adapters.telemetry.logs import configure_logs

configure_logs("INFO", sys.argv[1])
secret = "ada@lovelace.example"
try:
    raise ValueError(secret)
except ValueError:
    logging.getLogger("leadgen.test").exception("it broke")
logging.getLogger("httpx2").info("GET http://127.0.0.1/?api=key")
logging.getLogger("leadgen.test").info("done", extra={"provider": "orion", "email": secret})
"""


def lines_of(style: str) -> list[str]:
    """What a process that logs in this style writes to stderr."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, style], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


@pytest.mark.parametrize("style", ["console", "json"])
def test_no_personal_data_comes_with_an_error(style: str) -> None:
    """An exception is told by type and place, an unknown extra field not at all, an address neither."""
    text = "\n".join(lines_of(style))
    assert "it broke" in text
    assert "ValueError" in text
    assert "ada@lovelace.example" not in text
    assert "api=key" not in text


def test_json_is_one_object_a_line() -> None:
    """Each line says when, how grave, who, what, and the fields that are allowed."""
    broke, done = [json.loads(line) for line in lines_of("json")]
    assert broke["level"] == "error"
    assert broke["fault"] == "ValueError"
    assert done["logger"] == "leadgen.test"
    assert done["provider"] == "orion"
    assert done["timestamp"].endswith("Z")
