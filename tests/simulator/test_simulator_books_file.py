"""The books on disk: a simulator that was killed goes on where it was."""

import json
import subprocess
from pathlib import Path

import httpx2
import pytest

from tests.simulator.harness import Json, Simulator, command, environment, instant, person
from tests.simulator.test_simulator_usage import calls_of

FLAGS = ("--idempotency", "orion=on", "--recall", "orion=on", "--fault", "astra:error=0.5")


def world_on(file: Path, *flags: str) -> Simulator:
    """A world that goes on with this file."""
    return instant("--books", str(file), *FLAGS, *flags)


def counted(world: Simulator) -> Json:
    """The counters that outlive a process."""
    mortal = {"in_flight", "in_flight_max", "concurrency", "rules"}
    books: Json = world.books()["providers"]
    return {
        name: {field: value for field, value in book.items() if field not in mortal}
        for name, book in books.items()
    }


def test_killed_simulator_goes_on(tmp_path: Path) -> None:
    """Counters, calls, usage and kept answers are the same after a kill; numbers and fates go on."""
    file = tmp_path / "books.jsonl"
    with world_on(file) as world, instant(*FLAGS) as whole:
        body = next(world.people("orion", hit=True))
        first = world.ask("orion", body, reference="kept")
        world.look_up("orion", "kept")
        world.ask("orion", {}, reference="refused")
        fates = [world.ask("astra", person(1)).status_code for _ in range(10)]
        before = (counted(world), world.calls(), world.usage())
        world.process.kill()
        world.process.wait()
        with world_on(file, "--hits", "orion=0") as again:
            assert (counted(again), again.calls(), again.usage()) == before
            found = again.look_up("orion", "kept").json()
            assert found == {"status": "answered", "charged": True, "answer": first.json()}
            assert again.ask("orion", body, reference="kept").content == first.content
            assert again.calls()[-1]["seq"] == len(before[1]) + 1
            fates += [again.ask("astra", person(1)).status_code for _ in range(10)]
        assert fates == [whole.ask("astra", person(1)).status_code for _ in range(20)]


def test_charge_is_on_disk_before_the_answer(tmp_path: Path) -> None:
    """A call that is held, waits or hangs is in the file with its charge; a kill changes nothing about it."""
    file = tmp_path / "books.jsonl"
    with world_on(file) as world:
        world.script("orion", "hang_charged", "slow")
        for reference in ("hung", "slow"):
            with pytest.raises(httpx2.ReadTimeout):
                world.ask("orion", person(1), reference=reference, timeout=0.1)
        world.process.kill()
    lines = calls_of(file)
    assert [(line["reference"], line["fault"], line["charged_micros"]) for line in lines] == [
        ("hung", "hang_charged", 20_000),
        ("slow", "slow", 20_000),
    ]
    with world_on(file) as again:
        assert again.look_up("orion", "slow").json()["status"] == "answered"
        assert again.ask("orion", person(1), reference="hung").headers["Idempotent-Replayed"] == "true"
        assert again.book("orion")["calls_charged"] == 2


def test_unfinished_last_line_is_dropped(tmp_path: Path) -> None:
    """A line cut by a kill is cut off with a warning, and the next one stands on a line of its own."""
    file = tmp_path / "books.jsonl"
    with world_on(file) as world:
        for number in range(3):
            world.ask("orion", person(number))
    file.write_bytes(file.read_bytes()[:-20])
    with world_on(file) as again:
        assert again.book("orion")["calls"] == 2
        again.ask("orion", person(9))
        again.process.terminate()
        _, err = again.process.communicate(timeout=5)
    assert "dropped an unfinished last line" in err
    assert [line["seq"] for line in calls_of(file)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("content", "seed", "words"),
    [
        ('{"type":"start","seed":7}\n', "8", "holds the books of seed 7, not 8"),
        ("no books\n{}\n", "7", "line 1 of"),
        ('{"type":"call"}\n', "7", "line 1 of"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: str, seed: str, words: str) -> None:
    """A file of another seed, or of something else, is left as it is; one line says why."""
    file = tmp_path / "books.jsonl"
    file.write_text(content)
    ended = subprocess.run(
        command("--books", str(file), "--seed", seed),
        capture_output=True,
        text=True,
        timeout=10,
        env=environment(),
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1)
    assert words in ended.stderr
    assert file.read_text() == content


def test_no_place_for_books(tmp_path: Path) -> None:
    """A file that cannot be opened is one clear line and exit status 1."""
    ended = subprocess.run(
        command("--books", str(tmp_path / "none" / "books.jsonl")),
        capture_output=True,
        text=True,
        timeout=10,
        env=environment(),
        check=False,
    )
    assert ended.returncode == 1
    assert "cannot open" in ended.stderr


def test_changes_are_written(tmp_path: Path) -> None:
    """Starts, look-ups and changes stand in the file between the calls, and nothing personal does."""
    file = tmp_path / "books.jsonl"
    with world_on(file) as world:
        world.ask("orion", person(77), reference="r")
        world.control("orion", price_micros=5)
        world.ask("orion", person(77))
        world.look_up("orion", "r")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["type"] for line in lines] == ["start", "call", "control", "call", "lookup"]
    assert lines[0]["providers"]["astra"]["faults"] == {"error": 0.5}
    assert lines[2]["change"] == {"provider": "orion", "price_micros": 5}
    assert lines[3]["charged_micros"] == 5
    assert "firm77" not in file.read_text()
