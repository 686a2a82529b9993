"""The usage report, and that it says what the books say."""

import json
import random
import re
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import httpx2
import pytest

from leadgen_simulator.faults import FAULT_KINDS
from tests.simulator.harness import KEY, PROVIDERS, Json, Simulator, instant, person

_LONG = {
    "slow",
    "hang_charged",
    "hang_free",
    "slow_header",
    "slow_body",
    "endless_body",
    "gzip_bomb",
    "big_body",
}
_QUICK = sorted(set(FAULT_KINDS) - _LONG)


@pytest.fixture
def written(tmp_path: Path) -> Iterator[tuple[Simulator, Path]]:
    """A world that writes its books."""
    file = tmp_path / "books.jsonl"
    flags = ("--idempotency", "orion=on", "--charges", "astra=hit", "--price", "nimbus=0.000001")
    with instant("--books", str(file), *flags) as simulator:
        yield simulator, file


def calls_of(file: Path) -> list[Json]:
    """The calls of a books file."""
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return [line for line in lines if line["type"] == "call"]


def micros(rows: list[dict[str, str]]) -> int:
    """What a usage report adds up to."""
    return int(sum(Decimal(row["charged_usd"]) for row in rows) * 1_000_000)


def test_one_line_a_call(world: Simulator) -> None:
    """Provider, reference, time in UTC, outcome and price with six decimals; a filter takes one provider."""
    reference = 'a,"b'
    world.ask("nimbus", person(1), reference=reference)
    row = world.usage()[-1]
    outcome = world.calls()[-1]["outcome"]
    moment = row.pop("received_at")
    assert row == {
        "provider": "nimbus",
        "reference": reference,
        "outcome": outcome,
        "charged_usd": "0.015000",
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", moment)
    assert world.usage(provider="nimbus")[-1]["reference"] == reference
    assert {row["provider"] for row in world.usage(provider="nimbus")} == {"nimbus"}


def test_streamed_as_csv(world: Simulator) -> None:
    """The page is CSV with a header; an unknown provider is a 400; a key is checked if there is one."""
    answer = world.client.get("/usage", headers={"Authorization": f"Bearer {KEY}"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.text.splitlines()[0] == "provider,reference,received_at,outcome,charged_usd"
    assert world.client.get("/usage?provider=pluto").status_code == 400
    assert world.client.get("/usage", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_only_handled_questions(written: tuple[Simulator, Path]) -> None:
    """Refusals and replays are no usage; failures and lost answers are."""
    world, _ = written
    world.ask("orion", {})
    world.ask("orion", person(1), key="wrong")
    for _ in range(2):
        world.ask("orion", person(1), reference="twice")
    world.script("orion", "error", "reset_free", "reset_charged")
    for number in range(3):
        with suppress(httpx2.TransportError):
            world.ask("orion", person(number))
    outcomes = [row["outcome"] for row in world.usage()]
    assert outcomes[1:3] == ["error", "lost"]
    assert len(outcomes) == 4


@pytest.mark.parametrize("seed", range(3))
def test_report_books_and_file_agree(written: tuple[Simulator, Path], seed: int) -> None:
    """After any mix of faults and keys the three add up to the same charges, to the micro-dollar."""
    world, file = written
    chance = random.Random(seed)
    kinds = chance.sample(_QUICK, len(_QUICK))
    for kind in kinds:
        provider = chance.choice(PROVIDERS)
        world.script(provider, kind)
        for _ in range(chance.randint(1, 3)):
            with suppress(httpx2.TransportError, httpx2.DecodingError):
                reference = chance.choice([None, f"key-{chance.randrange(8)}"])
                world.ask(provider, person(chance.randrange(12)), reference=reference)
    books, calls, usage = world.books(), calls_of(file), world.usage()
    assert books["totals"]["charged_micros"] == micros(usage) > 0
    assert micros(usage) == sum(one["charged_micros"] for one in calls)
    for provider in PROVIDERS:
        mine = [one for one in calls if one["provider"] == provider]
        book = books["providers"][provider]
        assert book["charged_micros"] == micros(world.usage(provider=provider))
        assert book["calls"] == len(mine)
        assert book["calls_charged"] == sum(one["charged"] for one in mine)
    assert [one["seq"] for one in calls] == list(range(1, len(calls) + 1))
    assert sum(books["totals"]["faults"].values()) == len(kinds)
