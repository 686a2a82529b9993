"""What every `ILookupLedger` must do: a question is bought once, and what it cost is never lost or doubled.

A subclass has the fixture ``open_stores`` of ``tests/contracts/stores.py``.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from leadgen.application.ports.lookup_ledger import LeadValue
from leadgen.domain.lead import FROM_FILE, EndState, Lead
from leadgen.domain.lookup import Lookup, LookupState
from leadgen.domain.phone import LineType, PhoneNumber
from leadgen.domain.provider import Charges, Fault, Hit, Miss, NotSent, Outcome, Rejected, Unknown
from tests.builders import ACCOUNT, NOW, lookup, us_phone
from tests.contracts.stores import OTHER_ACCOUNT, OpenStores, Stores, add_leads, arrival, person

LATER = NOW + timedelta(seconds=2)
OUTCOMES: Sequence[Outcome] = (
    Hit(us_phone(1, line=LineType.MOBILE), "+1 202 555 0101"),
    Hit(PhoneNumber("+12025550102", "", LineType.OTHER), ""),
    Hit(None, "call me “maybe” \\ 'now'; ☎"),
    Miss(),
    *(Rejected(fault, f"turned down: {fault}") for fault in Fault),
    Rejected(Fault.BUSY, "too many", retry_after_seconds=1.5),
    NotSent("no route"),
    NotSent("its ticket ran out", late=True),
    Unknown("timed out"),
)
HIT = Hit(us_phone(7), "2025550107")


def about(number: int, *, provider: str = "orion", n: int = 0, owner: str = "worker-1") -> Lookup:
    """An intent to ask about this person."""
    return lookup(
        about=person(number).question, lead_id=f"lead-{number:03}", provider=provider, n=n, owner=owner
    )


def closed(intent: Lookup, outcome: Outcome) -> Lookup:
    """The intent with its outcome, charged per request, after a call of one and a quarter seconds."""
    return intent.closed(outcome, Charges.REQUEST, LATER, took_seconds=1.25)


def value(intent: Lookup, phone: PhoneNumber | None = None) -> LeadValue:
    """The number for the lead of this lookup; that of ``HIT`` unless another is named."""
    return LeadValue(intent.account, intent.lead_id, phone or us_phone(7), intent.provider, 0)


class LookupLedgerContract:
    """Subclass it as ``Test...``."""

    @pytest.fixture
    async def stores(self, open_stores: OpenStores) -> Stores:
        stores = open_stores()
        await add_leads(stores, 3)
        return stores

    # intend

    async def test_intend_a_new_question(self, stores: Stores) -> None:
        """Is recorded as it is, and the caller is told that it is his."""
        intent = about(0)
        assert await stores.ledger.intend(intent) == intent
        assert await stores.ledger.get(intent.key) == intent

    async def test_intend_twice_by_one_owner(self, stores: Stores) -> None:
        """A call repeated because its reply was lost finds that the lookup is the caller's."""
        intent = about(0)
        await stores.ledger.intend(intent)
        assert await stores.ledger.intend(intent) == intent
        assert await stores.ledger.history(ACCOUNT, [intent.question]) == [intent]

    async def test_intend_what_another_has_in_flight(self, stores: Stores) -> None:
        """The lookup that stands is given back, and stays its owner's."""
        theirs, ours = about(0, owner="worker-1"), about(0, owner="worker-2")
        await stores.ledger.intend(theirs)
        assert await stores.ledger.intend(ours) == theirs
        assert await stores.ledger.get(theirs.key) == theirs

    @pytest.mark.parametrize("outcome", [HIT, Miss(), Rejected(Fault.QUESTION, "bad name"), Unknown("?")])
    async def test_intend_what_was_sent(self, stores: Stores, outcome: Outcome) -> None:
        """What came to an end is given back with its outcome and is not bought again, whoever asks."""
        intent = about(0)
        await stores.ledger.intend(intent)
        end = closed(intent, outcome)
        await stores.ledger.close(end, None)
        assert await stores.ledger.intend(intent) == end
        assert await stores.ledger.intend(replace(intent, owner="worker-2")) == end
        assert await stores.ledger.get(intent.key) == end

    async def test_intend_what_was_not_sent(self, stores: Stores) -> None:
        """What never left is reopened for the new owner, and its old outcome is gone."""
        intent = about(0)
        await stores.ledger.intend(intent)
        await stores.ledger.close(closed(intent, NotSent("no route")), None)
        again = replace(intent, owner="worker-2", created_at=LATER, lease_until=LATER, held_micros=30_000)
        assert await stores.ledger.intend(again) == again
        assert await stores.ledger.get(intent.key) == again

    async def test_intend_twice_what_was_not_sent(self, stores: Stores) -> None:
        """A reopening whose reply was lost can be repeated."""
        intent = about(0)
        await stores.ledger.intend(intent)
        await stores.ledger.close(closed(intent, NotSent("no route")), None)
        again = replace(intent, owner="worker-2")
        await stores.ledger.intend(again)
        assert await stores.ledger.intend(again) == again

    async def test_many_intend_one_question(self, open_stores: OpenStores, stores: Stores) -> None:
        """Of fifty owners in three processes one gets it, and the others get that one's lookup."""
        processes = [stores, open_stores(), open_stores()]
        intents = [about(0, owner=f"worker-{number}") for number in range(50)]
        answers = await asyncio.gather(
            *(processes[number % 3].ledger.intend(intent) for number, intent in enumerate(intents))
        )
        winner = await stores.ledger.get(intents[0].key)
        assert winner in intents
        assert answers == [winner] * 50

    async def test_many_reopen_one_question(self, open_stores: OpenStores, stores: Stores) -> None:
        """What was not sent is reopened by one of those who want it at once."""
        intent = about(0)
        await stores.ledger.intend(intent)
        await stores.ledger.close(closed(intent, NotSent("no route")), None)
        processes = [stores, open_stores()]
        answers = await asyncio.gather(
            *(processes[n % 2].ledger.intend(replace(intent, owner=f"other-{n}")) for n in range(20))
        )
        winner = await stores.ledger.get(intent.key)
        assert answers == [winner] * 20

    # close

    async def test_close_records_how_long_the_call_took(self, stores: Stores) -> None:
        """To the millisecond; nothing where that is not known."""
        times: Sequence[float | None] = (4.2, 0.0, None)
        for number, took in enumerate(times):
            intent = about(number)
            await stores.ledger.intend(intent)
            end = intent.closed(Miss(), Charges.REQUEST, LATER, took_seconds=took)
            assert await stores.ledger.close(end, None)
            assert await stores.ledger.get(intent.key) == end

    @pytest.mark.parametrize("outcome", OUTCOMES, ids=str)
    async def test_close_records_every_outcome(self, stores: Stores, outcome: Outcome) -> None:
        """State, money and outcome are there afterwards, all but the pause that a provider asked for."""
        intent = about(0)
        await stores.ledger.intend(intent)
        end = closed(intent, outcome)
        assert await stores.ledger.close(end, None)
        recorded = await stores.ledger.get(intent.key)
        assert recorded is not None
        assert replace(recorded, outcome=None) == replace(end, outcome=None)
        assert type(recorded.outcome) is type(outcome)
        if isinstance(outcome, Hit | Miss | Unknown):
            assert recorded.outcome == outcome

    @pytest.mark.parametrize("outcome", OUTCOMES, ids=str)
    async def test_close_twice(self, stores: Stores, outcome: Outcome) -> None:
        """A close whose reply was lost can be repeated: true again, and nothing is doubled."""
        intent = about(0)
        await stores.ledger.intend(intent)
        end = closed(intent, outcome)
        assert await stores.ledger.close(end, None)
        recorded = await stores.ledger.get(intent.key)
        assert await stores.ledger.close(end, None)
        assert await stores.ledger.get(intent.key) == recorded
        line = await stores.leads.get(ACCOUNT, intent.lead_id)
        assert line is not None
        assert line.cost_micros == end.cost_micros

    async def test_close_twice_with_a_value(self, stores: Stores) -> None:
        """The number is recorded once, and a repeat changes nothing about the lead."""
        intent = about(0)
        await stores.ledger.intend(intent)
        assert await stores.ledger.close(closed(intent, HIT), value(intent))
        before = await stores.leads.get(ACCOUNT, intent.lead_id)
        assert await stores.ledger.close(closed(intent, HIT), value(intent))
        assert await stores.leads.get(ACCOUNT, intent.lead_id) == before

    async def test_close_another_s_lookup(self, stores: Stores) -> None:
        """Who does not own it changes neither the lookup nor the lead."""
        theirs = about(0, owner="worker-1")
        await stores.ledger.intend(theirs)
        ours = closed(replace(theirs, owner="worker-2"), HIT)
        assert not await stores.ledger.close(ours, value(ours))
        assert await stores.ledger.get(theirs.key) == theirs
        assert (await _lead(stores, theirs.lead_id)).phone is None

    async def test_close_after_abandonment(self, stores: Stores) -> None:
        """The answer of an owner who was given up is booked; its number goes to a lead that has none."""
        intent = about(0)
        await stores.ledger.intend(intent)
        assert await stores.ledger.close(intent.abandoned(LATER), None)
        assert not await stores.ledger.close(closed(intent, HIT), value(intent))
        assert await stores.ledger.get(intent.key) == closed(intent, HIT)
        assert (await _lead(stores, intent.lead_id)).phone == HIT.phone

    async def test_abandonment_after_close(self, stores: Stores) -> None:
        """Who gives up an owner that has booked in the meantime changes nothing."""
        intent = about(0)
        await stores.ledger.intend(intent)
        end = closed(intent, HIT)
        await stores.ledger.close(end, value(intent))
        assert not await stores.ledger.close(intent.abandoned(LATER), None)
        assert await stores.ledger.get(intent.key) == end

    async def test_close_after_another_reopened_it(self, stores: Stores) -> None:
        """The former owner of a reopened lookup has no say in it any more."""
        intent = about(0)
        await stores.ledger.intend(intent)
        await stores.ledger.close(closed(intent, NotSent("no route")), None)
        again = replace(intent, owner="worker-2")
        await stores.ledger.intend(again)
        assert not await stores.ledger.close(closed(intent, Miss()), None)
        assert await stores.ledger.get(intent.key) == again

    async def test_close_what_nobody_intended(self, stores: Stores) -> None:
        """Without an intent there is nothing to close."""
        intent = about(0)
        assert not await stores.ledger.close(closed(intent, HIT), value(intent))
        assert await stores.ledger.get(intent.key) is None
        assert (await _lead(stores, intent.lead_id)).phone is None

    async def test_a_value_comes_with_its_charge(self, stores: Stores) -> None:
        """One call records the number, where it came from, the end state and the cost."""
        intent = about(0)
        await stores.ledger.intend(intent)
        await stores.ledger.close(closed(intent, HIT), value(intent))
        line = await stores.leads.get(ACCOUNT, intent.lead_id)
        assert line is not None
        assert line.lead.phone == HIT.phone
        assert line.lead.phone_provider == "orion"
        assert line.lead.phone_status is EndState.FOUND
        assert line.cost_micros == 20_000

    async def test_a_value_never_replaces_a_number_of_a_file(self, stores: Stores) -> None:
        """A lead that came with a number keeps it, and the charge is booked all the same."""
        await stores.leads.merge(ACCOUNT, [arrival(0, phone=us_phone(50))])
        intent = about(0)
        await stores.ledger.intend(intent)
        assert await stores.ledger.close(closed(intent, HIT), value(intent))
        lead = await _lead(stores, intent.lead_id)
        assert (lead.phone, lead.phone_provider) == (us_phone(50), FROM_FILE)
        assert (await stores.ledger.get(intent.key)) == closed(intent, HIT)

    async def test_the_first_value_stays(self, stores: Stores) -> None:
        """Of two numbers for one lead the one that was booked first counts."""
        for number, provider in enumerate(("orion", "astra")):
            intent = about(0, provider=provider)
            await stores.ledger.intend(intent)
            phone = us_phone(60 + number)
            await stores.ledger.close(closed(intent, Hit(phone, phone.e164)), value(intent, phone))
        lead = await _lead(stores, "lead-000")
        assert (lead.phone, lead.phone_provider) == (us_phone(60), "orion")

    async def test_a_value_of_another_account(self, stores: Stores) -> None:
        """A number reaches no lead of an account that did not ask for it."""
        intent = about(0)
        await stores.ledger.intend(intent)
        await stores.ledger.close(closed(intent, HIT), replace(value(intent), account=OTHER_ACCOUNT))
        assert (await _lead(stores, intent.lead_id)).phone is None

    # reading

    async def test_get_an_unknown_key(self, stores: Stores) -> None:
        """There is nothing under a key that nobody used."""
        assert await stores.ledger.get("no such key") is None

    async def test_history(self, stores: Stores) -> None:
        """Has all lookups of the questions named, in the order of n, then of provider."""
        wanted = [
            about(0, provider=provider, n=n) for n, provider in ((0, "astra"), (0, "orion"), (1, "astra"))
        ]
        for each in (*reversed(wanted), about(1), about(2)):
            await stores.ledger.intend(each)
        both = [wanted[0].question, about(1).question]
        history = await stores.ledger.history(ACCOUNT, both)
        assert [(each.n, each.provider) for each in history] == [
            (0, "astra"), (0, "orion"), (0, "orion"), (1, "astra"),
        ]  # fmt: skip
        assert {each.key for each in history} == {each.key for each in (*wanted, about(1))}
        assert await stores.ledger.history(ACCOUNT, [wanted[0].question]) == wanted
        assert await stores.ledger.history(ACCOUNT, []) == []
        assert await stores.ledger.history(OTHER_ACCOUNT, both) == []

    async def test_of_lead(self, stores: Stores) -> None:
        """Has all lookups made for a lead, oldest first, and none of another account."""
        wanted = [
            replace(about(0, provider=provider), created_at=NOW + timedelta(seconds=second))
            for second, provider in ((1, "orion"), (2, "nimbus"), (3, "astra"))
        ]
        for each in (*reversed(wanted), about(1)):
            await stores.ledger.intend(each)
        assert await stores.ledger.of_lead(ACCOUNT, "lead-000") == wanted
        assert await stores.ledger.of_lead(OTHER_ACCOUNT, "lead-000") == []
        assert await stores.ledger.of_lead(ACCOUNT, "nobody") == []

    # many at once

    async def test_money_is_exact(self, open_stores: OpenStores, stores: Stores) -> None:
        """Two hundred purchases at once in two processes: every micro-USD is booked once."""
        processes = [stores, open_stores()]
        ids = await add_leads(stores, 200)
        outcomes: list[Outcome] = [
            HIT,
            Miss(),
            Unknown("?"),
            Rejected(Fault.BROKEN, "500"),
            NotSent("no route"),
        ]

        async def buy(number: int) -> None:
            ledger = processes[number % 2].ledger
            intent = replace(about(number), held_micros=10_001 + number)
            assert await ledger.intend(intent) == intent
            end = closed(intent, outcomes[number % 5])
            assert await ledger.close(end, value(intent) if number % 5 == 0 else None)

        await asyncio.gather(*(buy(number) for number in range(200)))
        recorded = [each for lead_id in ids for each in await stores.ledger.of_lead(ACCOUNT, lead_id)]
        assert len(recorded) == 200
        assert sum(each.held_micros for each in recorded) == 0
        assert sum(each.posted_micros for each in recorded) == sum(
            10_001 + number for number in range(200) if number % 5 in {0, 1}
        )
        assert sum(each.estimated_micros for each in recorded) == sum(10_003 + n for n in range(0, 200, 5))
        lines = await stores.leads.page(ACCOUNT, after="", limit=1_000)
        assert sum(line.cost_micros for line in lines) == sum(each.cost_micros for each in recorded)
        assert sum(line.lead.phone is not None for line in lines) == 40
        assert {each.state for each in recorded} == set(LookupState) - {LookupState.INTENDED}


async def _lead(stores: Stores, lead_id: str) -> Lead:
    line = await stores.leads.get(ACCOUNT, lead_id)
    assert line is not None
    return line.lead
