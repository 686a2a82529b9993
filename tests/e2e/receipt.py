"""A job and its leads, held against what is true and what the providers booked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.e2e.oracle import by_person, expect
from tests.e2e.people import Person
from tests.e2e.processes import PROVIDERS, Stage


def micros(usd: float) -> int:
    """Dollars as whole micro-dollars."""
    return round(usd * 1_000_000)


def hold_against_the_books(stage: Stage, people: list[Person], job: Mapping[str, Any]) -> dict[str, str]:
    """Checks every lead, and every sum of the job; each person's end state by name."""
    leads = {lead["name"]: lead for lead in stage.leads()}
    assert sorted(leads) == sorted(person.name for person in people)
    calls = by_person(stage.world.calls(), people)
    for person in people:
        lead = leads[person.name]
        expected = expect(person, stage.world.truth(person.body), calls[person.name])
        told = (lead["phone_status"], lead["phone"], lead["phone_provider"], micros(lead["cost_usd"]))
        assert told == (expected.state, expected.phone, expected.provider, expected.charged_micros), person
    asked = [person for person in people if not person.phone]
    states = {person.name: str(leads[person.name]["phone_status"]) for person in asked}
    assert job["leads"] == len(asked)
    for state in ("found", "not_found", "incomplete", "failed"):
        assert job[state] == list(states.values()).count(state), state
    books = stage.world.books()
    assert micros(job["cost_usd"]) == books["totals"]["charged_micros"]
    for name in PROVIDERS:
        spent, book = job["providers"][name], books["providers"][name]
        assert (spent["calls"], micros(spent["cost_usd"])) == (book["calls"], book["charged_micros"]), name
        assert spent["hits"] == sum(leads[person.name]["phone_provider"] == name for person in asked), name
    return states
