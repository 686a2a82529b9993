"""What the suite makes of its measurements; the measurements themselves are no tests."""

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from tests.benchmarks.throughput.files import Passage
from tests.benchmarks.throughput.jobs import Run
from tests.benchmarks.throughput.latency import Wait, Waits
from tests.benchmarks.throughput.people import read_people, write_people
from tests.benchmarks.throughput.picture import picture
from tests.benchmarks.throughput.questions import questions
from tests.benchmarks.throughput.results import Failure, Results
from tests.benchmarks.throughput.stage import OutOfTimeError, within
from tests.benchmarks.throughput.table import WIDTH, table
from tests.benchmarks.throughput.usage import cpu_seconds, own_peak_mb

SVG = "{http://www.w3.org/2000/svg}"
ABOUT = {
    "date": "2026-01-02",
    "commit": "0123456789-dirty",
    "system": "Linux x86_64",
    "cores": 2,
    "load": 0.1,
    "seconds": 1_234.5,
    "versions": {"Python": "3.11.7", "SQLite": "3.40.1", "sqlalchemy": "2.1.9"},
}


def _run(leads: int, seconds: float, **cpu_ms: float) -> Run:
    return Run(leads, 2 * leads, leads // 2, seconds, {**cpu_ms}, 99_999.0, 1.0, 20 * leads)


def _full() -> Results:
    results = Results(ABOUT, {})
    for number, seconds in enumerate((20.0, 10.0, 40.0), start=1):
        results.found[f"bare {number}"] = _run(40_000, seconds, loop=0.4)
    results.found["sqlite 1"] = _run(40_000, 40.0, worker=0.5, Temporal=0.1)
    results.found["postgres 2"] = _run(
        40_000, 4_000.0, worker=99.5, Temporal=10.1, PostgreSQL=22.2, Valkey=3.3
    )
    results.found["postgres 1"] = Failure("OutOfTimeError: " + "not within 900 s " * 10)
    results.found["peer"] = _run(400, 20.0, worker=12.25, Temporal=20.5)
    for leads, worker in ((1_000, 0.5), (100_000, 0.55)):
        results.found[f"size {leads}"] = _run(leads, leads / 900, worker=worker)
    passage = Passage(1_000_000, 10.0, 120.0, 99.9)
    raw = {"raw import": Passage(1_000_000, 4.0), "COPY import": Passage(1_000_000, 2.5)}
    results.found["files postgres"] = {"leadgen import": passage, **raw}
    idle = Wait(50, 50, 210.0, 300.0, 95.0, 160.0, 115.0, 140.0)
    results.found["latency"] = Waits(
        idle, Wait(20, 50, 90_000.0, 99_999.0, 95.0, 160.0, 89_905.0, 99_839.0), 100_000
    )
    return results


def test_the_table_fits_80_columns() -> None:
    """Whatever was measured, failures and long figures included, a terminal shows it unbroken."""
    lines = table(_full()).splitlines()
    assert max(map(len, lines)) <= WIDTH, [line for line in lines if len(line) > WIDTH]


def test_the_table_tells_failures() -> None:
    """What could not be measured stands there with its reason, and the rest is told all the same."""
    text = table(_full())
    assert "FAILED postgres 1: OutOfTimeError: not within 900 s" in text
    assert "leadgen, SQLite" in text


def test_the_table_tells_of_breakers() -> None:
    """A run that waited for a provider says so in a line of its own."""
    results = _full()
    run = dataclasses.replace(_run(40_000, 40.0, worker=0.5), opened=("astra", "nimbus", "orion"))
    results.found["sqlite 1"] = run
    lines = table(results).splitlines()
    [told] = [line for line in lines if "breaker open" in line]
    assert told.endswith("(astra, nimbus, orion)")
    assert max(map(len, lines)) <= WIDTH, told


def test_the_picture_has_a_bar_for_each_speed() -> None:
    """The fastest is on top, each as long as its speed; what failed is left out, without a loop all is."""
    drawn = fromstring(picture(_full()))  # noqa: S314 - our own
    bars = [each for each in drawn.iter(f"{SVG}rect") if each.get("rx") == "3"]
    assert [float(bar.get("width", 0)) for bar in bars] == pytest.approx([260.0, 130.0, 2.6, 2.0])
    words = [each.text for each in drawn.iter(f"{SVG}text")]
    assert "1,000  (0.50 of it)" in words
    assert "40,000 leads, 2 cores, 2026-01-02; make bench repeats it" in words
    assert picture(Results(ABOUT, {}, {"sqlite 1": _run(400, 1.0)})) == ""


def test_ratios_are_to_the_median_of_the_bare_loop() -> None:
    """One lucky or unlucky run of the loop moves no ratio."""
    ratios = _full().ratios()
    assert ratios["leads/s, sqlite 1 to bare"] == pytest.approx(0.5)
    assert ratios["CPU a lead, sqlite 1 to bare"] == pytest.approx(1.5)
    assert ratios["leads/s, sqlite 1 to peer"] == pytest.approx(50)
    assert ratios["CPU a lead, 100000 to 1000 leads"] == pytest.approx(1.1)
    assert ratios["import postgres, leadgen to raw"] == pytest.approx(0.4)
    assert ratios["import postgres, leadgen to COPY"] == pytest.approx(0.25)
    assert not [name for name in ratios if "postgres 1" in name]


def test_everybody_can_be_asked_everywhere(tmp_path: Path) -> None:
    """No provider is skipped for anybody, and nobody comes twice."""
    people = list(read_people(write_people(tmp_path / "people.csv", 500, "mark")))
    assert len({person["email"] for person in people}) == len(people) == 500
    assert all(question.body(person) for person in people for question in questions("http://world"))


def test_a_question_without_its_input_is_not_asked() -> None:
    """As leadgen does, the loop passes over a provider whose input is missing."""
    person = {
        "fullName": "Quillon Wyndrush",
        "companyWebsite": "",
        "email": "q@works.example",
        "jobTitle": "",
    }
    assert [bool(question.body(person)) for question in questions("http://world")] == [False, True, False]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells what others use")
def test_the_work_of_ended_children_counts() -> None:
    """A server's processes come and go; what they have used remains used."""
    before = cpu_seconds([os.getpid()])
    subprocess.run([sys.executable, "-c", "sum(range(10_000_000))"], check=True)
    after = cpu_seconds([os.getpid()])
    assert before is not None
    assert after is not None
    assert after - before > 0.02


def test_own_memory_is_told() -> None:
    """In MB: an interpreter with these imports holds more than ten and less than ten thousand."""
    assert 10 < own_peak_mb() < 10_000


def test_a_measurement_is_bounded_in_time() -> None:
    """One that hangs is ended, and the alarm is off afterwards."""
    with pytest.raises(OutOfTimeError, match="not within"):
        _hang(0.05)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def _hang(seconds: float) -> None:
    with within(seconds):
        while True:
            pass
