"""Reading a row of somebody's file as a person: which column means what, and what a row must have."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from leadgen.domain.country import read_country
from leadgen.domain.lead import Profile
from leadgen.domain.mail import normal_email
from leadgen.domain.phone import PhoneNumber, Unplaced, read_phone
from leadgen.domain.text import clean, fold
from leadgen.domain.value import value
from leadgen.domain.website import bare_host

FIELD_HEADERS: Mapping[str, str] = {
    "first_name": "firstName",
    "last_name": "lastName",
    "email": "email",
    "job_title": "jobTitle",
    "country_code": "countryCode",
    "company_name": "companyName",
    "company_website": "companyWebsite",
    "linkedin_url": "linkedinUrl",
    "years_in_role": "yearsInRole",
    "phone_number": "phoneNumber",
}
"""Each field of a profile, and what its column is called."""

_MARKS = ("phone", "phone_provider", "phone_status", "cost_usd")
"""By these an export is known, also one of before there were more."""

OWN_HEADERS = (*_MARKS, "second_phone")
"""The columns that an export adds; a file with all of them is an export that comes back."""

_ALIASES: Mapping[str, tuple[str, ...]] = {
    "last_name": ("surname", "familyname"),
    "first_name": ("givenname", "forename"),
    "email": ("emailaddress", "workemail", "mail"),
    "job_title": ("title", "position"),
    "country_code": ("country",),
    "company_name": ("company", "organization", "organisation"),
    "company_website": ("website", "companydomain", "domain", "companyurl"),
    "linkedin_url": ("linkedin", "linkedinprofile"),
    "phone_number": ("phone", "telephone", "mobile"),
}
_WHOLE_NAMES = ("fullname", "name")
_CELL_CHARACTERS_MAX = 10_000
_CODE_CHARACTERS_MAX = 3
_READERS: Sequence[tuple[str, Callable[[str], str | None], str]] = (
    ("email", normal_email, "e-mail address"),
    ("country_code", read_country, "country code"),
    ("company_website", bare_host, "web address"),
)
_UNPLACED = "phoneNumber is no number that can be placed: kept as text, the lead counts as without"


@value(frozen=True, slots=True)
class Column:
    """A column of a file: its header, and the profile field it fills (None: kept under its header)."""

    header: str
    field: str | None


FIELD_COLUMNS = tuple(Column(header, name) for name, header in FIELD_HEADERS.items())
"""The fields of a profile under leadgen's own headers."""


@value(frozen=True, slots=True)
class ReadRow:
    """A row that is a lead: its profile, the number that came with it, and what was dropped."""

    profile: Profile
    phone: PhoneNumber | None
    warnings: tuple[str, ...]


@value(frozen=True, slots=True)
class RejectedRow:
    """A row that is no lead, and why."""

    reason: str


def read_header(cells: Sequence[str]) -> tuple[Column | None, ...]:
    """What each column means; None for those that an export of leadgen has added.

    A column with the very name of a field goes before one with an alias of it; the rest are kept as they are.
    """
    headers = distinct_headers(
        [_unquote_formula(clean(cell)) or f"column {place}" for place, cell in enumerate(cells, 1)]
    )
    keys = [_key(header) for header in headers]
    fields = _fields(keys)
    own = set(map(_key, OWN_HEADERS)) if set(map(_key, _MARKS)) <= set(keys) else set()
    columns = list[Column | None]()
    for place, (header, key) in enumerate(zip(headers, keys, strict=True)):
        if key in own and key != "phone":
            columns.append(None)
        elif key in own:
            columns.append(Column(header, "phone_number"))
        else:
            columns.append(Column(_kept(header), fields.get(place)))
    return tuple(columns)


def is_usable(columns: Sequence[Column | None]) -> bool:
    """Whether rows under this header can be leads at all: an e-mail, or a name with a company."""
    fields = {column.field for column in columns if column}
    return "email" in fields or bool(
        fields & {"first_name", "last_name"} and fields & {"company_name", "company_website"}
    )


class RowReader:
    """Reads the rows that stand under one header; what that means for each cell is looked up once."""

    def __init__(self, columns: Sequence[Column | None]) -> None:
        self._width = len(columns)
        placed = [(place, column) for place, column in enumerate(columns) if column]
        self._fields = [(place, column.field) for place, column in reversed(placed) if column.field]
        """The first of two columns of one field goes before the other, so it comes last."""
        self._extra = [(place, column.header) for place, column in placed if not column.field]

    def read(self, cells: Sequence[str]) -> ReadRow | RejectedRow:
        """The person in a row, or why there is none; what cannot be read is dropped and named."""
        width = len(cells)
        if width > self._width and any(clean(cell) for cell in cells[self._width :]):
            return RejectedRow(f"{width} cells, but the header has {self._width}: is a comma left unquoted?")
        text = "|".join(cells)
        if len(text) > _CELL_CHARACTERS_MAX and any(len(cell) > _CELL_CHARACTERS_MAX for cell in cells):
            return RejectedRow(f"a cell is longer than {_CELL_CHARACTERS_MAX} characters")
        if text.isprintable() and "  " not in text and "'" not in text:  # as most rows are: nothing to mend
            values = [cell.strip() for cell in cells]
        else:
            values = [_unquote_formula(clean(cell)) for cell in cells]
        if width < self._width:
            fields = [each for each in self._fields if each[0] < width]
            others = [each for each in self._extra if each[0] < width]
        else:
            fields, others = self._fields, self._extra
        known = {field: values[place] for place, field in fields if values[place]}
        extra = {header: values[place] for place, header in others} if others else {}
        warnings = _drop_unreadable(known)
        profile = Profile(**known, extra=extra)
        if profile.identity is None:
            return RejectedRow(_why_no_lead(warnings))
        phone = read_phone(profile.phone_number, None, profile.country_code) if profile.phone_number else None
        if isinstance(phone, Unplaced):
            warnings.append(_UNPLACED)
            phone = None
        return ReadRow(profile, phone, tuple(warnings))


def read_row(columns: Sequence[Column | None], cells: Sequence[str]) -> ReadRow | RejectedRow:
    """What a single row under these columns holds, see ``RowReader``."""
    return RowReader(columns).read(cells)


def read_fields(fields: Mapping[str, str], extra: Mapping[str, str]) -> ReadRow | RejectedRow:
    """The person behind values that are named by the fields of a profile, and others by their own names."""
    named = [(Column(FIELD_HEADERS[name], name), value) for name, value in fields.items()]
    named += [(Column(_kept(_unquote_formula(clean(name))), None), value) for name, value in extra.items()]
    return read_row([column for column, _ in named], [value for _, value in named])


def columns_of(profile: Profile) -> list[Column]:
    """The columns that hold this person: those of its fields that are filled, then those of its ``extra``."""
    filled = [Column(header, name) for name, header in FIELD_HEADERS.items() if getattr(profile, name)]
    return [*filled, *(Column(header, None) for header in profile.extra)]


def new_columns(known: Sequence[Column], columns: Sequence[Column]) -> list[Column]:
    """Those of ``columns`` that are not known yet, in their order: each field and each header comes once."""
    keys = {_same(column) for column in known}
    new = list[Column]()
    for column in columns:
        if (key := _same(column)) not in keys:
            keys.add(key)
            new.append(column)
    return new


def _why_no_lead(warnings: Sequence[str]) -> str:
    needed = "an e-mail address, or a name with a company, is needed"
    return f"{needed} ({'; '.join(warnings)})" if warnings else needed


def _drop_unreadable(known: dict[str, str]) -> list[str]:
    warnings = list[str]()
    for name, reader, kind in _READERS:
        if name not in known or reader(value := known[name]) is not None:
            continue
        is_text = name == "country_code" and len(value) > _CODE_CHARACTERS_MAX
        if not is_text:
            del known[name]
        warnings.append(f"{FIELD_HEADERS[name]} is no {kind}: {'not used' if is_text else 'dropped'}")
    return warnings


def _unquote_formula(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:2] in {"=", "+", "-", "@"} else text


def _kept(header: str) -> str:
    """The header of a column that came in; one that an export adds itself is told apart from that."""
    return f"{header} (file)" if header in OWN_HEADERS else header


def _same(column: Column) -> tuple[str | None, str]:
    """What makes two columns one: the field, or where there is none the header."""
    return (column.field, "") if column.field else (None, column.header)


def _key(header: str) -> str:
    """What is left of a header when case, spaces and punctuation do not count."""
    return re.sub(r"[^a-z0-9]", "", fold(header))


def _fields(keys: Sequence[str]) -> dict[int, str]:
    """Which field the column at each place fills; a whole name fills the first one where no last name is."""
    places: dict[str, int] = {}
    for name, header in FIELD_HEADERS.items():
        if header.lower() in keys:
            places[name] = keys.index(header.lower())
    for name, aliases in _ALIASES.items():
        wanted = (*aliases, *_WHOLE_NAMES) if name == "first_name" and "last_name" not in places else aliases
        found = next((alias for alias in wanted if alias in keys), None)
        if found is not None:
            places.setdefault(name, keys.index(found))
    return {place: name for name, place in places.items()}


def distinct_headers(headers: Sequence[str]) -> list[str]:
    """The headers, with a number behind those that have come before."""
    distinct = list[str]()
    for header in headers:
        number, candidate = 1, header
        while candidate in distinct or (number > 1 and candidate in headers):
            number += 1
            candidate = f"{header} ({number})"
        distinct.append(candidate)
    return distinct
