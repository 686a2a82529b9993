"""Workflows under way survive an update: today's code does what the histories of yesterday tell."""

import json
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from temporalio.client import WorkflowHistory
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from leadgen.workflows.registry import WORKFLOWS
from tests.workflows.changed_workflows import (
    HastyUpkeep,
    SleepyDeliverWebhooks,
    SleepyFindPhone,
    SleepyFindPhones,
)
from tests.workflows.fingerprint import fingerprints
from tests.workflows.fingerprint.sources import Sources

FILES = sorted((Path(__file__).parent / "histories").glob("*.json"))
CHANGED: dict[str, type] = {
    "DeliverWebhooks": SleepyDeliverWebhooks,
    "FindPhone": SleepyFindPhone,
    "FindPhones": SleepyFindPhones,
    "Upkeep": HastyUpkeep,
}
every_history = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def type_of(file: Path) -> str:
    """Which type of workflow a history is of."""
    begun = json.loads(file.read_text(encoding="utf-8"))["events"][0]
    return str(begun["workflowExecutionStartedEventAttributes"]["workflowType"]["name"])


def history_of(file: Path) -> WorkflowHistory:
    """The history in a file."""
    return WorkflowHistory.from_json(file.stem, file.read_text(encoding="utf-8"))


@every_history
async def test_history(file: Path) -> None:
    """Every recorded history replays."""
    await Replayer(workflows=WORKFLOWS).replay_workflow(history_of(file))


@every_history
async def test_traced_workflow(file: Path) -> None:
    """Every history replays where workflows are traced, though it began where they were not."""
    tracing = TracingInterceptor(TracerProvider().get_tracer("replay"))
    await Replayer(workflows=WORKFLOWS, interceptors=[tracing]).replay_workflow(history_of(file))


@every_history
async def test_changed_workflow(file: Path) -> None:
    """A workflow that does one thing more, or one less, does not replay."""
    with pytest.raises(NondeterminismError):
        await Replayer(workflows=[CHANGED[type_of(file)]]).replay_workflow(history_of(file))


def test_every_workflow_has_a_history() -> None:
    """A new workflow needs a recorded history, and a twin that does not survive it."""
    registered = fingerprints(WORKFLOWS, Sources()).keys()
    assert {type_of(file) for file in FILES} == registered
    assert CHANGED.keys() == registered


def test_both_sides_of_a_gate() -> None:
    """Upkeep is on record as it was before each of the things that it was taught later."""
    markers = {
        file.stem: file.read_text(encoding="utf-8").count('"markerRecordedEventAttributes"')
        for file in FILES
        if type_of(file) == "Upkeep"
    }
    assert markers == {"upkeep": 0, "upkeep-settling": 1, "upkeep-delivering": 2, "upkeep-pruning": 3}


def test_signals_of_before() -> None:
    """A job that was signalled is on record as of before signals were heeded, and as it is since."""
    texts = {file.stem: file.read_text(encoding="utf-8") for file in FILES}
    heeds = {
        name: "markerRecordedEventAttributes" in text
        for name, text in texts.items()
        if "workflowExecutionSignaledEventAttributes" in text
    }
    assert heeds == {
        "find-phones-deaf": False,
        "find-phones-paused": True,
        "find-phones-resumed": True,
        "find-phones-cancelled": True,
        "find-phones-cancelled-parked": True,
    }


@every_history
def test_no_traces(file: Path) -> None:
    """A history names no process, no machine and no folder."""
    text = file.read_text(encoding="utf-8")
    assert "stackTrace" not in text
    identities = {
        value
        for event in json.loads(text)["events"]
        for attributes in event.values()
        if isinstance(attributes, dict)
        for key, value in attributes.items()
        if key == "identity"
    }
    assert identities <= {"recorder", "history-service", "temporal-system"}
