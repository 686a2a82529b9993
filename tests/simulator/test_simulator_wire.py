"""What each kind of fault puts on the wire, and what it leaves in the books."""

import gzip
import json
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx2
import pytest

from leadgen_simulator import wire
from leadgen_simulator.faults import FAULT_KINDS, FAULTS
from leadgen_simulator.replies import Reply
from tests.simulator.harness import Json, Simulator, eventually, exchange, instant


@pytest.fixture(scope="module")
def hit() -> Iterator[tuple[Simulator, Json, bytes]]:
    """A calm world, somebody whom Orion knows, and Orion's true answer."""
    with instant() as simulator:
        body = next(simulator.people("orion", hit=True))
        yield simulator, body, simulator.ask("orion", body).content


def spoilt(hit: tuple[Simulator, Json, bytes], kind: str) -> httpx2.Response:
    """The answer under this fault."""
    world, body, _ = hit
    world.script("orion", kind)
    return world.ask("orion", body)


def split(raw: bytes) -> tuple[bytes, bytes]:
    """Head and body of an answer."""
    head, _, body = raw.partition(b"\r\n\r\n")
    return head, body


@pytest.mark.parametrize(
    ("kind", "end"),
    [
        ("hang_charged", "open"),
        ("hang_free", "open"),
        ("reset_charged", "reset"),
        ("reset_free", "reset"),
    ],
)
def test_not_one_byte(hit: tuple[Simulator, Json, bytes], kind: str, end: str) -> None:
    """A hang sends nothing and stays; a reset sends nothing and goes; both are in the books by then."""
    world, body, _ = hit
    world.script("orion", kind)
    assert exchange(world, body, 0.15) == (b"", end)
    last = world.calls()[-1]
    charged = 20_000 if kind.endswith("charged") else 0
    outcome = "hit" if charged else "lost"
    assert (last["fault"], last["status"], last["outcome"]) == (kind, 0, outcome)
    assert last["charged_micros"] == charged


def test_hang_ends_with_its_client(hit: tuple[Simulator, Json, bytes]) -> None:
    """A hanging call keeps its place in flight until the client has left, no longer."""
    world, body, _ = hit
    world.script("orion", "hang_charged")
    with pytest.raises(httpx2.ReadTimeout):
        world.ask("orion", body, timeout=0.1)
    assert eventually(lambda: bool(world.book("orion")["in_flight"] == 0))


def test_reset_in_the_body(hit: tuple[Simulator, Json, bytes]) -> None:
    """Half of the promised body, then a reset."""
    world, body, answer = hit
    world.script("orion", "reset_body")
    got, end = exchange(world, body)
    head, rest = split(got)
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert f"Content-Length: {len(answer)}".encode() in head
    assert (rest, end) == (answer[: len(answer) // 2], "reset")


def test_wrong_lengths(hit: tuple[Simulator, Json, bytes]) -> None:
    """One answer is shorter than it says, one longer; all its bytes come either way."""
    world, body, answer = hit
    for kind, announced in (("length_long", len(answer) + 64), ("length_short", len(answer) // 2)):
        world.script("orion", kind)
        head, rest = split(exchange(world, body)[0])
        assert f"Content-Length: {announced}".encode() in head
        assert rest == answer


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("way", ["charged", "free"])
def test_server_errors(hit: tuple[Simulator, Json, bytes], status: int, way: str) -> None:
    """Each 5xx comes with a charge and without."""
    assert spoilt(hit, f"{status}_{way}").status_code == status
    last = hit[0].calls()[-1]
    assert (last["status"], last["charged_micros"]) == (status, 20_000 if way == "charged" else 0)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("429_seconds", "2"),
        ("429_absent", None),
        ("429_zero", "0"),
        ("429_negative", "-1"),
        ("429_huge", "1000000000"),
        ("429_text", "soon"),
    ],
)
def test_retry_after(hit: tuple[Simulator, Json, bytes], kind: str, value: str | None) -> None:
    """A free 429 says well or badly when to come back."""
    answer = spoilt(hit, kind)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (429, value)
    assert hit[0].calls()[-1]["charged_micros"] == 0


def test_retry_after_date(hit: tuple[Simulator, Json, bytes]) -> None:
    """The date is an HTTP date a moment ahead."""
    moment = parsedate_to_datetime(spoilt(hit, "429_date").headers["Retry-After"])
    assert 0 < (moment - datetime.now(UTC)).total_seconds() <= 2


@pytest.mark.parametrize("kind", ["html", "truncated_json"])
def test_no_json(hit: tuple[Simulator, Json, bytes], kind: str) -> None:
    """A 200 that no JSON reader reads."""
    answer = spoilt(hit, kind)
    assert answer.status_code == 200
    with pytest.raises(ValueError):
        answer.json()


@pytest.mark.parametrize("style", [0, 1])
@pytest.mark.parametrize("answer", [{"phone": "2015550101"}, {"number": 0, "countryCode": "1"}, {}])
def test_json_that_is_no_answer(style: int, answer: Json) -> None:
    """JSON of another schema, with NaN, with every key twice: whatever the true answer looks like."""
    true = Reply(200, {}, json.dumps(answer).encode())
    told = {}
    for kind in ("wrong_schema", "nan", "duplicate_keys"):
        spoil = FAULTS[kind].spoil
        assert spoil is not None
        told[kind] = spoil(true, style).body.decode()
    schema = json.loads(told["wrong_schema"])
    assert isinstance(schema, list) or all(isinstance(value, dict) for value in schema.values())
    assert "NaN" in told["nan"]
    pairs = json.loads(told["duplicate_keys"], object_pairs_hook=list)
    assert len(pairs) == 2 * len({name for name, _ in pairs})
    assert {**json.loads(told["duplicate_keys"]), **answer} == json.loads(told["duplicate_keys"])


def test_truncated_gzip(hit: tuple[Simulator, Json, bytes]) -> None:
    """A body that claims to be gzip and ends too early."""
    world, body, _ = hit
    world.script("orion", "gzip_truncated")
    head, rest = split(exchange(world, body)[0])
    assert b"Content-Encoding: gzip" in head
    with pytest.raises(EOFError):
        gzip.decompress(rest)


def test_gzip_bomb(hit: tuple[Simulator, Json, bytes]) -> None:
    """A small body that unpacks to a thousand times as much."""
    world, body, _ = hit
    world.script("orion", "gzip_bomb")
    packed = split(exchange(world, body, 5.0)[0])[1]
    unpacker = zlib.decompressobj(wbits=31)
    size = 0
    while packed and size <= wire.ENDLESS_BYTES:
        size += len(unpacker.decompress(packed, 1 << 20))
        packed = unpacker.unconsumed_tail
    assert size > wire.ENDLESS_BYTES
    assert unpacker.eof


def test_endless_body(hit: tuple[Simulator, Json, bytes]) -> None:
    """Chunk after chunk, and the simulator is content when the client has had enough."""
    world, body, _ = hit
    world.script("orion", "endless_body")
    size = 0
    with world.client.stream("POST", "/orion", json=body, headers={"x-auth-me": "simulator-key"}) as answer:
        for piece in answer.iter_raw():
            size += len(piece)
            if size > 4_000_000:
                break
    assert eventually(lambda: bool(world.book("orion")["in_flight"] == 0))


def test_big_body_and_header(hit: tuple[Simulator, Json, bytes]) -> None:
    """The true answer behind megabytes of blanks, or beside a header of 100 KB."""
    answer = spoilt(hit, "big_body")
    assert len(answer.content) > 16_000_000
    assert answer.content.lstrip() == hit[2]
    world, body, _ = hit
    world.script("orion", "big_header")
    head, rest = split(exchange(world, body)[0])
    assert len(head) > 100 * 1024
    assert rest == hit[2]


def test_one_byte_a_second(hit: tuple[Simulator, Json, bytes]) -> None:
    """The first byte of the head or of the body, and then a long wait."""
    world, body, answer = hit
    world.script("orion", "slow_header", "slow_body")
    assert exchange(world, body, 0.15) == (b"H", "open")
    got, end = exchange(world, body, 0.15)
    assert (split(got)[1], end) == (answer[:1], "open")


@pytest.mark.parametrize(
    ("kind", "status", "location"),
    [
        ("redirect_self", 307, "/nimbus?api=simulator-key"),
        ("redirect_metadata", 302, "http://169.254.169.254/"),
        ("redirect_moved", 301, "/moved"),
    ],
)
def test_redirects(hit: tuple[Simulator, Json, bytes], kind: str, status: int, location: str) -> None:
    """To the page itself for ever, to where secrets live, and to a page that is not there; all free."""
    world, body, _ = hit
    world.script("nimbus", kind)
    answer = world.ask("nimbus", body)
    assert (answer.status_code, answer.headers["Location"]) == (status, location)
    assert world.calls()[-1]["charged_micros"] == 0


@pytest.mark.parametrize("status", [202, 204, 206])
def test_other_successes(hit: tuple[Simulator, Json, bytes], status: int) -> None:
    """A success that brings no answer is charged like one that does."""
    answer = spoilt(hit, str(status))
    assert answer.status_code == status
    assert (
        answer.content == {202: b'{"status": "accepted"}', 204: b"", 206: hit[2][: len(hit[2]) // 2]}[status]
    )
    assert hit[0].calls()[-1]["charged_micros"] == 20_000


def test_every_kind_is_documented_and_sound() -> None:
    """What is charged keeps an outcome, what keeps nothing is free; the page for people names every kind."""
    for fault in FAULTS.values():
        assert fault.charged or fault.keeps != "answer"
        assert fault.keeps != "nothing" or not fault.charged
    page = (Path(wire.__file__).parent / "README.md").read_text()
    assert set(FAULT_KINDS) <= set(page.replace("`", " ").replace(".", " ").split())
    assert FAULT_KINDS[:4] == ("error", "busy", "slow", "garbage")
    assert len(set(FAULT_KINDS)) == len(FAULT_KINDS) == len(FAULTS) - 1
