"""Lead: a person at a company, whose identity is what merges, and whose question is what is paid for."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from leadgen.domain.country import read_country
from leadgen.domain.mail import company_host, normal_email
from leadgen.domain.phone import PhoneNumber
from leadgen.domain.text import fold
from leadgen.domain.value import value
from leadgen.domain.website import bare_host

FROM_FILE = "import"
"""In the place of a provider's name: the number came with the lead."""


class EndState(StrEnum):
    """How the search for a lead's number ended."""

    FOUND = "found"
    NOT_FOUND = "not_found"
    INCOMPLETE = "incomplete"
    FAILED = "failed"


class Input(StrEnum):
    """What a provider may need to be asked about a lead."""

    EMAIL = "email"
    FULL_NAME = "full_name"
    WEBSITE = "website"
    JOB_TITLE = "job_title"


@value(frozen=True)
class Question:
    """What providers are asked about: the same question is paid for once."""

    email: str | None
    full_name: str | None
    website: str | None
    job_title: str | None
    country: str | None

    @functools.cached_property
    def digest(self) -> str:
        """Identifies the question: a hash of normalised e-mail, full name and website."""
        parts = (self.email or "", fold(self.full_name or ""), self.website or "")
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()

    @functools.cached_property
    def inputs(self) -> frozenset[Input]:
        """Which inputs are there."""
        return frozenset(name for name in Input if getattr(self, name.value))


@value(frozen=True)
class Profile:
    """What files told about a person: the fields that leadgen knows, empty where unknown, and all others."""

    email: str = ""
    first_name: str = ""
    last_name: str = ""
    job_title: str = ""
    country_code: str = ""
    company_name: str = ""
    company_website: str = ""
    linkedin_url: str = ""
    years_in_role: str = ""
    phone_number: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def website(self) -> str | None:
        """The company's bare host: as given, else that of a corporate e-mail address, never invented."""
        address = normal_email(self.email)
        return bare_host(self.company_website) or (company_host(address) if address else None)

    @functools.cached_property
    def identity(self) -> str | None:
        """What makes two rows one person: the e-mail, else name and company; None where neither is there."""
        if address := normal_email(self.email):
            return f"email:{address}"
        company = self.website or fold(self.company_name)
        return f"name:{fold(self.full_name)}|{company}" if self.full_name and company else None

    @functools.cached_property
    def question(self) -> Question:
        """What to ask providers about this person."""
        return Question(
            email=normal_email(self.email),
            full_name=self.full_name or None,
            website=self.website,
            job_title=self.job_title or None,
            country=read_country(self.country_code),
        )

    def merged_with(self, newer: Profile) -> Profile:
        """This profile with the values of ``newer``; an empty one never replaces one that is there."""
        known = {name: getattr(newer, name) or getattr(self, name) for name in _TOLD}
        filled = {name: value for name, value in newer.extra.items() if value}
        return Profile(**known, extra={**newer.extra, **self.extra, **filled})


_TOLD = tuple(each.name for each in dataclasses.fields(Profile) if each.name != "extra")


@value(frozen=True, slots=True)
class Lead:
    """A person of an account, with the number once one is known."""

    id: str
    account: str
    profile: Profile
    phone: PhoneNumber | None = None
    phone_provider: str | None = None
    phone_status: EndState | None = None
    """None until a search has ended."""
    second_phone: PhoneNumber | None = None
    """A number of another line than was wanted, while there is none of that."""
    second_phone_provider: str | None = None
    question_version: int = 0
    """How often its question has become another one: what was asked under another version is not its own."""
