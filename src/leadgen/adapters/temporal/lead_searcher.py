"""Searches of single leads as Temporal workflows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.common import Priority, WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from leadgen.adapters.temporal.connection import INTERACTIVE, REMEDY
from leadgen.application.ports.lead_searcher import ILeadSearcher
from leadgen.domain.errors import ServiceUnavailable
from leadgen.domain.search_options import AS_USUAL, SearchOptions, words_of


class TemporalLeadSearcher(ILeadSearcher):
    """One workflow of type ``FindPhone`` at a time per lead, under an id made from the lead's."""

    def __init__(self, connect: Callable[[], Awaitable[Client]], task_queue: str) -> None:
        self._connect = connect
        self._task_queue = task_queue

    async def search(
        self, account: str, lead_id: str, *, wait_seconds: float, options: SearchOptions = AS_USUAL
    ) -> bool:
        """See ILeadSearcher."""
        client = await self._connect()
        try:
            search = await client.start_workflow(
                "FindPhone",
                {"lead_id": lead_id, "account": account, **_words(options)},
                id=_workflow_id(lead_id),
                task_queue=self._task_queue,
                priority=Priority(priority_key=INTERACTIVE, fairness_key=account),
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            )
            if wait_seconds <= 0:
                return False
            async with asyncio.timeout(wait_seconds):
                await search.result()
        except TimeoutError:
            return False
        except WorkflowFailureError:
            return True
        except RPCError as error:
            raise _unavailable(client) from error
        return True

    async def goes_on(self, lead_id: str) -> bool:
        """See ILeadSearcher."""
        client = await self._connect()
        try:
            search = await client.get_workflow_handle(_workflow_id(lead_id)).describe()
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return False
            raise _unavailable(client) from error
        return search.status == WorkflowExecutionStatus.RUNNING


def _workflow_id(lead_id: str) -> str:
    return f"find-phone-{lead_id}"


def _unavailable(client: Client) -> ServiceUnavailable:
    return ServiceUnavailable("Temporal", client.service_client.config.target_host, REMEDY)


def _words(options: SearchOptions) -> dict[str, str | bool]:
    """What `FindPhoneInput` says beside the lead."""
    words = words_of(options)
    return {**words, "max_price_usd": words.pop("max_price")}
