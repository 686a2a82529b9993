"""Text as it comes in files."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadgen.domain.text import clean, fold


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Ada  King ", "Ada King"),
        ("Ada\u00a0King", "Ada King"),
        ("Ada\u2003King", "Ada King"),
        ("Ada\r\nKing", "Ada King"),
        ("Ada\tKing", "Ada King"),
        ("A\u200bd\u200da\ufeff", "Ada"),
        ("\x00Ada\x07", "Ada"),
        ("So\u00adphie", "Sophie"),
        ("\ud800Ada", "Ada"),
        ("Zoë 李 O’Neill-Łoś", "Zoë 李 O’Neill-Łoś"),
        ("\u200b \t", ""),
        (None, ""),
    ],
)
def test_clean_leaves_what_can_be_seen(text: str | None, expected: str) -> None:
    """Control, zero-width and surrounding characters go, runs of space become one, letters stay."""
    assert clean(text) == expected


@given(st.text())
def test_clean_looks_at_every_character(text: str) -> None:
    """Text that needs no cleaning is told at a glance, with the result of looking at each character."""
    spaced = "".join(" " if character in "\t\r\n\v\f\u00a0" else character for character in text)
    seen = "".join(each for each in spaced if unicodedata.category(each) not in {"Cc", "Cf", "Co", "Cs"})
    assert clean(text) == " ".join(seen.split())


@given(st.text())
def test_clean_a_second_time_changes_nothing(text: str) -> None:
    """Text that is clean stays as it is."""
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ADA", "ada"),
        ("Straße", "STRASSE"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("Ａｄａ", "ada"),
        ("ﬁn", "fin"),
        (" Ada\u200b  King", "ada king"),
    ],
)
def test_fold_makes_two_spellings_equal(one: str, other: str) -> None:
    """Case, composition, width and invisible characters make no difference."""
    assert fold(one) == fold(other)


def test_fold_keeps_different_names_apart() -> None:
    """An accent is part of a name."""
    assert fold("Zoë") != fold("Zoe")
