"""What should have come of every person, told from the providers' books alone: no code of leadgen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import phonenumbers

from tests.e2e.people import Person
from tests.e2e.processes import PROVIDERS, SEED

TRIES = 3
"""So often a question is sent whose answer is an error that costs nothing."""

_FAILURES = {"error", "busy"}
Call = Mapping[str, Any]


@dataclass(frozen=True)
class Expected:
    """How a search should have ended, and what it should have cost."""

    state: str
    phone: str | None
    provider: str | None
    charged_micros: int


def digest(provider: str, person: Person) -> str:
    """The name under which the books keep a question."""
    name = f"{' '.join(person.name.casefold().split())}\x1f{person.website}"
    identity = name if provider == "orion" else person.email
    return blake2b(f"{SEED}\x1f{provider}\x1f{identity}".encode(), digest_size=40).digest()[:8].hex()


def by_person(calls: Sequence[Call], people: Sequence[Person]) -> dict[str, list[Call]]:
    """Each person's calls in the order in which they came; fails when one is about nobody."""
    owners = {(name, digest(name, person)): person.name for person in people for name in PROVIDERS}
    found: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        found[owners[call["provider"], call["question"]]].append(call)
    return found


def expect(person: Person, truth: Mapping[str, Any], calls: Sequence[Call]) -> Expected:
    """What the calls about a person should have led to; fails when another call should have been made."""
    if person.phone:
        assert not calls, f"{person.name} has a number and was asked about"
        return Expected("found", person.phone, "import", 0)
    left = list(calls)
    prevented = False
    for provider in PROVIDERS:
        if not person.has_inputs_of(provider):
            continue
        outcomes = _take(left, provider)
        assert outcomes, f"{provider} was not asked about {person.name}"
        last = outcomes[-1]
        assert set(outcomes[:-1]) <= _FAILURES, (person.name, provider, outcomes)
        if last in _FAILURES:
            assert len(outcomes) == TRIES, (person.name, provider, outcomes)
        prevented = prevented or last in _FAILURES or last == "garbage"
        if last in {"hit", "miss"}:
            assert truth[provider]["hit"] is (last == "hit")
        phone = reading(provider, truth[provider], person) if last == "hit" else None
        if phone:
            assert not left, f"asked about {person.name} after {provider} gave a number: {left}"
            return Expected("found", phone, provider, _charged(calls))
    assert not left, f"asked about {person.name} out of turn: {left}"
    return Expected("incomplete" if prevented else "not_found", None, None, _charged(calls))


def reading(provider: str, truth: Mapping[str, Any], person: Person) -> str | None:
    """The number behind ten bare digits: Nimbus names the country, else the person's decides."""
    country = truth["country"] if provider == "nimbus" else person.country
    if country is None:
        return None
    number = phonenumbers.parse(truth["national"], country)
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _take(left: list[Call], provider: str) -> list[str]:
    outcomes = []
    while left and left[0]["provider"] == provider:
        outcomes.append(left.pop(0)["outcome"])
    return outcomes


def _charged(calls: Sequence[Call]) -> int:
    return sum(call["charged_micros"] for call in calls)
