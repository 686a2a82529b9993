"""`/v1/leads`: the people, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from operator import attrgetter
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import Field

from leadgen.application.fail_search import fault_of
from leadgen.application.ports.idempotency_store import Answer
from leadgen.application.ports.lead_repository import LeadFilter, LeadLine
from leadgen.composition import Leadgen
from leadgen.domain.errors import UnknownId
from leadgen.domain.lead import EndState
from leadgen.domain.mail import normal_email
from leadgen.entrypoints.http.access import LeadsReader, LeadsWriter
from leadgen.entrypoints.http.documents import LeadDocument, LeadPage, SearchedLeadDocument
from leadgen.entrypoints.http.paging import Cursor, Limit, page_of, place_of
from leadgen.entrypoints.http.requests import Composed, Given, IdempotencyKey, JsonRoute, LeadId, once

router = APIRouter(prefix="/v1", route_class=JsonRoute, tags=["leads"])

Text = Annotated[str, Field(max_length=10_000)]
Extra = Annotated[dict[Annotated[str, Field(min_length=1, max_length=200)], Text], Field(max_length=200)]
ChangedExtra = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=200)], Text | None], Field(max_length=200)
]
IfMatch = Annotated[str | None, Header(description="The ETag, or ETags, of the lead as you have seen it.")]


class Shown(StrEnum):
    """Which leads a list shows: those of an end state, or those that were not searched yet."""

    NEW = "new"
    FOUND = EndState.FOUND
    NOT_FOUND = EndState.NOT_FOUND
    INCOMPLETE = EndState.INCOMPLETE
    FAILED = EndState.FAILED


class NewLead(Given):
    """A person: an e-mail address, or a name and a company, is needed."""

    email: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    job_title: Text = ""
    country_code: Text = ""
    company_name: Text = ""
    company_website: Text = ""
    linkedin_url: Text = ""
    years_in_role: Text = ""
    phone_number: Text = ""
    extra: Extra = Field(default_factory=dict)


class LeadChange(Given):
    """What is to be changed of a person; null, or an empty text, takes a value away."""

    email: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    job_title: Text | None = None
    country_code: Text | None = None
    company_name: Text | None = None
    company_website: Text | None = None
    linkedin_url: Text | None = None
    years_in_role: Text | None = None
    phone_number: Text | None = None
    extra: ChangedExtra = Field(default_factory=dict)


@router.get("/leads")
async def list_leads(
    *,
    key: LeadsReader,
    leadgen: Composed,
    limit: Limit = 50,
    cursor: Cursor = "",
    status: Annotated[Shown | None, Query(description="new: not searched yet.")] = None,
    email: Annotated[str | None, Query(max_length=320)] = None,
) -> LeadPage:
    """List leads in the order in which they came."""
    about = ("leads", key.account, status, email)
    after = place_of(cursor, *about)
    address = None if email is None else normal_email(email)
    if email is not None and address is None:
        return LeadPage(leads=[], next=None)
    states = {None if status is Shown.NEW else EndState(status)} if status else set[EndState | None]()
    only = LeadFilter(frozenset(states), address)
    lines = await leadgen.leads.page(key.account, after=after, limit=limit + 1, only=only)
    shown, following = page_of(lines, limit, attrgetter("lead.id"), *about)
    return LeadPage(leads=[LeadDocument.of(line) for line in shown], next=following)


@router.post(
    "/leads",
    status_code=201,
    response_model=SearchedLeadDocument,
    responses={200: {"model": SearchedLeadDocument}},
)
async def add_lead(
    request: Request,
    key: LeadsWriter,
    leadgen: Composed,
    lead: NewLead,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Add a person (201), or merge what is new into the lead that is the same person (200)."""

    async def work(subject: str | None) -> Answer:
        fields = lead.model_dump(exclude={"extra"})
        added = await leadgen.add_lead.run(key.account, fields, lead.extra, lead_id=subject)
        lead_id = added.line.lead.id
        return Answer(201 if added.is_new else 200, lead_id, f"/v1/leads/{lead_id}")

    async def shown(lead_id: str) -> str:
        line = await _line(leadgen, key.account, lead_id)
        return (await _document(leadgen, key.account, line)).model_dump_json()

    return await once(request, key, idempotency_key, lead.model_dump_json(), work, shown=shown)


@router.get("/leads/{lead_id}", responses={304: {"description": "It is as the caller has it."}})
async def get_lead(
    key: LeadsReader,
    leadgen: Composed,
    lead_id: LeadId,
    response: Response,
    if_none_match: Annotated[str | None, Header()] = None,
) -> SearchedLeadDocument:
    """Get a lead, with its ETag."""
    line = await _line(leadgen, key.account, lead_id)
    if if_none_match is not None and (if_none_match.strip() == "*" or line.version in _tags(if_none_match)):
        return Response(status_code=304, headers={"ETag": _tag(line.version)})  # type: ignore[return-value]  # FastAPI passes a Response on as it is
    response.headers["ETag"] = _tag(line.version)
    return await _document(leadgen, key.account, line)


@router.patch("/leads/{lead_id}")
async def change_lead(
    *,
    key: LeadsWriter,
    leadgen: Composed,
    lead_id: LeadId,
    change: LeadChange,
    response: Response,
    if_match: IfMatch = None,
) -> SearchedLeadDocument:
    """Change a lead; with If-Match only as the caller has seen it."""
    given = change.model_dump(exclude_unset=True)
    extra: Mapping[str, str | None] = given.pop("extra", {})
    fields = {name: value or "" for name, value in given.items()}
    line = await leadgen.change_lead.run(key.account, lead_id, fields, extra, versions=_versions(if_match))
    response.headers["ETag"] = _tag(line.version)
    return await _document(leadgen, key.account, line)


@router.delete("/leads/{lead_id}", status_code=204)
async def remove_lead(key: LeadsWriter, leadgen: Composed, lead_id: LeadId, if_match: IfMatch = None) -> None:
    """Forget a person; what was paid stays in the ledger, without anything of the person."""
    await leadgen.remove_lead.run(key.account, lead_id, versions=_versions(if_match))


async def _line(leadgen: Leadgen, account: str, lead_id: str) -> LeadLine:
    line = await leadgen.leads.get(account, lead_id)
    if line is None:
        raise UnknownId("lead", lead_id)
    return line


async def _document(leadgen: Leadgen, account: str, line: LeadLine) -> SearchedLeadDocument:
    return SearchedLeadDocument.of_line(line, await fault_of(leadgen.leads, account, line.lead))


def _tag(version: str) -> str:
    return f'"{version}"'


def _tags(header: str) -> frozenset[str]:
    return frozenset(tag.strip().removeprefix("W/").strip('"') for tag in header.split(","))


def _versions(if_match: str | None) -> frozenset[str] | None:
    """The versions that a caller has seen; None for any."""
    return None if if_match is None or if_match.strip() == "*" else _tags(if_match)
