"""`leadgen keys`: made, listed and revoked."""

import re
import socket

import pytest

from leadgen.domain.api_key import Scope
from tests.entrypoints.program import Program

TOKEN = re.compile(r"lg_([0-9a-f]{32})_[0-9a-f]{64}")


def keys(program: Program) -> list[dict[str, object]]:
    """All keys that are listed."""
    listed = program("keys", "list", "--json").document["keys"]
    assert isinstance(listed, list)
    return listed


def test_create(program: Program) -> None:
    """The first key has all scopes and no end, is shown once, and is kept nowhere."""
    told = program("keys", "create", "--json").document
    match = TOKEN.fullmatch(told["key"])
    assert match is not None
    assert (told["id"], set(told["scopes"]), told["expires_at"]) == (match[1], set(Scope), None)
    listed = program("keys", "list", "--json")
    assert told["key"][-64:] not in listed.out
    secret = str(told["key"]).rpartition("_")[2].encode()
    files = [path for path in (program.folder / ".leadgen").iterdir() if path.is_file()]
    assert files
    assert not any(secret in path.read_bytes() for path in files)


def test_create_with_less(program: Program) -> None:
    """A key may have a name, fewer scopes and an end."""
    words = ("--name", "CI", "--scopes", "leads:read, jobs:run", "--expires", "90d")
    ended = program("keys", "create", *words)
    assert ended.code == 0
    assert TOKEN.fullmatch(ended.out.splitlines()[0])
    (key,) = keys(program)
    assert (key["name"], key["scopes"]) == ("CI", ["jobs:run", "leads:read"])
    assert str(key["expires_at"]) > str(key["created_at"])
    table = program("keys", "list").out
    assert str(key["id"]) in table
    assert max(len(line) for line in table.splitlines()) <= 80


def test_an_end_in_the_past(program: Program) -> None:
    """A key that would never be good is not made."""
    ended = program("keys", "create", "--expires", "2020-01-01")
    assert (ended.code, "still to come" in ended.complaint) == (2, True)
    assert keys(program) == []


def test_no_keys(program: Program) -> None:
    """Without a key the list says how to make one."""
    assert "leadgen keys create" in program("keys", "list").out


def test_revoke(program: Program) -> None:
    """A key that was revoked is gone from the list, and cannot be revoked again."""
    key_id = program("keys", "create", "--json").document["id"]
    assert program("keys", "revoke", key_id).code == 0
    assert keys(program) == []
    ended = program("keys", "revoke", key_id)
    assert (ended.code, key_id in ended.complaint) == (1, True)


@pytest.mark.parametrize("command", [("serve",), ("up",)])
def test_port_that_is_taken(program: Program, command: tuple[str, ...]) -> None:
    """Where something listens already the line says where, and what to do about it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = program(*command, "--port", port)
    assert (ended.code, f"127.0.0.1:{port}" in ended.complaint, "--port" in ended.complaint) == (
        1,
        True,
        True,
    )
