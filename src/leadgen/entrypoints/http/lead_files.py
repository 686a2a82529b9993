"""`/v1/leads/import` and `/v1/leads/export`: people as files."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from leadgen.adapters.files.csv_source import CsvLeadSource
from leadgen.application.ports.idempotency_store import Answer
from leadgen.composition import Leadgen
from leadgen.entrypoints.http.access import LeadsReader, LeadsWriter
from leadgen.entrypoints.http.documents import ReceiptDocument
from leadgen.entrypoints.http.requests import Composed, IdempotencyKey, once

router = APIRouter(prefix="/v1", tags=["leads"])

_CSV = {"text/csv": {"schema": {"type": "string"}}}
_BODY: dict[str, Any] = {"requestBody": {"required": True, "content": _CSV}}


@router.post("/leads/import", response_model=ReceiptDocument, openapi_extra=_BODY)
async def import_leads(
    request: Request,
    key: LeadsWriter,
    leadgen: Composed,
    encoding: Annotated[str | None, Query(max_length=40, description="For a file that is not UTF-8.")] = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Import a CSV file, the body of the request: good rows go in, bad rows come back with their reason."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "text/csv":
        raise HTTPException(415)
    with TemporaryDirectory(prefix="leadgen-") as folder:
        file, digest = Path(folder) / "leads.csv", hashlib.sha256()
        with file.open("wb") as out:
            async for block in request.stream():
                digest.update(block)
                out.write(block)

        async def work(_subject: str | None) -> Answer:
            with CsvLeadSource(file, encoding) as source:
                receipt = await leadgen.import_leads.run(
                    key.account, source, name="leads.csv", progress=lambda _: None
                )
            return Answer(200, ReceiptDocument.of(receipt).model_dump_json())

        return await once(request, key, idempotency_key, digest.hexdigest(), work)


@router.get(
    "/leads/export",
    response_class=StreamingResponse,
    responses={200: {"description": "All leads.", "content": _CSV}},
)
async def export_leads(key: LeadsReader, leadgen: Composed) -> StreamingResponse:
    """Export all leads as CSV (UTF-8): every column that came in, and what was found."""
    pages = _pages(leadgen, key.account)
    header = await anext(pages)  # where the database is away, this says so before the response begins
    names = {"Content-Disposition": 'attachment; filename="leads.csv"'}
    return StreamingResponse(_joined(header, pages), headers=names, media_type="text/csv; charset=utf-8")


async def _pages(leadgen: Leadgen, account: str) -> AsyncIterator[str]:
    async for records in leadgen.list_records.run(account):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(records)
        yield text.getvalue()


async def _joined(header: str, pages: AsyncIterator[str]) -> AsyncIterator[str]:
    yield header
    async for page in pages:
        yield page
