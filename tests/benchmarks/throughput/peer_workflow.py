"""A workflow per lead with an activity per provider, as one would write it first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import httpx2
from temporalio import activity, workflow

from tests.benchmarks.throughput.people import Person
from tests.benchmarks.throughput.questions import Question, ask

ORDER = ("orion", "astra", "nimbus")
_TIMEOUT = timedelta(seconds=30)


@workflow.defn(name="FindOnePhone")
class FindOnePhone:
    """Asks one provider after the other."""

    @workflow.run
    async def run(self, person: Person) -> bool:
        """Whether one of them knew a number."""
        for provider in ORDER:
            is_found: bool = await workflow.execute_activity(
                f"ask_{provider}", person, start_to_close_timeout=_TIMEOUT, result_type=bool
            )
            if is_found:
                return True
        return False


class Asking:
    """The three activities."""

    def __init__(self, client: httpx2.AsyncClient, asked: Mapping[str, Question]) -> None:
        self._client = client
        self._asked = asked

    @activity.defn(name="ask_orion")
    async def ask_orion(self, person: Person) -> bool:
        """Whether Orion knows the number."""
        return await self._ask("orion", person)

    @activity.defn(name="ask_astra")
    async def ask_astra(self, person: Person) -> bool:
        """Whether Astra does."""
        return await self._ask("astra", person)

    @activity.defn(name="ask_nimbus")
    async def ask_nimbus(self, person: Person) -> bool:
        """Whether Nimbus does."""
        return await self._ask("nimbus", person)

    async def _ask(self, provider: str, person: Person) -> bool:
        question = self._asked[provider]
        body = question.body(person)
        return body is not None and bool(await ask(self._client, question, body))
