"""The workflow of deliveries: tries what is due, and sleeps until the next try."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from leadgen.workflows import options
    from leadgen.workflows.deliver_webhooks.activities import DeliverWebhooksActivities
    from leadgen.workflows.deliver_webhooks.payloads import (
        DeliverWebhooksInput,
        DeliverWebhooksResult,
        SendInput,
    )
    from leadgen.workflows.failures import fitting

ROUNDS_PER_RUN = 250
"""After so many rounds the workflow goes on in a new run, whose history is empty."""


@workflow.defn(name="DeliverWebhooks")
class DeliverWebhooksWorkflow:
    """Delivers to one endpoint until nothing waits for it."""

    @workflow.init
    def __init__(self, request: DeliverWebhooksInput | Any = None, *others: Any) -> None:
        self._is_woken = False

    @workflow.signal
    def wake(self) -> None:
        """Something new may wait."""
        self._is_woken = True

    @workflow.run
    async def run(self, request: DeliverWebhooksInput | Any = None, *others: Any) -> DeliverWebhooksResult:
        """What came of the deliveries; each of them stands in the database."""
        request = fitting(DeliverWebhooksInput, request, *others)
        if not request.endpoint_id:
            raise ApplicationError('endpoint_id is missing: give {"endpoint_id": "..."}', non_retryable=True)
        for _ in range(ROUNDS_PER_RUN):
            self._is_woken = False  # before it looks: what comes meanwhile may be too late for this round
            report = await workflow.execute_activity_method(
                DeliverWebhooksActivities.send_webhooks,
                SendInput(request.endpoint_id, workflow.now()),
                task_queue=options.interactive_queue(workflow.info().task_queue),
                start_to_close_timeout=options.SETTLE_TIMEOUT,
                heartbeat_timeout=options.HEARTBEAT_TIMEOUT,
                retry_policy=options.UNTIL_IT_ANSWERS,
            )
            request.delivered += report.delivered
            request.dead += report.dead
            if report.resume_at is None and not self._is_woken:
                return DeliverWebhooksResult(request.delivered, request.dead)
            if (
                report.resume_at is not None
                and (wait := report.resume_at - workflow.now()).total_seconds() > 0
            ):
                with suppress(TimeoutError):
                    await workflow.wait_condition(lambda: self._is_woken, timeout=wait)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return workflow.continue_as_new(request)
