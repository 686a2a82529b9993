"""Jobs as Temporal workflows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    WorkflowExecutionStatus,
)
from temporalio.common import Priority, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from leadgen.adapters.temporal.connection import BULK, INTERACTIVE, REMEDY
from leadgen.application.background import heard
from leadgen.application.ports.account_repository import IAccountRepository
from leadgen.application.ports.job_runner import IJobRunner, RunState
from leadgen.domain.errors import ServiceUnavailable
from leadgen.domain.job import Job

_UPKEEP_EVERY = timedelta(minutes=1)
_CHECK = timedelta(seconds=3)
_POLLED_WITHIN = timedelta(seconds=75)
"""A worker that waits asks again after a minute at the latest."""

_TRUST_SECONDS = 1.0
"""So long a server that has answered is taken to be there; a job that it then misses is started by Upkeep."""


class TemporalJobRunner(IJobRunner):
    """One workflow of type ``FindPhones`` per job, under an id made from the job's."""

    def __init__(
        self, connect: Callable[[], Awaitable[Client]], task_queue: str, accounts: IAccountRepository
    ) -> None:
        self._connect = connect
        self._task_queue = task_queue
        self._accounts = accounts
        self._answered_at = float("-inf")
        self._look: asyncio.Task[None] | None = None

    async def check(self) -> None:
        """See IJobRunner; many who ask at once share one look, which holds for a moment."""
        if time.monotonic() - self._answered_at < _TRUST_SECONDS:
            return
        if self._look is None:
            self._look = asyncio.create_task(self._ask())
            self._look.add_done_callback(self._looked)
        await asyncio.shield(self._look)

    async def _ask(self) -> None:
        asked_at = time.monotonic()
        async with self._client() as client:
            await client.service_client.check_health(timeout=_CHECK)
        self._answered_at = asked_at

    def _looked(self, look: asyncio.Task[None]) -> None:
        self._look = None
        heard(look)

    async def start(self, job: Job) -> None:
        """See IJobRunner."""
        weight = (await self._accounts.tier(job.account)).weight
        key = BULK if job.scope.lead_id is None else INTERACTIVE
        priority = Priority(priority_key=key, fairness_key=job.account, fairness_weight=weight)
        async with self._client() as client:
            try:
                await client.start_workflow(
                    "FindPhones",
                    {"job_id": job.id, "account": job.account},
                    id=_carrier(job),
                    task_queue=self._task_queue,
                    priority=priority,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                )
            except WorkflowAlreadyStartedError:
                return

    async def wake(self, job: Job) -> None:
        """See IJobRunner."""
        async with self._client() as client:
            try:
                await client.get_workflow_handle(_carrier(job)).signal("wake")
            except RPCError as error:
                if error.status != RPCStatusCode.NOT_FOUND:
                    raise

    async def state(self, job: Job) -> RunState:
        """See IJobRunner."""
        async with self._client() as client:
            try:
                description = await client.get_workflow_handle(_carrier(job)).describe()
            except RPCError as error:
                if error.status == RPCStatusCode.NOT_FOUND:
                    return RunState.MISSING
                raise
        is_running = description.status == WorkflowExecutionStatus.RUNNING
        return RunState.RUNNING if is_running else RunState.ENDED

    async def has_workers(self) -> bool:
        """See IJobRunner."""
        async with self._client() as client:
            queue = await client.workflow_service.describe_task_queue(
                DescribeTaskQueueRequest(
                    namespace=client.namespace,
                    task_queue=TaskQueue(name=self._task_queue),
                    task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
                )
            )
        lately = datetime.now(UTC) - _POLLED_WITHIN  # the server remembers those that are gone for minutes
        return any(each.last_access_time.ToDatetime(UTC) > lately for each in queue.pollers)

    async def keep_up(self) -> None:
        """See IJobRunner."""
        name = f"upkeep-{self._task_queue}"
        schedule = Schedule(
            action=ScheduleActionStartWorkflow("Upkeep", id=name, task_queue=self._task_queue),
            spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=_UPKEEP_EVERY)]),
            policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
        )
        async with self._client() as client:
            try:
                await client.create_schedule(name, schedule)
            except ScheduleAlreadyRunningError:
                return

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Client]:
        client = await self._connect()
        try:
            yield client
        except RPCError as error:
            self._answered_at = float("-inf")
            address = client.service_client.config.target_host
            raise ServiceUnavailable("Temporal", address, REMEDY) from error


def _carrier(job: Job) -> str:
    return job.carrier or f"find-phones-{job.id}"
