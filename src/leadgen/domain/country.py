"""Countries as people and providers write them, read as ISO 3166 alpha-2 codes."""

from __future__ import annotations

import functools

import phonenumbers

_ALIASES = {"UK": "GB", "USA": "US", "EL": "GR"}
_DIALLING_DIGITS_MAX = 3


@functools.lru_cache(maxsize=1_024)  # many people share a country
def read_country(text: str | None) -> str | None:
    """The ISO code behind ``ES``, ``es``, ``UK`` or ``USA``; None for what is no country."""
    code = (text or "").strip().upper()
    code = _ALIASES.get(code, code)
    return code if code in phonenumbers.SUPPORTED_REGIONS else None


def read_country_or_dialling_code(text: str | None) -> str | None:
    """The ISO code behind ``ES``, ``34``, ``+34``, ``0034``; of a shared dialling code, its main country."""
    digits = (text or "").strip().removeprefix("+").removeprefix("00")
    if not digits.isdecimal():
        return read_country(text)
    if len(digits) > _DIALLING_DIGITS_MAX:
        return None
    region = phonenumbers.region_code_for_country_code(int(digits))
    return region if region in phonenumbers.SUPPORTED_REGIONS else None
