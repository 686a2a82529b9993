"""The activity of upkeep."""

from __future__ import annotations

from temporalio import activity

from leadgen.application.mend_jobs import MendJobs
from leadgen.workflows.failures import as_failures
from leadgen.workflows.upkeep.payloads import UpkeepResult


class UpkeepActivities:
    """Invokes ``MendJobs``."""

    def __init__(self, mend_jobs: MendJobs) -> None:
        self._mend_jobs = mend_jobs

    @activity.defn(name="mend_jobs")
    async def mend_jobs(self) -> UpkeepResult:
        """Starts orphaned jobs, closes jobs whose workflow was terminated."""
        with as_failures():
            mended = await self._mend_jobs.run()
        return UpkeepResult(mended.started, mended.closed)
