"""Segments: kinds of leads of which providers know more or less."""

from __future__ import annotations

import functools
import re
from enum import StrEnum

from leadgen.domain.lead import Input, Question
from leadgen.domain.mail import company_host

_CHIEFS = re.compile(
    r"\b(c[efimorst]o|chief|founder|co-?founder|owner|partner|(?<!vice )president|geschäftsführer(in)?|ceo)\b"
)
_MANAGERS = re.compile(r"\b(vp|vice president|head|director|manager|lead|leiter(in)?|directeur|directrice)\b")
_LETTERS = {Input.EMAIL: "e", Input.FULL_NAME: "n", Input.WEBSITE: "w", Input.JOB_TITLE: "t"}


class TitleBand(StrEnum):
    """How high somebody stands, as far as a job title tells."""

    CHIEF = "chief"
    MANAGER = "manager"
    STAFF = "staff"
    UNTITLED = "untitled"


class MailKind(StrEnum):
    """Whose the mail domain is."""

    COMPANY = "company"
    FREE = "free"
    NONE = "no-mail"


@functools.lru_cache(maxsize=1024)
def segment_of(question: Question) -> str:
    """The segment of a lead as one word a trait: country, title band, kind of mail domain, inputs.

    Such as ``US chief company entw``; it names nobody.
    """
    inputs = "".join(letter for name, letter in _LETTERS.items() if name in question.inputs)
    traits = (question.country or "--", title_band(question.job_title), mail_kind(question.email))
    return " ".join((*traits, inputs or "-"))


def title_band(title: str | None) -> TitleBand:
    """The band of a job title; the highest word in it counts."""
    text = (title or "").casefold()
    if not text.strip():
        return TitleBand.UNTITLED
    if _CHIEFS.search(text):
        return TitleBand.CHIEF
    return TitleBand.MANAGER if _MANAGERS.search(text) else TitleBand.STAFF


def mail_kind(email: str | None) -> MailKind:
    """Whose the domain of a normal address is."""
    if email is None:
        return MailKind.NONE
    return MailKind.COMPANY if company_host(email) else MailKind.FREE
