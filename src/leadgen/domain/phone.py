"""Phone numbers, and how to read what providers and files call one."""

from __future__ import annotations

from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from leadgen.domain.country import read_country, read_country_or_dialling_code
from leadgen.domain.text import clean
from leadgen.domain.value import value

EVIDENCE_CHARACTERS_MAX = 64
"""Longer "numbers" are cut when they are kept as evidence."""

_LARGEST_NUMBER = 10**EVIDENCE_CHARACTERS_MAX
_NOTHING = frozenset({"", "0", "null", "none", "undefined", "nan"})


class LineType(StrEnum):
    """What kind of line answers a number, as far as its numbering plan tells."""

    MOBILE = "mobile"
    LANDLINE = "landline"
    MOBILE_OR_LANDLINE = "mobile_or_landline"
    OTHER = "other"


class WantedLine(StrEnum):
    """Which numbers are usable."""

    ANY = "any"
    MOBILE = "mobile"
    """Mobile ones, and those of plans that do not tell mobile from landline, such as the American one."""

    def takes(self, line: LineType) -> bool:
        """Whether a number of this type is usable."""
        return self is WantedLine.ANY or line in {LineType.MOBILE, LineType.MOBILE_OR_LANDLINE}


_LINE_TYPES = {
    PhoneNumberType.MOBILE: LineType.MOBILE,
    PhoneNumberType.FIXED_LINE: LineType.LANDLINE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: LineType.MOBILE_OR_LANDLINE,
}


@value(frozen=True, slots=True)
class PhoneNumber:
    """A valid number: E.164, its country (ISO alpha-2, empty for international services), its line type."""

    e164: str
    country: str
    line: LineType


@value(frozen=True, slots=True)
class Unplaced:
    """Something was given as a number, but it cannot be placed in a country: evidence, not a find."""

    raw: str


def read_phone(raw: object, given_country: object, lead_country: str | None) -> PhoneNumber | Unplaced | None:
    """The number behind ``raw``; None where it says that there is none; Unplaced where it cannot be trusted.

    ``given_country`` is what came with the number (``ES``, ``34``, ``+34``) and decides; without one the
    lead's country does; without either only an international number is read: leadgen never guesses.
    """
    text = clean(_text(raw)).removeprefix("tel:")
    if text.lower() in _NOTHING:
        return None
    country = read_country_or_dialling_code(_text(given_country)) or read_country(lead_country)
    international = _as_international(text)
    parsed = _parse(international, None) if international else None
    if parsed is None and country is not None:
        parsed = _parse(text, country)
    return parsed if parsed is not None else Unplaced(text[:EVIDENCE_CHARACTERS_MAX])


def _text(raw: object) -> str:
    if raw is None or isinstance(raw, bool):
        return ""
    if isinstance(raw, float):
        raw = int(raw) if raw.is_integer() else str(raw)
    if isinstance(raw, int) and abs(raw) > _LARGEST_NUMBER:
        return "?"
    return str(raw) if isinstance(raw, str | int) else "?"


def _as_international(text: str) -> str | None:
    if text.startswith("+"):
        return text
    return "+" + text.removeprefix("00") if text.startswith("00") else None


def _parse(text: str, country: str | None) -> PhoneNumber | None:
    if text.startswith("-"):
        return None  # a negative amount, whose sign would be taken for punctuation
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.UNKNOWN:  # just as the library says whether a number is valid
        return None
    return PhoneNumber(
        e164=phonenumbers.format_number(number, PhoneNumberFormat.E164),
        country=phonenumbers.region_code_for_number(number) or "",
        line=_LINE_TYPES.get(kind, LineType.OTHER),
    )
