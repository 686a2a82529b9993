"""The search for one lead where answers are lost or money runs out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from leadgen.domain.budget import Span
from leadgen.domain.job import JobStatus
from leadgen.domain.lead import EndState, Lead
from leadgen.domain.lookup import LookupState
from leadgen.domain.provider import Charges, Fault, Miss, OnUnknown, Rejected, Unknown
from leadgen.domain.selection import Refusal
from leadgen.domain.waterfall import TRIES, Verdict, WhenHeld
from tests import builders
from tests.builders import ACCOUNT, MONEY
from tests.unit.application.world import CONFIGS, World, a_hit

PRICE = {name: config.price_micros for name, config in CONFIGS.items()}
LOST = Unknown("timed out")
ALL = ("orion", "astra", "nimbus")


async def verdict(world: World, lead: Lead, *, job_id: str | None = None) -> Verdict:
    """How a search ended that is not parked."""
    result = await world.search(lead, job_id=job_id)
    assert isinstance(result, Verdict)
    return result


def calls(world: World) -> list[int]:
    """How often each provider was asked."""
    return [len(world.providers[name].asked) for name in ALL]


# ---------------------------------------------------------------- lost answers


async def test_lost_answer_is_repeated_within_the_search(world: World) -> None:
    """Under one key, charged once, before the next provider is asked."""
    await world.configure("orion", on_unknown=OnUnknown.REPEAT)
    lead = await world.add_lead()
    world.orion.will_answer(LOST, LOST, a_hit(1))

    result = await verdict(world, lead)

    assert (result.state, result.provider) == (EndState.FOUND, "orion")
    assert calls(world) == [3, 0, 0]
    assert {asked.reference for asked in world.orion.asked} == {world.key(lead)}
    booked = await world.the_lookup()
    assert (booked.n, booked.repeats, booked.posted_micros) == (0, 2, PRICE["orion"])


async def test_repeats_are_given_up_and_taken_up_by_the_next_search(world: World) -> None:
    """The lead is incomplete; the next search repeats the question, and pays nothing more for it."""
    await world.configure("orion", on_unknown=OnUnknown.REPEAT)
    lead = await world.add_lead()
    world.orion.will_answer(*[LOST] * TRIES)
    assert (await verdict(world, lead)).state is EndState.INCOMPLETE
    assert calls(world) == [TRIES, 1, 1]

    assert (await verdict(world, lead)).state is EndState.NOT_FOUND

    assert calls(world) == [TRIES + 1, 1, 1]
    assert await world.cost() == sum(PRICE.values())


async def test_forgotten_key_is_not_repeated(world: World) -> None:
    """A day later the doubt stands: the lead is incomplete, and nothing is asked."""
    await world.configure("orion", on_unknown=OnUnknown.REPEAT)
    lead = await world.add_lead()
    world.orion.will_answer(*[LOST] * TRIES)
    await verdict(world, lead)
    before = calls(world)
    await world.clock.advance(86_400.0)
    begun = world.clock.now()

    result = await verdict(world, lead)

    assert result.state is EndState.INCOMPLETE
    assert [refusal.provider for refusal in result.unasked] == ["orion"]
    assert calls(world) == before
    assert world.clock.now() == begun, "nobody waits between repeats that are not made"


async def test_old_answer_does_not_keep_a_new_question_from_being_repeated(world: World) -> None:
    """What counts is the age of the question that was lost, not that of one before it."""
    await world.configure("orion", on_unknown=OnUnknown.REPEAT)
    lead = await world.add_lead()
    await verdict(world, lead)
    await world.clock.advance(31 * 86_400.0)
    world.orion.will_answer(LOST, a_hit(2))

    result = await verdict(world, lead)

    assert (result.state, result.provider) == (EndState.FOUND, "orion")
    assert [asked.reference for asked in world.orion.asked] == [
        world.key(lead, n=n) for n in (0, 1, 1)
    ]  # fmt: skip


async def test_lost_answer_that_was_free_is_asked_anew(world: World) -> None:
    """What the provider's report has at no charge may be asked under a new number, and repeated there."""
    world.books_are_exact = False  # the script takes a lost answer as charged
    await world.configure("orion", on_unknown=OnUnknown.REPEAT)
    lead = await world.add_lead()
    world.orion.will_answer(*[LOST] * TRIES)
    await verdict(world, lead)
    (lost,) = await world.lookups("orion")
    assert await world.here.books.correct(lost, lost.charged(0, world.clock.now()), source="report")
    world.orion.will_answer(LOST, a_hit(2))

    result = await verdict(world, lead)

    assert (result.state, result.provider) == (EndState.FOUND, "orion")
    assert [asked.reference for asked in world.orion.asked[TRIES:]] == [world.key(lead, n=1)] * 2


async def test_lost_answer_that_was_charged_stands(world: World) -> None:
    """Settled by a report it is paid, and not asked for again: nobody waits for it either."""
    await world.configure("orion", on_unknown=OnUnknown.REPEAT)
    lead = await world.add_lead()
    world.orion.will_answer(*[LOST] * TRIES)
    await verdict(world, lead)
    (lost,) = await world.lookups("orion")
    charged = lost.charged(PRICE["orion"], world.clock.now())
    assert await world.here.books.correct(lost, charged, source="report")
    before, begun = calls(world), world.clock.now()

    assert (await verdict(world, lead)).state is EndState.INCOMPLETE
    assert calls(world) == before
    assert world.clock.now() == begun


async def test_question_of_a_dead_worker_is_repeated_within_the_search(world: World) -> None:
    """Its owner is waited for, given up, and its question sent again under its key."""
    await world.configure("orion", on_unknown=OnUnknown.REPEAT)
    lead = await world.add_lead()
    await world.leave_intent(lead, lease=timedelta(seconds=3))
    world.orion.will_answer(a_hit(3))

    assert (await verdict(world, lead)).provider == "orion"
    assert calls(world) == [1, 0, 0]
    assert (await world.the_lookup()).repeats == 1


async def test_retry_pays_for_one_more_at_most(world: World) -> None:
    """Over any number of searches: the second doubt is the last."""
    await world.configure("orion", on_unknown=OnUnknown.RETRY, charges=Charges.HIT)
    lead = await world.add_lead()
    world.orion.will_answer(*[LOST] * 9)

    for _ in range(3):
        assert (await verdict(world, lead)).state is EndState.INCOMPLETE

    assert calls(world) == [2, 1, 1]
    assert [each.n for each in await world.lookups("orion")] == [0, 1]


async def test_answer_that_is_looked_up_ends_the_search(world: World) -> None:
    """The next provider is not asked for what was paid for already."""
    await world.configure("orion", on_unknown=OnUnknown.RECALL)
    lead = await world.add_lead()
    world.orion.will_answer(LOST)
    world.orion.will_recall(None, a_hit(4))

    assert (await verdict(world, lead)).provider == "orion"
    assert calls(world) == [1, 0, 0]


@pytest.mark.parametrize("policy", [OnUnknown.ASSUME, OnUnknown.RECALL])
async def test_late_answer_is_found_by_the_next_search(world: World, policy: OnUnknown) -> None:
    """The owner that had been given up brought it: it is paid, and used."""
    await world.configure("orion", on_unknown=policy)
    lead = await world.add_lead()
    late = await world.leave_intent(lead, lease=timedelta(seconds=-1))
    assert (await verdict(world, lead)).state is EndState.INCOMPLETE
    answer = late.closed(a_hit(5), Charges.REQUEST, world.clock.now())
    assert not await world.here.ledger.close(answer, None)
    world.estimated_elsewhere_micros = PRICE["orion"]
    before = calls(world)

    result = await verdict(world, lead)

    assert (result.state, result.phone) == (EndState.FOUND, builders.us_phone(5))
    assert calls(world) == before


# ---------------------------------------------------------------- budgets


@pytest.mark.parametrize("span", MONEY)
async def test_budget_that_is_too_small_asks_nobody(world: World, span: Span) -> None:
    """The lead is incomplete for want of money, never "not found"; the trace names the budget."""
    lead = await world.add_lead()
    await world.add_job()
    owner = "job-1" if span is Span.JOB else ACCOUNT
    await world.budgets.cap(span, owner, min(PRICE.values()) - 1)

    result = await verdict(world, lead, job_id="job-1")

    assert result.state is EndState.INCOMPLETE
    assert result.is_over_budget
    assert set(result.unasked) == {
        Refusal(name, f"budget: the {span}'s is used up", prevents=True, over=span) for name in ALL
    }
    assert calls(world) == [0, 0, 0]


async def test_budget_covers_the_cheaper_ones(world: World) -> None:
    """Who is too dear is passed over; a number from somebody cheaper is a number."""
    lead = await world.add_lead()
    await world.add_job(budget_micros=PRICE["astra"])
    world.astra.will_answer(a_hit(1))

    result = await verdict(world, lead, job_id="job-1")

    assert (result.state, result.provider) == (EndState.FOUND, "astra")
    assert calls(world) == [0, 1, 0]
    assert not result.is_over_budget


async def test_budget_that_runs_out_on_the_way(world: World) -> None:
    """What was asked is paid; the ledger refuses the rest, and the lead is incomplete for want of money."""
    lead = await world.add_lead()
    await world.add_job(budget_micros=PRICE["orion"] + PRICE["nimbus"] - 1)

    result = await verdict(world, lead, job_id="job-1")

    assert result.state is EndState.INCOMPLETE
    assert result.is_over_budget
    assert calls(world) == [1, 1, 0]
    assert [(refusal.provider, refusal.over) for refusal in result.unasked] == [("nimbus", Span.JOB)]
    assert (await world.budgets.all_of(ACCOUNT, "job-1"))[0].left_micros < PRICE["nimbus"]


async def test_search_goes_on_with_more_money(world: World) -> None:
    """Those alone are asked who were not: nothing is paid twice."""
    lead = await world.add_lead()
    await world.add_job(budget_micros=PRICE["orion"])
    await verdict(world, lead, job_id="job-1")
    await world.budgets.cap(Span.JOB, "job-1", sum(PRICE.values()))

    assert await verdict(world, lead, job_id="job-1") == Verdict(EndState.NOT_FOUND)
    assert calls(world) == [1, 1, 1]


async def test_search_waits_for_money_that_is_held(world: World) -> None:
    """Until it comes back, and then asks."""
    first, second = await world.add_leads(2)
    for name in ("astra", "nimbus"):
        await world.configure(name, enabled=False)
    await world.add_job(budget_micros=PRICE["orion"])
    world.orion.will_answer(Rejected(Fault.QUESTION, "HTTP 404"), about=first.profile.email)
    world.orion.seconds = 5.0
    asking = await world.start(world.here.paid_calls.ask(world.purchase(first, job_id="job-1")))
    await world.clock.advance(0.2)

    result = await verdict(world, second, job_id="job-1")

    await world.wait_for(asking)
    assert result == Verdict(
        EndState.NOT_FOUND, unasked=(Refusal("astra", "disabled"), Refusal("nimbus", "disabled"))
    )
    assert calls(world) == [2, 0, 0]


async def test_search_ends_when_held_money_is_used(world: World) -> None:
    """What it waited for was charged: it gives up for want of money."""
    first, second = await world.add_leads(2)
    for name in ("astra", "nimbus"):
        await world.configure(name, enabled=False)
    await world.add_job(budget_micros=PRICE["orion"])
    world.orion.seconds = 5.0
    asking = await world.start(world.here.paid_calls.ask(world.purchase(first, job_id="job-1")))
    await world.clock.advance(0.2)

    result = await verdict(world, second, job_id="job-1")

    await world.wait_for(asking)
    assert result.state is EndState.INCOMPLETE
    assert result.is_over_budget
    assert calls(world) == [1, 0, 0]


async def test_search_that_skips_does_not_wait_for_money(world: World) -> None:
    """Held money is like any other hold: the provider is passed over."""
    first, second = await world.add_leads(2)
    await world.add_job(budget_micros=PRICE["orion"])
    world.orion.hold()
    asking = await world.start(world.here.paid_calls.ask(world.purchase(first, job_id="job-1")))
    await world.clock.advance(0.2)
    begun = world.clock.now()

    result = await world.search(second, when_held=WhenHeld.SKIP, job_id="job-1")

    assert isinstance(result, Verdict)
    assert result.is_over_budget
    assert calls(world) == [1, 0, 0]
    assert world.clock.now() - begun < timedelta(seconds=1)
    world.orion.release()
    await world.wait_for(asking)


async def test_answers_of_the_ledger_need_no_money(world: World) -> None:
    """What was paid for before is found though the budget is used up."""
    lead = await world.add_lead()
    world.astra.will_answer(a_hit(1))
    await verdict(world, lead)
    await world.budgets.cap(Span.ACCOUNT, ACCOUNT, 0)

    result = await verdict(world, lead)

    assert (result.state, result.phone) == (EndState.FOUND, builders.us_phone(1))
    assert calls(world) == [1, 1, 0]


@pytest.mark.parametrize("cap", [0, 10_000, 34_999, 123_456, 450_000])
async def test_job_of_many_leads_keeps_its_budget(world: World, cap: int) -> None:
    """To the micro-dollar, with all leads searched at once; with enough money all of them end."""
    leads = await world.add_leads(10)
    await world.add_job(budget_micros=cap)
    for place, lead in enumerate(leads):
        answers = (Miss(), LOST, Rejected(Fault.BROKEN, "HTTP 500"))
        world.orion.will_answer(answers[place % 3], about=lead.profile.email)

    await world.run(world.here.run_chunk.run("job-1", start=0, size=10, progress=lambda _: None))
    await world.jobs.end("job-1", JobStatus.DONE)

    report = await world.jobs.report("job-1")
    assert report is not None
    assert report.budget is not None
    assert report.budget.used_micros == report.cost_micros <= cap
    assert report.budget.held_micros == 0
    enough = cap >= 10 * sum(PRICE.values())
    assert (report.job.status is JobStatus.DONE) == enough
    assert report.settled == 10
    assert report.failed == 0
    room = cap - report.cost_micros
    assert enough or room < max(PRICE.values()), "money was left over"
    assert {each.state for each in await world.lookups()} <= set(LookupState) - {LookupState.INTENDED}
