"""The walk through a workflow's source, in the order in which it would run."""
# ruff: noqa: N815 - ast names its visitors after its classes

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.workflows.fingerprint.commands import TEMPORAL, command
from tests.workflows.fingerprint.sources import Definition, FunctionNode, Sources

_INDENT = "  "
_ROUND_ENDS = frozenset({"break", "continue"})
_ENDS = _ROUND_ENDS | {"return", "raise"}
_TASKS = frozenset({"create_task", "ensure_future"})
_HANDLERS = ("signal", "update", "query")


@dataclass
class Step:
    """A line of the fingerprint, and the lines under it."""

    label: str
    inner: list[Step] = field(default_factory=list)

    def lines(self, depth: int = 0) -> Iterator[str]:
        """As text."""
        yield _INDENT * depth + self.label
        for step in self.inner:
            yield from step.lines(depth + 1)

    def leaves(self) -> set[str]:
        """What it comes down to; an ``except`` that does nothing is none."""
        if self.inner:
            return set().union(*(step.leaves() for step in self.inner))
        return set() if self.label.startswith("except") else {self.label}


class Walk(ast.NodeVisitor):
    """Notes the steps of one workflow; ``seen`` are the calls behind its commands."""

    def __init__(self, sources: Sources, workflow: Definition) -> None:
        self.seen: set[ast.Call] = set()
        self._sources = sources
        self._workflow = workflow
        self._module = workflow.module
        self._local: dict[str, FunctionNode] = {}
        self._under_way: list[FunctionNode] = []
        self._steps: list[Step] = []

    def lines(self) -> list[str]:
        """What Temporal calls: the constructor, the run method, and the handlers by their names."""
        labelled = {"init": self._sources.method(self._workflow, "__init__")}
        handlers: dict[str, Definition] = {}
        for method in self._workflow.methods().values():
            if f"{TEMPORAL}run" in method.decorators():
                labelled["run"] = method
            for kind in _HANDLERS:
                if name := method.registered_name(f"{TEMPORAL}{kind}"):
                    handlers[f"{kind} {name}"] = method
        roots = (labelled | dict(sorted(handlers.items()))).items()
        steps = [Step(label, self._body(root)) for label, root in roots if root]
        return [line for step in steps if step.inner for line in step.lines()]

    # ------------------------------------------------------------ calls

    def visit_Call(self, node: ast.Call) -> None:
        """Its receiver and its arguments, then what it calls."""
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        if isinstance(node.func, ast.Attribute):
            if node.func.attr in _TASKS:
                self._block("task", arguments)
                return
            self.visit(node.func.value)
        for argument in arguments:
            self.visit(argument)
        if target := self._target(node.func):
            self._inline(target)
        elif label := command(self._sources, self._module, node):
            self.seen.add(node)
            self._steps.append(Step(label))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """A method that is handed over counts as called, and so does a property."""
        self.visit(node.value)
        if target := self._target(node):
            self._inline(target)

    def visit_Name(self, node: ast.Name) -> None:
        """A function that is handed over counts as called."""
        if target := self._target(node):
            self._inline(target)

    def _target(self, called: ast.expr) -> Definition | None:
        """The function of the project that a name stands for; activities and workflows run elsewhere."""
        match called:
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                return self._sources.method(self._workflow, name)
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=name):
                return self._sources.inherited(self._workflow, name)
            case ast.Name(id=name) if name in self._local:
                return Definition(self._module, self._local[name])
        target = self._sources.find(self._module.dotted(called))
        if target is None or not isinstance(target.node, FunctionNode):
            return None
        return None if any(name.startswith("temporalio.") for name in target.decorators()) else target

    def _inline(self, target: Definition) -> None:
        """The steps of a function in place of its call; none if it makes no command."""
        if target.node in self._under_way:
            self._steps.append(Step(f"again {target.node.name}"))
            return
        steps = self._body(target)
        leaves = Step("call", steps).leaves() if steps else set()
        if leaves - _ENDS:
            # A return within it ends only the call.
            self._steps += [Step("call", steps)] if "return" in leaves else steps

    def _body(self, function: Definition) -> list[Step]:
        assert isinstance(function.node, FunctionNode)
        outer = self._steps, self._module, self._local
        self._steps, self._module, self._local = [], function.module, dict(self._local)
        self._under_way.append(function.node)
        for statement in function.node.body:
            self.visit(statement)
        self._under_way.pop()
        steps = self._steps
        self._steps, self._module, self._local = outer
        return steps[:-1] if steps and steps[-1].label == "return" else steps

    def visit_FunctionDef(self, node: FunctionNode) -> None:
        """A function within a function runs when it is called."""
        self._local[node.name] = node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """A lambda may run or not, and more than once."""
        self._block("lambda", [node.body])

    # ------------------------------------------------------------ control flow

    def _block(self, label: str, nodes: Iterable[ast.AST | None], *, always: bool = False) -> bool:
        """Notes the steps of some nodes under a label, and says whether there are any."""
        outer, self._steps = self._steps, []
        for node in nodes:
            if node is not None:
                self.visit(node)
        block, self._steps = Step(label, self._steps), outer
        if block.inner or always:
            self._steps.append(block)
        return bool(block.inner)

    def visit_If(self, node: ast.If | ast.IfExp) -> None:
        """The test, then one side or the other."""
        self.visit(node.test)
        self._block("if", _listed(node.body))
        self._block("else", _listed(node.orelse))

    visit_IfExp = visit_If

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """What stands behind ``and`` and ``or`` need not run."""
        self.visit(node.values[0])
        self._block("if", node.values[1:])

    def visit_Match(self, node: ast.Match) -> None:
        """The subject, then one of the cases."""
        self.visit(node.subject)
        for case in node.cases:
            self._block("case", [case.guard, *case.body])

    def visit_While(self, node: ast.While) -> None:
        """The test belongs to each round."""
        self._loop([node.test, *node.body], node.orelse)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        """What is gone through is asked for once."""
        self.visit(node.iter)
        self._loop(node.body, node.orelse)

    visit_AsyncFor = visit_For

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        """A loop as an expression."""
        first, *others = node.generators
        self.visit(first.iter)
        made = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._loop([*first.ifs, *others, *made], [])

    visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_ListComp

    def _loop(self, body: Sequence[ast.AST], orelse: Sequence[ast.AST]) -> None:
        """A loop that is left or goes on, and does nothing else, is none."""
        if self._block("loop", body) and not self._steps[-1].leaves() - _ROUND_ENDS:
            self._steps.pop()
        self._block("loop else", orelse)

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        """Which errors are caught is noted, whatever is done about them."""
        tried = self._block("try", node.body)
        for handler in node.handlers:
            kind = f" {ast.unparse(handler.type)}" if handler.type else ""
            self._block(f"except{kind}", handler.body, always=tried)
        self._block("else", node.orelse)
        self._block("finally", node.finalbody)

    visit_TryStar = visit_Try

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        """A lock or a time-out holds for its block."""
        for item in node.items:
            self.visit(item.context_expr)
        self._block("with", node.body)

    visit_AsyncWith = visit_With

    def visit_Return(self, node: ast.Return | ast.Raise | ast.Break | ast.Continue) -> None:
        """What is returned or raised, then the end."""
        self.generic_visit(node)
        self._steps.append(Step(type(node).__name__.lower()))

    visit_Raise = visit_Break = visit_Continue = visit_Return


def _listed(body: ast.expr | list[ast.stmt]) -> Sequence[ast.AST]:
    return body if isinstance(body, list) else [body]
