"""Segments: what a lead's traits are."""

import pytest

from leadgen.domain.lead import Question
from leadgen.domain.segment import segment_of, title_band


@pytest.mark.parametrize(
    ("title", "band"),
    [
        ("CEO", "chief"),
        ("Co-Founder & CTO", "chief"),
        ("Owner", "chief"),
        ("President", "chief"),
        ("Vice President Sales", "manager"),
        ("Head of People", "manager"),
        ("Marketing Manager", "manager"),
        ("Leiterin Einkauf", "manager"),
        ("Software Engineer", "staff"),
        ("Director of Chocolate", "manager"),
        ("", "untitled"),
        (None, "untitled"),
    ],
)
def test_title_band(title: str | None, band: str) -> None:
    """The highest word of a title counts; part of a word is none."""
    assert title_band(title) == band


def test_segment() -> None:
    """Country, title, mail domain and inputs, and nothing that names anybody."""
    full = Question("ada@lovelace.example", "Ada Lovelace", "lovelace.example", "CEO", "GB")
    assert segment_of(full) == "GB chief company enwt"
    assert segment_of(Question("ada@gmail.com", None, None, None, None)) == "-- untitled free e"
    assert (
        segment_of(Question(None, "Ada Lovelace", "lovelace.example", None, "GB")) == "GB untitled no-mail nw"
    )
