"""Exporting people: all that came with them, what was found, and nothing that a spreadsheet would run."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings

from leadgen.application.export_leads import ExportLeads
from leadgen.application.ports.lead_repository import Conclusion
from leadgen.domain.errors import InvalidInput
from leadgen.domain.lead import EndState, Profile
from leadgen.domain.lead_row import COLUMNS_MAX, FIELD_HEADERS, OWN_HEADERS
from leadgen.domain.waterfall import Verdict
from tests import builders
from tests.builders import ACCOUNT
from tests.fakes.id_source import CountingIdSource
from tests.fakes.lead_sheet import ListLeadSheet
from tests.unit.application.tables import Table, everybody, give_out, tables, take_in
from tests.unit.application.world import World, a_hit

EXAMPLES = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
NUMBERS = count()
FORMULAS = ("=1+1", "+1-1", "-cmd", "@SUM(A1)", "=HYPERLINK(1)")


async def take(world: World, *files: Table) -> None:
    """Imports files, one after the other."""
    ids = CountingIdSource()
    for table in files:
        await take_in(world, ACCOUNT, table, ids)


async def test_columns_are_kept_in_order_with_what_was_found_behind_them(world: World) -> None:
    """Known and unknown columns come back under their own headers, then number, provider, status, cost."""
    await take(world, [["Notes", "E-Mail", "first_name"], ["tea", "ada@lovelace.example", "Ada"]])
    world.astra.will_answer(a_hit(5))
    await world.run(world.here.find_phone.run(ACCOUNT, "id-000001", since=world.clock.now()))

    sheet = await give_out(world, ACCOUNT)

    assert sheet.table == [
        ["Notes", "E-Mail", "first_name", *OWN_HEADERS],
        ["tea", "ada@lovelace.example", "Ada", "+12025550105", "astra", "found", "0.030000", ""],
    ]


async def test_columns_of_a_second_file_come_after_those_of_the_first(world: World) -> None:
    """Each field and each header has one column, in the order in which it first came."""
    await take(
        world,
        [["email", "Notes"], ["ada@lovelace.example", "tea"]],
        [["Colour", "E-Mail", "jobTitle"], ["red", "bob@lovelace.example", "Clerk"]],
    )

    sheet = await give_out(world, ACCOUNT)

    assert sheet.header == ["email", "Notes", "Colour", "jobTitle", *OWN_HEADERS]
    assert [row[:4] for row in sheet.table[1:]] == [
        ["ada@lovelace.example", "tea", "", ""],
        ["bob@lovelace.example", "", "red", "Clerk"],
    ]


async def test_account_without_files_has_all_known_columns(world: World) -> None:
    """Leads that came by no file are exported under leadgen's own headers."""
    await world.add_lead(about=builders.profile(phone_number=""))

    sheet = await give_out(world, ACCOUNT)

    assert sheet.header == [*FIELD_HEADERS.values(), *OWN_HEADERS]
    assert sheet.column("companyName") == ["Lovelace Engines"]
    assert sheet.column("phone_status") == [""]


async def test_account_without_leads_is_a_header(world: World) -> None:
    """Nothing to export is no error."""
    sheet = ListLeadSheet()
    told: list[int] = []

    assert await ExportLeads(leads=world.leads).run(ACCOUNT, sheet, progress=told.append) == 0
    assert (len(sheet.table), told) == (1, [])


async def test_every_lead_is_written_once_and_counted(world: World) -> None:
    """Page by page, in order; progress tells how many so far."""
    await take(world, [["email"], *([f"p{number:04}@lovelace.example"] for number in range(1_500))])
    sheet = ListLeadSheet()
    told: list[int] = []

    written = await ExportLeads(leads=world.leads).run(ACCOUNT, sheet, progress=told.append)

    assert (written, told) == (1_500, [1_000, 1_500])
    emails = sheet.column("email")
    assert emails == sorted(set(emails))
    assert len(emails) == 1_500


async def test_other_accounts_are_not_exported(world: World) -> None:
    """An export has the leads and the columns of one account."""
    await take(world, [["email", "Notes"], ["ada@lovelace.example", "tea"]])
    await world.add_account("other")

    sheet = await give_out(world, "other")

    assert sheet.table == [[*FIELD_HEADERS.values(), *OWN_HEADERS]]


@pytest.mark.parametrize("formula", FORMULAS)
async def test_formulas_are_neutralised(world: World, formula: str) -> None:
    """A cell or a header that a spreadsheet would run gets a quote in front."""
    await world.add_lead(about=builders.profile(first_name=formula, extra={formula: formula}))
    await take(world, [["email", "First name", formula], ["person1@lovelace.example", formula, formula]])

    sheet = await give_out(world, ACCOUNT)

    assert sheet.header[1:3] == ["First name", f"'{formula}"]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in sheet.table for cell in row)


@pytest.mark.parametrize("blank", ["\t", "\r"])
async def test_cells_that_begin_with_a_control_character_are_neutralised(world: World, blank: str) -> None:
    """A tab or a line break in front of a formula does not save it, wherever the lead came from."""
    await world.add_lead(about=Profile(email="ada@lovelace.example", first_name=f"{blank}=1+1"))

    sheet = await give_out(world, ACCOUNT)

    assert sheet.column("firstName") == [f"'{blank}=1+1"]


@pytest.mark.parametrize("text", ["+1 202 5550123", "+12025550123", "-5", "+ 1 202"])
async def test_plain_numbers_stay_as_they_are(world: World, text: str) -> None:
    """A phone number keeps its plus, a negative number its minus."""
    await world.add_lead(about=builders.profile(phone_number=text))

    assert (await give_out(world, ACCOUNT)).column("phoneNumber") == [text]


async def test_found_numbers_keep_their_plus(world: World) -> None:
    """The most important column is E.164, as machines and people want it."""
    await world.add_lead()
    found = Verdict(EndState.FOUND, builders.us_phone(42), "orion")
    await world.leads.conclude(ACCOUNT, Conclusion("lead-1", found))

    assert (await give_out(world, ACCOUNT)).column("phone") == ["+12025550142"]


@pytest.mark.parametrize("state", list(EndState))
async def test_status_is_the_end_state(world: World, state: EndState) -> None:
    """The column has the words that the contract names."""
    await world.add_lead()
    await world.leads.conclude(ACCOUNT, Conclusion("lead-1", Verdict(state)))

    assert (await give_out(world, ACCOUNT)).column("phone_status") == [state.value]


async def test_own_columns_of_an_earlier_export_are_not_doubled(world: World) -> None:
    """An export that is imported adds no columns to the next one."""
    await take(world, [["email"], ["ada@lovelace.example"]])
    found = Verdict(EndState.FOUND, builders.us_phone(1), "orion")
    await world.leads.conclude(ACCOUNT, Conclusion("id-000001", found))
    first = await give_out(world, ACCOUNT)

    await take(world, first.table)

    assert (await give_out(world, ACCOUNT)).table == first.table
    (line,) = await everybody(world, ACCOUNT)
    assert (line.lead.phone, line.lead.phone_provider) == (builders.us_phone(1), "orion")


@EXAMPLES
@given(table=tables())
async def test_round_trip_changes_nothing(world: World, table: Table) -> None:
    """What was exported can be imported again: the same people, the same numbers, the same export."""
    account = await world.add_account(f"account-{next(NUMBERS)}")
    ids = CountingIdSource(account)
    await take_in(world, account, table, ids)
    before, first = await everybody(world, account), await give_out(world, account)

    receipt = await take_in(world, account, first.table, ids)

    assert (receipt.created, receipt.rejected) == (0, 0)
    assert receipt.merged == len(before)
    after = await everybody(world, account)
    assert [line.lead.phone for line in after] == [line.lead.phone for line in before]
    assert [line.lead.id for line in after] == [line.lead.id for line in before]
    assert (await give_out(world, account)).table == first.table


@EXAMPLES
@given(table=tables())
async def test_round_trip_into_an_empty_account_is_the_same_table(world: World, table: Table) -> None:
    """An export carries all that came with people, so that it rebuilds them elsewhere."""
    account = await world.add_account(f"account-{next(NUMBERS)}")
    await take_in(world, account, table, CountingIdSource(account))
    first = await give_out(world, account)
    elsewhere = await world.add_account(f"account-{next(NUMBERS)}")

    await take_in(world, elsewhere, first.table, CountingIdSource(elsewhere))

    assert (await give_out(world, elsewhere)).table == first.table


@pytest.mark.parametrize(
    "files",
    [
        [[["Name", "Company"], ["Jonas Sandoval", "Bluefin"]],
         [["First Name", "Last Name", "Company"], ["Talia", "Quill", "Emberline"]]],
        [[["Email", "Title"], ["ada@lovelace.example", "CTO"]],
         [["Email", "Job Title", "Title"], ["bob@lovelace.example", "Clerk", "Mr"]]],
    ],
)  # fmt: skip
async def test_round_trip_of_files_whose_columns_mean_something_else(
    world: World, files: list[Table]
) -> None:
    """An export reads as what it is, however a header alone, or beside another one, would be read."""
    await take(world, *files)
    first = await give_out(world, ACCOUNT)
    receipt = await take_in(world, ACCOUNT, first.table, CountingIdSource())
    assert (receipt.rejected, receipt.created, receipt.merged) == (0, 0, 2)
    assert (await give_out(world, ACCOUNT)).table == first.table


async def test_an_account_has_only_so_many_columns(world: World) -> None:
    """A file that would bring more is refused before anything of it is there."""
    await take(world, [["email", *(f"c{n}" for n in range(COLUMNS_MAX - 1))], ["ada@lovelace.example"]])
    with pytest.raises(InvalidInput, match="too many columns: 2 are new"):
        await take(world, [["email", "one", "more"], ["bob@lovelace.example"]])
    assert len((await give_out(world, ACCOUNT)).table) == 2
