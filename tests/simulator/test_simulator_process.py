"""The process: its flags, its one line, and how it ends."""

import re
import signal
import subprocess
import sys
import time

import httpx2
import pytest

from leadgen_simulator.flags import parse
from tests.simulator.harness import PROVIDERS, Simulator, command, environment, eventually, instant, person
from tests.simulator.test_simulator_charging import send_and_leave


def run(*flags: str) -> subprocess.CompletedProcess[str]:
    """A simulator that is expected to end by itself."""
    return subprocess.run(
        command(*flags), capture_output=True, text=True, timeout=10, env=environment(), check=False
    )


def gone(url: str) -> bool:
    """Whether nobody listens there any more."""
    try:
        httpx2.get(f"{url}/healthz", trust_env=False, verify=False, timeout=1)
    except httpx2.TransportError:
        return True
    return False


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--rate", "orion=5"], "'5' is no rate"),
        (["--rate", "orion=5/1"], "no duration with a unit"),
        (["--rate", "orion=0/1s"], "no rate"),
        (["--rate", "orion=5/0s"], "empty window"),
        (["--rate", "orion"], "lacks a '='"),
        (["--rate", "pluto=5/1s"], "'pluto' is no provider"),
        (["--concurrency", "orion=0"], "at least 1"),
        (["--latency", "orion=300"], "no duration with a unit"),
        (["--hits", "orion=1.5"], "not between 0 and 1"),
        (["--hits", "orion=nan"], "no number"),
        (["--price", "orion=-1"], "no price"),
        (["--price", "orion=0.0000001"], "no price"),
        (["--charges", "orion=never"], "neither request nor hit"),
        (["--idempotency", "orion=yes"], "neither on nor off"),
        (["--recall", "astra"], "lacks a '='"),
        (["--fault", "orion:boom=0.1"], "no fault of orion"),
        (["--fault", "orion:shape=0.1"], "no fault of orion"),
        (["--fault", "orion:error=0.6", "--fault", "orion:slow=0.6"], "more than 1"),
        (["--profile", "moon"], "moon"),
        (["--seed", "x"], "no whole number"),
        (["--port", "70000"], "no port"),
        (["--parent", "0"], "no process id"),
        (["--sed", "1"], "unrecognized"),
    ],
)
def test_bad_flag(flags: list[str], word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A bad value is one clear line on stderr and exit status 2."""
    with pytest.raises(SystemExit) as ended:
        parse(flags)
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert word in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_flags_override_the_profile() -> None:
    """The last word about a provider counts, and leaves the rest of the profile alone."""
    flags = [
        "--profile",
        "field",
        "--latency",
        "orion=1s",
        "--latency",
        "orion=300ms",
        "--rate",
        "orion=5/1s,100/1h",
    ]
    world = parse([*flags, "--fault", "nimbus:slow=0.1"]).world
    orion, nimbus = world.providers["orion"], world.providers["nimbus"]
    assert orion.latency_seconds == 0.3
    assert [rule.text for rule in orion.rules] == ["5/1s", "100/1h"]
    assert orion.faults == {"error": 0.02}
    assert nimbus.latency_seconds == 2.2
    assert nimbus.faults["slow"] == 0.1
    assert nimbus.faults["error"] == 0.15
    assert not any(world.providers[name].idempotency or world.providers[name].recall for name in PROVIDERS)
    assert [world.providers[name].hit_rate for name in PROVIDERS] == [0.45, 0.35, 0.5]


def test_bad_flag_ends_the_process() -> None:
    """The process itself ends with 2 and says nothing on stdout."""
    ended = run("--rate", "orion=many")
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)


def test_one_line_when_listening(world: Simulator) -> None:
    """The first line tells the URL, and the books tell seed, profile and the simulator's own lag."""
    assert re.fullmatch(r"leadgen-simulator listening on http://127\.0\.0\.1:\d+\n", world.line)
    books = world.books()
    assert (books["seed"], books["profile"]) == (7, "instant")
    assert books["lag_ms_max"] >= 0
    assert books["lag_over_50ms"] >= 0


def test_port_in_use(world: Simulator) -> None:
    """A port that is taken is one clear line and exit status 1."""
    ended = run("--port", world.url.rsplit(":", 1)[1])
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "is in use" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_at_once(number: signal.Signals) -> None:
    """A signal ends it within a second with status 0, however slow the answers in flight."""
    with instant("--fault", "orion:slow=1") as world:
        send_and_leave(world, person(1))
        assert eventually(lambda: bool(world.book("orion")["in_flight"] == 1))
        started = time.monotonic()
        world.process.send_signal(number)
        out, err = world.process.communicate(timeout=5)
        assert time.monotonic() - started < 1.0
        assert (world.process.returncode, out, err) == (0, "", "")


def test_ends_with_its_parent() -> None:
    """A simulator whose parent was killed is gone within two seconds."""
    script = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([*sys.argv[1:], '--parent', str(os.getpid())], stdout=subprocess.PIPE)\n"
        "print(child.stdout.readline().decode().split()[-1], flush=True); time.sleep(30)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, *command("--profile", "instant")],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert parent.stdout is not None
    url = parent.stdout.readline().strip()
    assert not gone(url)
    parent.kill()
    parent.communicate()
    assert eventually(lambda: gone(url), 2.0)


def test_ends_when_the_parent_is_no_process() -> None:
    """A parent that is gone already ends it by itself, with status 0."""
    finished = subprocess.Popen([sys.executable, "-c", ""])
    finished.wait()
    assert run("--parent", str(finished.pid)).returncode == 0
