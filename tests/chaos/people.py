"""Invented people, whose every word is a canary: none of them may turn up in a log."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

HOST = "canaryworks.example"
TITLE = "Canary Officer"
API_KEY = "canary-key-5b1d0e77c2"
CANARIES = (HOST, "Quillonia", "Canarywell", API_KEY)
"""Parts of e-mails and websites, first names, last names, and the providers' key."""


@dataclass(frozen=True)
class Person:
    """Somebody whom all providers can be asked about."""

    number: int

    @property
    def name(self) -> str:
        """First and last name."""
        return f"Quillonia Canarywell{self.number}"

    @property
    def email(self) -> str:
        """Unique."""
        return f"q.{self.number}@{HOST}"

    @property
    def body(self) -> dict[str, str]:
        """All that the providers are asked by."""
        return {
            "fullName": self.name,
            "companyWebsite": HOST,
            "email": self.email,
            "jobTitle": TITLE,
        }


def people_file(people: list[Person]) -> str:
    """The text of a file over these people."""
    text = io.StringIO()
    rows = [[*person.name.split(), person.email, TITLE, "US", HOST] for person in people]
    header = ["firstName", "lastName", "email", "jobTitle", "countryCode", "companyWebsite"]
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()
