"""Which calls of a workflow make commands, wait or consume random numbers, and how they are called here."""

from __future__ import annotations

import ast

from tests.workflows.fingerprint.sources import Module, Sources

TEMPORAL = "temporalio.workflow."
_HARMLESS = frozenset(
    {
        "all_handlers_finished",
        "cancellation_reason",
        "current_update_info",
        "defn",
        "extern_functions",
        "get_current_details",
        "info",
        "in_workflow",
        "init",
        "instance",
        "is_failure_exception",
        "logger",
        "memo",
        "memo_value",
        "metric_meter",
        "now",
        "payload_converter",
        "query",
        "run",
        "set_current_details",
        "signal",
        "time",
        "time_ns",
        "unsafe",
        "update",
    }
)
"""What leaves no trace in a history; any other function of ``temporalio.workflow`` is a step."""
_ASYNCIO = frozenset({"as_completed", "gather", "sleep", "timeout", "timeout_at", "wait", "wait_for"})
_METHODS = frozenset({"cancel", "execute_operation", "signal", "start_operation", "wait"})
"""Steps whatever object they are called on: handles, tasks, events."""


def command(sources: Sources, module: Module, call: ast.Call) -> str | None:
    """The step that a call in a module is, if it is one."""
    dotted = module.dotted(call.func) or ""
    if dotted.startswith(TEMPORAL):
        name = dotted.removeprefix(TEMPORAL)
        return None if name.split(".")[0] in _HARMLESS else _temporal(sources, module, call, name)
    owner, _, name = dotted.rpartition(".")
    if owner == "asyncio":
        return name + _waiting(call) if name in _ASYNCIO else None
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if method == "signal":
        return f"signal {_registered(sources, module, _given(call, 'signal'), f'{TEMPORAL}signal')}"
    return method + _waiting(call) if method in _METHODS else None


def _temporal(sources: Sources, module: Module, call: ast.Call, name: str) -> str:
    """``execute_activity_method(Job.plan)`` as ``activity plan_job``, and so on."""
    verb, _, rest = name.partition("_")
    kind = rest.removesuffix("_method").removesuffix("_class")
    prefix = "" if verb == "execute" else f"{verb} "
    match kind:
        case "activity" | "local_activity":
            activity = _given(call, "activity")
            return f"{prefix}{kind} {_registered(sources, module, activity, 'temporalio.activity.defn')}"
        case "child_workflow":
            workflow = _given(call, "workflow")
            if isinstance(workflow, ast.Attribute) and workflow.attr == "run":
                workflow = workflow.value
            return f"{prefix}{kind} {_registered(sources, module, workflow, f'{TEMPORAL}defn')}"
        case _:
            return name + _first(call) + _waiting(call)


def _registered(sources: Sources, module: Module, target: ast.expr | None, decorator: str) -> str:
    """The name under which Temporal knows an activity, a workflow or a signal: histories hold no other."""
    if isinstance(target, ast.Constant):
        return str(target.value)
    found = sources.find(module.dotted(target)) if target is not None else None
    name = found.registered_name(decorator) if found else None
    if name is None:
        place = f"{module.name}:{target.lineno}" if target is not None else module.name
        raise ValueError(f"{place}: say which one is meant as Class.method, or by its name")
    return name


def _given(call: ast.Call, keyword: str) -> ast.expr | None:
    if call.args:
        return call.args[0]
    return next((given.value for given in call.keywords if given.arg == keyword), None)


def _first(call: ast.Call) -> str:
    """What is patched: its id is in the history."""
    match call.args:
        case [ast.Constant(value=str(text)), *_]:
            return f" {text}"
        case _:
            return ""


def _waiting(call: ast.Call) -> str:
    """What of a wait makes a difference: whether there is a time-out at all, and what it waits for."""
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    until = given.get("return_when", "").rpartition(".")[2]
    timed = given.get("timeout", "None") != "None"
    return (f" until {until}" if until else "") + (" with timeout" if timed else "")
