"""The three providers as a script asks them: one POST with the library's own method, nothing around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.benchmarks.throughput.people import Person
from tests.e2e.processes import KEY


@dataclass(frozen=True, slots=True)
class Question:
    """Where a provider is asked, by which inputs, and how its number is read."""

    provider: str
    url: str
    headers: Mapping[str, str]
    needs: tuple[str, ...]
    number: Callable[[Mapping[str, Any]], object]

    def body(self, person: Person) -> Person | None:
        """The inputs, or None when one is missing."""
        found = {name: person[name] for name in self.needs if person[name]}
        return found if len(found) == len(self.needs) else None


def questions(world: str) -> list[Question]:
    """The three providers of a world, in the order in which leadgen asks them."""
    return [
        Question(
            "orion",
            f"{world}/orion",
            {"x-auth-me": KEY},
            ("fullName", "companyWebsite"),
            lambda answer: answer.get("phone"),
        ),
        Question(
            "astra", f"{world}/astra", {"apiKey": KEY}, ("email",), lambda answer: answer.get("phoneNmbr")
        ),
        Question(
            "nimbus",
            f"{world}/nimbus?api={KEY}",
            {},
            ("email", "jobTitle"),
            lambda answer: answer.get("number") or answer.get("phoneNmbr"),
        ),
    ]


async def ask(client: httpx2.AsyncClient, question: Question, body: Person) -> object:
    """The number, or something false; raises what httpx2 raises, for a refusal too."""
    response = await client.post(question.url, json=body, headers=question.headers)
    response.raise_for_status()
    return question.number(response.json())
