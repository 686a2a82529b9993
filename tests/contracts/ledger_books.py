"""What every `ILedgerBooks` must do: add the ledger up, page through it, and correct it with evidence.

A subclass has the fixture ``open_stores`` of ``tests/contracts/stores.py``.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from leadgen.application.ports.ledger_books import LedgerTotals, ProviderTotals
from leadgen.domain.lookup import Lookup
from leadgen.domain.provider import Charges, Fault, Hit, Miss, NotSent, Outcome, Rejected, Unknown
from tests.builders import ACCOUNT, NOW
from tests.contracts.lookup_ledger import HIT, LATER, about
from tests.contracts.stores import OTHER_ACCOUNT, OpenStores, Stores, add_leads

PRICE = 20_000
LOST = Unknown("timed out")


async def buy(stores: Stores, intent: Lookup, outcome: Outcome | None) -> Lookup:
    """The lookup after its life, which is over where an outcome is named."""
    assert await stores.ledger.intend(intent) == intent
    if outcome is None:
        return intent
    end = intent.closed(outcome, Charges.REQUEST, LATER)
    assert await stores.ledger.close(end, None)
    return end


class LedgerBooksContract:
    """Subclass it as ``Test...``."""

    @pytest.fixture
    async def stores(self, open_stores: OpenStores) -> Stores:
        stores = open_stores()
        await add_leads(stores, 4)
        return stores

    # totals

    async def test_totals_of_nothing(self, stores: Stores) -> None:
        """An empty ledger adds up to nothing."""
        assert await stores.books.totals() == LedgerTotals(0, 0, None, {})

    async def test_totals(self, stores: Stores) -> None:
        """Money by provider and by what is known of it, over all accounts; what is open, and how old."""
        await add_leads(stores, 1, account=OTHER_ACCOUNT)
        at = [NOW + timedelta(minutes=minutes) for minutes in range(9)]
        ends: Sequence[tuple[Lookup, Outcome | None]] = [
            (about(0), HIT),
            (about(1), Miss()),
            (replace(about(2), created_at=at[5]), LOST),
            (replace(about(3), held_micros=7), None),
            (about(0, provider="astra"), NotSent("no route")),
            (about(1, provider="astra"), Rejected(Fault.BROKEN, "500")),
            (replace(about(2, provider="astra"), created_at=at[3], held_micros=11), LOST),
            (
                replace(about(0, provider="vega"), account=OTHER_ACCOUNT, lead_id="umbrella-000"),
                Hit(None, "?"),
            ),
        ]
        for intent, outcome in ends:
            await buy(stores, intent, outcome)
        assert await stores.books.totals() == LedgerTotals(
            intents_open=1,
            unknown_open=2,
            oldest_unknown=at[3],
            providers={
                "astra": ProviderTotals(3, 0, 0, 11),
                "orion": ProviderTotals(4, 2 * PRICE, 7, PRICE),
                "vega": ProviderTotals(1, PRICE, 0, 0),
            },
        )

    # pages

    async def test_page(self, stores: Stores) -> None:
        """Every lookup of every account once, in the order of keys."""
        bought = [await buy(stores, about(number), Miss()) for number in range(4)]
        bought.append(await buy(stores, about(0, provider="astra"), None))
        ordered = sorted(bought, key=lambda each: each.key)
        assert await stores.books.page(after="", limit=9) == ordered
        assert await stores.books.page(after="", limit=2) == ordered[:2]
        assert await stores.books.page(after=ordered[1].key, limit=2) == ordered[2:4]
        assert await stores.books.page(after=ordered[4].key, limit=2) == []

    # corrections

    async def test_correct(self, stores: Stores) -> None:
        """The lookup is as the report has it, with the evidence of what it was."""
        lost = await buy(stores, about(0), LOST)
        after = lost.charged(15_000, LATER)
        assert await stores.books.correct(lost, after, source="report of March")
        assert await stores.ledger.get(lost.key) == after
        (trace,) = await stores.books.evidence(lost.key)
        assert (trace.source, trace.state_before, trace.state_after) == (
            "report of March", "unknown", "settled",
        )  # fmt: skip
        assert (trace.cost_before_micros, trace.cost_after_micros) == (PRICE, 15_000)
        assert trace.detail == "unknown"
        assert trace.received_at.tzinfo is not None

    async def test_correct_what_was_never_received(self, stores: Stores) -> None:
        """It is free, and may be intended anew as a first question."""
        lost = await buy(stores, about(0), LOST)
        assert await stores.books.correct(lost, lost.never_received(LATER), source="report")
        again = replace(about(0), owner="again", created_at=LATER)
        assert await stores.ledger.intend(again) == again

    async def test_correct_with_a_stale_view(self, stores: Stores) -> None:
        """Whoever saw the lookup before it changed corrects nothing and leaves no trace."""
        intent = about(0)
        await stores.ledger.intend(intent)
        given_up = intent.abandoned(LATER)
        await stores.ledger.close(given_up, None)
        answered = intent.closed(HIT, Charges.REQUEST, LATER)
        await stores.ledger.close(answered, None)
        traces = await stores.books.evidence(intent.key)
        for stale in (given_up, intent, replace(answered, owner="another")):
            assert not await stores.books.correct(stale, stale.charged(1, LATER), source="report")
        assert await stores.ledger.get(intent.key) == answered
        assert await stores.books.evidence(intent.key) == traces

    async def test_correct_what_is_not_there(self, stores: Stores) -> None:
        """A lookup that nobody intended cannot be corrected."""
        nothing = about(0)
        assert not await stores.books.correct(nothing, nothing.charged(1, LATER), source="report")
        assert await stores.ledger.get(nothing.key) is None

    async def test_correct_at_once(self, open_stores: OpenStores, stores: Stores) -> None:
        """Of several who correct one lookup from the same view one does."""
        lost = await buy(stores, about(0), LOST)
        processes = [stores, open_stores(), open_stores()]
        done = await asyncio.gather(
            *(
                processes[n % 3].books.correct(lost, lost.charged(1_000 + n, LATER), source=f"report {n}")
                for n in range(12)
            )
        )
        assert done.count(True) == 1
        corrected = await stores.ledger.get(lost.key)
        assert corrected == lost.charged(1_000 + done.index(True), LATER)
        assert len(await stores.books.evidence(lost.key)) == 1

    async def test_evidence_gathers(self, stores: Stores) -> None:
        """All that came to light, oldest first, each source once; of one lookup alone."""
        lost = await buy(stores, about(0), LOST)
        other = await buy(stores, about(1), LOST)
        standing = lost
        for number, micros in enumerate((5, 7, 9)):
            after = standing.charged(micros, LATER)
            assert await stores.books.correct(standing, after, source=f"report {number}")
            standing = after
        assert await stores.books.correct(other, other.charged(1, LATER), source="report 0")
        traces = await stores.books.evidence(lost.key)
        assert [each.source for each in traces] == ["report 0", "report 1", "report 2"]
        assert [each.cost_after_micros for each in traces] == [5, 7, 9]
        assert await stores.books.evidence("nothing") == []

    # find

    async def test_find(self, stores: Stores) -> None:
        """By its key, or by as much of its beginning as tells it from all others."""
        bought = [await buy(stores, about(number), Miss()) for number in range(4)]
        for each in bought:
            assert await stores.books.find(ACCOUNT, each.key) == each
            assert await stores.books.find(ACCOUNT, each.key[:16]) == each

    async def test_find_nothing(self, stores: Stores) -> None:
        """None where no key begins so, or several do; a wildcard of the database is no beginning."""
        assert await stores.books.find(ACCOUNT, "") is None
        first = await buy(stores, about(0), Miss())
        await buy(stores, about(1), Miss())
        assert await stores.books.find(ACCOUNT, "") is None
        for beginning in ("x", "%", "_", f"{first.key[:8]}%", f"_{first.key[1:]}", first.key + "0"):
            assert await stores.books.find(ACCOUNT, beginning) is None
