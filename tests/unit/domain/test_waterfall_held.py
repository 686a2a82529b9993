from collections.abc import Sequence
from datetime import timedelta

import pytest

from leadgen.domain.budget import Span
from leadgen.domain.lead import EndState
from leadgen.domain.provider import Fault, Hit, Miss, Rejected
from leadgen.domain.waterfall import (
    Answered,
    Ask,
    Candidate,
    Event,
    Held,
    Moves,
    Plan,
    Tick,
    Waterfall,
    WhenHeld,
)
from tests.builders import NOW, us_phone

LATER = NOW + timedelta(seconds=5)
MUCH_LATER = NOW + timedelta(seconds=60)
HIT = Hit(us_phone(0), "x")


def run(when_held: WhenHeld, *events: Event) -> list[Moves]:
    """The moves of a search over orion, then astra, from its beginning on."""
    waterfall = Waterfall(Plan([Candidate("orion"), Candidate("astra")], when_held=when_held))
    return [waterfall.step(event, NOW) for event in (Tick(), *events)]


def held(provider: str, until: object = LATER) -> Held:
    """A provider whose limit is used up until then."""
    return Held(provider, "its limit is used up", until)  # type: ignore[arg-type]


def test_wait_keeps_the_order() -> None:
    """Nobody else is asked while the first is held."""
    assert run(WhenHeld.WAIT, held("orion"))[-1] == Moves(wake_at=LATER)


def test_spill_asks_the_next() -> None:
    """Who is free now is asked meanwhile."""
    assert run(WhenHeld.SPILL, held("orion"))[-1] == Moves(asks=(Ask("astra", 0),))


def test_spill_stops_at_a_number() -> None:
    """A number from the second ends the search; the first was not needed."""
    verdict = run(WhenHeld.SPILL, held("orion"), Answered("astra", 0, HIT))[-1].verdict
    assert verdict is not None
    assert (verdict.state, verdict.provider) == (EndState.FOUND, "astra")


def test_spill_comes_back_to_the_first() -> None:
    """Where the second has nothing, the first is waited for after all."""
    moves = run(WhenHeld.SPILL, held("orion"), Answered("astra", 0, Miss()))
    assert moves[-1] == Moves(when_free=(Ask("orion", 0),), wake_at=LATER)


def test_spill_goes_to_whoever_is_free_first() -> None:
    """With all held, it may queue for all; if none gets free, the earliest decides when to look again."""
    moves = run(WhenHeld.SPILL, held("orion", MUCH_LATER), held("astra"))
    assert moves[-1] == Moves(when_free=(Ask("orion", 0), Ask("astra", 0)), wake_at=LATER)


def test_spill_does_not_queue_for_money_or_a_pause() -> None:
    """Only limits get free by themselves: a budget that is held, or a pause asked for, is waited for."""
    over = Held("orion", "budget", LATER, Span.JOB)
    moves = run(WhenHeld.SPILL, over, Answered("astra", 0, Rejected(Fault.BUSY, "429")))
    assert moves[-1].when_free == ()
    assert moves[-1].wake_at is not None


def test_of_several_events_the_last_one_decides() -> None:
    """Who is due again once nobody else got free is asked, and not lost between two refusals."""
    names = ("orion", "astra", "nimbus")
    waterfall = Waterfall(Plan([Candidate(name) for name in names], when_held=WhenHeld.SPILL))
    events = (Tick(), Answered("orion", 0, Rejected(Fault.BUSY, "429", 40.0)), held("astra"), held("nimbus"))
    moves = [waterfall.step(event, NOW) for event in events]
    assert moves[-1].when_free == (Ask("astra", 0), Ask("nimbus", 0))
    later = NOW + timedelta(seconds=45)
    waterfall.note(held("astra", None), later)
    assert waterfall.step(held("nimbus", None), later) == Moves(asks=(Ask("orion", 1),))


def test_skip_passes_over() -> None:
    """Without a number elsewhere the lead is incomplete, never not found."""
    verdict = run(WhenHeld.SKIP, held("orion"), Answered("astra", 0, Miss()))[-1].verdict
    assert verdict is not None
    assert verdict.state is EndState.INCOMPLETE
    assert [each.provider for each in verdict.unasked] == ["orion"]


@pytest.mark.parametrize("when_held", list(WhenHeld))
def test_a_provider_that_is_parked_is_given_up(when_held: WhenHeld) -> None:
    """Without a time to wait for, every policy goes on."""
    assert run(when_held, held("orion", None))[-1] == Moves(asks=(Ask("astra", 0),))


def asks_of(moves: Sequence[Moves]) -> list[Ask]:
    """All questions in order."""
    return [ask for move in moves for ask in move.asks]


def test_spill_never_asks_two_at_once() -> None:
    """One question is in flight at a time, however many are free."""
    waterfall = Waterfall(Plan([Candidate("orion"), Candidate("astra")], when_held=WhenHeld.SPILL))
    moves = [waterfall.step(Tick(), NOW), waterfall.step(Tick(), NOW)]
    assert asks_of(moves) == [Ask("orion", 0)]
