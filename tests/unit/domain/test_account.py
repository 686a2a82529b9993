"""The names of accounts."""

import pytest

from leadgen.domain.account import parse_account_name
from leadgen.domain.errors import InvalidSetting


@pytest.mark.parametrize("name", ["acme", "a", "7-eleven.example_2", "x" * 64])
def test_good_name(name: str) -> None:
    """A name of letters, digits and a few signs is taken as it is."""
    assert parse_account_name(name) == name


@pytest.mark.parametrize("name", ["", "Acme", "-acme", "a b", "x" * 65, "café", "acme\n"])
def test_bad_name(name: str) -> None:
    """Anything else is refused, and the error says what a name is made of."""
    with pytest.raises(InvalidSetting, match="up to 64"):
        parse_account_name(name)
