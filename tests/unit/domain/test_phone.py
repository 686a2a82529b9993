"""Phone numbers as providers and files write them; all of them are of ranges set aside for fiction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadgen.domain.phone import EVIDENCE_CHARACTERS_MAX, LineType, PhoneNumber, Unplaced, read_phone
from tests.builders import us_phone

AMERICAN = us_phone(0)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@pytest.mark.parametrize(
    "raw",
    [
        2025550100,
        2025550100.0,
        "2025550100",
        "(202) 555-0100",
        "202.555.0100",
        "202-555-0100 x2154",
        "2025550100x2154",
        "202 555 0100 ext. 2154",
        " 2025550100\n",
        "1-202-555-0100",
        "12025550100",
        "001-202-555-0100",
        "001-202-555-0100x2154",
        "+1 202 555 0100",
        "+12025550100",
        "２０２-555-0100",
    ],
    ids=repr,
)
def test_spellings_of_one_number(raw: object) -> None:
    """Digits as JSON number or text, with dots, brackets, prefixes or an extension, are one number."""
    assert read_phone(raw, "US", None) == AMERICAN


@pytest.mark.parametrize("given_country", ["US", "us", "USA", "1", "+1", 1], ids=repr)
def test_the_country_that_came_with_the_number_decides(given_country: object) -> None:
    """A provider's country, as ISO code or dialling code, goes before the lead's."""
    assert read_phone(2025550100, given_country, "ES") == AMERICAN


@pytest.mark.parametrize("given_country", ["ES", "34", "+34", 34], ids=repr)
def test_a_dialling_code_is_never_pasted_in_front(given_country: object) -> None:
    """Ten digits that are no number of the country given are evidence, whatever the lead's country."""
    assert read_phone(2025550100, given_country, "US") == Unplaced("2025550100")


@pytest.mark.parametrize("given_country", [None, "", "XXX", "12", "null", 0, [], True], ids=repr)
def test_without_a_readable_country_the_lead_decides(given_country: object) -> None:
    """What came as country but is none counts as not given."""
    assert read_phone("2025550100", given_country, "US") == AMERICAN


@pytest.mark.parametrize("lead_country", [None, "", "XXX", "12"], ids=repr)
@pytest.mark.parametrize("raw", ["2025550100", "12025550100", "(202) 555-0100", 2025550100], ids=repr)
def test_without_any_country_nothing_is_guessed(raw: object, lead_country: str | None) -> None:
    """Bare digits without a country cannot be placed."""
    assert read_phone(raw, None, lead_country) == Unplaced(str(raw))


@pytest.mark.parametrize(
    "raw",
    ["+12025550100", "0012025550100", "001-202-555-0100 x2154", "tel:+1-202-555-0100", "\u200b+12025550100"],
    ids=repr,
)
@pytest.mark.parametrize("country", [None, "ES", "UK", "XXX"])
def test_an_international_number_needs_no_country(raw: str, country: str | None) -> None:
    """A number that begins with + or 00 says itself where it belongs, whatever country came with it."""
    assert read_phone(raw, country, country) == AMERICAN


@pytest.mark.parametrize(
    "raw",
    [None, "", " ", 0, 0.0, -0.0, "0", "null", "NULL", " null ", "undefined", "None", "nan", float("nan")],
    ids=repr,
)
def test_a_clean_miss(raw: object) -> None:
    """What providers write in place of a number means that there is none."""
    assert read_phone(raw, "US", "US") is None


@pytest.mark.parametrize("raw", [True, False], ids=repr)
def test_a_truth_value_is_no_number(raw: object) -> None:
    """True is not the number 1."""
    assert read_phone(raw, "US", "US") is None


@pytest.mark.parametrize(
    "raw",
    [
        "12",
        "202555010",
        "call me",
        "+",
        "00",
        "555-0100",
        "2025550100/2025550101",
        20.5,
        [2025550100],
        {},
        -2025550100,
    ],
    ids=repr,
)
def test_what_cannot_be_trusted_is_evidence(raw: object) -> None:
    """Something was given as a number, but none is made of it."""
    assert isinstance(read_phone(raw, "US", "US"), Unplaced)


def test_evidence_is_short() -> None:
    """However much a provider sends, little of it is kept."""
    assert read_phone("9" * 1_000, "US", None) == Unplaced("9" * EVIDENCE_CHARACTERS_MAX)


@pytest.mark.parametrize(
    ("raw", "country", "expected"),
    [
        ("2025550123", "US", us_phone(23)),
        ("416-555-0123", "US", PhoneNumber("+14165550123", "CA", LineType.MOBILE_OR_LANDLINE)),
        ("800-555-0199", "US", us_phone(99, area="800", line=LineType.OTHER)),
        ("020 7946 0123", "UK", PhoneNumber("+442079460123", "GB", LineType.LANDLINE)),
        ("0491 570 156", "AU", PhoneNumber("+61491570156", "AU", LineType.MOBILE)),
    ],
)
def test_country_and_line_are_those_of_the_number(raw: str, country: str, expected: PhoneNumber) -> None:
    """The numbering plan tells where a number belongs and what kind of line answers it."""
    assert read_phone(raw, country, None) == expected


@given(raw=anything, given_country=anything, lead_country=st.none() | st.text())
def test_whatever_a_provider_sends_is_read(
    raw: object, given_country: object, lead_country: str | None
) -> None:
    """No value that JSON can carry is an error, and evidence never grows."""
    read = read_phone(raw, given_country, lead_country)
    assert not isinstance(read, Unplaced) or 0 < len(read.raw) <= EVIDENCE_CHARACTERS_MAX


@given(last=st.integers(0, 99), area=st.sampled_from(["202", "212", "303", "415", "617"]))
def test_a_number_reads_as_itself(last: int, area: str) -> None:
    """What was read once is read again from its E.164 form without a country."""
    number = read_phone(f"{area}55501{last:02}", "US", None)
    assert number == us_phone(last, area=area)
    assert read_phone(us_phone(last, area=area).e164, None, None) == number
