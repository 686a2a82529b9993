"""`leadgen providers`: what is configured, and what cannot be."""

import socket

import pytest

from tests.entrypoints.program import Program

DEFAULTS = [
    {"name": "orion", "rate": "5/1s", "concurrency": 3, "price": 0.02, "priority": 1},
    {"name": "astra", "rate": "10/1s", "concurrency": 10, "price": 0.01, "priority": 2},
    {"name": "nimbus", "rate": "2/1s", "concurrency": 2, "price": 0.015, "priority": 3},
]
COMMON = {
    "charges": "request",
    "enabled": True,
    "tier": "free",
    "timeout": "10s",
    "unknown": "assume",
    "has_key": False,
    "breaker": {"state": "closed"},
}


def test_defaults(program: Program) -> None:
    """Three providers, in the order in which they are asked, in the keys that `set` takes."""
    listed = program("providers", "list", "--json").document["providers"]
    assert listed == [{**default, **COMMON} for default in DEFAULTS]


def test_table_fits_80_columns(program: Program) -> None:
    """The table for people is no wider than 80 columns and cuts nothing."""
    program("providers", "set", "orion", "rate=5/1s,100/1h")
    ended = program("providers", "list")
    assert ended.code == 0
    assert max(len(line) for line in ended.out.splitlines()) <= 80
    for word in ("5/1s,100/1h", "10/1s", "$0.015", "request", "not set", "nimbus"):
        assert word in ended.out


def test_limits_in_a_pipe(program: Program) -> None:
    """Are lines that end, like those of any other table."""
    ended = program("providers", "limits")
    assert ended.code == 0
    assert "orion" in ended.out
    assert ended.out.endswith("\n")


def test_set(program: Program) -> None:
    """Every key can be set, several at once, and the listing tells them back."""
    keys = {
        "rate": "7/1s,100/1h",
        "concurrency": "4",
        "price": "0.0015",
        "charges": "hit",
        "priority": "9",
        "enabled": "false",
        "tier": "pro",
        "timeout": "2.5s",
        "unknown": "retry",
    }
    told = program("providers", "set", "orion", *(f"{k}={v}" for k, v in keys.items()), "--json").document
    assert told == {
        "name": "orion",
        "rate": "7/1s,100/1h",
        "concurrency": 4,
        "price": 0.0015,
        "charges": "hit",
        "priority": 9,
        "enabled": False,
        "tier": "pro",
        "timeout": "2.5s",
        "unknown": "retry",
    }
    listed = program("providers", "list", "--json").document["providers"]
    assert [each["name"] for each in listed] == ["astra", "nimbus", "orion"]
    assert listed[-1] == {**told, "has_key": False, "breaker": {"state": "closed"}}


def test_set_back(program: Program) -> None:
    """What the listing tells can be given to `set` as it is."""
    (orion, *_) = program("providers", "list", "--json").document["providers"]
    words = [
        f"{key}={str(value).lower() if isinstance(value, bool) else value}"
        for key, value in orion.items()
        if key not in {"name", "has_key", "breaker"}
    ]
    told = program("providers", "set", "orion", *words, "--json").document
    assert {**told, "has_key": False, "breaker": {"state": "closed"}} == orion


@pytest.mark.parametrize(
    "word",
    [
        "colour=red",
        "rate",
        "=5",
        "rate=",
        "rate=5",
        "rate=0/1s",
        "rate=5/0s",
        "rate=5/1",
        "rate=-5/1s",
        "rate=fast",
        "concurrency=0",
        "concurrency=1.5",
        "concurrency=100000000000",
        "price=-1",
        "price=free",
        "price=nan",
        "price=0.0000001",
        "charges=never",
        "priority=0",
        "priority=first",
        "enabled=perhaps",
        "tier=gold",
        "timeout=10",
        "timeout=0s",
        "timeout=1h",
        "unknown=",
        "unknown=hope",
        "unknown=retry",
    ],
)
def test_bad_key_or_value(program: Program, word: str) -> None:
    """A wrong key or value is one line with exit status 2 that says what is expected; nothing is changed."""
    ended = program("providers", "set", "orion", "priority=7", word)
    assert ended.code == 2, ended
    assert "expected" in ended.complaint
    listed = program("providers", "list", "--json").document["providers"]
    assert {each["name"]: each["priority"] for each in listed} == {"orion": 1, "astra": 2, "nimbus": 3}


@pytest.mark.parametrize("policy", ["assume", "repeat", "recall", "retry"])
def test_lost_answers(program: Program, policy: str) -> None:
    """Each way to deal with a lost answer can be set; a second purchase only where hits alone are charged."""
    words = (f"unknown={policy}", "charges=hit")
    for order in (words, words[::-1]):
        told = program("providers", "set", "astra", *order, "--json").document
        assert (told["unknown"], told["charges"]) == (policy, "hit")
    back = program("providers", "set", "astra", "charges=request")
    assert back.code == (2 if policy == "retry" else 0)
    if policy == "retry":
        assert "charges=hit" in back.complaint
        told = program("providers", "set", "astra", "charges=request", "unknown=assume", "--json").document
        assert (told["unknown"], told["charges"]) == ("assume", "request")


def test_help_on_lost_answers(program: Program) -> None:
    """The help says what each way is for."""
    text = " ".join(program("providers", "set", "--help").out.split())
    for words in ("unknown=assume|repeat|recall|retry", "idempotency key", "by its reference", "only hits"):
        assert words in text


def test_unknown_provider(program: Program) -> None:
    """An unknown name is one line with exit status 1."""
    ended = program("providers", "set", "pluto", "enabled=true")
    assert (ended.code, "pluto" in ended.complaint) == (1, True)


def test_check_without_keys(program: Program) -> None:
    """Nothing configured fails the check, and each provider says which settings it lacks."""
    ended = program("providers", "check")
    assert ended.code == 1
    for name in ("ORION", "ASTRA", "NIMBUS"):
        assert f"LEADGEN_{name}_URL and LEADGEN_{name}_API_KEY" in ended.out


def test_check_what_is_reachable(program: Program) -> None:
    """Who listens is told to be reachable; who does not fails the check, until they are disabled."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        here, nowhere = (f"http://127.0.0.1:{each.getsockname()[1]}/" for each in (server, silent))
        settings = {
            "ORION_URL": here,
            "ORION_API_KEY": "secret-key",
            "ASTRA_URL": nowhere,
            "ASTRA_API_KEY": "secret-key",
        }
        failed = program("providers", "check", **settings)
        program("providers", "set", "astra", "enabled=false")
        passed = program("providers", "check", "--json", **settings)
    assert failed.code == 1
    assert "orion: reachable" in failed.out
    assert "astra: not reachable" in failed.out
    assert "secret-key" not in failed.out + failed.err
    states = {each["name"]: each for each in passed.document["providers"]}
    assert states["orion"] == {"name": "orion", "enabled": True, "has_key": True, "reachable": True}
    assert states["astra"]["enabled"] is False
    assert states["nimbus"]["has_key"] is False


def test_failed_check_as_json(program: Program) -> None:
    """A check that fails prints its one object all the same."""
    ended = program("providers", "check", "--json")
    assert (ended.code, ended.out.count("\n"), ended.out[0]) == (1, 1, "{")
