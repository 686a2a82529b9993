"""`/v1/phone-lookups` and `/v1/leads/{id}/phone-lookup`: searches, which spend money."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Request, Response
from fastapi.openapi.models import Example
from pydantic import Field, StrictBool

from leadgen.application.ports.idempotency_store import Answer
from leadgen.composition import Leadgen
from leadgen.domain.errors import UnknownId
from leadgen.domain.job import JobReport, JobStatus
from leadgen.domain.job_order import JobOrder, Only, read_order
from leadgen.domain.ordering import Order
from leadgen.domain.phone import WantedLine
from leadgen.domain.search_options import AS_USUAL, P95, Strategy, read_options
from leadgen.domain.waterfall import WhenHeld
from leadgen.entrypoints.http.access import JobsRunner
from leadgen.entrypoints.http.documents import JobDocument, PhoneDocument
from leadgen.entrypoints.http.requests import (
    Composed,
    Given,
    IdempotencyKey,
    JsonRoute,
    LeadId,
    as_amount,
    checked,
    once,
)

router = APIRouter(prefix="/v1", route_class=JsonRoute, tags=["phone lookups"])

WAIT_SECONDS_MAX = 60
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,4})", re.IGNORECASE | re.ASCII)
Usd = Annotated[float, Field(strict=True, ge=0, le=1_000, allow_inf_nan=False)]
ORDERS: dict[str, Example] = {
    "all": {"summary": "All leads without a number, for 5 dollars at most.", "value": {"budget_usd": 5}},
    "fast": {
        "summary": "Ask the next provider when one is late, for mobile numbers.",
        "value": {"strategy": "hedged", "hedge_after": "500ms", "line": "mobile", "max_price_usd": 0.05},
    },
    "failed": {"summary": "What has failed, once more.", "value": {"only": "failed"}},
}


Moment = Annotated[str, Field(max_length=20)]


class SearchWish(Given):
    """How to search: the words of `leadgen phones find`."""

    strategy: Strategy = Strategy.SEQUENTIAL
    hedge_after: Moment = Field(default=P95, description="With hedged: late after 500ms, or its own p95.")
    grace: Moment = Field(default="", description="So long a number waits for a better-ranked answer: 250ms.")
    line: WantedLine = WantedLine.ANY
    max_price_usd: Usd | None = Field(default=None, description="What a number is worth.")
    fresh: StrictBool = Field(default=False, description="Pay anew for what was answered before.")

    def words(self) -> dict[str, Any]:
        """What `read_options` reads, and `read_order` too."""
        return {
            "strategy": self.strategy,
            "hedge_after": self.hedge_after,
            "grace": self.grace,
            "line": self.line,
            "max_price": "" if self.max_price_usd is None else as_amount(self.max_price_usd),
            "fresh": self.fresh,
        }


class LookupOrder(SearchWish):
    """Which leads to find the numbers of: all that have none, one, or those that ended badly."""

    lead_id: Annotated[str, Field(max_length=64)] | None = None
    again: StrictBool = Field(default=False, description="Also those for which nothing was found.")
    only: Only | None = Field(default=None, description="Only leads that ended so.")
    job_id: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="With only: those that ended so in this job."
    )
    when_held: WhenHeld = WhenHeld.WAIT
    order: Order = Field(default=Order.PRIORITY, description="By what it is chosen who is asked first.")
    panel: Annotated[str, Field(max_length=20)] = Field(
        default="", description="Ask everybody about this share of leads, 1% say."
    )
    budget_usd: Usd | None = Field(default=None, description="Spend no more than this.")

    def read(self) -> JobOrder:
        """The order; raises InvalidInput, and UnknownId for what cannot be an id."""
        return read_order(
            lead_id=None if self.lead_id is None else checked("lead", self.lead_id),
            again=self.again,
            only=self.only,
            of_job=None if self.job_id is None else checked("job", self.job_id),
            when_held=self.when_held,
            order=self.order,
            panel=self.panel,
            budget=None if self.budget_usd is None else as_amount(self.budget_usd),
            **self.words(),
        )


@router.post("/phone-lookups", status_code=202, response_model=JobDocument)
async def order_job(
    request: Request,
    key: JobsRunner,
    leadgen: Composed,
    order: Annotated[LookupOrder, Body(openapi_examples=ORDERS)],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Find the numbers of all leads that have none, as a job (202)."""
    wanted = order.read()

    async def work(subject: str | None) -> Answer:
        await leadgen.require_provider.run()
        job = await leadgen.order_job.run(key.account, wanted, job_id=subject)
        is_new = job.status is JobStatus.WAITING
        report = JobReport.of_new(job, wanted.budget_micros) if is_new else await reported(leadgen, job.id)
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
    how: SearchWish | None = None,
    prefer: Annotated[str | None, Header(description="`wait=N`: seconds to wait for the end.")] = None,
    wait_seconds: Annotated[int | None, Query(ge=0, le=WAIT_SECONDS_MAX)] = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Find the number of one lead; 200 when the search has ended in time, else 202 with where to look."""
    wait = _wait_of(prefer) if wait_seconds is None else wait_seconds
    options = read_options(**how.words()) if how else AS_USUAL

    async def work(_subject: str | None) -> Answer:
        has_ended = await leadgen.look_up_phone.run(key.account, lead_id, wait_seconds=wait, options=options)
        return _search_answer(lead_id, has_ended=has_ended)

    async def renewed(kept: Answer) -> Answer:
        if kept.status == 200:
            return kept
        found = await leadgen.look_at_search.run(key.account, lead_id)
        return _search_answer(lead_id, has_ended=found.status is not None)

    async def shown(has_ended: str) -> str:
        found = await leadgen.look_at_search.run(key.account, lead_id, has_ended=has_ended == "1")
        return PhoneDocument.of(found).model_dump_json()

    body = f"{wait} {how.model_dump_json() if how else ''}"
    response = await once(request, key, idempotency_key, body, work, shown=shown, renewed=renewed)
    if prefer is not None and wait_seconds is None and _WAIT.search(prefer):
        response.headers["Preference-Applied"] = f"wait={wait}"
    return response


async def reported(leadgen: Leadgen, job_id: str) -> JobReport:
    """What came so far of a job that is known to be the caller's."""
    report = await leadgen.jobs.report(job_id)
    if report is None:
        raise UnknownId("job", job_id)
    return report


def _search_answer(lead_id: str, *, has_ended: bool) -> Answer:
    """200 when it has ended, 202 while it goes on; what is known of the lead is added when it is sent."""
    return Answer(200 if has_ended else 202, str(int(has_ended)), f"/v1/leads/{lead_id}")


def _wait_of(prefer: str | None) -> int:
    """The seconds of a ``Prefer: wait=N`` (RFC 7240), none where there is no such wish."""
    match = _WAIT.search(prefer or "")
    return min(int(match[1]), WAIT_SECONDS_MAX) if match else 0
