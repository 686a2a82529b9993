"""Invented people in a messy file, and what is true of each of them once the file is read."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

FIRST = [
    "Wilhelmina",
    "Xanthippe",
    "Quillon",
    "Vasilisa",
    "Yolanthe",
    "Ottoline",
    "Zephyrine",
    "Thorvald",
    "Svetlana",
    "Kristoffer",
]
LAST = [
    "Quistgaard",
    "Wyndrush",
    "Yttrium-Vossen",
    "Zwolinski",
    "Oxtobury",
    "Pyttersen",
    "Vrombaut",
    "Thistlewhyte",
]
HOSTS = ("quillworks.example", "oxbowlines.example", "zestyroots.example", "thornquay.example")
COUNTRIES = (("US", "US"), ("usa", "US"), ("UK", "GB"), ("XXX", None), ("", None), (" us ", "US"))
HEADER = (
    "First Name", "LAST_NAME", "E-mail", "Title", "Country", "Company", "website", "phone", "Remark",
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """What a reader of the file should know; empty or None where nothing is known."""

    name: str
    email: str
    title: str
    country: str | None
    website: str
    phone: str | None = None

    @property
    def body(self) -> dict[str, str]:
        """All that the three providers are asked by."""
        return {
            "fullName": self.name,
            "companyWebsite": self.website,
            "email": self.email,
            "jobTitle": self.title,
        }

    def has_inputs_of(self, provider: str) -> bool:
        """Whether the provider can be asked about this person."""
        match provider:
            case "orion":
                return bool(self.name and self.website)
            case "astra":
                return bool(self.email)
            case _:
                return bool(self.email and self.title)


def messy_file(count: int) -> tuple[str, list[Person], int]:
    """The text of a file over so many people, the people, and how many rows are no lead.

    It has a byte-order mark, semicolons, quoted newlines, odd countries, people without a title, an e-mail
    or a website, people who come twice, people who have a number, and rows that are nobody.
    """
    rows: list[Sequence[str]] = []
    people = []
    for number in range(count):
        row, person = _person(number)
        rows.append(row)
        if number % 8 == 3:  # comes again, and only now with a title
            person = Person(**{**person.__dict__, "title": "Head of Things"})
            email = row[2].upper() if person.email else ""
            rows.append([row[0], row[1], email, "Head of Things", "", "", row[6], "", ""])
        people.append(person)
    bad = [
        ["", "", "", "CTO", "US", "", "", "", ""],
        ["Nobody", "", "", "", "", "", "", "", ""],
        list("abcdefghijk"),
    ]
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows([HEADER, *rows[:5], *bad, *rows[5:]])
    return "\ufeff" + text.getvalue(), people, len(bad)


def _person(number: int) -> tuple[list[str], Person]:
    first, last = FIRST[number % len(FIRST)], LAST[number // len(FIRST) % len(LAST)]
    host = HOSTS[number % len(HOSTS)]
    written_country, country = COUNTRIES[number % len(COUNTRIES)]
    email = "" if number % 7 == 5 else f"{first}.{last}@{host}"
    title = "" if number % 4 == 3 else "Chief; of Staff"
    website = "" if email and number % 3 == 1 else f"https://www.{host}/team?x=1"
    phone = f"(202) 555-01{number:02}" if number % 12 == 6 else ""
    remark = "line one\nline two" if number % 5 == 0 else ""
    row = [first, last, email, title, written_country, host.split(".")[0], website, phone, remark]
    e164 = f"+120255501{number:02}" if phone and country == "US" else None
    return row, Person(f"{first} {last}", email.lower(), title, country, host, e164)


def plain_file(count: int) -> str:
    """The text of a tidy file over so many Americans whom every provider can be asked about."""
    text = io.StringIO()
    rows = []
    for number in range(count):
        first, last = FIRST[number % len(FIRST)], LAST[number // len(FIRST) % len(LAST)]
        rows.append([first, f"{last}{number}", f"{first}.{last}{number}@{HOSTS[0]}", "CTO", "US"])
    csv.writer(text).writerows([["firstName", "lastName", "email", "jobTitle", "countryCode"], *rows])
    return text.getvalue()
