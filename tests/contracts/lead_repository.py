"""What every `ILeadRepository` must do: one person is one lead, and a number that was found stays.

A subclass has the fixture ``open_stores`` of ``tests/contracts/stores.py``.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from leadgen.application.ports.lead_repository import Conclusion, LeadLine, LeadRecord
from leadgen.application.ports.lookup_ledger import LeadValue
from leadgen.domain.lead import FROM_FILE, EndState, Lead
from leadgen.domain.lead_row import FIELD_HEADERS, Column
from leadgen.domain.provider import Charges, Miss, Outcome, Unknown
from leadgen.domain.selection import Refusal
from leadgen.domain.waterfall import Find, Verdict
from tests.builders import ACCOUNT, NOW, lookup, profile, us_phone
from tests.contracts.stores import OTHER_ACCOUNT, OpenStores, Stores, add_leads, arrival, ended, found, person

UNASKED = (
    Refusal("orion", "quota used up", prevents=True),
    Refusal("astra", "the lead has no website"),
)


class LeadRepositoryContract:
    """Subclass it as ``Test...``."""

    @pytest.fixture
    def stores(self, open_stores: OpenStores) -> Stores:
        return open_stores()

    # merge

    async def test_merge_a_new_person(self, stores: Stores) -> None:
        """Is counted as new and stands there as it came, searched by nobody, at no cost."""
        about = profile(extra={"Notes": "“likes” \\ 'tea' ☕; 🤝", "empty": ""})
        assert await stores.leads.merge(ACCOUNT, [arrival(1, about=about, lead_id="a")]) == 1
        assert await stores.leads.get(ACCOUNT, "a") == LeadLine(Lead("a", ACCOUNT, about), 0)

    async def test_merge_with_a_number(self, stores: Stores) -> None:
        """A number that came with the person counts as found, by the file."""
        await stores.leads.merge(ACCOUNT, [arrival(1, lead_id="a", phone=us_phone(3))])
        lead = await _lead(stores, "a")
        assert (lead.phone, lead.phone_provider) == (us_phone(3), FROM_FILE)
        assert lead.phone_status is EndState.FOUND

    async def test_merge_nobody(self, stores: Stores) -> None:
        """An empty batch is no error."""
        assert await stores.leads.merge(ACCOUNT, []) == 0

    async def test_merge_a_known_person(self, stores: Stores) -> None:
        """New values replace old ones, an empty one none; the lead keeps its id and is not counted again."""
        old = profile(job_title="Countess", extra={"Notes": "old", "Source": "fair"})
        new = profile(email="ADA@lovelace.example", job_title="", extra={"Notes": "new", "Source": ""})
        await stores.leads.merge(ACCOUNT, [arrival(1, about=old, lead_id="a")])
        assert await stores.leads.merge(ACCOUNT, [arrival(1, about=new, lead_id="b")]) == 0
        assert (await _lead(stores, "a")).profile == old.merged_with(new)
        assert await stores.leads.get(ACCOUNT, "b") is None

    async def test_merge_twice(self, stores: Stores) -> None:
        """The same file once more creates nobody and changes nothing."""
        await add_leads(stores, 5)
        before = await stores.leads.page(ACCOUNT, after="", limit=10)
        again = [arrival(number, lead_id=f"again-{number}") for number in range(5)]
        assert await stores.leads.merge(ACCOUNT, again) == 0
        assert await stores.leads.page(ACCOUNT, after="", limit=10) == before

    async def test_merge_creates_merges_and_repeats_in_one_batch(self, stores: Stores) -> None:
        """A batch may hold people who are new, people who are there, and the same person several times."""
        await stores.leads.merge(ACCOUNT, [arrival(1, lead_id="known")])
        batch = [
            arrival(2, lead_id="new", about=replace(person(2), job_title="Clerk")),
            arrival(1, lead_id="x", about=replace(person(1), company_name="Difference Ltd")),
            arrival(2, lead_id="y", about=replace(person(2), job_title="", linkedin_url="in/two")),
            arrival(2, lead_id="z", phone=us_phone(2), about=replace(person(2), job_title="Head")),
            arrival(1, lead_id="w", about=replace(person(1), country_code="FR", company_name="")),
        ]
        assert await stores.leads.merge(ACCOUNT, batch) == 1
        new, known = await _lead(stores, "new"), await _lead(stores, "known")
        assert [line.lead for line in await stores.leads.page(ACCOUNT, after="", limit=9)] == [known, new]
        assert (new.profile.job_title, new.profile.linkedin_url) == ("Head", "in/two")
        assert (new.phone, new.phone_status) == (us_phone(2), EndState.FOUND)
        assert (known.profile.company_name, known.profile.country_code) == ("Difference Ltd", "FR")

    async def test_merge_keeps_a_number(self, stores: Stores) -> None:
        """A number that is there stays, wherever it came from and whatever a file brings."""
        await stores.leads.merge(ACCOUNT, [arrival(1, lead_id="a", phone=us_phone(1)), arrival(2)])
        await stores.leads.conclude(ACCOUNT, found("lead-002", us_phone(2)))
        again = [arrival(1, phone=us_phone(8)), arrival(2, phone=us_phone(9)), arrival(2, phone=None)]
        await stores.leads.merge(ACCOUNT, again)
        file, searched = await _lead(stores, "a"), await _lead(stores, "lead-002")
        assert (file.phone, file.phone_provider) == (us_phone(1), FROM_FILE)
        assert (searched.phone, searched.phone_provider) == (us_phone(2), "orion")

    async def test_merge_brings_a_number_to_a_known_person(self, stores: Stores) -> None:
        """Who was searched in vain and comes with a number now has one."""
        await stores.leads.merge(ACCOUNT, [arrival(1)])
        await stores.leads.conclude(ACCOUNT, ended("lead-001", EndState.NOT_FOUND))
        await stores.leads.merge(ACCOUNT, [arrival(1, phone=us_phone(4))])
        lead = await _lead(stores, "lead-001")
        assert (lead.phone, lead.phone_status) == (us_phone(4), EndState.FOUND)

    @pytest.mark.parametrize("state", [EndState.NOT_FOUND, EndState.INCOMPLETE, EndState.FAILED])
    async def test_a_changed_question_is_not_searched_yet(self, stores: Stores, state: EndState) -> None:
        """What was not found under the old question may be found under the new one."""
        await add_leads(stores, 1)
        await stores.leads.conclude(ACCOUNT, ended("lead-000", state))
        married = replace(person(0), last_name="Byron")
        await stores.leads.merge(ACCOUNT, [arrival(0, about=married)])
        assert (await _lead(stores, "lead-000")).phone_status is None

    async def test_an_equal_question_stays_searched(self, stores: Stores) -> None:
        """New values about which nobody is asked leave the end of the search as it is."""
        await add_leads(stores, 1)
        await stores.leads.conclude(ACCOUNT, ended("lead-000", EndState.NOT_FOUND))
        more = replace(person(0), linkedin_url="in/ada", extra={"Notes": "met at a fair"})
        await stores.leads.merge(ACCOUNT, [arrival(0, about=more)])
        assert (await _lead(stores, "lead-000")).phone_status is EndState.NOT_FOUND

    async def test_a_changed_question_keeps_a_found_number(self, stores: Stores) -> None:
        """A number that was found survives, and so does the end state that says so."""
        await add_leads(stores, 1)
        await stores.leads.conclude(ACCOUNT, found("lead-000", us_phone(5)))
        await stores.leads.merge(ACCOUNT, [arrival(0, about=replace(person(0), last_name="Byron"))])
        lead = await _lead(stores, "lead-000")
        assert (lead.phone, lead.phone_status) == (us_phone(5), EndState.FOUND)

    async def test_a_large_batch_is_as_row_by_row(self, stores: Stores) -> None:
        """However many people are new, there already, or there twice, each ends as if alone in its batch."""
        rows = [
            replace(
                arrival(
                    number % 400,
                    lead_id=f"{number:04}",
                    phone=us_phone(number % 100) if number % 7 == 0 else None,
                ),
                profile=replace(
                    person(number % 400), job_title=f"Clerk {number}" * (number % 3), extra=extra
                ),
            )
            for number in range(100, 700)
            for extra in [{"Notes": f'"{number}"\\t', "Colour": ""} if number % 2 else {}]
        ]
        for account in (ACCOUNT, OTHER_ACCOUNT):
            first = [arrival(number, lead_id=f"{account}-{number:03}") for number in range(150)]
            await stores.leads.merge(account, first)
        whole = [replace(row, id=f"{ACCOUNT}-{row.id}") for row in rows]
        single = [replace(row, id=f"{OTHER_ACCOUNT}-{row.id}") for row in rows]
        created = await stores.leads.merge(ACCOUNT, whole)
        assert created == sum([await stores.leads.merge(OTHER_ACCOUNT, [row]) for row in single])
        ours = await stores.leads.page(ACCOUNT, after="", limit=1_000)
        theirs = await stores.leads.page(OTHER_ACCOUNT, after="", limit=1_000)
        assert len(ours) == 150 + created == 400
        assert [_anywhere(line) for line in ours] == [_anywhere(line) for line in theirs]

    async def test_merges_at_once_double_nobody(self, open_stores: OpenStores) -> None:
        """Two processes that import the same people, one backwards, make one lead of each."""
        arrivals = [arrival(number, lead_id=f"one-{number:03}") for number in range(100)]
        others = [arrival(number, lead_id=f"two-{number:03}") for number in reversed(range(100))]
        one, two = open_stores(), open_stores()
        created = await asyncio.gather(
            one.leads.merge(ACCOUNT, arrivals),
            two.leads.merge(ACCOUNT, others),
            two.leads.merge(ACCOUNT, arrivals[:50]),
        )
        assert sum(created) == 100
        leads = [line.lead for line in await one.leads.page(ACCOUNT, after="", limit=1_000)]
        assert len(leads) == 100
        assert {lead.profile.email for lead in leads} == {each.profile.email for each in arrivals}

    async def test_merges_during_a_search_lose_nothing(self, open_stores: OpenStores) -> None:
        """A file that is imported while numbers are booked harms neither: all numbers are there."""
        importing, searching = open_stores(), open_stores()
        ids = await add_leads(importing, 60)
        arrivals = [arrival(number, lead_id=f"again-{number}") for number in reversed(range(60))]

        async def search(number: int) -> None:
            question = person(number).question
            intent = lookup(about=question, lead_id=ids[number])
            assert await searching.ledger.intend(intent) == intent
            end = intent.closed(Miss(), Charges.REQUEST, NOW)
            value = LeadValue(ACCOUNT, ids[number], us_phone(number), "orion", 0)
            assert await searching.ledger.close(end, value)
            await searching.leads.conclude(ACCOUNT, found(ids[number], us_phone(number)))

        async def import_again() -> int:
            return sum([await importing.leads.merge(ACCOUNT, arrivals) for _ in range(3)])

        for start in range(0, 60, 6):
            batch = (search(number) for number in range(start, start + 6))
            created, *_ = await asyncio.gather(import_again(), *batch)
            assert created == 0
        leads = [line.lead for line in await importing.leads.page(ACCOUNT, after="", limit=100)]
        assert [lead.phone for lead in leads] == [us_phone(number) for number in range(60)]
        assert {lead.phone_status for lead in leads} == {EndState.FOUND}

    # other accounts

    async def test_one_person_in_two_accounts(self, stores: Stores) -> None:
        """Is two leads, which know nothing of each other."""
        assert await stores.leads.merge(ACCOUNT, [arrival(1, lead_id="ours")]) == 1
        assert await stores.leads.merge(OTHER_ACCOUNT, [arrival(1, lead_id="theirs")]) == 1
        await stores.leads.conclude(ACCOUNT, found("ours", us_phone(1)))
        line = await stores.leads.get(OTHER_ACCOUNT, "theirs")
        assert line is not None
        assert line.lead.phone is None

    async def test_leads_of_another_account_are_not_seen(self, stores: Stores) -> None:
        """Neither alone nor among others, and a conclusion in the wrong account changes nothing."""
        await stores.leads.merge(ACCOUNT, [arrival(1, lead_id="ours")])
        await stores.leads.conclude(
            ACCOUNT, Conclusion("ours", Verdict(EndState.INCOMPLETE, None, None, UNASKED))
        )
        assert await stores.leads.get(OTHER_ACCOUNT, "ours") is None
        assert await stores.leads.unasked(OTHER_ACCOUNT, "ours") == []
        assert await stores.leads.many(OTHER_ACCOUNT, ["ours"]) == []
        assert await stores.leads.page(OTHER_ACCOUNT, after="", limit=10) == []
        await stores.leads.conclude(OTHER_ACCOUNT, found("ours", us_phone(1)))
        lead = await _lead(stores, "ours")
        assert (lead.phone, lead.phone_status) == (None, EndState.INCOMPLETE)

    # columns

    async def test_columns_of_several_files(self, stores: Stores) -> None:
        """Are kept in the order in which they first came, each field and each header once."""
        first = [Column("E-Mail", "email"), Column("Notes", None), Column("First", "first_name")]
        second = [Column("email", "email"), Column("Fair", None), Column("Notes", None)]
        await stores.leads.add_columns(ACCOUNT, first)
        await stores.leads.add_columns(ACCOUNT, second)
        await stores.leads.add_columns(ACCOUNT, first)
        assert await stores.leads.columns(ACCOUNT) == [*first, Column("Fair", None)]

    async def test_no_columns(self, stores: Stores) -> None:
        """Before the first file there are none, and a file without any adds none."""
        await stores.leads.add_columns(ACCOUNT, [])
        assert await stores.leads.columns(ACCOUNT) == []

    async def test_columns_of_another_account(self, stores: Stores) -> None:
        """Every account has its own."""
        await stores.leads.add_columns(ACCOUNT, [Column("Notes", None)])
        await stores.leads.add_columns(OTHER_ACCOUNT, [Column("Remarks", None)])
        assert await stores.leads.columns(ACCOUNT) == [Column("Notes", None)]
        assert await stores.leads.columns(OTHER_ACCOUNT) == [Column("Remarks", None)]

    async def test_columns_at_once(self, open_stores: OpenStores) -> None:
        """Two processes that import at the same time add each column once."""
        processes = [open_stores(), open_stores()]
        columns = [Column("E-Mail", "email"), Column("Notes", None)]
        await asyncio.gather(*(each.leads.add_columns(ACCOUNT, columns) for each in processes * 5))
        assert await processes[0].leads.columns(ACCOUNT) == columns

    # reading

    async def test_unknown_ids(self, stores: Stores) -> None:
        """There is no such lead, and nobody refused to be asked about it."""
        assert await stores.leads.get(ACCOUNT, "nobody") is None
        assert await stores.leads.unasked(ACCOUNT, "nobody") == []
        assert await stores.leads.many(ACCOUNT, []) == []

    async def test_many(self, stores: Stores) -> None:
        """Gives the leads of the ids named, passing over unknown ones."""
        ids = await add_leads(stores, 10)
        leads = await stores.leads.many(ACCOUNT, [ids[7], "nobody", ids[2]])
        assert sorted(lead.id for lead in leads) == [ids[2], ids[7]]
        assert (await _lead(stores, ids[7])) in leads

    async def test_pages(self, stores: Stores) -> None:
        """Each page goes on after the last lead of the one before, in order of id, until there is no more."""
        ids = await add_leads(stores, 7)
        pages: list[Sequence[str]] = []
        after = ""
        while page := await stores.leads.page(ACCOUNT, after=after, limit=3):
            pages.append([line.lead.id for line in page])
            after = page[-1].lead.id
        assert pages == [ids[:3], ids[3:6], ids[6:]]

    async def test_records_tell_what_pages_tell(self, stores: Stores) -> None:
        """An export sees the leads of a page, with what came, what was found and what it cost."""
        ids = await add_leads(stores, 4)
        await add_leads(stores, 1, account=OTHER_ACCOUNT)
        extra = {"Notes": "“tea” \\ ☕", "Colour": ""}
        await stores.leads.merge(ACCOUNT, [arrival(0, about=replace(person(0), extra=extra))])
        await stores.leads.conclude(ACCOUNT, found(ids[1], us_phone(1)))
        second = Find(us_phone(2), "astra")
        verdict = Verdict(EndState.INCOMPLETE, second_best=second)
        await stores.leads.conclude(ACCOUNT, Conclusion(ids[2], verdict))
        intent = lookup(about=person(0).question, lead_id=ids[0])
        await stores.ledger.intend(intent)
        await stores.ledger.close(intent.closed(Miss(), Charges.REQUEST, NOW), None)
        [gone] = [
            line for line in await stores.leads.page(ACCOUNT, after="", limit=9) if line.lead.id == ids[3]
        ]
        assert await stores.leads.remove(ACCOUNT, gone)

        lines = await stores.leads.page(ACCOUNT, after="", limit=2)
        lines = [*lines, *await stores.leads.page(ACCOUNT, after=ids[1], limit=2)]
        records = await stores.leads.records(ACCOUNT, after="", limit=2)
        records = [*records, *await stores.leads.records(ACCOUNT, after=ids[1], limit=2)]
        assert [record.id for record in records] == list(ids[:3])
        assert [_told(record) for record in records] == [_record_of(line) for line in lines]

    async def test_what_a_lead_has_cost(self, stores: Stores) -> None:
        """Posted and estimated money of all its lookups, not what is only held; alone and in a page alike."""
        ids = await add_leads(stores, 2)
        question = person(0).question
        ends: dict[str, Outcome | None] = {"orion": Miss(), "astra": Unknown("?"), "nimbus": None}
        for provider, outcome in ends.items():
            intent = lookup(about=question, lead_id=ids[0], provider=provider)
            await stores.ledger.intend(intent)
            if outcome:
                await stores.ledger.close(intent.closed(outcome, Charges.REQUEST, NOW), None)
        line = await stores.leads.get(ACCOUNT, ids[0])
        assert line is not None
        assert line.cost_micros == 40_000
        page = await stores.leads.page(ACCOUNT, after="", limit=10)
        assert [each.cost_micros for each in page] == [40_000, 0]

    # conclude

    @pytest.mark.parametrize("state", [EndState.NOT_FOUND, EndState.INCOMPLETE, EndState.FAILED])
    async def test_conclude_without_a_number(self, stores: Stores, state: EndState) -> None:
        """The end state is there, and who was not asked and why."""
        await add_leads(stores, 2)
        verdict = Verdict(state, unasked=UNASKED)
        await stores.leads.conclude(ACCOUNT, Conclusion("lead-000", verdict))
        lead = await _lead(stores, "lead-000")
        assert (lead.phone, lead.phone_provider, lead.phone_status) == (None, None, state)
        assert tuple(await stores.leads.unasked(ACCOUNT, "lead-000")) == UNASKED
        assert (await _lead(stores, "lead-001")).phone_status is None

    async def test_conclude_with_a_number(self, stores: Stores) -> None:
        """Number, provider and end state are there; a second time changes nothing."""
        await add_leads(stores, 1)
        for _ in range(2):
            await stores.leads.conclude(ACCOUNT, found("lead-000", us_phone(6), "astra"))
            lead = await _lead(stores, "lead-000")
            assert (lead.phone, lead.phone_provider) == (us_phone(6), "astra")
            assert lead.phone_status is EndState.FOUND

    async def test_the_last_search_counts(self, stores: Stores) -> None:
        """A new search replaces the end state and the refusals of the one before."""
        await add_leads(stores, 1)
        await stores.leads.conclude(
            ACCOUNT, Conclusion("lead-000", Verdict(EndState.INCOMPLETE, unasked=UNASKED))
        )
        await stores.leads.conclude(ACCOUNT, ended("lead-000", EndState.NOT_FOUND))
        assert (await _lead(stores, "lead-000")).phone_status is EndState.NOT_FOUND
        assert await stores.leads.unasked(ACCOUNT, "lead-000") == []

    @pytest.mark.parametrize("late", [ended("lead-000", EndState.FAILED), found("lead-000", us_phone(9))])
    async def test_conclude_keeps_a_number(self, stores: Stores, late: Conclusion) -> None:
        """A search that ends after a number was recorded takes nothing of it away."""
        await add_leads(stores, 1)
        await stores.leads.conclude(ACCOUNT, found("lead-000", us_phone(6), "astra"))
        await stores.leads.conclude(ACCOUNT, late)
        lead = await _lead(stores, "lead-000")
        assert (lead.phone, lead.phone_provider) == (us_phone(6), "astra")
        assert lead.phone_status is EndState.FOUND


async def _lead(stores: Stores, lead_id: str) -> Lead:
    line = await stores.leads.get(ACCOUNT, lead_id)
    assert line is not None
    return line.lead


def _anywhere(line: LeadLine) -> LeadLine:
    """The lead as it would be in any account, however often it was merged."""
    lead = replace(line.lead, id=line.lead.id.removeprefix(line.lead.account), account="", question_version=0)
    return replace(line, lead=lead)


def _told(record: LeadRecord) -> LeadRecord:
    return record._replace(known=list(record.known))


def _record_of(line: LeadLine) -> LeadRecord:
    lead = line.lead
    return LeadRecord(
        lead.id,
        [getattr(lead.profile, name) for name in FIELD_HEADERS],
        lead.profile.extra,
        lead.phone.e164 if lead.phone else None,
        lead.phone_provider,
        lead.phone_status,
        line.cost_micros,
        lead.second_phone.e164 if lead.second_phone else None,
    )
