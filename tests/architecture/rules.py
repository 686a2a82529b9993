"""The rules of the architecture, each a function from source text to the list of its breaches.

A breach reads `line N: what is wrong`. `test_project.py` applies the rules to the project, `test_rules.py`
shows that each of them bites. What import-linter can say stands in pyproject.toml, not here.
"""

import ast
import re
import sys
from collections.abc import Collection, Iterator

LINES_PER_FUNCTION_MAX = 70
LINES_PER_FILE_MAX = 500

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = Function | ast.ClassDef

_MOCK_PACKAGES = ("unittest.mock", "mock", "pytest_mock")
_MOCK_NAMES = {"AsyncMock", "MagicMock", "mocker"}
_IMPURE_MODULES = ("asyncio", "random", "secrets", "time")
_IMPURE_CALLS = {"date.today", "datetime.now", "datetime.today", "datetime.utcnow", "os.urandom"}
_IMPURE_NAMES = {"getrandbits", "urandom", "uuid1", "uuid4", "uuid6", "uuid7"}
_ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
_VALUE_BASES = {"Enum", "IntEnum", "NamedTuple", "StrEnum"}


def imports_outside(source: str, allowed: Collection[str]) -> list[str]:
    """Imports that are neither of the standard library nor inside one of the allowed packages."""
    return [
        f"line {line}: imports {module}"
        for line, module in _imports(source)
        if module.split(".")[0] not in sys.stdlib_module_names
        and not any(_is_inside(module, package) for package in allowed)
    ]


def mocks(source: str) -> list[str]:
    """Everything that replaces code at run time: mock libraries and pytest's setattr."""
    found = [
        f"line {line}: imports {module}"
        for line, module in _imports(source)
        if any(_is_inside(module, package) for package in _MOCK_PACKAGES)
    ]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr == "setattr":
            found.append(f"line {node.lineno}: patches with .setattr")
        name = _own_name(node)
        if name in _MOCK_NAMES:
            found.append(f"line {getattr(node, 'lineno', 0)}: uses {name}")
    return found


def oversize(source: str) -> list[str]:
    """Functions of more than 70 lines, and the file if it has more than 500."""
    lines = len(source.splitlines())
    found = [f"line {lines}: file of {lines} lines"] if lines > LINES_PER_FILE_MAX else []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Function):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LINES_PER_FUNCTION_MAX:
                found.append(f"line {node.lineno}: {node.name} has {length} lines")
    return found


def undocumented(source: str) -> list[str]:
    """Public names without a docstring: the module, its classes and functions, and their public methods.

    An empty file needs none. A method that states its contract elsewhere says so with `@override`.
    """
    tree = ast.parse(source)
    if not tree.body:
        return []
    found = [] if ast.get_docstring(tree) else ["line 1: the module has no docstring"]
    return found + [
        f"line {node.lineno}: {name} has no docstring"
        for name, node in _public(tree)
        if not ast.get_docstring(node)
    ]


def port_shape(source: str) -> list[str]:
    """What keeps a module from being a port: one public abstract class `I...`, besides it only values."""
    tree = ast.parse(source)
    public = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    ports = [node for node in public if _is_abstract(node)]
    found = [] if len(ports) == 1 else [f"line 1: {len(ports)} public abstract classes instead of one"]
    for node in public:
        if node in ports and not re.match(r"I[A-Z]", node.name):
            found.append(f"line {node.lineno}: port {node.name} lacks the prefix I")
        if node not in ports and not _is_value(node):
            found.append(f"line {node.lineno}: {node.name} is neither the port nor a dataclass or an enum")
    return found + [
        f"line {node.lineno}: public function {node.name} beside the port"
        for node in tree.body
        if isinstance(node, Function) and not node.name.startswith("_")
    ]


def reads_environment(source: str) -> list[str]:
    """Reads and writes of the process environment."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in _ENVIRONMENT and ast.unparse(node.value) == "os":
            found.append(f"line {node.lineno}: os.{node.attr}")
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            names = [alias.name for alias in node.names if alias.name in _ENVIRONMENT]
            found += [f"line {node.lineno}: os.{name}" for name in names]
    return found


def interruptible_writes(source: str) -> list[str]:
    """Functions that open a `.write()` of the database, and that a cancellation could cut short in it."""
    found = []
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, Function) and "uninterrupted" not in _decorators(function):
            found += [
                f"line {node.lineno}: {function.name} writes and may be interrupted"
                for node in ast.walk(function)
                if isinstance(node, ast.Call) and not (node.args or node.keywords)
                if isinstance(node.func, ast.Attribute) and node.func.attr == "write"
            ]
    return found


def impure(source: str, async_classes_allowed: Collection[str] = ()) -> list[str]:
    """What a pure module must not have: await, async, the clock, chance.

    The methods of `async_classes_allowed` may be `async def`; they still may not await.
    """
    tree = ast.parse(source)
    pardoned = {
        id(method)
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name in async_classes_allowed
        for method in node.body
    }
    found = [
        f"line {line}: imports {module}"
        for line, module in _imports(source)
        if any(_is_inside(module, package) for package in _IMPURE_MODULES)
    ]
    for node in ast.walk(tree):
        what = None if id(node) in pardoned else _impurity(node)
        if what:
            found.append(f"line {getattr(node, 'lineno', 0)}: {what}")
    return found


def machine_paths(text: str) -> list[str]:
    """Absolute paths that exist on one machine only."""
    pattern = re.compile(r"(?<![\w.\-/}])/(?:root|work)(?![\w\-])")
    return _lines_matching(text, pattern, "absolute path of one machine")


def download_addresses(text: str) -> list[str]:
    """Addresses of package files and package indexes; hashes alone name a package."""
    pattern = re.compile(
        r"\w://\S+\.(?:whl|tgz|tar\.gz)\b"  # a package
        r"|\w://\S+/simpl[e](?![\w\-])"  # an index
        r"|--(?:extra-)?index[-]url\b|--find[-]links\b"
    )
    return _lines_matching(text, pattern, "address of a package registry")


def _imports(source: str) -> Iterator[tuple[int, str]]:
    """Every module imported anywhere in the source; `from a import b` counts as `a.b`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{package}.{alias.name}") for alias in node.names)


def _is_inside(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _own_name(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.arg if isinstance(node, ast.arg) else None


def _public(tree: ast.Module) -> Iterator[tuple[str, Documented]]:
    for node in tree.body:
        if not isinstance(node, Documented) or node.name.startswith("_"):
            continue
        yield node.name, node
        if isinstance(node, ast.ClassDef):
            methods = (item for item in node.body if isinstance(item, Function))
            for method in methods:
                elsewhere = _decorators(method) & {"override", "overload", "setter"}
                if not elsewhere and not method.name.startswith("_"):
                    yield f"{node.name}.{method.name}", method


def _decorators(node: Documented) -> set[str]:
    plain = (item.func if isinstance(item, ast.Call) else item for item in node.decorator_list)
    return {ast.unparse(item).rsplit(".", 1)[-1] for item in plain}


def values_frozen_at_run_time(source: str) -> list[str]:
    """Frozen dataclasses that are no ``@value``: each costs several times as much to make."""
    return [
        f"line {node.lineno}: {node.name} is frozen at run time; take @value of domain/value.py"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("dataclass")
        if any(keyword.arg == "frozen" for keyword in decorator.keywords)
    ]


def _bases(node: ast.ClassDef) -> set[str]:
    expressions = [*node.bases, *(keyword.value for keyword in node.keywords)]
    return {ast.unparse(item).split("[")[0].rsplit(".", 1)[-1] for item in expressions}


def _is_abstract(node: ast.ClassDef) -> bool:
    methods = [item for item in node.body if isinstance(item, Function)]
    return bool(_bases(node) & {"ABC", "ABCMeta", "Protocol"}) or any(
        "abstractmethod" in _decorators(method) for method in methods
    )


def _is_value(node: ast.ClassDef) -> bool:
    return bool({"dataclass", "value"} & _decorators(node) or _bases(node) & _VALUE_BASES)


def _impurity(node: ast.AST) -> str | None:
    if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith):
        return "await"
    if isinstance(node, ast.AsyncFunctionDef):
        return f"async def {node.name}"
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        if ".".join(called.split(".")[-2:]) in _IMPURE_CALLS or called.split(".")[-1] in _IMPURE_NAMES:
            return f"calls {called}"
    return None


def _lines_matching(text: str, pattern: re.Pattern[str], what: str) -> list[str]:
    return [
        f"line {number}: {what}"
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]
