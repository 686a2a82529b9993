"""Rows to domain values and back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Protocol

from leadgen.domain.job import Job, JobEvent, JobScope, JobStatus, Wanted
from leadgen.domain.lead import EndState, Lead, Profile
from leadgen.domain.lead_row import FIELD_HEADERS
from leadgen.domain.lookup import Lookup, LookupState
from leadgen.domain.ordering import Order
from leadgen.domain.phone import LineType, PhoneNumber, WantedLine
from leadgen.domain.provider import Fault, Hit, Miss, NotSent, Outcome, Rejected, Unknown
from leadgen.domain.search_options import SearchOptions, Strategy
from leadgen.domain.selection import Refusal
from leadgen.domain.waterfall import Find, WhenHeld

_IDENTITY_CHARACTERS_MAX = 500

_PHONE = ("phone", "phone_country", "phone_line")
OUTCOME = ("outcome", "fault", "detail", "raw", *_PHONE)
CLOSING = ("state", "settled_at", "posted_micros", "estimated_micros", "took_millis", *OUTCOME)
"""What an answer changes of an open lookup, of which nothing stays held."""


class Row(Protocol):
    """Anything that gives a column by its name."""

    def __getitem__(self, name: str, /) -> Any:
        """The value of a column."""


def _phone_values(phone: PhoneNumber | None) -> tuple[str | None, str | None, str | None]:
    return (None, None, None) if phone is None else (phone.e164, phone.country, phone.line.value)


def phone_columns(phone: PhoneNumber | None) -> dict[str, str | None]:
    """A number as its three columns."""
    return dict(zip(_PHONE, _phone_values(phone), strict=True))


def phone_of(row: Row) -> PhoneNumber | None:
    """The number in a row."""
    return (
        PhoneNumber(row["phone"], row["phone_country"], LineType(row["phone_line"])) if row["phone"] else None
    )


def find_column(find: Find | None) -> dict[str, str | None] | None:
    """A number and who had it, as one column."""
    return None if find is None else {**phone_columns(find.phone), "provider": find.provider}


def refusals_column(refusals: Sequence[Refusal]) -> list[dict[str, Any]]:
    """Who was not asked, as one column."""
    return [
        {"provider": each.provider, "reason": each.reason, "prevents": each.prevents, "over": each.over}
        for each in refusals
    ]


def options_column(options: SearchOptions) -> dict[str, Any]:
    """How a job searches, as one column."""
    return {
        "strategy": options.strategy.value,
        "hedge_after_seconds": options.hedge_after_seconds,
        "grace_seconds": options.grace_seconds,
        "line": options.line.value,
        "max_price_micros": options.max_price_micros,
        "fresh": options.fresh,
    }


def options_of(column: dict[str, Any]) -> SearchOptions:
    """How a job searches; as usual where it is older than the choice."""
    given = dict(column)
    if "strategy" in given:
        given["strategy"] = Strategy(given["strategy"])
    if "line" in given:
        given["line"] = WantedLine(given["line"])
    return SearchOptions(**given)


def profile_columns(profile: Profile) -> dict[str, Any]:
    """A profile, and the identity that it has, as columns."""
    known = {name: getattr(profile, name) for name in FIELD_HEADERS}
    return {**known, "extra": dict(profile.extra), "identity": identity_of(profile)}


def identity_of(profile: Profile) -> str | None:
    """What makes two rows one person, as an index takes it: a long one stands there as its hash."""
    identity = profile.identity
    if identity is None or len(identity) <= _IDENTITY_CHARACTERS_MAX:
        return identity
    return f"sha256:{hashlib.sha256(identity.encode()).hexdigest()}"


def profile_of(row: Row) -> Profile:
    """The profile in a row."""
    return Profile(**{name: row[name] for name in FIELD_HEADERS}, extra=row["extra"])


def lead_of(row: Row) -> Lead:
    """The lead in a row."""
    second = row["second_best"]
    return Lead(
        id=row["id"],
        account=row["account_id"],
        profile=profile_of(row),
        phone=phone_of(row),
        phone_provider=row["phone_provider"],
        phone_status=EndState(row["phone_status"]) if row["phone_status"] else None,
        second_phone=phone_of(second) if second else None,
        second_phone_provider=second["provider"] if second else None,
        question_version=row["question_version"],
    )


def job_of(row: Row) -> Job:
    """The job in a row."""
    wanted = Wanted(row["wanted"])
    return Job(
        id=row["id"],
        account=row["account_id"],
        scope=JobScope(
            row["lead_id"],
            row["again"],
            only=EndState(row["only_state"]) if row["only_state"] else None,
            of_job=row["of_job_id"],
        ),
        status=JobStatus(row["status"]).under(wanted),
        created_at=row["created_at"],
        ended_at=row["ended_at"],
        carrier=row["carrier"],
        when_held=WhenHeld(row["when_held"]),
        wanted=wanted,
        wanted_at=row["wanted_at"],
        idle_seconds=row["idle_seconds"],
        order=Order(row["ordering"]),
        panel=row["panel"],
        options=options_of(row["options"]),
    )


def event_of(row: Row) -> JobEvent:
    """The event in a row."""
    kind: type[JobStatus | EndState] = EndState if row["lead_id"] else JobStatus
    return JobEvent(row["number"], row["created_at"], kind(row["status"]), row["lead_id"])


def lookup_columns(lookup: Lookup) -> dict[str, Any]:
    """A lookup as columns."""
    return {
        "key": lookup.key,
        "account_id": lookup.account,
        "lead_id": lookup.lead_id,
        "job_id": lookup.job_id,
        "question": lookup.question,
        "provider": lookup.provider,
        "n": lookup.n,
        "state": lookup.state.value,
        "owner": lookup.owner,
        "lease_until": lookup.lease_until,
        "created_at": lookup.created_at,
        "settled_at": lookup.settled_at,
        "held_micros": lookup.held_micros,
        "posted_micros": lookup.posted_micros,
        "estimated_micros": lookup.estimated_micros,
        "repeats": lookup.repeats,
        "position": lookup.position,
        "reason": lookup.reason or None,
        "took_millis": _took_millis(lookup),
        **outcome_columns(lookup.outcome),
    }


def lookup_of(row: Row) -> Lookup:
    """The lookup in a row."""
    return Lookup(
        key=row["key"],
        account=row["account_id"],
        lead_id=row["lead_id"],
        job_id=row["job_id"],
        question=row["question"],
        provider=row["provider"],
        n=row["n"],
        state=LookupState(row["state"]),
        owner=row["owner"],
        lease_until=row["lease_until"],
        created_at=row["created_at"],
        settled_at=row["settled_at"],
        held_micros=row["held_micros"],
        posted_micros=row["posted_micros"],
        estimated_micros=row["estimated_micros"],
        outcome=_outcome_of(row),
        repeats=row["repeats"],
        position=row["position"],
        reason=row["reason"] or "",
        took_seconds=None if row["took_millis"] is None else row["took_millis"] / 1_000,
    )


def day_of(micros: int) -> date:
    """The day, in UTC, of a moment of the database's clock."""
    return datetime.fromtimestamp(micros / 1_000_000, UTC).date()


def outcome_columns(outcome: Outcome | None) -> dict[str, Any]:
    """An outcome as columns, all but the pause that a provider asked for."""
    return dict(zip(OUTCOME, outcome_values(outcome), strict=True))


def outcome_values(outcome: Outcome | None) -> tuple[str | None, ...]:
    """An outcome as the values of the columns ``OUTCOME``."""
    match outcome:
        case Hit(phone, raw):
            return ("hit", None, None, _storable(raw), *_phone_values(phone))
        case Miss():
            return ("miss", None, None, None, None, None, None)
        case Rejected(fault, detail):
            return ("rejected", fault.value, _storable(detail), None, None, None, None)
        case NotSent(detail):
            return ("not_sent", None, _storable(detail), None, None, None, None)
        case Unknown(detail):
            return ("unknown", None, _storable(detail), None, None, None, None)
        case None:
            return (None,) * len(OUTCOME)


def closing_values(lookup: Lookup) -> list[Any]:
    """What an answer changes of an open lookup, as the values of the columns ``CLOSING``."""
    costs, took = (lookup.posted_micros, lookup.estimated_micros), _took_millis(lookup)
    return [lookup.state.value, lookup.settled_at, *costs, took, *outcome_values(lookup.outcome)]


def _took_millis(lookup: Lookup) -> int | None:
    return None if lookup.took_seconds is None else round(lookup.took_seconds * 1_000)


def _storable(text: str) -> str:
    """The text without what text columns do not take: NUL, and halves of characters."""
    if text.isprintable() and text.isascii():
        return text
    return text.replace("\x00", "").encode(errors="replace").decode()


def _outcome_of(row: Row) -> Outcome | None:
    match row["outcome"]:
        case "hit":
            return Hit(phone_of(row), row["raw"])
        case "miss":
            return Miss()
        case "rejected":
            return Rejected(Fault(row["fault"]), row["detail"])
        case "not_sent":
            return NotSent(row["detail"])
        case "unknown":
            return Unknown(row["detail"])
        case _:
            return None
