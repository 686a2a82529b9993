"""The activity of upkeep."""

from __future__ import annotations

from temporalio import activity

from leadgen.application.mend_jobs import MendJobs
from leadgen.application.settle_unknown import SettleUnknown
from leadgen.application.start_deliveries import StartDeliveries
from leadgen.workflows.failures import as_failures
from leadgen.workflows.heartbeats import heartbeats
from leadgen.workflows.upkeep.payloads import SettleResult, StartResult, UpkeepResult


class UpkeepActivities:
    """Invokes ``MendJobs``, ``SettleUnknown`` and ``StartDeliveries``."""

    def __init__(
        self, mend_jobs: MendJobs, settle_unknown: SettleUnknown, start_deliveries: StartDeliveries
    ) -> None:
        self._mend_jobs = mend_jobs
        self._settle_unknown = settle_unknown
        self._start_deliveries = start_deliveries

    @activity.defn(name="mend_jobs")
    async def mend_jobs(self) -> UpkeepResult:
        """Starts orphaned jobs, closes jobs whose workflow was terminated, wakes those of which something
        else is wanted.
        """
        with as_failures():
            mended = await self._mend_jobs.run()
        return UpkeepResult(mended.started, mended.closed, jobs_woken=mended.woken)

    @activity.defn(name="settle_unknown")
    async def settle_unknown(self) -> SettleResult:
        """Closes the intents of dead workers, finds answers that were lost."""
        with as_failures():
            async with heartbeats():
                settled = await self._settle_unknown.run()
        return SettleResult(settled.abandoned, settled.found)

    @activity.defn(name="start_deliveries")
    async def start_deliveries(self) -> StartResult:
        """Has webhooks delivered that wait for it."""
        with as_failures():
            return StartResult(await self._start_deliveries.run())
