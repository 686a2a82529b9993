"""The activities of a bulk job."""

from __future__ import annotations

from temporalio import activity

from leadgen.application.end_job import EndJob
from leadgen.application.look_at_job import LookAtJob
from leadgen.application.plan_job import PlanJob
from leadgen.application.run_chunk import RunChunk
from leadgen.domain.money import usd
from leadgen.workflows.failures import as_failures
from leadgen.workflows.find_phones.payloads import (
    ChunkInput,
    ChunkProgress,
    EndInput,
    FindPhonesResult,
    LookInput,
    LookReport,
    PlanInput,
    PlanReport,
)
from leadgen.workflows.heartbeats import attempt, faults_before, heartbeats
from leadgen.workflows.options import FAULTS_UNTIL_CAREFUL


class FindPhonesActivities:
    """Invokes ``PlanJob``, ``RunChunk``, ``LookAtJob`` and ``EndJob``."""

    def __init__(
        self, plan_job: PlanJob, run_chunk: RunChunk, look_at_job: LookAtJob, end_job: EndJob
    ) -> None:
        self._plan_job = plan_job
        self._run_chunk = run_chunk
        self._look_at_job = look_at_job
        self._end_job = end_job

    @activity.defn(name="plan_job")
    async def plan_job(self, order: PlanInput) -> PlanReport:
        """Fixes which leads the job covers."""
        with as_failures():
            plan = await self._plan_job.run(order.account, order.job_id, carrier=_carrier())
        return PlanReport(plan.leads, plan.chunk_leads, plan.account, plan.weight, plan.is_urgent)

    @activity.defn(name="run_chunk")
    async def run_chunk(self, chunk: ChunkInput) -> ChunkProgress:
        """Searches the leads of a stretch; what has failed or died again and again goes on lead by lead."""
        faults = faults_before()
        with as_failures(faults + 1):
            async with heartbeats(faults) as progress:
                report = await self._run_chunk.run(
                    chunk.job_id,
                    start=chunk.start,
                    size=chunk.size,
                    progress=progress,
                    is_careful=faults >= FAULTS_UNTIL_CAREFUL,
                )
        return ChunkProgress(report.settled, report.open, report.resume_at, report.wanted)

    @activity.defn(name="look_at_job")
    async def look_at_job(self, order: LookInput) -> LookReport:
        """Tells what is wanted of the job."""
        with as_failures():
            return LookReport(await self._look_at_job.run(order.job_id))

    @activity.defn(name="end_job")
    async def end_job(self, order: EndInput) -> FindPhonesResult:
        """Ends the job and says what came of it."""
        async with attempt():
            report = await self._end_job.run(order.job_id, carrier=_carrier())
        return FindPhonesResult(
            job_id=report.job.id,
            status=report.job.status.value,
            leads=report.leads,
            found=report.found,
            not_found=report.not_found,
            incomplete=report.incomplete,
            failed=report.failed,
            cost_usd=usd(report.cost_micros),
        )


def _carrier() -> str:
    """The workflow that carries the job out."""
    return activity.info().workflow_id or ""
