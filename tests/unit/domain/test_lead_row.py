"""Reading rows of somebody's file."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadgen.domain.lead import Profile
from leadgen.domain.lead_row import (
    FIELD_HEADERS,
    OWN_HEADERS,
    Column,
    ReadRow,
    RejectedRow,
    RowReader,
    columns_of,
    distinct_headers,
    exported_headers,
    is_usable,
    new_columns,
    read_fields,
    read_header,
    read_row,
)
from tests.builders import us_phone

cells_of_files = st.text(max_size=30) | st.sampled_from(
    [
        "",
        "ada@lovelace.example",
        "Ada",
        "UK",
        "XXX",
        "12",
        "null",
        "001-202-555-0100x2154",
        "'+12025550100",
        "=1+1",
    ]
)
headers_of_files = st.text(max_size=12) | st.sampled_from(
    [*FIELD_HEADERS.values(), *OWN_HEADERS, "name", "", "email"]
)


def meanings(*headers: str) -> list[str | None]:
    """The profile field of each column, None where it has none."""
    return [column.field if column else None for column in read_header(headers)]


def read(header: Sequence[str], *cells: str) -> ReadRow:
    """The row under this header, which must be a lead."""
    row = read_row(read_header(header), cells)
    assert isinstance(row, ReadRow), row
    return row


def rejected(header: Sequence[str], *cells: str) -> str:
    """Why the row under this header is no lead."""
    row = read_row(read_header(header), cells)
    assert isinstance(row, RejectedRow), row
    return row.reason


def test_every_field_has_its_header() -> None:
    """All known columns of a file are read under the names that the format gives them."""
    assert meanings(*FIELD_HEADERS.values()) == list(FIELD_HEADERS)


@pytest.mark.parametrize(
    "header",
    [
        "firstName",
        "First Name",
        "first_name",
        "FIRST-NAME",
        " first\u00a0name ",
        "\ufefffirstName",
        "First.Name",
    ],
)
def test_a_header_matches_however_it_is_spelled(header: str) -> None:
    """Case, spaces, punctuation and a byte order mark make no difference."""
    assert meanings(header) == ["first_name"]


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Company", "company_name"),
        ("Website", "company_website"),
        ("Domain", "company_website"),
        ("Country", "country_code"),
        ("E-Mail Address", "email"),
        ("Surname", "last_name"),
        ("Title", "job_title"),
        ("LinkedIn", "linkedin_url"),
        ("Mobile", "phone_number"),
        ("phone", "phone_number"),
    ],
)
def test_common_names_of_columns_are_known(header: str, field: str) -> None:
    """Files that follow no format of ours are read as far as their headers are plain."""
    assert meanings(header) == [field]


def test_the_very_name_of_a_field_goes_before_an_alias() -> None:
    """Of two columns that could fill a field the one that bears its name does; the other is kept as it is."""
    assert meanings("company", "companyName") == [None, "company_name"]
    columns = read_header(["company", "companyName"])
    assert [column.header for column in columns if column] == ["company", "companyName"]


def test_a_field_is_filled_by_one_column() -> None:
    """A second column of the same name is kept under a name of its own."""
    columns = read_header(["email", "Email", "email"])
    assert [column.field for column in columns if column] == ["email", None, None]
    assert len({column.header for column in columns if column}) == 3


def test_a_column_without_a_header_is_named_after_its_place() -> None:
    """Its values are kept all the same."""
    row = read(["email", "", "\u200b"], "ada@lovelace.example", "x", "y")
    assert row.profile.extra == {"column 2": "x", "column 3": "y"}


def test_columns_of_an_earlier_export_are_passed_over() -> None:
    """Costs and states of another run are no facts about a person; the phone is."""
    header = ["email", "phone", "phone_provider", "phone_status", "cost_usd", "Notes"]
    row = read(header, "ada@lovelace.example", "'+12025550100", "orion", "found", "0.020000", "x")
    assert row.phone == us_phone(0)
    assert row.profile.extra == {"Notes": "x"}


def test_second_best_number_of_an_export_is_passed_over() -> None:
    """It was not what somebody wanted, so it does not come back as the person's number."""
    header = ["email", *OWN_HEADERS]
    row = read(header, "ada@lovelace.example", "", "", "not_found", "0.02", "'+12025550100")
    assert (row.phone, row.profile.extra) == (None, {})


def test_unknown_columns_are_kept_as_written() -> None:
    """They come back in the export under the header they had."""
    row = read(["email", "Favourite Colour"], "ada@lovelace.example", " deep  blue\u200b ")
    assert row.profile.extra == {"Favourite Colour": "deep blue"}


@pytest.mark.parametrize(
    ("header", "usable"),
    [
        (["email"], True),
        (["firstName", "companyName"], True),
        (["lastName", "companyWebsite"], True),
        (["Name", "Company"], True),
        (["firstName", "lastName"], False),
        (["companyName", "companyWebsite"], False),
        (["phoneNumber", "Notes"], False),
        (["phone_provider", "cost_usd"], False),
        ([], False),
    ],
)
def test_a_header_under_which_no_row_can_be_a_lead(header: list[str], usable: bool) -> None:
    """An e-mail column is needed, or one with a name and one with a company."""
    assert is_usable(read_header(header)) is usable


def test_a_whole_row() -> None:
    """Every field is cleaned and finds its place."""
    values = {
        "first_name": "Ada",
        "last_name": "King",
        "email": "Ada@Lovelace.example",
        "job_title": "Countess",
        "country_code": "USA",
        "company_name": "Lovelace Engines",
        "company_website": "https://www.lovelace.example",
        "linkedin_url": "https://social.example/in/ada",
        "years_in_role": "7",
        "phone_number": "202.555.0100 x2154",
    }
    row = read(list(FIELD_HEADERS.values()), *(f" {values[name]}\u200b" for name in FIELD_HEADERS))
    assert {name: getattr(row.profile, name) for name in FIELD_HEADERS} == values
    assert row.profile.extra == {}
    assert row.phone == us_phone(0)
    assert row.warnings == ()


@pytest.mark.parametrize("code", ["XXX", "12", "EU"])
def test_a_bad_country_code_is_dropped_and_the_lead_kept(code: str) -> None:
    """The code goes, a warning tells, and the number is not placed by it."""
    row = read(["email", "countryCode", "phone"], "ada@lovelace.example", code, "2025550100")
    assert row.profile.country_code == ""
    assert row.phone is None
    assert row.profile.phone_number == "2025550100"
    assert len(row.warnings) == 2
    assert "countryCode" in row.warnings[0]


@pytest.mark.parametrize("code", ["UK", "USA", "us", "DE"])
def test_a_country_code_that_people_use_is_kept(code: str) -> None:
    """No warning for what can be read."""
    row = read(["email", "countryCode"], "ada@lovelace.example", code)
    assert row.profile.country_code == code
    assert row.warnings == ()


def test_a_bad_email_is_dropped_where_name_and_company_are_there() -> None:
    """The row is still a lead, and says what it lost."""
    row = read(["email", "firstName", "companyName"], "n/a", "Ada", "Engines")
    assert row.profile.email == ""
    assert row.profile.identity is not None
    assert ["email" in warning for warning in row.warnings] == [True]


def test_a_bad_website_is_dropped() -> None:
    """The host of the e-mail address then stands in for it."""
    row = read(["email", "companyWebsite"], "ada@lovelace.example", "n/a")
    assert row.profile.company_website == ""
    assert row.profile.website == "lovelace.example"
    assert ["companyWebsite" in warning for warning in row.warnings] == [True]


@pytest.mark.parametrize("cells", [[], ["", ""], ["\u200b", " \t"], ["", "Ada"], ["n/a", "Ada"]])
def test_a_row_that_names_nobody_is_rejected(cells: list[str]) -> None:
    """Its reason says what would be needed."""
    assert "e-mail" in rejected(["email", "firstName"], *cells)


def test_the_reason_tells_of_an_unreadable_email() -> None:
    """Who reads it sees that there was an address, and that it is none."""
    assert "no e-mail address" in rejected(["email"], "ada[at]lovelace.example")


def test_cells_beyond_the_header_reject_a_row() -> None:
    """A comma left unquoted would shift every value: better no lead than a wrong one."""
    assert "3 cells" in rejected(["email", "companyName"], "ada@lovelace.example", "Engines", "Ltd")


def test_empty_cells_beyond_the_header_do_no_harm() -> None:
    """Trailing commas are common and mean nothing."""
    assert read(["email"], "ada@lovelace.example", "", " \u200b").warnings == ()


def test_a_row_may_end_early() -> None:
    """Missing cells are empty ones."""
    row = read(["email", "firstName", "Notes"], "ada@lovelace.example")
    assert row.profile.first_name == ""
    assert row.warnings == ()


def test_a_cell_may_be_long_but_not_endless() -> None:
    """10,000 characters are kept whole, more reject the row."""
    header = ["email", "Notes"]
    assert read(header, "ada@lovelace.example", "x" * 10_000).profile.extra == {"Notes": "x" * 10_000}
    assert "10000" in rejected(header, "ada@lovelace.example", "x" * 10_001)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("'=SUM(A1)", "=SUM(A1)"),
        ("'+1", "+1"),
        ("'-x", "-x"),
        ("'@home", "@home"),
        ("=SUM(A1)", "=SUM(A1)"),
        ("'t Hooft", "'t Hooft"),
        ("'", "'"),
    ],
)
def test_the_quote_of_an_exported_formula_is_taken_off(cell: str, expected: str) -> None:
    """What an export neutralised for spreadsheets comes back as it was; other quotes are part of a name."""
    row = read(["email", "Notes"], "ada@lovelace.example", cell)
    assert row.profile.extra == {"Notes": expected}


def test_a_number_that_cannot_be_placed_is_kept_as_text() -> None:
    """The lead counts as one without a number, and a warning tells."""
    row = read(["email", "phoneNumber"], "ada@lovelace.example", "2025550100")
    assert row.phone is None
    assert row.profile.phone_number == "2025550100"
    assert ["phoneNumber" in warning for warning in row.warnings] == [True]


@given(header=st.lists(headers_of_files, max_size=8), cells=st.lists(cells_of_files, max_size=10))
def test_any_row_is_a_lead_or_rejected(header: list[str], cells: list[str]) -> None:
    """No cells and no header are an error; a lead has an identity, a rejection has a reason."""
    row = read_row(read_header(header), cells)
    if isinstance(row, RejectedRow):
        assert row.reason
    else:
        assert row.profile.identity is not None


@given(
    header=st.lists(headers_of_files, max_size=6),
    rows=st.lists(st.lists(cells_of_files, min_size=6, max_size=6), max_size=4),
)
def test_a_row_is_read_alike_at_a_glance_and_cell_by_cell(header: list[str], rows: list[list[str]]) -> None:
    """A quote in a column that is passed over has every cell looked at, and changes nothing."""
    columns = read_header(header)
    reader, careful = RowReader(columns), RowReader([*columns, None])
    for cells in (row[: len(header)] for row in rows):
        assert reader.read(cells) == careful.read([*cells, "'"])


@given(header=st.lists(headers_of_files, max_size=8))
def test_any_header_gives_each_field_to_one_column(header: list[str]) -> None:
    """As many columns as cells, and no field is filled twice."""
    columns = read_header(header)
    fields = [column.field for column in columns if column and column.field]
    assert len(columns) == len(header)
    assert len(fields) == len(set(fields))


def test_a_second_phone_column_is_kept() -> None:
    """Beside phoneNumber a column Phone is a column like any other, so its value is not lost."""
    columns = read_header(["email", "phoneNumber", "Phone"])
    row = read_row(columns, ["ada@acme.example", "", "+12025550100"])
    assert isinstance(row, ReadRow)
    assert row.profile.extra == {"Phone": "+12025550100"}


def test_an_export_that_comes_back_brings_the_number_that_was_found() -> None:
    """Of leadgen's own columns only phone counts, where phoneNumber is empty."""
    header = ["email", "phoneNumber", "phone", "phone_provider", "phone_status", "cost_usd"]
    columns = read_header(header)
    row = read_row(columns, ["ada@acme.example", "", "+12025550100", "orion", "found", "0.020000"])
    assert isinstance(row, ReadRow)
    assert row.phone is not None
    assert row.phone.e164 == "+12025550100"
    assert row.profile.extra == {}


def test_an_own_header_of_a_foreign_file_gets_another_name() -> None:
    """A column phone_status of somebody else is kept, apart from the one of an export."""
    columns = read_header(["email", "phone_status"])
    assert columns[1] == Column("phone_status (file)", None)


def test_an_own_header_among_fields_gets_another_name() -> None:
    """As in a foreign file: else the export would hold its own column of that name alone."""
    row = read_fields({"email": "ada@lovelace.example"}, {"phone": "by the door", "Notes": "tea"})
    assert isinstance(row, ReadRow), row
    assert row.profile.extra == {"phone (file)": "by the door", "Notes": "tea"}


def test_columns_of_a_person() -> None:
    """Those of the fields that are filled, in leadgen's order, then all others as they came."""
    person = Profile(email="ada@lovelace.example", first_name="Ada", extra={"Notes": "", "email": "?"})
    assert columns_of(person) == [
        Column("firstName", "first_name"),
        Column("email", "email"),
        Column("Notes", None),
        Column("email", None),
    ]


def test_new_columns_come_once() -> None:
    """A field is known under any header, another column by its header alone."""
    known = [Column("E-Mail", "email"), Column("Notes", None)]
    tea, title = Column("Tea", None), Column("Notes", "job_title")
    assert new_columns(known, [tea, Column("email", "email"), title, *known, tea]) == [tea, title]


def test_repeated_headers_stay_apart() -> None:
    """However headers repeat, no two columns share a name."""
    columns = read_header(["a", "a", "a (2)", "email"])
    assert len({column.header for column in columns if column}) == 4


def test_a_name_column_beside_a_last_name_is_no_first_name() -> None:
    """A whole name fills the first name only where nothing else holds the last one."""
    row = read_row(read_header(["Name", "Last Name", "email"]), ["Ada King", "King", "ada@acme.example"])
    assert isinstance(row, ReadRow)
    assert row.profile.full_name == "King"
    assert row.profile.extra == {"Name": "Ada King"}


def test_a_country_in_words_stays_as_text() -> None:
    """A country that is no code is not used, and not lost either."""
    row = read_row(read_header(["email", "Country"]), ["ada@acme.example", "Germany"])
    assert isinstance(row, ReadRow)
    assert row.profile.country_code == "Germany"
    assert row.profile.question.country is None
    assert row.warnings == ("countryCode is no country code: not used",)


def test_a_phone_cell_that_says_there_is_none_is_no_reason_to_warn() -> None:
    """Null and the like are what programs write for an empty cell."""
    row = read_row(read_header(["email", "phoneNumber"]), ["ada@acme.example", "null"])
    assert isinstance(row, ReadRow)
    assert row.warnings == ()


@pytest.mark.parametrize("header", ["Phone", "phone", "Telephone", "phoneNumber"])
def test_the_number_that_was_found_goes_before_what_a_file_had(header: str) -> None:
    """An export that comes back elsewhere has both: the text is kept, the number counts."""
    columns = [Column("email", "email"), *read_header([header])]
    exported = [*exported_headers([column for column in columns if column]), *OWN_HEADERS]
    cells = ["ada@acme.example", "555 ext 5", "+12025550100", "orion", "found", "0.02", ""]
    row = read_row(read_header(exported), cells)
    assert isinstance(row, ReadRow)
    assert row.phone is not None
    assert (row.phone.e164, row.profile.phone_number) == ("+12025550100", "555 ext 5")
    assert row.warnings == ()


def test_many_headers_that_are_alike() -> None:
    """A hundred thousand of them are told apart as one is: the time does not grow with their square."""
    assert len(set(distinct_headers(["a"] * 100_000))) == 100_000
