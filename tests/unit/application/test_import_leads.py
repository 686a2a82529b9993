"""Importing people: every good row goes in, every bad one comes back, and nothing is ever doubled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadgen.application.import_leads import (
    BATCH_ROWS,
    REJECTIONS_MAX,
    WARNINGS_MAX,
    ImportLeads,
    ImportReceipt,
    Rejection,
    Warned,
)
from leadgen.application.ports.lead_repository import Conclusion
from leadgen.domain.errors import UnreadableFile
from leadgen.domain.lead import EndState
from leadgen.domain.waterfall import Verdict
from tests import builders
from tests.builders import ACCOUNT
from tests.fakes.id_source import CountingIdSource
from tests.fakes.lead_source import ListLeadSource
from tests.unit.application.tables import Table, everybody, tables, take_in
from tests.unit.application.world import World

EXAMPLES = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
NUMBERS = count()


async def take(world: World, table: Table) -> ImportReceipt:
    """Imports into the account that there is."""
    return await take_in(world, ACCOUNT, table, CountingIdSource())


async def test_good_rows_go_in_and_bad_ones_come_back(world: World) -> None:
    """The receipt names every rejected row by its number, of which the header has the first."""
    receipt = await take(
        world,
        [
            ["firstName", "email", "companyName"],
            ["Ada", "ada@lovelace.example", ""],
            ["", "", "Lovelace Engines"],
            ["Bob", "", "Lovelace Engines"],
            ["Bob", "", "Lovelace Engines", "one too many"],
        ],
    )

    assert (receipt.rows, receipt.created, receipt.merged, receipt.rejected) == (4, 2, 0, 2)
    assert receipt.rejections == [
        Rejection(3, "an e-mail address, or a name with a company, is needed"),
        Rejection(5, "4 cells, but the header has 3: is a comma left unquoted?"),
    ]
    assert len(await everybody(world, ACCOUNT)) == 2


async def test_equal_rows_are_one_lead(world: World) -> None:
    """The same person twice in one file is created once and merged once, and keeps what either row knew."""
    receipt = await take(
        world,
        [
            ["email", "firstName", "jobTitle"],
            ["ada@lovelace.example", "Ada", ""],
            ["ADA@Lovelace.example", "", "Countess"],
        ],
    )

    assert (receipt.created, receipt.merged, receipt.rejected) == (1, 1, 0)
    (line,) = await everybody(world, ACCOUNT)
    assert (line.lead.profile.first_name, line.lead.profile.job_title) == ("Ada", "Countess")


async def test_unknown_columns_are_kept(world: World) -> None:
    """What leadgen knows nothing of stays with the lead under its header."""
    await take(world, [["email", "Favourite tea"], ["ada@lovelace.example", "Assam"]])

    (line,) = await everybody(world, ACCOUNT)
    assert line.lead.profile.extra == {"Favourite tea": "Assam"}


async def test_number_that_came_with_a_lead_counts_as_found(world: World) -> None:
    """A number that can be placed needs no search; one that cannot is kept as text, with a warning."""
    receipt = await take(
        world,
        [
            ["email", "phoneNumber", "countryCode"],
            ["ada@lovelace.example", "(202) 555-0123", "US"],
            ["bob@lovelace.example", "5550123", ""],
        ],
    )

    ada, bob = (line.lead for line in await everybody(world, ACCOUNT))
    assert (ada.phone, ada.phone_provider) == (builders.us_phone(23), "import")
    assert ada.phone_status is EndState.FOUND
    assert (bob.phone, bob.profile.phone_number) == (None, "5550123")
    (warning,) = receipt.warnings
    assert str(warning).startswith("row 3: phoneNumber is no number that can be placed")


async def test_second_import_keeps_what_was_found(world: World) -> None:
    """A number that was found is never overwritten, a value never dropped for an empty one."""
    header = ["email", "jobTitle", "phoneNumber"]
    await take(world, [header, ["ada@lovelace.example", "Countess", ""]])
    found = Verdict(EndState.FOUND, builders.us_phone(1), "orion")
    (line,) = await everybody(world, ACCOUNT)
    await world.leads.conclude(ACCOUNT, Conclusion(line.lead.id, found))

    await take(world, [header, ["ada@lovelace.example", "", "+12025550199"]])

    (line,) = await everybody(world, ACCOUNT)
    assert (line.lead.phone, line.lead.phone_provider) == (builders.us_phone(1), "orion")
    assert line.lead.profile.job_title == "Countess"


async def test_lead_whose_question_changes_is_to_be_searched_again(world: World) -> None:
    """New facts make another question, so that an old "not found" no longer holds."""
    await take(world, [["email", "jobTitle"], ["ada@lovelace.example", ""]])
    (line,) = await everybody(world, ACCOUNT)
    await world.leads.conclude(ACCOUNT, Conclusion(line.lead.id, Verdict(EndState.NOT_FOUND)))

    await take(world, [["email", "jobTitle"], ["ada@lovelace.example", "Countess"]])

    (line,) = await everybody(world, ACCOUNT)
    assert line.lead.phone_status is None


async def test_table_without_usable_columns_is_refused(world: World) -> None:
    """A file that can hold no lead is no lead file; nothing is recorded of it."""
    with pytest.raises(UnreadableFile) as error:
        await take(world, [["firstName", "colour"], ["Ada", "red"]])

    assert error.value.path == "people.csv"
    assert list(await world.leads.columns(ACCOUNT)) == []


async def test_table_without_rows_is_fine(world: World) -> None:
    """A header alone imports nobody, and the receipt says why."""
    said = Warned(None, "there is no row below the header")
    assert await take(world, [["email"]]) == ImportReceipt(warnings=[said])


async def test_warnings_are_capped(world: World) -> None:
    """A file full of trouble does not drown the receipt: a thousand warnings, and that there are more."""
    rows = [[f"p{number}@lovelace.example", "XXX"] for number in range(WARNINGS_MAX + 5)]

    receipt = await take(world, [["email", "countryCode"], *rows])

    assert len(receipt.warnings) == WARNINGS_MAX + 1
    assert str(receipt.warnings[-1]) == "further warnings are left out"
    assert receipt.created == len(rows)


async def test_rejected_rows_are_capped(world: World) -> None:
    """A file without a good row leaves a small receipt: all are counted and handed on, a thousand kept."""
    bad = REJECTIONS_MAX + BATCH_ROWS
    handed_on: list[Rejection] = []

    receipt = await ImportLeads(leads=world.leads, ids=CountingIdSource()).run(
        ACCOUNT,
        ListLeadSource([["email"], *[["nobody"]] * bad, ["ada@lovelace.example"]]),
        name="people.csv",
        progress=lambda _: None,
        rejected=handed_on.append,
    )

    assert (receipt.rows, receipt.created, receipt.merged, receipt.rejected) == (bad + 1, 1, 0, bad)
    assert [each.row for each in handed_on] == list(range(2, bad + 2))
    assert receipt.rejections == handed_on[:REJECTIONS_MAX]


async def test_warnings_of_the_source_come_last(world: World) -> None:
    """What had to be guessed while reading is told after what was found in the rows."""
    source = ListLeadSource(
        [["email", "countryCode"], ["ada@lovelace.example", "XXX"]], warnings=["read as Windows-1252"]
    )

    receipt = await ImportLeads(leads=world.leads, ids=CountingIdSource()).run(
        ACCOUNT, source, name="people.csv", progress=lambda _: None
    )

    first, second = map(str, receipt.warnings)
    assert first.startswith("row 2: countryCode is no country")
    assert second == "read as Windows-1252"


async def test_many_rows_go_in_batch_by_batch(world: World) -> None:
    """Progress is told after each batch; rows keep their numbers, and people who come again are merged."""
    rows = [[f"p{number}@lovelace.example"] for number in range(BATCH_ROWS)]
    told: list[int] = []

    receipt = await ImportLeads(leads=world.leads, ids=CountingIdSource()).run(
        ACCOUNT,
        ListLeadSource([["email"], *rows, *rows[:10], ["nobody"]]),
        name="people.csv",
        progress=told.append,
    )

    assert told == [BATCH_ROWS, BATCH_ROWS + 11]
    assert (receipt.rows, receipt.created, receipt.merged) == (BATCH_ROWS + 11, BATCH_ROWS, 10)
    assert [rejection.row for rejection in receipt.rejections] == [BATCH_ROWS + 12]


class BrokenLeadSource(ListLeadSource):
    """A file that cannot be read to its end."""

    def rows(self) -> Iterator[Sequence[str]]:
        yield from super().rows()
        raise UnreadableFile("people.csv", "a quote is never closed")


async def test_what_was_read_before_an_unreadable_row_is_there(world: World) -> None:
    """Whole batches before the fault are written, and a second run with a mended file merges them."""
    rows = [[f"p{number}@lovelace.example"] for number in range(BATCH_ROWS + 5)]
    use_case = ImportLeads(leads=world.leads, ids=CountingIdSource())

    with pytest.raises(UnreadableFile):
        await use_case.run(
            ACCOUNT, BrokenLeadSource([["email"], *rows]), name="people.csv", progress=lambda _: None
        )
    receipt = await take(world, [["email"], *rows])

    assert (receipt.created, receipt.merged) == (5, BATCH_ROWS)


async def test_import_that_is_cancelled_can_be_run_again(world: World) -> None:
    """What is being written when somebody stops the import is written; nobody is doubled or lost."""
    rows = [[f"p{number}@lovelace.example"] for number in range(3 * BATCH_ROWS)]

    def stop(_rows: int) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await ImportLeads(leads=world.leads, ids=CountingIdSource("first")).run(
            ACCOUNT, ListLeadSource([["email"], *rows]), name="people.csv", progress=stop
        )
    receipt = await take(world, [["email"], *rows])

    assert receipt.created + receipt.merged == len(rows)
    assert receipt.merged >= BATCH_ROWS
    assert len(await everybody(world, ACCOUNT)) == len(rows)


@EXAMPLES
@given(table=tables())
async def test_receipt_adds_up_for_every_mix(world: World, table: Table) -> None:
    """Each row is created, merged or rejected, and as many leads are there as were created."""
    account = await world.add_account(f"account-{next(NUMBERS)}")

    receipt = await take_in(world, account, table, CountingIdSource(account))

    assert receipt.rows == len(table) - 1
    assert receipt.rows == receipt.created + receipt.merged + receipt.rejected
    assert len(await everybody(world, account)) == receipt.created
    rejected = [rejection.row for rejection in receipt.rejections]
    assert len(rejected) == receipt.rejected
    assert rejected == sorted(set(rejected))
    assert all(2 <= row <= receipt.rows + 1 for row in rejected)


@EXAMPLES
@given(table=tables(), other=st.one_of(st.none(), tables()))
async def test_import_twice_doubles_nothing(world: World, table: Table, other: Table | None) -> None:
    """The same file again, even after another one, creates nobody and leaves its own values standing."""
    account = await world.add_account(f"account-{next(NUMBERS)}")
    ids = CountingIdSource(account)
    first = await take_in(world, account, table, ids)
    before, columns = await everybody(world, account), await world.leads.columns(account)
    if other is not None:
        await take_in(world, account, other, ids)

    second = await take_in(world, account, table, ids)

    assert (second.rows, second.created) == (first.rows, 0)
    assert second.merged == first.created + first.merged
    assert (second.rejections, second.warnings) == (first.rejections, first.warnings)
    if other is None:
        assert await everybody(world, account) == before
        assert await world.leads.columns(account) == columns
