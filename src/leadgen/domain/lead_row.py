"""Reading a row of somebody's file as a person: which column means what, and what a row must have."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence

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

_EXPORTED = frozenset({*FIELD_HEADERS.values(), *OWN_HEADERS})
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
COLUMNS_MAX = 1_000
"""So many an account has at most, and so a file."""

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
    own = _own_places(keys)
    fields = _fields(["" if place in own else key for place, key in enumerate(keys)])
    columns = list[Column | None]()
    for place, header in enumerate(headers):
        field = fields.get(place)
        if place not in own:
            columns.append(Column(_told_from(OWN_HEADERS if field else _EXPORTED, header), field))
        else:
            columns.append(Column(header, "phone_number") if keys[place] == "phone" else None)
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
        phones = [place for place, column in placed if column.field and _key(column.header) == "phone"]
        self._found = phones[-1] if phones else self._width
        """Where an export has the number that was found; what a file had may stand beside it, as text."""

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
        number = (values[self._found] if self._found < width else "") or profile.phone_number
        phone = read_phone(number, None, profile.country_code) if number else None
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
    named += [
        (Column(_told_from(_EXPORTED, _unquote_formula(clean(name))), None), value)
        for name, value in extra.items()
    ]
    return read_row([column for column, _ in named], [value for _, value in named])


def columns_of(profile: Profile) -> list[Column]:
    """The columns that hold this person: those of its fields that are filled, then those of its ``extra``."""
    filled = [Column(header, name) for name, header in FIELD_HEADERS.items() if getattr(profile, name)]
    return [*filled, *(Column(header, None) for header in profile.extra)]


def told_apart(columns: Sequence[Column | None], known: Sequence[Column]) -> tuple[Column | None, ...]:
    """The columns of a file, those without a field under other headers than fields have in the account."""
    taken = {column.header for column in known if column.field}
    return tuple(
        Column(_told_from(taken, column.header), None) if column and not column.field else column
        for column in columns
    )  # fmt: skip


def exported_headers(columns: Sequence[Column]) -> list[str]:
    """What the columns of an account are called in an export, so that each is read as what it is."""
    headers = distinct_headers([column.header for column in columns])
    read = read_header([*headers, *OWN_HEADERS])
    return distinct_headers(
        [
            FIELD_HEADERS[column.field] if column.field and (again is None or again.field != column.field)
            else header
            for column, header, again in zip(columns, headers, read, strict=False)
        ]
    )  # fmt: skip


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


def _told_from(taken: Collection[str], header: str) -> str:
    """The header, told apart from those that an export has for something else."""
    return f"{header} (file)" if header in taken else header


def _same(column: Column) -> tuple[str | None, str]:
    """What makes two columns one: the field, or where there is none the header."""
    return (column.field, "") if column.field else (None, column.header)


def _key(header: str) -> str:
    """What is left of a header when case, spaces and punctuation do not count."""
    return re.sub(r"[^a-z0-9]", "", fold(header))


def _own_places(keys: Sequence[str]) -> frozenset[int]:
    """Where an export has the columns that it adds, behind all others; none in a file that is no export."""
    places = {key: place for place, key in enumerate(keys)}
    own = [_key(header) for header in OWN_HEADERS]
    is_export = all(_key(mark) in places for mark in _MARKS)
    return frozenset(places[key] for key in own if is_export and key in places)


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
    distinct, numbers, given = dict[str, None](), dict[str, int](), set(headers)
    for header in headers:
        candidate = header
        while candidate in distinct or (candidate != header and candidate in given):
            numbers[header] = numbers.get(header, 1) + 1
            candidate = f"{header} ({numbers[header]})"
        distinct[candidate] = None
    return list(distinct)
