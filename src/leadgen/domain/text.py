"""Text as it comes in files: cleaned for keeping, folded for comparing."""

from __future__ import annotations

import unicodedata

_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs"})


def clean(text: str | None) -> str:
    """The text without control, zero-width and surrounding characters; inner runs of space become one."""
    text = text or ""
    if text.isprintable():  # nothing of the kind, and no space but the plain one
        return " ".join(text.split())
    spaced = "".join(" " if character in "\t\r\n\v\f\u00a0" else character for character in text)
    visible = "".join(c for c in spaced if unicodedata.category(c) not in _INVISIBLE_CATEGORIES)
    return " ".join(visible.split())


def fold(text: str) -> str:
    """The text in the form in which two spellings of one thing are equal."""
    cleaned = clean(text)
    return cleaned.lower() if cleaned.isascii() else unicodedata.normalize("NFKC", cleaned).casefold()
