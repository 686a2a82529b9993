"""Permits: calls that are ready go before those that are not, each within the window of some ticket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadgen.application.permit import LEAD_SECONDS_MAX, Maturing, Permit
from leadgen.application.ports.rate_limiter import Ticket

WINDOW_SECONDS = 0.02


def ticket(opens_at: float, *, epoch: int = 0) -> Ticket:
    """One that opens at a moment and closes 20 ms later."""
    return Ticket("orion", opens_at, opens_at + WINDOW_SECONDS, lease=0, epoch=epoch)


def given_out(*opens_at: float, leaves_by: float = 1.0) -> tuple[Maturing, list[Permit]]:
    """Calls that are being made ready, with tickets that open at these moments."""
    maturing = Maturing()
    permits = [Permit(ticket(each), 0.0, leaves_by=leaves_by) for each in opens_at]
    for permit in permits:
        maturing.add(permit)
    return maturing, permits


def test_who_is_ready_first_leaves_first() -> None:
    """The tickets are used in their order by calls in the order in which they are ready."""
    maturing, (first, second, third) = given_out(0.1, 0.2, 0.3)

    for permit, now in ((third, 0.05), (first, 0.15), (second, 0.25)):
        maturing.note_ready(permit, now)

    assert [each.ticket.opens_at for each in (third, first, second)] == [0.1, 0.2, 0.3]


def test_a_ticket_that_has_closed_is_of_no_use() -> None:
    """Who is late keeps the ticket that ran out, and who is ready takes none that did."""
    maturing, (late, ready, other) = given_out(0.1, 0.2, 0.3)

    maturing.note_ready(ready, 0.13)
    maturing.note_ready(late, 0.14)

    assert ready.ticket.opens_at == 0.2
    assert late.ticket.opens_at == 0.1
    assert other.ticket.opens_at == 0.3


def test_an_intent_is_not_outlived() -> None:
    """Nobody gets a ticket that closes after the time for which the ledger has their intent."""
    maturing, (bound, ready) = given_out(0.1, 0.9)
    bound.leaves_by = 0.5

    maturing.note_ready(ready, 0.05)

    assert ready.ticket.opens_at == 0.9
    assert bound.ticket.opens_at == 0.1


def test_epochs_do_not_mix() -> None:
    """An intent was recorded under the epoch of its ticket."""
    maturing, (before,) = given_out(0.1)
    after = Permit(ticket(0.2, epoch=1), 0.0)
    maturing.add(after)

    maturing.note_ready(after, 0.05)

    assert (before.ticket.opens_at, after.ticket.opens_at) == (0.1, 0.2)


def test_bulk_takes_nothing_from_who_is_urgent() -> None:
    """The other way round it does."""
    maturing, (urgent, bulk, another) = given_out(0.1, 0.2, 0.3)
    urgent.is_urgent = True

    maturing.note_ready(another, 0.05)
    assert another.ticket.opens_at == 0.2
    maturing.note_ready(urgent, 0.06)

    assert urgent.ticket.opens_at == 0.1
    assert bulk.ticket.opens_at == 0.3


def test_a_call_that_is_not_made_takes_its_ticket_along() -> None:
    """Whichever it has by then."""
    maturing, (gone, ready, last) = given_out(0.1, 0.2, 0.3)

    maturing.note_ready(ready, 0.05)
    maturing.leave(gone)
    maturing.note_ready(last, 0.06)

    assert (ready.ticket.opens_at, gone.ticket.opens_at, last.ticket.opens_at) == (0.1, 0.2, 0.3)


@pytest.mark.parametrize(("calls", "late"), [(50, 5), (200, 66)])
def test_lead(calls: int, late: int) -> None:
    """One of ten may be late, and one of three where so many are made that others stand in for them."""
    maturing, permits = given_out(*[2.0] * calls, leaves_by=3.0)

    for number, permit in enumerate(permits):
        maturing.note_ready(permit, (number + 1) / calls)

    assert sum((number + 1) / calls > maturing.lead_seconds for number in range(calls)) == pytest.approx(
        late, abs=0.1 * calls
    )
    assert maturing.lead_seconds < LEAD_SECONDS_MAX


@given(st.lists(st.tuples(st.integers(0, 400), st.booleans()), min_size=1, max_size=30))
def test_each_ticket_is_one_call_s(moments: list[tuple[int, bool]]) -> None:
    """However they become ready, no ticket is lost or used twice, and nobody gets one that is worse."""
    maturing, permits = given_out(*(0.01 * number for number in range(len(moments))), leaves_by=9.0)
    tickets = {each.ticket for each in permits}

    for (milliseconds, is_made), permit in sorted(
        zip(moments, permits, strict=True), key=lambda pair: pair[0]
    ):
        before, now = permit.ticket, milliseconds / 1_000
        if not is_made:
            maturing.leave(permit)
            continue
        maturing.note_ready(permit, now)
        assert permit.ticket.opens_at <= before.opens_at
        assert permit.ticket is before or permit.ticket.closes_at > now
    assert {each.ticket for each in permits} == tickets
