"""Cursors: where a list goes on, in a form of which nobody needs to know what is inside."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query

from leadgen.domain.errors import InvalidInput

Found = TypeVar("Found")

LIMIT_MAX = 500
_SUM_BYTES = 8

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many at most.")]
Cursor = Annotated[
    str,
    Query(max_length=400, description="`next` of the page before; it fits the same list and filters only."),
]


def cursor_of(place: str, *about: object) -> str:
    """A cursor to what follows ``place`` in the list that ``about`` describes."""
    return base64.urlsafe_b64encode(_sum(place, about) + place.encode()).decode().rstrip("=")


def place_of(cursor: str, *about: object) -> str:
    """The place behind a cursor, empty for none; raises InvalidInput for one that is of another list."""
    if not cursor:
        return ""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        place = raw[_SUM_BYTES:].decode()
    except (binascii.Error, ValueError):
        place = ""
    if not place or cursor != cursor_of(place, *about):
        raise InvalidInput("this cursor does not belong to this list: begin again without one")
    return place


def page_of(
    found: Sequence[Found], limit: int, place: Callable[[Found], str], *about: object
) -> tuple[Sequence[Found], str | None]:
    """The page within one row more than it has room for, and the cursor to what follows, if anything does."""
    shown = found[:limit]
    return shown, cursor_of(place(shown[-1]), *about) if len(found) > limit else None


def _sum(place: str, about: Sequence[object]) -> bytes:
    return hashlib.sha256(repr((place, *about)).encode()).digest()[:_SUM_BYTES]
