"""The workflow of upkeep, which a schedule starts every minute."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from leadgen.workflows import options
    from leadgen.workflows.upkeep.activities import UpkeepActivities
    from leadgen.workflows.upkeep.payloads import UpkeepResult


@workflow.defn(name="Upkeep")
class UpkeepWorkflow:
    """Mends what terminated workflows and dead workers left."""

    @workflow.run
    async def run(self) -> UpkeepResult:
        """What was mended."""
        mended = await workflow.execute_activity_method(
            UpkeepActivities.mend_jobs,
            task_queue=options.interactive_queue(workflow.info().task_queue),
            start_to_close_timeout=options.QUERY_TIMEOUT,
            retry_policy=options.UNTIL_IT_ANSWERS,
        )
        if workflow.patched("start-deliveries"):
            deliveries = await workflow.execute_activity_method(
                UpkeepActivities.start_deliveries,
                task_queue=options.interactive_queue(workflow.info().task_queue),
                start_to_close_timeout=options.QUERY_TIMEOUT,
                retry_policy=options.UNTIL_IT_ANSWERS,
            )
            mended.endpoints_woken = deliveries.endpoints
        if workflow.patched("settle-unknown"):
            settled = await workflow.execute_activity_method(
                UpkeepActivities.settle_unknown,
                task_queue=options.interactive_queue(workflow.info().task_queue),
                start_to_close_timeout=options.SETTLE_TIMEOUT,
                heartbeat_timeout=options.HEARTBEAT_TIMEOUT,
                retry_policy=options.UNTIL_IT_ANSWERS,
            )
            mended.lookups_abandoned, mended.answers_found = settled.abandoned, settled.found
        if workflow.patched("prune-deliveries"):
            pruned = await workflow.execute_activity_method(
                UpkeepActivities.prune_deliveries,
                task_queue=options.interactive_queue(workflow.info().task_queue),
                start_to_close_timeout=options.QUERY_TIMEOUT,
                retry_policy=options.UNTIL_IT_ANSWERS,
            )
            mended.deliveries_pruned = pruned.deliveries
        return mended
