"""The order of each workflow's commands, read from its source.

Temporal replays a workflow under way against its history, so whatever changes this order is to be gated
with ``workflow.patched``. A fingerprint has one line for each step: what makes a command, waits, consumes a
random number or ends early, indented under the loops, branches, tries and tasks around it. It goes into the
functions of the project that the workflow calls. It sees neither conditions nor arguments nor options: for
conditions there is the replay of recorded histories, the other two may change.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Sequence
from difflib import unified_diff
from pathlib import Path

from tests.workflows.fingerprint.commands import TEMPORAL, command
from tests.workflows.fingerprint.sources import Sources
from tests.workflows.fingerprint.walk import Walk

FINGERPRINTS = Path(__file__).parents[1] / "fingerprints.json"
WHAT_TO_DO = """\
A workflow under way was begun in the old order and breaks in the new one.
1. Keep the old way for those: `if workflow.patched("..."):` the new way, `else:` the old one.
2. Record a history of the new way, and keep the old ones (CONTRIBUTING.md, "Recorded histories").
3. Renew the fingerprints: .venv/bin/python -m tests.workflows.fingerprint"""


def fingerprint(workflow: type | str, sources: Sources) -> tuple[str, list[str]]:
    """The registered name of a workflow class, and its lines; raises ValueError where it cannot be read."""
    name, walk = _walk(workflow, sources)
    return name, walk.lines()


def fingerprints(workflows: Iterable[type], sources: Sources) -> dict[str, list[str]]:
    """The lines of each workflow, by its registered name."""
    return dict(fingerprint(workflow, sources) for workflow in workflows)


def rendered(prints: dict[str, list[str]]) -> str:
    """As they are kept in the file."""
    return json.dumps(prints, indent=2, ensure_ascii=False) + "\n"


def differences(before: dict[str, list[str]], after: dict[str, list[str]]) -> str:
    """What has changed in which workflow, as a diff; empty if nothing has."""
    return "\n".join(
        line
        for name in sorted(before.keys() | after.keys())
        for line in unified_diff(
            before.get(name, []), after.get(name, []), f"{name}, recorded", f"{name}, today", lineterm=""
        )
    )


def overlooked(workflows: Iterable[type | str], modules: Sequence[str], sources: Sources) -> list[str]:
    """Where commands of Temporal stand in these modules that no walk through these workflows comes by."""
    seen: set[ast.Call] = set()
    for workflow in workflows:
        _, walk = _walk(workflow, sources)
        walk.lines()
        seen |= walk.seen
    return [
        f"{module.name}:{node.lineno}: {label}"
        for module in map(sources.module, modules)
        if module is not None
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and node not in seen
        if (module.dotted(node.func) or "").startswith(TEMPORAL)
        if (label := command(sources, module, node))
    ]


def _walk(workflow: type | str, sources: Sources) -> tuple[str, Walk]:
    dotted = workflow if isinstance(workflow, str) else f"{workflow.__module__}.{workflow.__qualname__}"
    found = sources.find(dotted)
    name = found.registered_name(f"{TEMPORAL}defn") if found else None
    if found is None or name is None:
        raise ValueError(f"{dotted} is no workflow")
    return name, Walk(sources, found)
