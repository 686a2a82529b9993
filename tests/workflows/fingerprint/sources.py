"""Python sources read as text: which function or class a dotted name stands for, without importing it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[3]
_FOLDERS = (_ROOT / "src", _ROOT)
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def read_source(module: str) -> str | None:
    """The text of a module of this project; None for any other name."""
    for folder in _FOLDERS:
        path = folder.joinpath(*module.split("."))
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return file.read_text(encoding="utf-8")
    return None


@dataclass(frozen=True, eq=False)
class Module:
    """A module: its tree, and what its imported names stand for."""

    name: str
    tree: ast.Module
    imports: dict[str, str]

    @classmethod
    def parse(cls, name: str, text: str) -> Module:
        """From its text."""
        tree = ast.parse(text)
        imports: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                imports |= {alias.asname: alias.name for alias in node.names if alias.asname}
                imports |= {
                    (root := alias.name.split(".")[0]): root for alias in node.names if not alias.asname
                }
            elif isinstance(node, ast.ImportFrom):
                imports |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        return cls(name, tree, imports)

    def dotted(self, expression: ast.expr) -> str | None:
        """``workflow.sleep`` as ``temporalio.workflow.sleep``; None for what is not a name."""
        match expression:
            case ast.Name(id=name):
                return self.imports.get(name, f"{self.name}.{name}")
            case ast.Attribute(value=value, attr=name):
                return f"{owner}.{name}" if (owner := self.dotted(value)) else None
            case _:
                return None


@dataclass(frozen=True, eq=False)
class Definition:
    """A function or a class, and the module in which it stands."""

    module: Module
    node: FunctionNode | ast.ClassDef

    def methods(self) -> dict[str, Definition]:
        """The methods of a class by their names, those of its bases apart."""
        body = self.node.body if isinstance(self.node, ast.ClassDef) else []
        return {node.name: Definition(self.module, node) for node in body if isinstance(node, FunctionNode)}

    def decorators(self) -> dict[str, ast.expr]:
        """Its decorators by their dotted names."""
        called = {d: d.func if isinstance(d, ast.Call) else d for d in self.node.decorator_list}
        return {self.module.dotted(name) or "": decorator for decorator, name in called.items()}

    def registered_name(self, dotted: str) -> str | None:
        """The name under which its decorator of this name registers it with Temporal."""
        decorator = self.decorators().get(dotted)
        if isinstance(decorator, ast.Call):
            for keyword in decorator.keywords:
                if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                    return str(keyword.value.value)
        return self.node.name if decorator is not None else None


class Sources:
    """The modules that ``read`` knows, each parsed once."""

    def __init__(self, read: Callable[[str], str | None] = read_source) -> None:
        self._read = read
        self._modules: dict[str, Module | None] = {}

    def module(self, name: str) -> Module | None:
        """A module of the project."""
        if name not in self._modules:
            text = self._read(name)
            self._modules[name] = None if text is None else Module.parse(name, text)
        return self._modules[name]

    def find(self, dotted: str | None) -> Definition | None:
        """The function, class or method of the project that a dotted name stands for."""
        parts = dotted.split(".") if dotted else []
        for length in range(len(parts) - 1, 0, -1):
            if module := self.module(".".join(parts[:length])):
                return self._member(module, parts[length:])
        return None

    def method(self, owner: Definition, name: str) -> Definition | None:
        """A method of a class, its own or inherited."""
        if name in (own := owner.methods()):
            return own[name]
        return self.inherited(owner, name)

    def inherited(self, owner: Definition, name: str) -> Definition | None:
        """A method that a class has from its bases."""
        bases = owner.node.bases if isinstance(owner.node, ast.ClassDef) else []
        for base in bases:
            found = self.find(owner.module.dotted(base))
            if found and (method := self.method(found, name)):
                return method
        return None

    def _member(self, module: Module, path: list[str]) -> Definition | None:
        name, *rest = path
        for node in module.tree.body:
            if isinstance(node, FunctionNode | ast.ClassDef) and node.name == name:
                found = Definition(module, node)
                return self.method(found, rest[0]) if rest else found
        if name in module.imports:
            return self.find(".".join((module.imports[name], *rest)))
        return None
