"""The project keeps the rules of its architecture.

Exceptions are the constants below: they may shrink, not grow.
"""

import functools
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.architecture import rules

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
LEADGEN = SOURCE / "leadgen"
TESTS = ROOT / "tests"
PORTS = LEADGEN / "application" / "ports"
DATABASE = LEADGEN / "adapters" / "persistence" / "database.py"

GENERATED = "migrations/versions"
ASYNC_IN_DOMAIN = {LEADGEN / "domain" / "provider.py": {"IPhoneProvider"}}
LOCK_FILES = {"pylock.toml", "uv.lock"}


def test_domain_imports_the_standard_library_and_phonenumbers() -> None:
    """A package of anyone else cannot slip into the domain, even one that no deny-list knows."""
    _holds(
        _python(LEADGEN / "domain"),
        lambda text: rules.imports_outside(text, ("leadgen.domain", "phonenumbers")),
    )


def test_application_imports_the_standard_library_and_the_core() -> None:
    """The application knows ports, never what stands behind them."""
    allowed = ("leadgen.application", "leadgen.domain")
    _holds(_python(LEADGEN / "application"), lambda text: rules.imports_outside(text, allowed))


def test_workflow_modules_import_little() -> None:
    """What runs in the sandbox imports Temporal, the domain and other parts of the workflows."""
    allowed = ("leadgen.domain", "leadgen.workflows", "temporalio")
    files = sorted(LEADGEN.glob("workflows/*/workflow.py"))
    _holds(files, lambda text: rules.imports_outside(text, allowed))


def test_nothing_is_mocked() -> None:
    """Tests use fakes that pass their port's contract suite, never patches."""
    _holds(_python(SOURCE, TESTS), rules.mocks)


def test_functions_and_files_are_short() -> None:
    """No function over 70 lines, no file over 500."""
    files = [path for path in _python(SOURCE, TESTS) if GENERATED not in path.as_posix()]
    _holds(files, rules.oversize)


def test_ports_and_domain_are_documented() -> None:
    """Every public name of the ports and the domain has a docstring."""
    _holds(_python(PORTS, LEADGEN / "domain"), rules.undocumented)


def test_a_port_module_holds_one_port() -> None:
    """One abstract class a file, with the prefix I, and the values it speaks in."""
    _holds((path for path in _python(PORTS) if path.name != "__init__.py"), rules.port_shape)


def test_values_are_frozen_for_the_type_checker() -> None:
    """The core makes a hundred values for each search."""
    files = [path for path in _python(LEADGEN / "domain", LEADGEN / "application") if path.name != "value.py"]
    _holds(files, rules.values_frozen_at_run_time)


def test_only_settings_reads_the_environment() -> None:
    """Every knob has a name, a type and one place."""
    files = (path for path in _python(LEADGEN) if path != LEADGEN / "settings.py")
    _holds(files, rules.reads_environment)


def test_no_write_is_interrupted() -> None:
    """A cancelled caller leaves its write to finish: cut short, it would keep SQLite's file locked."""
    _holds((path for path in _python(LEADGEN) if path != DATABASE), rules.interruptible_writes)


def test_domain_is_pure() -> None:
    """No waiting, no clock, no chance: the same input gives the same answer, in a test as in a replay."""
    plain = [path for path in _python(LEADGEN / "domain") if path not in ASYNC_IN_DOMAIN]
    _holds(plain, rules.impure)
    for path, classes in ASYNC_IN_DOMAIN.items():
        _holds(filter(Path.exists, [path]), functools.partial(rules.impure, async_classes_allowed=classes))


def test_no_traces_of_a_machine() -> None:
    """Nothing that goes into the repository holds only on the machine where it was written."""
    files = _tracked()
    assert not [path.name for path in files if path.name in LOCK_FILES]
    _holds(files, rules.machine_paths)
    _holds(files, rules.download_addresses)
    for path in (ROOT / "requirements").glob("*.txt"):
        assert "://" not in path.read_text(encoding="utf-8"), f"{path.name} holds an address"


def _python(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def _tracked() -> list[Path]:
    """The text files that git tracks or would take; without git, none."""
    if not (ROOT / ".git").exists():
        return []
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = (ROOT / name for name in listing.split("\0") if name)
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()]


def _holds(files: Iterable[Path], rule: Callable[[str], list[str]]) -> None:
    breaches = [
        f"{path.relative_to(ROOT)}: {breach}"
        for path in files
        for breach in rule(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert not breaches, "\n".join(["breaches of the architecture:", *breaches])
