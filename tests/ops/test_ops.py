"""What operators take over as it is: alerts, dashboard, runbook."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it brings no types
from typer.main import get_command

from leadgen.entrypoints.cli.main import app
from tests.adapters.telemetry.metered import samples, used_metrics

ROOT = Path(__file__).parents[2]
OPS = ROOT / "ops"
METRIC = re.compile(r"\b((?:leadgen|temporal)_[a-z_]+)\b(?:\{([^}]*)\})?")
LABEL = re.compile(r"([a-z_]+)(?:=~|!=|!~|=)")
GROUPING = re.compile(r"by \(([a-z_, ]+)\)")
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: the package prometheus)"
)


def rules() -> list[dict[str, Any]]:
    """All alerts."""
    groups = yaml.safe_load((OPS / "alerts.yml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """All panels of the dashboard."""
    found = json.loads((OPS / "grafana" / "leadgen.json").read_text("utf-8"))["panels"]
    assert isinstance(found, list)
    return found


def expressions() -> list[str]:
    """Every question to Prometheus, of the alerts and of the dashboard."""
    board = [str(target["expr"]) for panel in panels() for target in panel["targets"]]
    return [*board, *(str(rule["expr"]) for rule in rules())]


def labels_of_ours() -> dict[str, set[str]]:
    """The names of all samples that our page has when everything has happened once, and their labels."""
    found: dict[str, set[str]] = {}
    for name, labels in samples(used_metrics().text().decode()):
        found.setdefault(name, set()).update(label for label, _ in labels)
    return found


@pytest.mark.parametrize("expression", expressions())
def test_names_exist(expression: str) -> None:
    """Whatever is asked for is on our page, with the labels that are asked for; or it is Temporal's.

    Temporal's names are held against a real worker in tests/e2e.
    """
    ours, asked = labels_of_ours(), METRIC.findall(expression)
    assert asked or expression.startswith("absent(up{")
    grouped = {label.strip() for labels in GROUPING.findall(expression) for label in labels.split(",")}
    for name, matchers in asked:
        if name.startswith("temporal_"):
            continue
        assert name in ours, name
        assert set(LABEL.findall(matchers)) | grouped <= ours[name], name


def test_values_of_labels_exist() -> None:
    """An outcome, a status or a state that is asked for by name is one that can come."""
    known = {value for _, labels in samples(used_metrics().text().decode()) for _, value in labels} | {
        "waiting",
        "running",
        "paused",
        "dead",
    }
    asked = re.findall(r'(?:outcome|status|state|kind)(?:=~|!=|=)"([^"]+)"', " ".join(expressions()))
    assert asked
    for values in asked:
        assert set(values.split("|")) <= known, values


def test_dashboard() -> None:
    """Panels have ids of their own, do not lie on each other, and use the chosen source."""
    assert len({panel["id"] for panel in panels()}) == len(panels())
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels()}
    assert len(places) == len(panels())
    assert {panel["datasource"]["uid"] for panel in panels()} == {"${datasource}"}


def test_every_alert_has_its_section() -> None:
    """An alert leads to a section of the runbook, which says what to do; no section is about another one."""
    text = (ROOT / "docs" / "runbook.md").read_text("utf-8")
    parts = [part.partition("\n") for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]]
    sections = {title: body for title, _, body in parts}
    names = {str(rule["alert"]) for rule in rules()}
    assert {name for name in sections if name.startswith("Leadgen")} == names
    for rule in rules():
        name = str(rule["alert"])
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{name.lower()}"
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert "1. " in sections[name]


def test_commands_of_the_runbook_exist() -> None:
    """What the runbook tells to type is a command."""
    text = (ROOT / "docs" / "runbook.md").read_text("utf-8")
    commands = getattr(get_command(app), "commands", {})
    for group, command in re.findall(r"`leadgen (\w+) (\w+)", text):
        assert command in getattr(commands[group], "commands", {}), f"{group} {command}"


@needs_promtool
@pytest.mark.parametrize(
    "words",
    [
        ("check", "rules", "alerts.yml"),
        ("test", "rules", "alerts_test.yml"),
        ("check", "config", "--syntax-only", "prometheus.yml"),
    ],
    ids=" ".join,
)
def test_promtool(words: tuple[str, ...]) -> None:
    """Prometheus itself takes the files, and the alerts fire when they should and not before."""
    program = shutil.which("promtool")
    assert program is not None
    done = subprocess.run([program, *words], cwd=OPS, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tried() -> None:
    """Promtool's file has a case for each alert in which it fires."""
    tests = yaml.safe_load((OPS / "alerts_test.yml").read_text("utf-8"))["tests"]
    fired = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert fired == {str(rule["alert"]) for rule in rules()}
