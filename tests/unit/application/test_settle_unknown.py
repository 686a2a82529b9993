"""What dead workers and lost answers left in the ledger is settled, without anybody being asked."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from leadgen.adapters.persistence.outbox import Outbox
from leadgen.adapters.persistence.seal import Seal
from leadgen.adapters.persistence.webhooks import SqlWebhookRepository
from leadgen.application import settle_unknown
from leadgen.application.ports.lead_repository import Conclusion
from leadgen.application.settle_unknown import Settled
from leadgen.domain.budget import Span
from leadgen.domain.errors import ServiceUnavailable
from leadgen.domain.lead import EndState, Lead
from leadgen.domain.lookup import LookupState
from leadgen.domain.phone import LineType, WantedLine
from leadgen.domain.provider import (
    Charges,
    Fault,
    Hit,
    Miss,
    NotSent,
    OnUnknown,
    Outcome,
    Rejected,
    Unknown,
)
from leadgen.domain.search_options import SearchOptions
from leadgen.domain.waterfall import Verdict
from leadgen.domain.webhook import Endpoint, EventType
from tests import builders
from tests.builders import ACCOUNT
from tests.unit.application.world import CONFIGS, World, a_hit

PRICE = CONFIGS["orion"].price_micros
LOST = Unknown("timed out")
BOUND = settle_unknown._SETTLED_MAX


async def settle(world: World) -> Settled:
    """What one run settles."""
    return await world.run(world.here.settle_unknown.run())


async def lose(world: World, lead: Lead, policy: OnUnknown, *, job_id: str | None = None) -> None:
    """A question to orion whose answer was lost, while it is configured so."""
    await world.configure("orion", on_unknown=policy, charges=Charges.HIT)
    world.orion.will_answer(LOST, about=lead.profile.email)
    await world.ask(lead, job_id=job_id)


async def merge(world: World, lead: Lead, email: str) -> None:
    """The person of this lead turns out to have another address: another question."""
    async with world.database.write() as conn:
        await conn.exec_driver_sql("UPDATE leads SET email = ? WHERE id = ?", (email, lead.id))


# ---------------------------------------------------------------- intents of dead workers


async def test_nothing_to_settle(world: World) -> None:
    """An empty ledger, and one that is in order, are left as they are."""
    assert await settle(world) == Settled(0, 0)
    await world.ask(await world.add_lead())
    before = await world.lookups()
    assert await settle(world) == Settled(0, 0)
    assert await world.lookups() == before


async def test_intents_of_dead_workers_are_closed(world: World) -> None:
    """Those whose lease is over count as charged; those of the living are left to them."""
    first, second, third = await world.add_leads(3)
    for lead in (first, second):
        await world.leave_intent(lead, lease=timedelta(seconds=-1))
    alive = await world.leave_intent(third, lease=timedelta(seconds=60))
    world.books_are_exact = False  # nobody sent any of them

    assert await settle(world) == Settled(abandoned=2, found=0)

    by_lead = {each.lead_id: each for each in await world.lookups()}
    assert [by_lead[lead.id].state for lead in (first, second)] == [LookupState.UNKNOWN] * 2
    assert [by_lead[lead.id].estimated_micros for lead in (first, second)] == [PRICE] * 2
    assert by_lead[third.id] == alive
    assert await settle(world) == Settled(0, 0)


async def test_intents_of_all_accounts_are_closed(world: World) -> None:
    """Whoever runs it, nobody's money stays held for ever."""
    await world.jobs_with_budget(PRICE)
    lead = await world.add_lead()
    await world.leave_intent(lead, lease=timedelta(seconds=-1), job_id="job-1")
    world.estimated_elsewhere_micros = PRICE

    await settle(world)

    (budget,) = await world.budgets.all_of(ACCOUNT, "job-1")
    assert (budget.span, budget.held_micros, budget.used_micros) == (Span.JOB, 0, PRICE)


async def test_more_than_a_batch_of_dead_intents(world: World) -> None:
    """All are closed in one run, however many there are."""
    lead = await world.add_lead()
    ended = world.clock.now()
    question = lead.profile.question
    await asyncio.gather(
        *(
            world.here.ledger.intend(builders.lookup(about=question, n=n, lease_until=ended))
            for n in range(501)
        )
    )
    world.books_are_exact = False

    assert (await settle(world)).abandoned == 501


# ---------------------------------------------------------------- lost answers


async def test_lost_answer_is_repeated_under_its_key(world: World) -> None:
    """A provider that keeps keys is asked once more; the lead gets the number that was paid for."""
    lead = await world.add_lead()
    await lose(world, lead, OnUnknown.REPEAT)
    world.orion.will_answer(a_hit(3))

    assert await settle(world) == Settled(abandoned=0, found=1)

    assert [asked.reference for asked in world.orion.asked] == [world.key(lead)] * 2
    booked = await world.the_lookup()
    assert (booked.state, booked.posted_micros, booked.repeats) == (LookupState.SETTLED, PRICE, 1)
    assert (await world.lead()).phone == builders.us_phone(3)
    assert await settle(world) == Settled(0, 0)


async def test_dead_intent_is_closed_and_repeated_in_one_run(world: World) -> None:
    """What a dead worker may have sent is asked for as well."""
    await world.configure("orion", on_unknown=OnUnknown.REPEAT)
    lead = await world.add_lead()
    await world.leave_intent(lead, lease=timedelta(seconds=-1))

    assert await settle(world) == Settled(abandoned=1, found=1)
    assert (await world.the_lookup()).outcome == Miss()


@pytest.mark.parametrize("reply", [LOST, Rejected(Fault.BROKEN, "HTTP 500"), NotSent("connection refused")])
async def test_repeat_without_an_answer_is_tried_again_next_time(world: World, reply: Outcome) -> None:
    """Within the day for which the key is known; the doubt stays booked meanwhile."""
    lead = await world.add_lead()
    await lose(world, lead, OnUnknown.REPEAT)
    world.orion.will_answer(reply)

    assert await settle(world) == Settled(0, 0)
    booked = await world.the_lookup()
    assert (booked.state, booked.estimated_micros) == (LookupState.UNKNOWN, PRICE)

    assert await settle(world) == Settled(0, 1)
    assert (await world.the_lookup()).state is LookupState.SETTLED


async def test_repeat_costs_a_used_up_job_nothing(world: World) -> None:
    """Its estimated money makes room for it."""
    await world.jobs_with_budget(PRICE)
    lead = await world.add_lead()
    await lose(world, lead, OnUnknown.REPEAT, job_id="job-1")

    assert await settle(world) == Settled(0, 1)
    (budget,) = await world.budgets.all_of(ACCOUNT, "job-1")
    assert (budget.held_micros, budget.used_micros) == (0, 0), "the miss was free"


@pytest.mark.parametrize(
    ("recalled", "state", "cost"),
    [
        (a_hit(5), LookupState.SETTLED, PRICE),
        (Miss(), LookupState.SETTLED, 0),
        (Rejected(Fault.QUESTION, "HTTP 404"), LookupState.SETTLED, 0),
        (NotSent("the provider never received it"), LookupState.NOT_SENT, 0),
    ],
)
async def test_lost_answer_is_looked_up(
    world: World, recalled: Outcome, state: LookupState, cost: int
) -> None:
    """A provider that tells is asked for it, for nothing: nobody is asked a question anew."""
    world.books_are_exact = False
    lead = await world.add_lead()
    await lose(world, lead, OnUnknown.RECALL)
    world.orion.recalled.clear()
    await world.clock.advance(60.0)  # past its lease
    world.orion.will_recall(recalled)

    assert await settle(world) == Settled(0, 1)

    assert world.orion.recalled == [world.key(lead)]
    assert len(world.orion.asked) == 1
    booked = await world.the_lookup()
    assert (booked.state, booked.outcome, booked.cost_micros) == (state, recalled, cost)
    assert len(await world.here.books.evidence(booked.key)) == 1


async def test_number_that_was_looked_up_is_found_by_the_next_search(world: World) -> None:
    """It is in the ledger, so the lead has it for nothing."""
    world.books_are_exact = False
    lead = await world.add_lead()
    await lose(world, lead, OnUnknown.RECALL)
    world.orion.will_recall(a_hit(5))
    await settle(world)

    await world.run(world.here.find_phone.run(ACCOUNT, lead.id, since=world.clock.now()))

    assert (await world.lead()).phone == builders.us_phone(5)
    assert (len(world.orion.asked), len(world.astra.asked)) == (1, 0)


async def test_number_that_was_looked_up_goes_to_a_lead_that_ended_without(world: World) -> None:
    """Nobody has to search again for what was paid for."""
    world.books_are_exact = False
    lead = await world.add_lead()
    await lose(world, lead, OnUnknown.RECALL)
    await world.leads.conclude(ACCOUNT, Conclusion(lead.id, Verdict(EndState.INCOMPLETE)))
    world.orion.will_recall(a_hit(5))

    await settle(world)

    found = await world.lead()
    assert (found.phone, found.phone_provider) == (builders.us_phone(5), "orion")
    assert found.phone_status is EndState.FOUND


@pytest.mark.parametrize("policy", [OnUnknown.RECALL, OnUnknown.REPEAT])
async def test_number_that_turns_up_late_is_told_of(world: World, policy: OnUnknown) -> None:
    """Whoever listens for numbers hears of those that come after the search, once."""
    world.books_are_exact = False
    lead = await world.add_lead()
    await lose(world, lead, policy)
    await world.leads.conclude(ACCOUNT, Conclusion(lead.id, Verdict(EndState.INCOMPLETE)))
    webhooks = SqlWebhookRepository(world.database, Outbox(world.database), Seal())
    url, told = "https://hooks.example/", frozenset({EventType.LEAD_FOUND})
    await webhooks.add(Endpoint("hook-1", ACCOUNT, url, told, "whsec_AAAA", world.clock.now()))
    world.orion.will_recall(a_hit(5))
    world.orion.will_answer(a_hit(5))

    assert await settle(world) == Settled(0, 1)

    deliveries = await webhooks.deliveries(ACCOUNT, failed=False, limit=9)
    assert [each.data for each in deliveries] == [{"lead_id": lead.id, "job_id": None, "provider": "orion"}]


async def test_landline_that_turns_up_late_is_not_the_mobile_that_was_wanted(world: World) -> None:
    """What its job wanted decides whether a lead gets a number that comes after the end."""
    world.books_are_exact = False
    lead = await world.add_lead()
    await world.add_job(options=SearchOptions(line=WantedLine.MOBILE))
    await lose(world, lead, OnUnknown.RECALL, job_id="job-1")
    await world.leads.conclude(ACCOUNT, Conclusion(lead.id, Verdict(EndState.INCOMPLETE)))
    world.orion.will_recall(Hit(builders.us_phone(5, line=LineType.LANDLINE), "5"))

    assert await settle(world) == Settled(0, 1)

    assert (await world.lead()).phone is None
    assert (await world.the_lookup()).state is LookupState.SETTLED


async def test_landline_that_turns_up_late_of_a_single_lead(world: World) -> None:
    """What its search wanted is not on record: the number is there for the next search, for nothing."""
    world.books_are_exact = False
    lead = await world.add_lead()
    await lose(world, lead, OnUnknown.RECALL)
    await world.leads.conclude(ACCOUNT, Conclusion(lead.id, Verdict(EndState.INCOMPLETE)))
    world.orion.will_recall(Hit(builders.us_phone(5, line=LineType.LANDLINE), "5"))

    assert await settle(world) == Settled(0, 1)
    assert (await world.lead()).phone is None

    asked = len(world.orion.asked)
    await world.run(world.here.find_phone.run(ACCOUNT, lead.id, since=world.clock.now()))
    assert (await world.lead()).phone == builders.us_phone(5, line=LineType.LANDLINE)
    assert len(world.orion.asked) == asked


async def test_question_that_was_not_received_is_believed_lost_after_its_lease(world: World) -> None:
    """Until then it may still be on its way to the provider, and would be charged there."""
    world.books_are_exact = False
    lead = await world.add_lead()
    await lose(world, lead, OnUnknown.RECALL)
    before = await world.the_lookup()
    world.orion.will_recall(*2 * [NotSent("the provider never received it")])
    assert await settle(world) == Settled(0, 0)
    assert await world.the_lookup() == before

    await world.clock.advance(60.0)  # past its lease

    assert await settle(world) == Settled(0, 1)
    assert (await world.the_lookup()).state is LookupState.NOT_SENT


@pytest.mark.parametrize("reply", [None, Unknown("still no idea"), RuntimeError("a bug")])
async def test_provider_that_does_not_tell(world: World, reply: Outcome | Exception | None) -> None:
    """Leaves the doubt for the next run."""
    lead = await world.add_lead()
    await lose(world, lead, OnUnknown.RECALL)
    before = await world.the_lookup()
    world.orion.will_recall(reply)

    assert await settle(world) == Settled(0, 0)
    assert await world.the_lookup() == before


# ---------------------------------------------------------------- what is left alone


@pytest.mark.parametrize("policy", [OnUnknown.ASSUME, OnUnknown.RETRY])
async def test_doubt_stays_where_a_provider_offers_nothing(world: World, policy: OnUnknown) -> None:
    """To ask again would be another purchase, which is for a search to decide."""
    lead = await world.add_lead()
    await lose(world, lead, policy)

    assert await settle(world) == Settled(0, 0)
    assert len(world.orion.asked) == 1
    assert world.orion.recalled == []


@pytest.mark.parametrize("policy", [OnUnknown.REPEAT, OnUnknown.RECALL])
async def test_person_who_has_changed_is_not_asked_about(world: World, policy: OnUnknown) -> None:
    """Under the same key another question would be a fraud; only a report can settle it."""
    lead = await world.add_lead()
    await lose(world, lead, policy)
    world.orion.recalled.clear()
    await world.clock.advance(60.0)  # past its lease
    await merge(world, lead, "somebody.else@lovelace.example")

    assert await settle(world) == Settled(0, 0)
    assert len(world.orion.asked) == 1
    assert world.orion.recalled == []


@pytest.mark.parametrize("policy", [OnUnknown.REPEAT, OnUnknown.RECALL])
async def test_key_that_is_forgotten_is_left_alone(world: World, policy: OnUnknown) -> None:
    """After a day the provider knows nothing of it any more."""
    lead = await world.add_lead()
    await lose(world, lead, policy)
    world.orion.recalled.clear()
    await world.clock.advance(60.0)  # past its lease

    await world.clock.advance(86_400.0)

    assert await settle(world) == Settled(0, 0)
    assert len(world.orion.asked) == 1
    assert world.orion.recalled == []


async def test_worker_without_the_provider_s_key_leaves_it_to_others(world: World) -> None:
    """It neither fails nor touches the lookup."""
    for policy, lead in zip((OnUnknown.REPEAT, OnUnknown.RECALL), await world.add_leads(2), strict=True):
        await lose(world, lead, policy)
    before = await world.lookups()
    orion = world.providers.pop("orion")

    for policy in (OnUnknown.REPEAT, OnUnknown.RECALL):
        await world.configure("orion", on_unknown=policy)
        assert await settle(world) == Settled(0, 0)

    assert await world.lookups() == before
    world.providers["orion"] = orion


async def test_provider_that_is_not_configured_any_more(world: World) -> None:
    """A doubt about somebody whom this leadgen does not know is left alone."""
    lead = await world.add_lead()
    intent = builders.lookup(
        about=lead.profile.question, provider="vega", lease_until=world.clock.now(), held_micros=5
    )
    await world.here.ledger.intend(intent)
    world.books_are_exact = False

    assert await settle(world) == Settled(abandoned=1, found=0)


async def test_run_is_bounded_and_the_next_one_goes_on(world: World) -> None:
    """However many answers are lost, a run asks for so many, and the next one for others."""
    await world.configure("orion", on_unknown=OnUnknown.RECALL)
    lead = await world.add_lead()
    ledger = world.here.ledger
    intents = [builders.lookup(about=lead.profile.question, n=n, held_micros=0) for n in range(BOUND + 50)]
    await asyncio.gather(*(ledger.intend(intent) for intent in intents))
    lost = [intent.closed(LOST, Charges.HIT, world.clock.now()) for intent in intents]
    await asyncio.gather(*(ledger.close(each, None) for each in lost))
    keys = sorted(intent.key for intent in intents)

    asked = []
    for _ in range(3):
        await settle(world)
        asked.append(list(world.orion.recalled))
        world.orion.recalled.clear()
        await world.clock.advance(60.0)  # past its lease

    assert asked == [keys[:BOUND], keys[BOUND:], keys[:BOUND]]


async def test_database_that_is_away_ends_the_run(world: World) -> None:
    """Whoever runs it tries again; nothing is taken for settled."""
    world.here.ledger.fail(ServiceUnavailable("the database", "nowhere", "start it"))

    with pytest.raises(ServiceUnavailable):
        await settle(world)
