"""A workflow's commands keep their order, or somebody says that they have changed it."""

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from textwrap import indent

import pytest

import leadgen.workflows
from leadgen.workflows.registry import WORKFLOWS
from tests.workflows.changed_workflows import HastyUpkeep, SleepyFindPhone, SleepyFindPhones
from tests.workflows.fingerprint import (
    FINGERPRINTS,
    WHAT_TO_DO,
    differences,
    fingerprint,
    fingerprints,
    overlooked,
    rendered,
)
from tests.workflows.fingerprint.sources import Sources, read_source

WORKFLOW = '''
import asyncio
from datetime import timedelta

from sample.activities import Letters
from temporalio import workflow

PAUSE = timedelta(minutes=5)


@workflow.defn(name="Sample")
class SampleWorkflow:
    """Writes letters."""

    @workflow.run
    async def run(self, request: dict[str, int]) -> str:
        """How it went."""
        run_id = str(workflow.uuid4())
        for number in range(request["letters"]):
            try:
                await self._write(number)
            except ValueError:
                return run_id
            await workflow.sleep(PAUSE)
        if not request:
            return "nobody"
        await workflow.wait_condition(lambda: self._answered, timeout=PAUSE)
        await asyncio.gather(*[self._write(number) for number in range(3)])
        child = await workflow.start_child_workflow("Answers", id=run_id)
        await child.signal("begin")
        return await workflow.execute_activity("count", start_to_close_timeout=PAUSE)

    async def _write(self, number: int) -> None:
        draft = await workflow.execute_activity_method(
            Letters.draft, number, start_to_close_timeout=timedelta(seconds=30)
        )
        if draft is not None:
            await workflow.execute_activity_method(Letters.post, draft, start_to_close_timeout=PAUSE)

    @workflow.signal
    async def answer(self) -> None:
        """Somebody answered."""
        self._answered = True
        task = asyncio.create_task(self._write(0))
        task.cancel()
'''
ACTIVITIES = """
from temporalio import activity


class Letters:
    @activity.defn(name="draft_letter")
    async def draft(self, number: int) -> str:
        return str(number)

    @activity.defn
    async def post(self, draft: str) -> None: ...
"""
LINES = """\
run
  uuid4
  loop
    try
      activity draft_letter
      if
        activity post
    except ValueError
      return
    sleep
  if
    return
  wait_condition with timeout
  loop
    activity draft_letter
    if
      activity post
  gather
  start child_workflow Answers
  signal begin
  activity count
signal answer
  task
    activity draft_letter
    if
      activity post
  cancel"""
SAMPLE = {"sample.workflow": WORKFLOW, "sample.activities": ACTIVITIES}


def lines_of(sample: Mapping[str, str]) -> list[str]:
    """The fingerprint of the sample, or of what has become of it."""
    _, lines = fingerprint("sample.workflow.SampleWorkflow", Sources(sample.get))
    return lines


def changed(old: str, new: str) -> dict[str, str]:
    """The sample with one piece of its text replaced."""
    assert sum(text.count(old) for text in SAMPLE.values()) == 1
    return {module: text.replace(old, new) for module, text in SAMPLE.items()}


def test_committed() -> None:
    """The order of commands is the one on record."""
    today = fingerprints(WORKFLOWS, Sources())
    difference = differences(json.loads(FINGERPRINTS.read_text(encoding="utf-8")), today)
    assert not difference, f"the order of a workflow's commands has changed\n\n{difference}\n\n{WHAT_TO_DO}"
    assert FINGERPRINTS.read_text(encoding="utf-8") == rendered(today)


def test_differences() -> None:
    """The failure shows each line that came, went or moved, and the workflow."""
    before = {"Sample": lines_of(SAMPLE), "Gone": ["run"]}
    after = {"Sample": lines_of(changed("            await workflow.sleep(PAUSE)\n", ""))}
    difference = differences(before, after)
    assert "\n-    sleep\n" in difference
    assert "--- Sample, recorded" in difference
    assert "--- Gone, recorded" in difference
    assert not differences(before, before)


def test_sample() -> None:
    """A line for each step, under the loops, branches, tries and tasks around it, method by method."""
    assert "\n".join(lines_of(SAMPLE)) == LINES


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(
            "        run_id =", "        await workflow.sleep(1)\n        run_id =", id="sleep-added"
        ),
        pytest.param("            await workflow.sleep(PAUSE)\n", "", id="sleep-removed"),
        pytest.param(
            "            await workflow.sleep(PAUSE)\n",
            "        await workflow.sleep(PAUSE)\n",
            id="sleep-moved-out-of-the-loop",
        ),
        pytest.param(
            "        await workflow.wait_condition(lambda: self._answered, timeout=PAUSE)\n",
            "",
            id="wait-removed",
        ),
        pytest.param("self._answered, timeout=PAUSE", "self._answered", id="timer-of-wait-removed"),
        pytest.param('name="draft_letter"', 'name="draft"', id="activity-renamed"),
        pytest.param("Letters.draft,", "Letters.post,", id="another-activity"),
        pytest.param('"count"', '"count_all"', id="another-activity-by-name"),
        pytest.param('"Answers"', '"Replies"', id="another-child"),
        pytest.param('signal("begin")', 'signal("start")', id="another-signal"),
        pytest.param("        if draft is not None:\n    ", "", id="branch-removed"),
        pytest.param("except ValueError:", "except TypeError:", id="other-error-caught"),
        pytest.param('            return "nobody"\n', "            pass\n", id="early-end-removed"),
        pytest.param("str(workflow.uuid4())", '"1"', id="random-id-removed"),
        pytest.param("asyncio.create_task(self._write(0))", "await self._write(0)", id="task-awaited"),
        pytest.param("        if not request:", "        if workflow.patched('v2'):", id="patched"),
        pytest.param("asyncio.gather(*[", "workflow.wait([", id="wait-instead-of-gather"),
    ],
)
def test_changed_order(old: str, new: str) -> None:
    """What an old history would not survive changes the fingerprint."""
    assert lines_of(changed(old, new)) != lines_of(SAMPLE)


def test_swapped_activities() -> None:
    """Two activities in the other order change the fingerprint."""
    swapped = WORKFLOW.replace("Letters.draft", "Letters.x").replace("Letters.post", "Letters.draft")
    lines = lines_of(SAMPLE | {"sample.workflow": swapped.replace("Letters.x", "Letters.post")})
    assert lines != lines_of(SAMPLE)
    assert {line.strip() for line in lines} == {line.strip() for line in LINES.splitlines()}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param('"""Writes letters."""', '"""Writes many letters."""  # and slowly', id="docstring"),
        pytest.param("timedelta(seconds=30)", "timedelta(hours=1), retry_policy=None", id="options"),
        pytest.param("PAUSE = timedelta(minutes=5)", "PAUSE = timedelta(hours=5)", id="longer-wait"),
        pytest.param("        run_id =", "        workflow.logger.info('on')\n        run_id =", id="log"),
        pytest.param(
            "        if not request:", "        print(sorted(request))\n        if 0:", id="no-command"
        ),
        pytest.param("async def draft", "async def draft_it", id="method-of-activity-renamed"),
        pytest.param('("count"', '(activity="count"', id="by-keyword"),
    ],
)
def test_same_order(old: str, new: str) -> None:
    """What leaves the order of commands alone leaves the fingerprint alone."""
    sample = changed(old, new)
    if "draft_it" in new:
        sample["sample.workflow"] = WORKFLOW.replace("Letters.draft", "Letters.draft_it")
    assert lines_of(sample) == lines_of(SAMPLE)


@pytest.mark.parametrize(
    ("old", "new"),
    [("number", "index"), ("run_id", "key"), ("_write", "_draft_and_post"), ("child", "other")],
)
def test_other_names(old: str, new: str) -> None:
    """The names of locals and of the workflow's own methods do not matter."""
    assert old in WORKFLOW
    text = WORKFLOW.replace(old, new).replace(f"start_{new}_workflow", "start_child_workflow")
    assert lines_of(SAMPLE | {"sample.workflow": text}) == lines_of(SAMPLE)


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("while self._open and await workflow.sleep(1): break", ["loop", "  if", "    sleep", "  break"]),
        ("for item in items:\n if item: break", []),
        ("async for item in items: await workflow.sleep(1)", ["loop", "  sleep"]),
        ("x = {key: workflow.uuid4() for key in keys}", ["loop", "  uuid4"]),
        ("x = workflow.uuid4() if y else workflow.random()", ["if", "  uuid4", "else", "  random"]),
        ("match x:\n case 1 if workflow.patched('a'): pass\n case _: pass", ["case", "  patched a"]),
        ("async with asyncio.timeout(1):\n await workflow.sleep(1)", ["timeout", "with", "  sleep"]),
        (
            "try: await workflow.sleep(1)\nexcept ValueError: pass\nelse: raise\nfinally: x.cancel()",
            ["try", "  sleep", "except ValueError", "else", "  raise", "finally", "  cancel"],
        ),
        ("x = sorted(y, key=lambda z: workflow.random())", ["lambda", "  random"]),
        ("def f(): return workflow.uuid4()\nx = f()", ["uuid4"]),
        ("def f(x):\n if x: return\n workflow.uuid4()\nf(1)", ["call", "  if", "    return", "  uuid4"]),
        ("def f():\n workflow.uuid4()\n f()\nf()", ["uuid4", "again f"]),
        (
            "await workflow.wait(x, timeout=None, return_when=asyncio.FIRST_COMPLETED)",
            ["wait until FIRST_COMPLETED"],
        ),
        ("await asyncio.wait_for(asyncio.sleep(1), 2)", ["sleep", "wait_for"]),
        ("await workflow.start_local_activity(Letters.post)", ["start local_activity post"]),
        ("await workflow.execute_child_workflow(SampleWorkflow.run)", ["child_workflow Sample"]),
        ("workflow.continue_as_new(workflow.info().run_id)", ["continue_as_new"]),
        ("self._later = self._write", ["activity draft_letter", "if", "  activity post"]),
        ("return None", []),
    ],
)
def test_constructs(body: str, lines: list[str]) -> None:
    """Each construct that says whether, how often or in which order something runs is a line of its own."""
    head, _, tail = WORKFLOW.partition("        run_id =")
    _, _, tail = tail.partition("    async def _write")
    text = f"{head}{indent(body, ' ' * 8)}\n\n    async def _write{tail}"
    written = lines_of(SAMPLE | {"sample.workflow": text})
    run = [line for line in written[: written.index("signal answer")] if line != "run"]
    assert [line.removeprefix("  ") for line in run] == lines


def test_function_in_another_module() -> None:
    """Commands that move into a function of another module stay in their place."""
    moved = {
        "sample.workflow": changed("await workflow.sleep(PAUSE)", "await pause()")["sample.workflow"].replace(
            "from sample.activities", "from sample.pauses import pause\nfrom sample.activities"
        ),
        "sample.pauses": (
            "from temporalio import workflow\nasync def pause() -> None:\n    await workflow.sleep(1)\n"
        ),
    }
    assert lines_of(SAMPLE | moved) == lines_of(SAMPLE)


def test_unnamed_activity() -> None:
    """An activity that cannot be told from the text is refused, with its place."""
    with pytest.raises(ValueError, match=r"sample\.workflow:\d+: say which one"):
        lines_of(changed('"count"', "request[0]"))


def test_overlooked() -> None:
    """A command where the walk does not come by is reported, not passed over."""
    queue = "class Queue:\n    async def pause(self) -> None:\n        await workflow.sleep(1)\n"
    hidden = {
        "sample.workflow": changed("await workflow.sleep(PAUSE)", "await Queue().pause()")["sample.workflow"]
    }
    hidden["sample.workflow"] += queue
    places = overlooked(["sample.workflow.SampleWorkflow"], list(hidden), Sources((SAMPLE | hidden).get))
    assert [place.rpartition(": ")[2] for place in places] == ["sleep"]


def test_nothing_is_overlooked() -> None:
    """Every command in the package of the workflows stands in a fingerprint."""
    folder = Path(*leadgen.workflows.__path__)
    modules = [
        ".".join((leadgen.workflows.__name__, *file.relative_to(folder).with_suffix("").parts))
        for file in folder.rglob("*.py")
    ]
    assert len(modules) > len(WORKFLOWS)
    assert overlooked(WORKFLOWS, modules, Sources()) == []


@pytest.mark.parametrize("changed_class", [SleepyFindPhone, SleepyFindPhones, HastyUpkeep])
def test_what_fails_replay(changed_class: type) -> None:
    """The changes that fail the replay of histories change the fingerprint too."""
    name, lines = fingerprint(changed_class, Sources())
    assert lines != fingerprints(WORKFLOWS, Sources())[name]


@pytest.mark.parametrize("workflow_class", WORKFLOWS, ids=lambda workflow: workflow.__name__)
def test_every_workflow(workflow_class: type) -> None:
    """In each registered workflow a new first command is seen, and comments and layout are not."""

    def edited(added: str) -> list[str]:
        def read(module: str) -> str | None:
            text = read_source(module)
            if module != workflow_class.__module__ or text is None:
                return text
            tree = ast.parse(text)
            for node in ast.walk(tree):
                if isinstance(node, ast.AsyncFunctionDef) and node.name == "run":
                    node.body[:1] = ast.parse(added).body
            return ast.unparse(tree)

        return fingerprint(workflow_class, Sources(read))[1]

    _, today = fingerprint(workflow_class, Sources())
    assert edited("") == today
    assert edited("workflow.sleep(1)") == [
        line for original in today for line in ([original, "  sleep"] if original == "run" else [original])
    ]
