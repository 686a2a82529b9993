"""Invented people whom every provider can be asked about: a CSV for leadgen, the same for everybody else."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.people import FIRST, LAST

HEADER = ("firstName", "lastName", "email", "jobTitle", "countryCode", "companyName", "companyWebsite")
COLLEAGUES = 10
"""So many people share a company."""

Person = dict[str, str]
"""The four inputs of the providers: fullName, companyWebsite, email, jobTitle."""


def write_people(path: Path, count: int, mark: str = "") -> Path:
    """Writes so many people, row by row; other marks, other people."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for number in range(count):
            first, last = FIRST[number % len(FIRST)], LAST[number // len(FIRST) % len(LAST)]
            company = f"{mark}works{number // COLLEAGUES}"
            website = f"https://www.{company}.example"
            email = f"{first}.{last}{number}@{company}.example".lower()
            writer.writerow([first, f"{last} {number}", email, "CTO", "US", company, website])
    return path


def read_people(path: Path) -> Iterator[Person]:
    """What the providers are asked by, of everybody in the file."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield {
                "fullName": f"{row['firstName']} {row['lastName']}",
                "companyWebsite": row["companyWebsite"].removeprefix("https://www."),
                "email": row["email"],
                "jobTitle": row["jobTitle"],
            }
