"""One lead at a time: added, changed, forgotten, and looked up for somebody who waits."""

import dataclasses
from collections.abc import Mapping, Sequence

import pytest

from leadgen.adapters.persistence.leads import SqlLeadRepository
from leadgen.application.add_lead import AddLead
from leadgen.application.change_lead import ChangeLead
from leadgen.application.check_providers import CheckProviders
from leadgen.application.fail_search import FailSearch
from leadgen.application.look_at_search import LookAtSearch
from leadgen.application.look_up_phone import LookUpPhone
from leadgen.application.ports.lead_repository import Arrival, Conclusion, LeadLine
from leadgen.application.remove_lead import RemoveLead
from leadgen.application.require_provider import RequireProvider
from leadgen.domain.errors import (
    ChangedMeanwhile,
    InvalidInput,
    NotConfigured,
    NotPossible,
    ServiceUnavailable,
    UnknownId,
)
from leadgen.domain.lead import EndState, Profile
from leadgen.domain.lead_row import FIELD_HEADERS, OWN_HEADERS, Column
from leadgen.domain.phone import PhoneNumber
from leadgen.domain.provider import IPhoneProvider
from leadgen.domain.waterfall import Find, Verdict
from tests.builders import ACCOUNT, us_phone
from tests.contracts.stores import ended
from tests.fakes.id_source import CountingIdSource
from tests.fakes.lead_searcher import RecordingLeadSearcher
from tests.fakes.phone_provider import ScriptedProvider
from tests.unit.application.tables import give_out, take_in
from tests.unit.application.world import World

ADA = {"email": "ada@fernhill.example", "first_name": "Ada"}


async def line(world: World, lead_id: str = "lead-1") -> LeadLine:
    """A lead as it stands."""
    found = await world.leads.get(ACCOUNT, lead_id)
    assert found is not None
    return found


class LostLeads(SqlLeadRepository):
    """The database goes away before a lead is written; what else is written is counted."""

    is_away = True
    columns_added = 0

    async def add_columns(self, account: str, columns: Sequence[Column]) -> None:
        """See ILeadRepository."""
        self.columns_added += len(columns)
        await super().add_columns(account, columns)

    async def merge(self, account: str, arrivals: Sequence[Arrival]) -> int:
        """See ILeadRepository."""
        self._look()
        return await super().merge(account, arrivals)

    async def replace(
        self, account: str, before: LeadLine, profile: Profile, phone: PhoneNumber | None
    ) -> bool:
        """See ILeadRepository."""
        self._look()
        return await super().replace(account, before, profile, phone)

    def _look(self) -> None:
        if self.is_away:
            raise ServiceUnavailable("the database", "here", "start it")


def add_lead(world: World) -> AddLead:
    """The use case over a world."""
    return AddLead(leads=world.leads, ids=CountingIdSource())


async def test_add(world: World) -> None:
    """Somebody new is a new lead, somebody known keeps its lead and gets what is new."""
    first = await add_lead(world).run(ACCOUNT, ADA, {"Remark": "x"}, lead_id="lead-9")
    again = await add_lead(world).run(ACCOUNT, {**ADA, "job_title": "CTO"}, {})
    assert (first.is_new, first.line.lead.id) == (True, "lead-9")
    assert (again.is_new, again.line.lead.id) == (False, "lead-9")
    profile = again.line.lead.profile
    assert (profile.job_title, profile.extra) == ("CTO", {"Remark": "x"})


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, "needed"),
        ({"email": "nobody"}, "e-mail"),
        ({**ADA, "country_code": "Ruritania"}, "countryCode"),
        ({**ADA, "phone_number": "later"}, "phoneNumber"),
    ],
)
async def test_add_what_cannot_be_read(world: World, fields: dict[str, str], word: str) -> None:
    """Nothing is dropped in silence, as an import would with a warning: it is refused as a whole."""
    with pytest.raises(InvalidInput, match=word):
        await add_lead(world).run(ACCOUNT, fields, {})
    assert await world.leads.page(ACCOUNT, after="", limit=1) == []


async def test_change(world: World) -> None:
    """What is named is changed, what is empty or None taken away, and the rest stays."""
    await world.add_lead()
    change = ChangeLead(leads=world.leads)
    before = await line(world)
    versions = frozenset({before.version, "another"})
    first = await change.run(ACCOUNT, "lead-1", {"job_title": ""}, {"a": "1", "b": "2"}, versions=versions)
    second = await change.run(ACCOUNT, "lead-1", {}, {"a": None}, versions=None)
    assert (first.lead.profile.job_title, first.lead.profile.extra) == ("", {"a": "1", "b": "2"})
    assert second.lead.profile == dataclasses.replace(before.lead.profile, job_title="", extra={"b": "2"})
    with pytest.raises(ChangedMeanwhile):
        await change.run(ACCOUNT, "lead-1", {"job_title": "CEO"}, {}, versions=versions)
    with pytest.raises(UnknownId):
        await change.run("umbrella", "lead-1", {}, {}, versions=None)
    assert await line(world) == second


async def test_change_beside_an_odd_value(world: World) -> None:
    """What came in a file and cannot be read is no hindrance to changing something else."""
    odd = dataclasses.replace((await world.add_lead()).profile, phone_number="see website")
    assert await world.leads.replace(ACCOUNT, await line(world), odd, None)
    changed = await ChangeLead(leads=world.leads).run(
        ACCOUNT, "lead-1", {"job_title": "CEO"}, {}, versions=None
    )
    assert (changed.lead.profile.job_title, changed.lead.profile.phone_number) == ("CEO", "see website")


async def test_export_of_leads_that_came_by_no_file(world: World) -> None:
    """All fields under leadgen's own headers, then all that came besides, in the order in which it came."""
    add = add_lead(world)
    first = await add.run(ACCOUNT, ADA, {"Source": "fair", "phone": "by the door"})
    await add.run(ACCOUNT, {"email": "bob@fernhill.example"}, {"Tea": "Assam", "Source": "web"})
    changes = {"Colour": "red", "Source": None}
    await ChangeLead(leads=world.leads).run(ACCOUNT, first.line.lead.id, {}, changes, versions=None)

    sheet = await give_out(world, ACCOUNT)

    others = ["Source", "phone (file)", "Tea", "Colour"]
    assert sheet.header == [*FIELD_HEADERS.values(), *others, *OWN_HEADERS]
    assert [sheet.column(name) for name in ("firstName", *others)] == [
        ["Ada", ""], ["", "web"], ["by the door", ""], ["", "Assam"], ["red", ""],
    ]  # fmt: skip


async def test_export_of_leads_beside_a_file(world: World) -> None:
    """The columns of the file come first; of the fields those follow that some lead has, each once."""
    table = [["E-Mail", "Source"], ["ada@fernhill.example", "fair"]]
    await take_in(world, ACCOUNT, table, CountingIdSource("file"))
    added = await add_lead(world).run(ACCOUNT, {"email": "bob@fernhill.example", "last_name": ""}, {})
    change = {"job_title": "CTO", "company_name": "Fernhill"}
    await ChangeLead(leads=world.leads).run(ACCOUNT, added.line.lead.id, change, {}, versions=None)

    sheet = await give_out(world, ACCOUNT)

    assert sheet.header == ["E-Mail", "Source", "jobTitle", "companyName", *OWN_HEADERS]
    assert sheet.column("jobTitle") == ["", "CTO"]


async def test_columns_are_there_before_the_lead(world: World) -> None:
    """A crash between the two leaves a column too many, never one too few."""
    leads = LostLeads(world.database, world.clock)
    with pytest.raises(ServiceUnavailable):
        await AddLead(leads=leads, ids=CountingIdSource()).run(ACCOUNT, ADA, {"Source": "fair"})
    assert Column("Source", None) in await world.leads.columns(ACCOUNT)
    await world.add_lead()
    with pytest.raises(ServiceUnavailable):
        await ChangeLead(leads=leads).run(ACCOUNT, "lead-1", {}, {"Tea": "Assam"}, versions=None)
    assert Column("Tea", None) in await world.leads.columns(ACCOUNT)
    assert (await line(world)).lead.profile.extra == {}


async def test_known_columns_are_not_written_again(world: World) -> None:
    """A lead like those before it costs no transaction besides its own."""
    leads = LostLeads(world.database, world.clock)
    leads.is_away = False
    add = AddLead(leads=leads, ids=CountingIdSource())
    added = await add.run(ACCOUNT, ADA, {"Source": "fair"})
    assert leads.columns_added == len(FIELD_HEADERS) + 1
    await add.run(ACCOUNT, {"email": "bob@fernhill.example", "job_title": "CTO"}, {"Source": "web"})
    change = ChangeLead(leads=leads)
    await change.run(ACCOUNT, added.line.lead.id, {"job_title": "CEO"}, {"Source": None}, versions=None)
    assert leads.columns_added == len(FIELD_HEADERS) + 1


async def test_remove(world: World) -> None:
    """A lead goes in the state in which somebody has seen it, unless it is being searched, and once."""
    await world.add_lead()
    await world.add_job()
    remove = RemoveLead(leads=world.leads)
    with pytest.raises(NotPossible, match="searched"):
        await remove.run(ACCOUNT, "lead-1", versions=None)
    seen = (await line(world)).version
    await world.jobs.conclude(await world.add_job(), [ended("lead-1", EndState.NOT_FOUND)])
    with pytest.raises(ChangedMeanwhile):
        await remove.run(ACCOUNT, "lead-1", versions=frozenset({seen}))
    await remove.run(ACCOUNT, "lead-1", versions=frozenset({(await line(world)).version}))
    with pytest.raises(UnknownId):
        await remove.run(ACCOUNT, "lead-1", versions=None)


def look_up_phone(world: World, searcher: RecordingLeadSearcher, *providers: str) -> LookUpPhone:
    """The use case over a world in which these providers have a key."""
    known: Mapping[str, IPhoneProvider] = {name: ScriptedProvider(world.clock) for name in providers}
    check = CheckProviders(catalog=world.catalog, providers=known)
    return LookUpPhone(leads=world.leads, searcher=searcher, require_provider=RequireProvider(check=check))


async def test_look_up(world: World) -> None:
    """The search is started or joined, and whoever waits is told whether it has ended in time."""
    searcher = RecordingLeadSearcher()
    look_up = look_up_phone(world, searcher, "orion")
    await world.add_lead()
    searcher.has_ended = False
    assert not await look_up.run(ACCOUNT, "lead-1", wait_seconds=2)
    searcher.has_ended = True
    assert await look_up.run(ACCOUNT, "lead-1", wait_seconds=3)
    assert searcher.searched == [(ACCOUNT, "lead-1", 2), (ACCOUNT, "lead-1", 3)]
    await world.add_lead(2, phone=us_phone())
    assert await look_up.run(ACCOUNT, "lead-2", wait_seconds=9)
    assert len(searcher.searched) == 2
    with pytest.raises(UnknownId):
        await look_up.run(ACCOUNT, "nothing", wait_seconds=0)


async def test_look_up_without_a_key(world: World) -> None:
    """A search that could ask nobody is not started; a number that is there is told all the same."""
    searcher = RecordingLeadSearcher()
    look_up = look_up_phone(world, searcher)
    await world.add_lead()
    await world.add_lead(2, phone=us_phone())
    with pytest.raises(NotConfigured, match="_API_KEY"):
        await look_up.run(ACCOUNT, "lead-1", wait_seconds=0)
    assert await look_up.run(ACCOUNT, "lead-2", wait_seconds=0)
    assert searcher.searched == []


async def test_look_at_a_search(world: World) -> None:
    """It goes on, has ended as the lead says, or has failed: with the reason on record, or without any."""
    searcher = RecordingLeadSearcher()
    look = LookAtSearch(leads=world.leads, searcher=searcher)
    await world.add_lead()
    searcher.has_ended = False
    assert (await look.run(ACCOUNT, "lead-1")).status is None
    assert (await look.run(ACCOUNT, "lead-1", has_ended=True)).status is EndState.FAILED
    searcher.has_ended = True
    broken_off = await look.run(ACCOUNT, "lead-1")
    assert (broken_off.status, "order it again" in str(broken_off.reason)) == (EndState.FAILED, True)
    await FailSearch(leads=world.leads).run(ACCOUNT, "lead-1", "set a key")
    failed = await look.run(ACCOUNT, "lead-1")
    assert (failed.line, failed.status, failed.reason) == (await line(world), EndState.FAILED, "set a key")
    await world.leads.conclude(ACCOUNT, ended("lead-1", EndState.NOT_FOUND))
    assert (await look.run(ACCOUNT, "lead-1")).reason is None
    with pytest.raises(UnknownId):
        await look.run(ACCOUNT, "nothing")


async def test_look_at_a_lead_that_has_a_number(world: World) -> None:
    """A number that another search has found ends this one, and no failure takes it away."""
    searcher = RecordingLeadSearcher()
    searcher.has_ended = False
    await world.add_lead(phone=us_phone())
    await FailSearch(leads=world.leads).run(ACCOUNT, "lead-1", "set a key")
    found = await LookAtSearch(leads=world.leads, searcher=searcher).run(ACCOUNT, "lead-1")
    assert (found.status, found.reason, found.line.lead.phone) == (EndState.FOUND, None, us_phone())


@pytest.mark.parametrize(
    ("before", "after"),
    [(EndState.NOT_FOUND, EndState.NOT_FOUND), (EndState.INCOMPLETE, EndState.FAILED)],
)
async def test_failure_takes_nothing_away(world: World, before: EndState, after: EndState) -> None:
    """What was paid for is still known: that nobody had a number, and one of another line."""
    await world.add_lead()
    second = Find(us_phone(4), "orion")
    await world.leads.conclude(ACCOUNT, Conclusion("lead-1", Verdict(before, second_best=second)))
    await FailSearch(leads=world.leads).run(ACCOUNT, "lead-1", "set a key")
    lead = await world.lead()
    assert (lead.phone_status, lead.second_phone) == (after, us_phone(4))
