"""E-mail addresses and the hosts behind them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadgen.domain.mail import company_host, normal_email


@pytest.mark.parametrize(
    "text",
    [
        "ada@lovelace.example",
        "Ada@Lovelace.Example",
        "  ada@lovelace.example\n",
        "a\u200bda@lovelace.example\ufeff",
        "mailto:ada@lovelace.example",
        "ＡＤＡ@lovelace.example",
    ],
)
def test_spellings_of_one_address_are_equal(text: str) -> None:
    """Case, spaces, invisible characters and a mailto: do not make another person."""
    assert normal_email(text) == "ada@lovelace.example"


@pytest.mark.parametrize(
    "text", ["ada+x@a.example", "a.d.a@a.example", "ada@mail.eu.a.example", "o'neill@a.example"]
)
def test_distinct_addresses_stay_as_they_are(text: str) -> None:
    """Tags and dots are part of an address: no provider's private rules are applied."""
    assert normal_email(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "ada@",
        "@lovelace.example",
        "ada@lovelace",
        "ada@lovelace.",
        "ada@.example",
        "ada@lovelace..example",
        "ada@two@lovelace.example",
        "ada king@lovelace.example",
        "ada@a.example, bob@b.example",
        "ada@a.example;bob@b.example",
        "Ada <ada@a.example>",
        "n/a",
        f"{'a' * 65}@lovelace.example",
        f"ada@{'a.' * 130}example",
    ],
)
def test_what_is_no_address_is_none(text: str) -> None:
    """Several addresses in a cell, a name around one, and things too long are no address."""
    assert normal_email(text) is None


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    """Whatever stands in a cell, the answer is an address with one @ or None."""
    address = normal_email(text)
    assert address is None or address.count("@") == 1


def test_the_host_of_a_company_is_its_whole_mail_host() -> None:
    """Nothing is cut from it: only the mail host is known to belong to the company."""
    assert company_host("ada@mail.eu.lovelace.example") == "mail.eu.lovelace.example"


@pytest.mark.parametrize(
    "host", ["gmail.com", "googlemail.com", "hotmail.co.uk", "gmx.de", "qq.com", "proton.me"]
)
def test_a_free_mail_host_is_no_company(host: str) -> None:
    """What hands out mailboxes to everybody says nothing about an employer."""
    assert company_host(f"ada@{host}") is None


@pytest.mark.parametrize("host", ["yahoo.com.mx", "hotmail.se", "outlook.com.br", "live.com.au", "gmx.co.uk"])
def test_a_free_mail_family_is_no_company_in_any_country(host: str) -> None:
    """The large houses run the same mailboxes under the domains of many countries."""
    assert company_host(f"ada@{host}") is None


@pytest.mark.parametrize("address", ["a@1.2.3.4", "a@bb.c"])
def test_a_mail_host_that_is_no_web_host_is_not_asked_about(address: str) -> None:
    """What could not be given as a website is not derived as one either."""
    assert company_host(address) is None
