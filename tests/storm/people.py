"""Invented people by their number."""

from __future__ import annotations

from leadgen.domain.lead import Profile


def person(number: int) -> tuple[str, Profile]:
    """The id and the profile of somebody."""
    return f"lead-{number:06}", Profile(email=f"ada.{number}@storm.example", country_code="US")
