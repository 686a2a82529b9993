"""Tables of people as files have them: samples of every mix, and the ways in and out of a world."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from leadgen.application.export_leads import ExportLeads
from leadgen.application.import_leads import ImportLeads, ImportReceipt
from leadgen.application.ports.lead_repository import LeadLine
from tests.fakes.id_source import CountingIdSource
from tests.fakes.lead_sheet import ListLeadSheet
from tests.fakes.lead_source import ListLeadSource
from tests.unit.application.world import World

Table = Sequence[Sequence[str]]

HEADERS = (
    ("email",),
    (
        "firstName",
        "lastName",
        "email",
        "jobTitle",
        "countryCode",
        "companyName",
        "companyWebsite",
        "phoneNumber",
    ),
    ("First Name", "surname", "Company", "Notes"),
    ("E-Mail", "Phone Number", "Notes", "Notes"),
    ("name", "companyWebsite", "email", "", "Country"),
)
EMAILS = ("ada@lovelace.example", "ADA@lovelace.example", "bob@gmail.com", "no address", "")
CELLS = (
    "Ada", "King", "Lovelace Engines", "lovelace.example", "https://www.lovelace.example/about", "US", "XXX",
    "202-555-0123", "+12025550123", "12", "=1+1", "-x", "+1 2", "@home", "'=quoted", "\t=tab", " ", "",
)  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """A header and up to a dozen records: good ones, equal ones, broken ones, too short and too long ones."""
    header = list(draw(st.sampled_from(HEADERS)))
    cell = st.one_of(st.sampled_from(EMAILS), st.sampled_from(CELLS), st.text(max_size=8))
    row = st.lists(cell, min_size=1, max_size=len(header) + 1)
    return [header, *draw(st.lists(row, max_size=12))]


async def take_in(world: World, account: str, table: Table, ids: CountingIdSource) -> ImportReceipt:
    """Imports a table."""
    use_case = ImportLeads(leads=world.leads, ids=ids)
    return await use_case.run(account, ListLeadSource(table), name="people.csv", progress=lambda _: None)


async def give_out(world: World, account: str) -> ListLeadSheet:
    """Exports an account."""
    sheet = ListLeadSheet()
    await ExportLeads(leads=world.leads).run(account, sheet, progress=lambda _: None)
    return sheet


async def everybody(world: World, account: str) -> list[LeadLine]:
    """All leads of an account."""
    return list(await world.leads.page(account, after="", limit=10_000))
