"""What was answered about leads, read off the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import select

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.lead_changes import IS_THERE
from leadgen.adapters.persistence.rows import Row, profile_of
from leadgen.adapters.persistence.tables import jobs, leads, lookups
from leadgen.application.ports.market_history import IMarketHistory
from leadgen.domain.lead_row import FIELD_HEADERS
from leadgen.domain.market import PastCall, PastLead
from leadgen.domain.panel import is_in_panel
from leadgen.domain.segment import segment_of

_PAGE_LEADS = 500
_ANSWERS = ("hit", "miss")


class SqlMarketHistory(IMarketHistory):
    """Pages through the leads, and takes each provider's newest answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def leads(self, account: str) -> AsyncIterator[Sequence[PastLead]]:
        """See IMarketHistory."""
        after = ""
        while page := await self._page(account, after):
            after = page[-1]["id"]
            answers = await self._answers(account, [row["id"] for row in page])
            yield [_past_lead(row, answers[row["id"]]) for row in page]

    async def _page(self, account: str, after: str) -> Sequence[Row]:
        was_asked = select(lookups.c.lead_id).where(
            lookups.c.account_id == account, lookups.c.outcome.in_(_ANSWERS)
        )
        columns = [leads.c.id, leads.c.extra, *(leads.c[name] for name in FIELD_HEADERS)]
        page = (
            select(*columns)
            .where(leads.c.account_id == account, IS_THERE, leads.c.id > after, leads.c.id.in_(was_asked))
            .order_by(leads.c.id)
            .limit(_PAGE_LEADS)
        )
        async with self._database.read() as conn:
            return (await conn.execute(page)).mappings().all()

    async def _answers(self, account: str, lead_ids: Sequence[str]) -> dict[str, list[Row]]:
        statement = (
            select(lookups, jobs.c.panel)
            .outerjoin(jobs, jobs.c.id == lookups.c.job_id)
            .where(lookups.c.account_id == account, lookups.c.lead_id.in_(lead_ids))
            .where(lookups.c.outcome.in_(_ANSWERS))
            .order_by(lookups.c.intended_micros, lookups.c.n)
        )
        found: dict[str, list[Row]] = defaultdict(list)
        async with self._database.read() as conn:
            for row in (await conn.execute(statement)).mappings():
                found[row["lead_id"]].append(row)
        return found


def _past_lead(row: Row, answers: Sequence[Row]) -> PastLead:
    newest = {answer["provider"]: answer for answer in answers}
    calls = [_past_call(answer) for answer in answers if newest[answer["provider"]] is answer]
    is_panel = any(is_in_panel(each["panel"] or 0.0, each["job_id"], each["question"]) for each in answers)
    return PastLead(segment_of(profile_of(row).question), calls, is_panel)


def _past_call(answer: Any) -> PastCall:
    millis = answer["took_millis"]
    return PastCall(
        answer["provider"],
        is_hit=answer["outcome"] == "hit" and answer["phone"] is not None,
        cost_micros=answer["posted_micros"] + answer["estimated_micros"],
        took_seconds=None if millis is None else millis / 1_000,
    )
