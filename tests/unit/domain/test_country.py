"""Countries as files and providers write them."""

import pytest

from leadgen.domain.country import read_country, read_country_or_dialling_code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ES", "ES"),
        ("es", "ES"),
        (" de ", "DE"),
        ("UK", "GB"),
        ("uk", "GB"),
        ("GB", "GB"),
        ("USA", "US"),
        ("EL", "GR"),
    ],
)
def test_a_country_is_read(text: str, expected: str) -> None:
    """ISO codes in any case, and the codes that people use instead."""
    assert read_country(text) == expected


@pytest.mark.parametrize("text", ["XXX", "XX", "12", "34", "+34", "EU", "ZZ", "001", "", " ", None, "E S"])
def test_what_is_no_country_is_none(text: str | None) -> None:
    """A code that nobody gave to a country is not guessed at."""
    assert read_country(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ES", "ES"),
        ("34", "ES"),
        ("+34", "ES"),
        (" +34 ", "ES"),
        ("0034", "ES"),
        ("UK", "GB"),
        ("44", "GB"),
        ("1", "US"),
        ("+7", "RU"),
        ("351", "PT"),
    ],
)
def test_a_dialling_code_is_read_as_its_main_country(text: str, expected: str) -> None:
    """A provider may write the country as ISO code or as dialling code, with or without the plus."""
    assert read_country_or_dialling_code(text) == expected


@pytest.mark.parametrize("text", ["12", "999", "800", "0", "00", "+", "1234", "²", "XXX", "", None])
def test_what_is_no_dialling_code_is_none(text: str | None) -> None:
    """Unassigned codes and those of international services belong to no country."""
    assert read_country_or_dialling_code(text) is None
