"""Each rule bites: it passes what it should and reports a made-up breach."""

import textwrap
from collections.abc import Callable

import pytest

from tests.architecture import rules

CORE = ("phonenumbers", "leadgen.domain")


@pytest.mark.parametrize(
    "line",
    [
        "import pydantic",
        "import leadgen.adapters",
        "from leadgen import adapters",
        "from leadgen.application.ports import clock",
        "from leadgen.domains import lead",
        "from . import lead",
        "def late():\n    import sqlalchemy",
    ],
)
def test_foreign_imports_are_reported(line: str) -> None:
    """An import from outside is found wherever it stands and however it is written."""
    assert rules.imports_outside(line, CORE)


@pytest.mark.parametrize(
    "line",
    ["import json", "import phonenumbers", "from leadgen.domain import lead", "import leadgen.domain.lead"],
)
def test_imports_of_the_core_pass(line: str) -> None:
    """The standard library, phonenumbers and the package itself are at home."""
    assert rules.imports_outside(line, CORE) == []


@pytest.mark.parametrize(
    "line",
    [
        "import unittest.mock",
        "from unittest import mock",
        "from unittest.mock import patch",
        "def test_it(monkeypatch): monkeypatch.setattr(a, 'b', 1)",
        "def test_it(patcher): patcher.setattr(a, 'b', 1)",
        "double = library.MagicMock()",
        "def test_it(mocker): ...",
    ],
)
def test_mocks_are_reported(line: str) -> None:
    """No way of replacing code at run time slips through."""
    assert rules.mocks(line)


def test_environment_fixtures_pass() -> None:
    """Only setattr is forbidden of what pytest's fixture can do; the built-in function is another thing."""
    assert rules.mocks("def test_it(monkeypatch): monkeypatch.setenv('A', 'b'); setattr(x, 'y', 1)") == []


@pytest.mark.parametrize(("lines", "breaches"), [(70, 0), (71, 1)])
def test_functions_are_measured(lines: int, breaches: int) -> None:
    """A function may have 70 lines, its signature counted, and no more."""
    body = "    pass\n" * (lines - 1)
    assert len(rules.oversize(f"async def long():\n{body}")) == breaches


@pytest.mark.parametrize(("lines", "breaches"), [(500, 0), (501, 1)])
def test_files_are_measured(lines: int, breaches: int) -> None:
    """A file may have 500 lines and no more."""
    assert len(rules.oversize("x = 1\n" * lines)) == breaches


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "'''Module.'''\nclass Lead: ...",
        "'''Module.'''\ndef find(): ...",
        "'''Module.'''\nasync def find(): ...",
        "'''Module.'''\nclass Lead:\n    '''Lead.'''\n    def name(self): ...",
    ],
)
def test_missing_docstrings_are_reported(source: str) -> None:
    """Module, class, function and public method each need one."""
    assert len(rules.undocumented(source)) == 1


def test_private_names_and_empty_files_need_no_docstring() -> None:
    """Only what others may call is documented."""
    assert rules.undocumented("") == []
    source = (
        "'''Module.'''\nclass _A: ...\ndef _b(): ...\nclass C:\n    '''C.'''\n    def __eq__(self, o): ..."
    )
    assert rules.undocumented(source) == []


PORT = """
from abc import ABC, abstractmethod

from leadgen.domain.value import value

@value(frozen=True)
class Ticket: ...

class IRateLimiter(ABC):
    @abstractmethod
    async def take(self) -> Ticket: ...
"""


def test_a_port_passes() -> None:
    """One abstract class and the dataclasses that go with it."""
    assert rules.port_shape(PORT) == []


@pytest.mark.parametrize(
    "source",
    [
        "",
        PORT.replace("IRateLimiter", "RateLimiter"),
        PORT.replace("IRateLimiter", "Idle"),
        PORT.replace("@value(frozen=True)\n", ""),
        PORT + "class IClock(ABC): ...",
        PORT + "def helper(): ...",
    ],
)
def test_malformed_ports_are_reported(source: str) -> None:
    """None, two, a wrong name, a class that is no value, a function: each is a breach."""
    assert len(rules.port_shape(source)) == 1


def test_values_frozen_at_run_time_are_reported() -> None:
    """Whatever else is said of them; what may change is no value."""
    plain = "from dataclasses import dataclass"
    frozen = f"{plain}\n@dataclass(slots=True, frozen=True)\nclass Ask: ..."
    assert len(rules.values_frozen_at_run_time(frozen)) == 1
    assert rules.values_frozen_at_run_time(f"{plain}\n@dataclass(slots=True)\nclass Place: ...") == []
    assert rules.values_frozen_at_run_time(PORT) == []


@pytest.mark.parametrize(
    "line", ["import os; os.environ['A']", "import os; os.getenv('A')", "from os import environ, path"]
)
def test_reading_the_environment_is_reported(line: str) -> None:
    """Both spellings are found, and the import by name."""
    assert len(rules.reads_environment(line)) == 1


def test_other_uses_of_os_pass() -> None:
    """The rest of the module is free."""
    assert rules.reads_environment("import os; os.getpid(); self.environ") == []


@pytest.mark.parametrize(
    "source",
    [
        "async def ask(): ...",
        "class Other:\n    async def find(self): ...",
        "import time",
        "from time import monotonic",
        "import random",
        "from asyncio import Queue",
        "moment = datetime.now(UTC)",
        "moment = datetime.datetime.utcnow()",
        "day = datetime.date.today()",
        "key = uuid.uuid4()",
        "key = uuid4()",
    ],
)
def test_impurities_are_reported(source: str) -> None:
    """Waiting, the clock and chance have no place in the domain."""
    assert len(rules.impure(source, {"IPhoneProvider"})) == 1


def test_the_one_async_signature_passes() -> None:
    """The provider port may be async; what awaits inside it is still reported."""
    signature = "class IPhoneProvider(ABC):\n    async def find(self): {}"
    assert rules.impure(signature.format("..."), {"IPhoneProvider"}) == []
    assert len(rules.impure(signature.format("await x"), {"IPhoneProvider"})) == 1
    assert rules.impure("def step(event, now): return now + event.delay.time()") == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (rules.machine_paths, "cd /{}/project".format("work")),
        (rules.machine_paths, "home = '/{}'".format("root")),
        (rules.download_addresses, "x @ https://host.example/a/x-1.0-py3-none-any.{}".format("whl")),
        (rules.download_addresses, "index = 'https://host.example/{}'".format("simple")),
        (rules.download_addresses, "pip install --index-{} x".format("url")),
    ],
)
def test_traces_of_a_machine_are_reported(rule: Callable[[str], list[str]], text: str) -> None:
    """Paths and addresses that hold on one machine only, on their second line."""
    assert [breach[:7] for breach in rule(f"first\n{text}")] == ["line 2:"]


def test_relative_paths_and_web_pages_pass() -> None:
    """Names that merely contain those words are no traces."""
    text = textwrap.dedent("""
        src/work/file, https://host.example/work/, /workflows, /rooted, ./root/x
        see https://host.example/project/ and (https://host.example/simple-guide.html)
    """)
    assert rules.machine_paths(text) == []
    assert rules.download_addresses(text) == []


_WRITE = "async def add(self):\n    async with self._database.write() as conn:\n        await conn.execute()"


@pytest.mark.parametrize(
    "source",
    [
        _WRITE,
        f"@logged\n{_WRITE}",
        f"class Leads:\n    async def outer(self):\n{textwrap.indent(_WRITE, ' ' * 8)}",
        "async def add(self):\n    return self._transaction(self._database.write())",
    ],
)
def test_interruptible_writes_are_reported(source: str) -> None:
    """A write is found however deep it stands, and whoever enters it."""
    assert rules.interruptible_writes(source)


@pytest.mark.parametrize(
    "source",
    [
        f"@uninterrupted\n{_WRITE}",
        f"@database.uninterrupted\n{_WRITE}",
        "async def read(self):\n    async with self._database.read() as conn: ...",
        "def tell(text):\n    sys.stdout.write(text)",
    ],
)
def test_uninterrupted_writes_pass(source: str) -> None:
    """With the decorator, and where nothing is written to a database."""
    assert rules.interruptible_writes(source) == []
