"""The activities of upkeep."""

from __future__ import annotations

from temporalio import activity

from leadgen.application.mend_jobs import MendJobs
from leadgen.application.prune_deliveries import PruneDeliveries
from leadgen.application.settle_unknown import SettleUnknown
from leadgen.application.start_deliveries import StartDeliveries
from leadgen.workflows.failures import as_failures
from leadgen.workflows.heartbeats import attempt
from leadgen.workflows.upkeep.payloads import PruneResult, SettleResult, StartResult, UpkeepResult


class UpkeepActivities:
    """Invokes ``MendJobs``, ``SettleUnknown``, ``StartDeliveries`` and ``PruneDeliveries``."""

    def __init__(
        self,
        mend_jobs: MendJobs,
        settle_unknown: SettleUnknown,
        start_deliveries: StartDeliveries,
        prune_deliveries: PruneDeliveries,
    ) -> None:
        self._mend_jobs = mend_jobs
        self._settle_unknown = settle_unknown
        self._start_deliveries = start_deliveries
        self._prune_deliveries = prune_deliveries

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
        async with attempt():
            settled = await self._settle_unknown.run()
        return SettleResult(settled.abandoned, settled.found)

    @activity.defn(name="start_deliveries")
    async def start_deliveries(self) -> StartResult:
        """Has webhooks delivered that wait for it."""
        with as_failures():
            return StartResult(await self._start_deliveries.run())

    @activity.defn(name="prune_deliveries")
    async def prune_deliveries(self) -> PruneResult:
        """Removes webhooks that arrived, or were given up, long ago."""
        with as_failures():
            return PruneResult(await self._prune_deliveries.run())
