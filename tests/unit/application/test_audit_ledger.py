"""The audit of the ledger against what providers report, and the story of a lookup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pytest

from leadgen.application import audit_ledger
from leadgen.application.audit_ledger import AuditLedger, LedgerAudit, Reconciliation
from leadgen.application.ports.ledger_books import Evidence, ILedgerBooks, LedgerTotals, ProviderTotals
from leadgen.application.ports.usage_report import UsageLine
from leadgen.application.show_lookup import ShowLookup
from leadgen.domain.budget import Span
from leadgen.domain.errors import UnknownId, UnreadableFile
from leadgen.domain.lookup import Lookup, LookupState
from leadgen.domain.provider import Charges, Fault, Miss, NotSent, Outcome, Rejected, Unknown
from leadgen.domain.reconciliation import Claim, Dispute
from tests import builders
from tests.builders import ACCOUNT, LEASE
from tests.contracts.stores import person
from tests.fakes.usage_report import ListUsageReport
from tests.unit.application.world import World, a_hit

PRICE = 20_000
LOST = Unknown("timed out")


@pytest.fixture
async def ledger_world(world: World) -> World:
    """A world with ten leads, whose lookups are made up, so that no provider has a bill for them."""
    for number in range(1, 11):
        await world.add_lead(number, about=person(number))
    world.books_are_exact = False
    await world.clock.advance(3_600.0)
    return world


@pytest.fixture
def audit(ledger_world: World) -> AuditLedger:
    """The audit of that world's ledger."""
    return AuditLedger(books=ledger_world.here.books, clock=ledger_world.clock)


async def buy(
    world: World,
    number: int,
    outcome: Outcome | None,
    *,
    provider: str = "orion",
    age: timedelta = timedelta(minutes=30),
    job_id: str | None = None,
) -> Lookup:
    """A lookup about this person that ended so some time ago, or (None) is under way."""
    intent = builders.lookup(
        about=person(number).question,
        lead_id=f"lead-{number}",
        provider=provider,
        created_at=world.clock.now() - age,
        job_id=job_id,
    )
    await world.here.ledger.intend(intent)
    if outcome is None:
        return intent
    end = intent.closed(outcome, Charges.REQUEST, intent.created_at + timedelta(seconds=2))
    assert await world.here.ledger.close(end, None)
    return end


def line(of: Lookup, charged: int = PRICE, *, at: datetime | None = None) -> UsageLine:
    """A line of the report about this lookup."""
    return UsageLine(of.provider, of.key, at or of.created_at, charged)


def claim(dispute: Dispute, of: Lookup, reported: int) -> Claim:
    """A claim about this lookup."""
    return Claim(dispute, of.provider, of.key, of.posted_micros, reported)


async def reconciled(audit: AuditLedger, report: ListUsageReport) -> Reconciliation:
    """What came of a report."""
    result = (await audit.run(report)).reconciliation
    assert result is not None
    return result


async def state_of(world: World, lookup: Lookup) -> tuple[LookupState, int, int]:
    """Where a lookup stands, what is posted and what estimated."""
    standing = await world.here.ledger.get(lookup.key)
    assert standing is not None
    return standing.state, standing.posted_micros, standing.estimated_micros


# ---------------------------------------------------------------- without a report


async def test_empty_ledger_adds_up_to_nothing(audit: AuditLedger) -> None:
    """No lookups, no money, nothing open."""
    assert await audit.run() == LedgerAudit(LedgerTotals(0, 0, None, {}), 0.0, None)


async def test_audit_without_a_report_adds_up(ledger_world: World, audit: AuditLedger) -> None:
    """It tells what there is, how old the oldest doubt is, and changes nothing."""
    await buy(ledger_world, 1, a_hit())
    await buy(ledger_world, 2, LOST, age=timedelta(minutes=10))
    await buy(ledger_world, 3, LOST, age=timedelta(minutes=20))
    await buy(ledger_world, 4, None)
    before = await ledger_world.lookups()

    result = await audit.run()

    assert result.totals.providers == {"orion": ProviderTotals(4, PRICE, PRICE, 2 * PRICE)}
    assert (result.totals.intents_open, result.totals.unknown_open) == (1, 2)
    assert result.unknown_age_seconds == 1_200.0
    assert result.reconciliation is None
    assert await ledger_world.lookups() == before


async def test_doubt_of_a_clock_ahead_has_no_age(ledger_world: World, audit: AuditLedger) -> None:
    """A worker whose clock runs ahead makes no negative age."""
    await buy(ledger_world, 1, LOST, age=timedelta(minutes=-5))

    assert (await audit.run()).unknown_age_seconds == 0.0


# ---------------------------------------------------------------- what a report settles


async def test_report_that_agrees_settles_nothing(ledger_world: World, audit: AuditLedger) -> None:
    """Every line is counted, and there is nothing to do."""
    bought = [await buy(ledger_world, number, Miss()) for number in (1, 2, 3)]
    before = await ledger_world.lookups()

    result = await reconciled(audit, ListUsageReport([line(each) for each in bought]))

    assert result == Reconciliation(lines=3)
    assert await ledger_world.lookups() == before


async def test_report_settles_what_is_unknown(ledger_world: World, audit: AuditLedger) -> None:
    """Charged ones are posted, those that the provider does not know were never received."""
    charged, free, missing = [await buy(ledger_world, number, LOST) for number in (1, 2, 3)]

    result = await reconciled(audit, ListUsageReport([line(charged), line(free, 0)]))

    assert (result.settled, result.disputed, result.claims) == (3, 0, [])
    assert await state_of(ledger_world, charged) == (LookupState.SETTLED, PRICE, 0)
    assert await state_of(ledger_world, free) == (LookupState.SETTLED, 0, 0)
    assert await state_of(ledger_world, missing) == (LookupState.NOT_SENT, 0, 0)


async def test_totals_are_those_after_the_report(ledger_world: World, audit: AuditLedger) -> None:
    """The ledger's sum is that of the report, exactly, once nothing is unknown."""
    ends: list[Outcome] = [
        a_hit(),
        Miss(),
        LOST,
        LOST,
        Rejected(Fault.BROKEN, "HTTP 500"),
        NotSent("no route"),
    ]
    bought = [await buy(ledger_world, number, end) for number, end in enumerate(ends, 1)]
    charges = [PRICE, PRICE + 7, PRICE - 5, 0, 3, 11]

    result = await audit.run(ListUsageReport([line(*pair) for pair in zip(bought, charges, strict=True)]))

    assert result.totals.providers["orion"] == ProviderTotals(6, sum(charges), 0, 0)
    assert result.totals.unknown_open == 0
    assert result.unknown_age_seconds == 0.0


async def test_second_audit_with_the_same_report_finds_nothing_to_settle(
    ledger_world: World, audit: AuditLedger
) -> None:
    """What it has settled stays settled, and no evidence is added."""
    bought = [await buy(ledger_world, number, LOST) for number in (1, 2, 3)]
    report = ListUsageReport([line(each, 5) for each in bought[:2]])
    await reconciled(audit, report)
    before = await ledger_world.lookups()

    assert await reconciled(audit, report) == Reconciliation(lines=2)
    assert await ledger_world.lookups() == before
    assert len(await ledger_world.here.books.evidence(bought[0].key)) == 1


async def test_settled_money_is_that_of_its_budget(ledger_world: World, audit: AuditLedger) -> None:
    """What was assumed and turns out to be free can be spent again."""
    await ledger_world.jobs_with_budget(PRICE)
    lost = await buy(ledger_world, 1, LOST, job_id="job-1")

    await reconciled(audit, ListUsageReport([line(lost, 0)]))

    (budget,) = await ledger_world.budgets.all_of(ACCOUNT, "job-1")
    assert (budget.span, budget.used_micros) == (Span.JOB, 0)


async def test_several_charges_of_one_question_add_up(ledger_world: World, audit: AuditLedger) -> None:
    """A repeat under its key stands twice on the report, charged once."""
    lost, paid_twice = await buy(ledger_world, 1, LOST), await buy(ledger_world, 2, a_hit())

    result = await reconciled(
        audit, ListUsageReport([line(lost), line(paid_twice), line(lost, 0), line(paid_twice)])
    )

    assert result.lines == 4
    assert await state_of(ledger_world, lost) == (LookupState.SETTLED, PRICE, 0)
    assert result.claims == [claim(Dispute.TWICE, paid_twice, 2 * PRICE)]


async def test_what_is_under_way_is_left_to_its_owner(ledger_world: World, audit: AuditLedger) -> None:
    """Whether the report has it already or not."""
    open_ones = [await buy(ledger_world, number, None, age=timedelta(0)) for number in (1, 2)]

    result = await reconciled(audit, ListUsageReport([line(open_ones[0])]))

    assert (result.settled, result.disputed) == (0, 0)
    assert await ledger_world.lookups() == open_ones


async def test_more_lookups_than_a_page(ledger_world: World) -> None:
    """All pages of the ledger are gone through, each lookup once."""
    bought = [
        await buy(ledger_world, number % 10 + 1, LOST, provider=f"p{number // 10}") for number in range(25)
    ]
    paged = AuditLedger(books=SmallPages(ledger_world.here.books), clock=ledger_world.clock)

    result = await reconciled(paged, ListUsageReport([line(each, 1) for each in bought]))

    assert result.settled == 25
    assert {each.posted_micros for each in await ledger_world.lookups()} == {1}


# ---------------------------------------------------------------- what a report accounts for


async def test_report_is_silent_about_other_providers(ledger_world: World, audit: AuditLedger) -> None:
    """What one provider does not know of another may have received."""
    known = await buy(ledger_world, 1, a_hit())
    other, answered = [
        await buy(ledger_world, number, end, provider="astra") for number, end in ((1, LOST), (2, Miss()))
    ]

    result = await reconciled(audit, ListUsageReport([line(known)]))

    assert (result.settled, result.claims) == (0, [])
    assert await state_of(ledger_world, other) == (LookupState.UNKNOWN, 0, PRICE)
    assert await state_of(ledger_world, answered) == (LookupState.SETTLED, PRICE, 0)


@pytest.mark.parametrize("is_complete", [True, False])
async def test_empty_report_says_nothing(
    ledger_world: World, audit: AuditLedger, *, is_complete: bool
) -> None:
    """It does not even say whose it is."""
    await buy(ledger_world, 1, LOST)
    await buy(ledger_world, 2, a_hit())
    before = await ledger_world.lookups()

    result = await reconciled(audit, ListUsageReport([], is_complete=is_complete))

    assert result == Reconciliation()
    assert await ledger_world.lookups() == before


async def test_file_accounts_for_the_time_from_its_first_line_to_its_last(
    ledger_world: World, audit: AuditLedger
) -> None:
    """A question of an earlier or a later time may be on another file."""
    ages = [50, 40, 30, 20, 10]
    earlier, first, between, last, later = [
        await buy(ledger_world, number, LOST, age=timedelta(minutes=minutes))
        for number, minutes in enumerate(ages, 1)
    ]

    result = await reconciled(audit, ListUsageReport([line(first), line(last)], is_complete=False))

    assert result.settled == 3
    assert await state_of(ledger_world, between) == (LookupState.NOT_SENT, 0, 0)
    for outside in (earlier, later):
        assert await state_of(ledger_world, outside) == (LookupState.UNKNOWN, 0, PRICE)


async def test_order_of_a_file_does_not_matter(ledger_world: World, audit: AuditLedger) -> None:
    """Newest first accounts for the same time."""
    first, between, last = [
        await buy(ledger_world, number, LOST, age=timedelta(minutes=minutes))
        for number, minutes in ((1, 40), (2, 30), (3, 20))
    ]

    await reconciled(audit, ListUsageReport([line(last), line(first)], is_complete=False))

    assert await state_of(ledger_world, between) == (LookupState.NOT_SENT, 0, 0)


async def test_file_accounts_for_each_provider_s_own_time(ledger_world: World, audit: AuditLedger) -> None:
    """Where one provider's lines end before the other's, nothing is known of the rest."""
    astra_first, astra_last, astra_later = [
        await buy(ledger_world, number, LOST, provider="astra", age=timedelta(minutes=minutes))
        for number, minutes in ((1, 50), (2, 40), (3, 30))
    ]
    orion_first, orion_between, orion_last = [
        await buy(ledger_world, number, LOST, age=timedelta(minutes=minutes))
        for number, minutes in ((1, 50), (2, 30), (3, 10))
    ]
    lines = [line(each) for each in (astra_first, orion_first, astra_last, orion_last)]

    await reconciled(audit, ListUsageReport(lines, is_complete=False))

    assert await state_of(ledger_world, astra_later) == (LookupState.UNKNOWN, 0, PRICE)
    assert await state_of(ledger_world, orion_between) == (LookupState.NOT_SENT, 0, 0)


async def test_question_that_may_still_be_under_way_is_not_missing(
    ledger_world: World, audit: AuditLedger
) -> None:
    """One whose lease ends after the report was asked for may yet arrive."""
    known = await buy(ledger_world, 1, a_hit())
    fresh = await buy(ledger_world, 2, LOST, age=LEASE - timedelta(seconds=1))
    old = await buy(ledger_world, 3, LOST, age=LEASE)

    await reconciled(audit, ListUsageReport([line(known)]))

    assert await state_of(ledger_world, fresh) == (LookupState.UNKNOWN, 0, PRICE)
    assert await state_of(ledger_world, old) == (LookupState.NOT_SENT, 0, 0)


# ---------------------------------------------------------------- what is claimed


async def test_every_kind_of_claim(ledger_world: World, audit: AuditLedger) -> None:
    """Each difference that is the provider's to explain is named with both amounts."""
    world = ledger_world
    ends: list[Outcome] = [
        a_hit(), Rejected(Fault.BROKEN, "500"), NotSent("no route"), Miss(), a_hit(), LOST,
    ]  # fmt: skip
    hit, turned_down, unsent, twice, unbilled, dear = [
        await buy(world, number, end) for number, end in enumerate(ends, 1)
    ]
    stranger = UsageLine("orion", "no key of ours", world.clock.now(), 9_000)
    free_stranger = UsageLine("orion", "a probe", world.clock.now(), 0)
    charges = [
        (hit, 1),
        (turned_down, PRICE),
        (unsent, PRICE),
        (twice, PRICE),
        (twice, PRICE),
        (dear, PRICE + 1),
    ]

    result = await reconciled(
        audit, ListUsageReport([*(line(*pair) for pair in charges), stranger, free_stranger])
    )

    expected = [
        claim(Dispute.OTHER_PRICE, hit, 1),
        claim(Dispute.FOR_AN_ERROR, turned_down, PRICE),
        claim(Dispute.FOR_AN_ERROR, unsent, PRICE),
        claim(Dispute.TWICE, twice, 2 * PRICE),
        claim(Dispute.NOT_BILLED, unbilled, 0),
        claim(Dispute.OTHER_PRICE, dear, PRICE + 1),
        Claim(Dispute.NOT_OURS, "orion", "no key of ours", 0, 9_000),
    ]
    assert sorted(result.claims, key=lambda each: each.reference) == sorted(
        expected, key=lambda each: each.reference
    )
    assert result.disputed == len(expected)
    assert {claim.dispute for claim in result.claims} == set(Dispute)


def test_too_many_claims_are_counted() -> None:
    """The list is bounded, the count is not."""
    result = Reconciliation()
    one = Claim(Dispute.NOT_OURS, "orion", "x", 0, 1)
    for _ in range(audit_ledger.CLAIMS_MAX + 5):
        result.add(one)
    result.add(None)
    assert (len(result.claims), result.disputed) == (audit_ledger.CLAIMS_MAX, audit_ledger.CLAIMS_MAX + 5)


# ---------------------------------------------------------------- what goes wrong


async def test_report_that_breaks_off_changes_nothing(ledger_world: World, audit: AuditLedger) -> None:
    """A file is read to its end before anything is settled by it."""
    lost = await buy(ledger_world, 1, LOST)
    broken = ListUsageReport([line(lost)], breaks=UnreadableFile("usage.csv", "row 3 is too long"))

    with pytest.raises(UnreadableFile):
        await audit.run(broken)

    assert await state_of(ledger_world, lost) == (LookupState.UNKNOWN, 0, PRICE)


async def test_lookup_that_changes_meanwhile_is_not_corrected(ledger_world: World) -> None:
    """An answer that comes between reading and settling stands."""
    world = ledger_world
    intent = await buy(world, 1, None)
    await world.here.ledger.close(intent.abandoned(world.clock.now()), None)
    answered = intent.closed(Miss(), Charges.REQUEST, world.clock.now())
    books = Interrupted(world.here.books, world, answered)

    result = await AuditLedger(books=books, clock=world.clock).run(ListUsageReport([line(intent, 5)]))

    assert result.reconciliation is not None
    assert result.reconciliation.settled == 0
    assert await world.here.ledger.get(intent.key) == answered


# ---------------------------------------------------------------- the story of a lookup


async def test_story_of_a_lookup(ledger_world: World, audit: AuditLedger) -> None:
    """It is found by the beginning of its key, with all that came to light later."""
    lost = await buy(ledger_world, 1, LOST)
    await buy(ledger_world, 2, Miss())
    await reconciled(audit, ListUsageReport([line(lost, 5)]))
    show = ShowLookup(books=ledger_world.here.books)

    for beginning in (lost.key, lost.key[:12]):
        story = await show.run(ACCOUNT, beginning)
        assert (story.lookup.key, story.lookup.posted_micros) == (lost.key, 5)
        (evidence,) = story.evidence
        assert (evidence.cost_before_micros, evidence.cost_after_micros) == (PRICE, 5)
        assert "report" in evidence.source


async def test_story_of_no_lookup_is_refused(ledger_world: World) -> None:
    """A beginning that is nobody's, that several share, or another account's."""
    lookup = await buy(ledger_world, 1, Miss())
    await buy(ledger_world, 2, Miss())
    await ledger_world.add_account("other")
    show = ShowLookup(books=ledger_world.here.books)

    for account, beginning in ((ACCOUNT, "nothing"), (ACCOUNT, ""), ("other", lookup.key)):
        with pytest.raises(UnknownId):
            await show.run(account, beginning)


# ---------------------------------------------------------------- books in special conditions


class SmallPages(ILedgerBooks):
    """Books whose pages have three lookups."""

    def __init__(self, inner: ILedgerBooks) -> None:
        self._inner = inner

    async def totals(self, account: str | None = None) -> LedgerTotals:
        return await self._inner.totals(account)

    async def totals_of(
        self, account: str, *, since: datetime, until: datetime
    ) -> Mapping[str, ProviderTotals]:
        return await self._inner.totals_of(account, since=since, until=until)

    async def page(self, *, after: str, limit: int) -> Sequence[Lookup]:
        return await self._inner.page(after=after, limit=min(limit, 3))

    async def correct(self, before: Lookup, after: Lookup, *, source: str) -> bool:
        return await self._inner.correct(before, after, source=source)

    async def find(self, account: str, beginning: str) -> Lookup | None:
        return await self._inner.find(account, beginning)

    async def evidence(self, key: str) -> Sequence[Evidence]:
        return await self._inner.evidence(key)


class Interrupted(SmallPages):
    """Books of a lookup whose owner brings its answer in front of the first correction."""

    def __init__(self, inner: ILedgerBooks, world: World, answered: Lookup) -> None:
        super().__init__(inner)
        self._world = world
        self._answered = answered

    async def correct(self, before: Lookup, after: Lookup, *, source: str) -> bool:
        await self._world.here.ledger.close(self._answered, None)
        return await super().correct(before, after, source=source)
