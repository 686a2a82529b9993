"""`/v1/jobs`: looking at jobs, pausing, resuming and cancelling them."""

from __future__ import annotations

from operator import attrgetter
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from leadgen.application.wishes import Wish
from leadgen.composition import Leadgen
from leadgen.domain.job import JobStatus
from leadgen.domain.money import MICROS_PER_USD
from leadgen.entrypoints.http.access import JobsReader, JobsRunner
from leadgen.entrypoints.http.documents import JobDocument, JobPage, JobStoryDocument
from leadgen.entrypoints.http.lookups import Usd, reported
from leadgen.entrypoints.http.paging import Cursor, Limit, page_of, place_of
from leadgen.entrypoints.http.requests import Composed, Given, JobId, JsonRoute

router = APIRouter(prefix="/v1", route_class=JsonRoute, tags=["jobs"])


class Continuation(Given):
    """How to go on with a job."""

    budget_usd: Usd | None = Field(default=None, description="What it may cost from now on, all in all.")


@router.get("/jobs")
async def list_jobs(
    key: JobsReader,
    leadgen: Composed,
    limit: Limit = 20,
    cursor: Cursor = "",
    status: Annotated[JobStatus | None, Query()] = None,
) -> JobPage:
    """List jobs, the newest first."""
    about = ("jobs", key.account, status)
    reports = await leadgen.jobs.page(
        key.account, after=place_of(cursor, *about), limit=limit + 1, status=status
    )
    shown, following = page_of(reports, limit, attrgetter("job.id"), *about)
    return JobPage(jobs=[JobDocument.of(report) for report in shown], next=following)


@router.get("/jobs/{job_id}")
async def get_job(key: JobsReader, leadgen: Composed, job_id: JobId) -> JobStoryDocument:
    """Get what came of a job."""
    return JobStoryDocument.of_story(await leadgen.show_job.run(key.account, job_id))


@router.post("/jobs/{job_id}/pause")
async def pause_job(key: JobsRunner, leadgen: Composed, job_id: JobId) -> JobDocument:
    """Have a job ask nothing more until it is resumed; what is under way is booked."""
    return await _document(leadgen, await leadgen.pause_job.run(key.account, job_id))


@router.post("/jobs/{job_id}/resume")
async def resume_job(
    key: JobsRunner, leadgen: Composed, job_id: JobId, how: Continuation | None = None
) -> JobDocument:
    """Go on with a job that is paused or out of money; what it has paid for is not asked again."""
    budget_usd = how.budget_usd if how else None
    budget_micros = None if budget_usd is None else round(budget_usd * MICROS_PER_USD)
    await leadgen.require_provider.run()
    wish = await leadgen.continue_job.run(key.account, job_id, budget_micros=budget_micros)
    return await _document(leadgen, wish)


@router.post("/jobs/{job_id}/cancel")
async def cancel_job(key: JobsRunner, leadgen: Composed, job_id: JobId) -> JobDocument:
    """End a job for good; what is under way is booked, and the numbers it has found stay."""
    return await _document(leadgen, await leadgen.cancel_job.run(key.account, job_id))


async def _document(leadgen: Leadgen, wish: Wish) -> JobDocument:
    return JobDocument.of(await reported(leadgen, wish.job.id))
