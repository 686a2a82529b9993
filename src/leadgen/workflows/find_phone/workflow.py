"""The workflow of a single lead: one activity, again after every long wait."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from leadgen.workflows import options
    from leadgen.workflows.failures import fitting
    from leadgen.workflows.find_phone.activities import FindPhoneActivities
    from leadgen.workflows.find_phone.payloads import FindPhoneInput, FindPhoneResult, SearchInput


@workflow.defn(name="FindPhone")
class FindPhoneWorkflow:
    """Finds the number of one lead."""

    @workflow.run
    async def run(self, request: FindPhoneInput | Any = None, *others: Any) -> FindPhoneResult:
        """The end of the search; the number stands in the database."""
        request = fitting(FindPhoneInput, request, *others)
        if not request.lead_id:
            raise ApplicationError('lead_id is missing: give {"lead_id": "..."}', non_retryable=True)
        search = SearchInput(
            request.lead_id,
            request.account,
            workflow.now(),
            request.strategy,
            request.hedge_after,
            request.grace,
            request.line,
            request.max_price_usd,
            request.fresh,
        )
        while True:
            report = await workflow.execute_activity_method(
                FindPhoneActivities.search_lead,
                search,
                start_to_close_timeout=options.SEARCH_TIMEOUT,
                heartbeat_timeout=options.HEARTBEAT_TIMEOUT,
                retry_policy=options.UNTIL_IT_ANSWERS,
                priority=options.interactive(request.account),
                task_queue=options.interactive_queue(workflow.info().task_queue),
            )
            if report.status is not None or report.resume_at is None:
                return FindPhoneResult(
                    request.lead_id, report.status or "failed", report.provider, report.cost_usd
                )
            await workflow.sleep(max(report.resume_at - workflow.now(), timedelta()))
