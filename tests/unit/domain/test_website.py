"""Company websites as bare hosts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadgen.domain.website import bare_host


@pytest.mark.parametrize(
    "text",
    [
        "lovelace.example",
        "www.lovelace.example",
        "WWW.Lovelace.EXAMPLE",
        "https://lovelace.example",
        "https://www.lovelace.example/about?x=1#team",
        "http://lovelace.example:8080/",
        "http://user:secret@www.lovelace.example/",
        "lovelace.example/about",
        "lovelace.example.",
        " \u200blovelace.example\n",
        "https://lovelace.example?from=https://other.example/",
    ],
)
def test_a_website_is_read_as_its_bare_host(text: str) -> None:
    """Scheme, www., port, path and query of an address fall away."""
    assert bare_host(text) == "lovelace.example"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shop.lovelace.co.uk", "shop.lovelace.co.uk"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("https://пример.рф/", "xn--e1afmkfd.xn--p1ai"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("3m.example", "3m.example"),
    ],
)
def test_the_host_is_kept_whole(text: str, expected: str) -> None:
    """Subdomains stay; hosts in other scripts come in the form that DNS knows."""
    assert bare_host(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "n/a",
        "lovelace",
        "localhost",
        "Lovelace Engines Ltd.",
        "a..example",
        "192.168.0.1",
        "[::1]",
        "https://",
        "lovelace,example",
        "lovelace.example other.example",
        f"{'a' * 64}.example",
        f"{'a.' * 130}example",
    ],
)
def test_what_is_no_web_address_is_none(text: str) -> None:
    """A host is never made up from what is none."""
    assert bare_host(text) is None


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    """Whatever stands in a cell, the answer is a host that reads as itself, or None."""
    host = bare_host(text)
    assert host is None or ("/" not in host and "." in host)


def test_an_address_inside_the_query_is_not_the_host() -> None:
    """Only a scheme at the very beginning is one."""
    assert bare_host("acme.example/go?to=https://other.example") == "acme.example"
