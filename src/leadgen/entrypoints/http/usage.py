"""`/v1/usage`: what the account has used."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from leadgen.entrypoints.http.access import LedgerReader
from leadgen.entrypoints.http.documents import UsageDocument, month_of
from leadgen.entrypoints.http.requests import Composed

router = APIRouter(prefix="/v1", tags=["usage"])


@router.get("/usage")
async def show_usage(
    key: LedgerReader,
    leadgen: Composed,
    month: Annotated[
        str | None, Query(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", description="Such as 2026-03.")
    ] = None,
) -> UsageDocument:
    """Tell what the account has used in a month (UTC), and what is left of its quota."""
    return UsageDocument.of(await leadgen.show_usage.run(key.account, month_of(month) if month else None))
