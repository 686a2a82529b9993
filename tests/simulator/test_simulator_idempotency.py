"""The same key again: one execution, one charge, one outcome."""

from collections.abc import Iterator
from contextlib import suppress

import httpx2
import pytest

from leadgen_simulator.idempotency import KEPT_NS, Kept, References
from tests.simulator.harness import PROVIDERS, Simulator, asking, eventually, instant, person


@pytest.fixture(scope="module")
def keyed() -> Iterator[Simulator]:
    """All three keep the outcome of a key."""
    with instant(*(word for name in PROVIDERS for word in ("--idempotency", f"{name}=on"))) as simulator:
        yield simulator


@pytest.mark.parametrize("provider", PROVIDERS)
def test_same_key_is_answered_alike_and_free(keyed: Simulator, provider: str) -> None:
    """The second call with a key gets the first one's answer, costs nothing and is booked as a replay."""
    body = next(keyed.people(provider, hit=True))
    before = keyed.book(provider)
    first, second = (keyed.ask(provider, body, reference="same") for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    after, last = keyed.book(provider), keyed.calls()[-1]
    assert after["replays"] == before["replays"] + 1
    assert after["calls"] == before["calls"] + 2
    assert after["calls_charged"] == before["calls_charged"] + 1
    assert (last["outcome"], last["reference"], last["charged_micros"]) == ("replay", "same", 0)


def test_same_key_with_another_body(keyed: Simulator) -> None:
    """A key that was used for another body is a 422, and nothing is charged."""
    keyed.ask("orion", person(1), reference="other-body")
    before = keyed.book("orion")
    answer = keyed.ask("orion", person(2), reference="other-body")
    assert (answer.status_code, answer.json()) == (422, {"error": "idempotency_mismatch"})
    after = keyed.book("orion")
    assert after["calls_charged"] == before["calls_charged"]
    assert after["refused"]["idempotency_mismatch"] == before["refused"]["idempotency_mismatch"] + 1


def test_same_body_in_other_words(keyed: Simulator) -> None:
    """Spacing and the order of keys do not make another body; one letter does."""
    body = person(8)
    keyed.ask("orion", body, reference="words")
    turned = {name: body[name] for name in reversed(body)}
    assert keyed.ask("orion", turned, reference="words").status_code == 200
    assert keyed.ask("orion", {**body, "jobTitle": "engineer"}, reference="words").status_code == 422


def test_same_key_while_the_first_runs() -> None:
    """Until the first call is through, its key is a free 409 with Retry-After."""
    with instant("--idempotency", "orion=on", "--latency", "orion=30s") as world:
        with asking(world, person(1), "slow"):
            assert eventually(lambda: bool(world.book("orion")["calls_charged"]))
            second = world.ask("orion", person(1), reference="slow")
        assert (second.status_code, second.headers["Retry-After"]) == (409, "1")
        book = world.book("orion")
        assert (book["calls_charged"], book["replays"], book["refused"]["in_progress"]) == (1, 0, 1)


@pytest.mark.parametrize(("kind", "charges"), [("500_charged", 1), ("500_free", 0), ("error", 0)])
def test_failure_is_kept(keyed: Simulator, kind: str, charges: int) -> None:
    """A 500 of the provider itself is this key's outcome for ever, charged or not."""
    before = keyed.book("orion")["calls_charged"]
    keyed.script("orion", kind)
    answers = [keyed.ask("orion", person(3), reference=f"failed-{kind}") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [500, 500]
    assert answers[0].content == answers[1].content
    assert keyed.book("orion")["calls_charged"] == before + charges


@pytest.mark.parametrize(
    "kind", ["reset_charged", "reset_body", "html", "nan", "502_charged", "length_long", "202"]
)
def test_true_answer_is_kept(keyed: Simulator, kind: str) -> None:
    """A call that was executed but spoiled on its way out is answered truly the next time, for one charge."""
    body = next(keyed.people("orion", hit=True))
    before = keyed.book("orion")["calls_charged"]
    keyed.script("orion", kind)
    with suppress(httpx2.TransportError):
        keyed.ask("orion", body, reference=f"cut-{kind}")
    answer = keyed.ask("orion", body, reference=f"cut-{kind}")
    assert answer.json() == {"phone": keyed.truth(body)["orion"]["national"]}
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert keyed.book("orion")["calls_charged"] == before + 1


@pytest.mark.parametrize("kind", ["busy", "429_absent", "503_free", "redirect_moved", "reset_free"])
def test_unexecuted_call_keeps_nothing(keyed: Simulator, kind: str) -> None:
    """A call that was never executed leaves its key free: the next one is executed and charged."""
    before = keyed.book("orion")["calls_charged"]
    keyed.script("orion", kind)
    with suppress(httpx2.TransportError):
        keyed.ask("orion", person(4), reference=f"lost-{kind}")
    answer = keyed.ask("orion", person(4), reference=f"lost-{kind}")
    assert answer.status_code == 200
    assert "Idempotent-Replayed" not in answer.headers
    assert keyed.book("orion")["calls_charged"] == before + 1


def test_bad_key_and_limits_come_first() -> None:
    """A refused call is not kept, and a replay takes its place in the windows like any call."""
    with instant("--idempotency", "orion=on", "--rate", "orion=2/1h") as world:
        assert world.ask("orion", person(1), key="wrong", reference="a").status_code == 401
        codes = [world.ask("orion", person(1), reference="a").status_code for _ in range(3)]
        assert codes == [200, 200, 429]
        assert [one["outcome"] for one in world.calls()][2:] == ["replay", "rate_limit"]
        assert {one["reference"] for one in world.calls()} == {"a"}


def test_malformed_question_keeps_nothing(keyed: Simulator) -> None:
    """A 400 is not kept: the same key with a good body is executed."""
    assert keyed.ask("orion", {}, reference="first-bad").status_code == 400
    answer = keyed.ask("orion", person(5), reference="first-bad")
    assert (answer.status_code, "Idempotent-Replayed" in answer.headers) == (200, False)


@pytest.mark.parametrize("reference", ["", "two words", "é", "x" * 256])
def test_unusable_key(keyed: Simulator, reference: str) -> None:
    """A key that is not 1 to 255 visible ASCII characters is a free 400."""
    before = keyed.book("astra")
    answer = keyed.client.post(
        "/astra",
        json=person(1),
        headers=[(b"apiKey", b"simulator-key"), (b"Idempotency-Key", reference.encode())],
    )
    assert (answer.status_code, answer.json()) == (400, {"error": "bad_reference"})
    assert keyed.calls()[-1]["reference"] is None
    assert keyed.book("astra")["calls_charged"] == before["calls_charged"]


def test_off_by_default(world: Simulator) -> None:
    """Without the flag a key is a reference and nothing more: every call is executed and charged."""
    before = world.book("orion")["calls_charged"]
    longest = "!" * 255
    assert [world.ask("orion", person(6), reference=longest).status_code for _ in range(2)] == [200, 200]
    assert world.book("orion")["calls_charged"] == before + 2
    assert [one["reference"] for one in world.calls()[-2:]] == [longest, longest]


def test_keys_are_kept_for_a_day() -> None:
    """A key is known for 24 hours to the nanosecond and then forgotten."""
    references = References()
    record = references.claim("a", "body", 100)
    record.keep(Kept("body", 200, b"{}", charged=True))
    assert references.find("a", 100 + KEPT_NS) is record
    assert references.find("a", 101 + KEPT_NS) is None


def test_keys_are_bounded() -> None:
    """The oldest key goes when there are too many, and when a younger one is a day younger."""
    references = References(most=3)
    for number in range(4):
        references.claim(str(number), "body", number)
    assert [references.find(str(number), 5) is not None for number in range(4)] == [False, True, True, True]
    references.claim("late", "body", 3 + KEPT_NS)
    assert len(references) == 2


def test_unexecuted_repeat_hides_no_earlier_call() -> None:
    """Where a reference comes twice, a second call that was not executed does not hide the first."""
    references = References()
    first = references.claim("a", "body", 1)
    first.keep(Kept("body", 200, b"{}", charged=True))
    first.running = False
    second = references.claim("a", "body", 2)
    assert references.find("a", 3) is second
    second.running = False
    assert references.find("a", 3) is first
