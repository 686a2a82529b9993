"""`/v1/phone-lookups` and `/v1/leads/{id}/phone-lookup`: searches, which spend money."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import Field, StrictBool

from leadgen.application.ports.idempotency_store import Answer
from leadgen.composition import Leadgen
from leadgen.domain.errors import UnknownId
from leadgen.domain.job import JobReport, JobScope
from leadgen.domain.money import MICROS_PER_USD
from leadgen.domain.waterfall import WhenHeld
from leadgen.entrypoints.http.access import JobsRunner
from leadgen.entrypoints.http.documents import JobDocument, PhoneDocument
from leadgen.entrypoints.http.requests import (
    Composed,
    Given,
    IdempotencyKey,
    JsonRoute,
    LeadId,
    checked,
    once,
)

router = APIRouter(prefix="/v1", route_class=JsonRoute, tags=["phone lookups"])

WAIT_SECONDS_MAX = 60
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,4})", re.IGNORECASE | re.ASCII)
Usd = Annotated[float, Field(strict=True, ge=0, le=1_000, allow_inf_nan=False)]


class LookupOrder(Given):
    """Which leads to find the numbers of: all that have none, or one."""

    lead_id: Annotated[str, Field(max_length=64)] | None = None
    again: StrictBool = Field(default=False, description="Also those for which nothing was found.")
    when_held: WhenHeld = WhenHeld.WAIT
    budget_usd: Usd | None = Field(default=None, description="Spend no more than this.")


@router.post("/phone-lookups", status_code=202, response_model=JobDocument)
async def order_job(
    request: Request,
    key: JobsRunner,
    leadgen: Composed,
    order: LookupOrder,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Find the numbers of all leads that have none, as a job (202)."""
    lead_id = None if order.lead_id is None else checked("lead", order.lead_id)
    scope = JobScope(lead_id, order.again)
    budget_micros = None if order.budget_usd is None else round(order.budget_usd * MICROS_PER_USD)

    async def work(subject: str | None) -> Answer:
        job = await leadgen.order_job.run(
            key.account, scope, order.when_held, budget_micros=budget_micros, job_id=subject
        )
        report = await reported(leadgen, job.id)
        return Answer(202, JobDocument.of(report).model_dump_json(), f"/v1/jobs/{job.id}")

    return await once(request, key, idempotency_key, order.model_dump_json(), work)


@router.post(
    "/leads/{lead_id}/phone-lookup",
    response_model=PhoneDocument,
    responses={202: {"model": PhoneDocument, "description": "It goes on: look at Location."}},
)
async def look_up_phone(
    *,
    request: Request,
    key: JobsRunner,
    leadgen: Composed,
    lead_id: LeadId,
    prefer: Annotated[str | None, Header(description="`wait=N`: seconds to wait for the end.")] = None,
    wait_seconds: Annotated[int | None, Query(ge=0, le=WAIT_SECONDS_MAX)] = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Find the number of one lead; 200 when the search has ended in time, else 202 with where to look."""
    wait = _wait_of(prefer) if wait_seconds is None else wait_seconds

    async def work(_subject: str | None) -> Answer:
        found = await leadgen.look_up_phone.run(key.account, lead_id, wait_seconds=wait)
        return Answer(200 if found.has_ended else 202, str(int(found.has_ended)), f"/v1/leads/{lead_id}")

    async def shown(has_ended: str) -> str:
        line = await leadgen.leads.get(key.account, lead_id)
        if line is None:
            raise UnknownId("lead", lead_id)
        return PhoneDocument.of(line, has_ended=has_ended == "1").model_dump_json()

    response = await once(request, key, idempotency_key, str(wait), work, shown=shown)
    if prefer is not None and wait_seconds is None and _WAIT.search(prefer):
        response.headers["Preference-Applied"] = f"wait={wait}"
    return response


async def reported(leadgen: Leadgen, job_id: str) -> JobReport:
    """What came so far of a job that is known to be the caller's."""
    report = await leadgen.jobs.report(job_id)
    if report is None:
        raise UnknownId("job", job_id)
    return report


def _wait_of(prefer: str | None) -> int:
    """The seconds of a ``Prefer: wait=N`` (RFC 7240), none where there is no such wish."""
    match = _WAIT.search(prefer or "")
    return min(int(match[1]), WAIT_SECONDS_MAX) if match else 0
