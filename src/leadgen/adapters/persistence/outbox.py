"""The outbox: deliveries of webhooks, written in the commit of what they tell of."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.tables import webhook_deliveries, webhook_endpoints
from leadgen.application.ports.lead_repository import Conclusion
from leadgen.domain.job import JobReport
from leadgen.domain.lead import EndState
from leadgen.domain.money import usd
from leadgen.domain.webhook import DeliveryState, EventType, delivery_id

Event = tuple[str, Mapping[str, object]]
"""What makes an event the same as another one, and its data."""


class Outbox:
    """What this process writes for webhooks; an account without endpoints costs one empty read a commit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._written = asyncio.Event()

    async def note_found(
        self,
        conn: AsyncConnection,
        account: str,
        job_id: str | None,
        conclusions: Sequence[Conclusion],
        now: datetime,
    ) -> bool:
        """Tells of leads for which there is a number; a lead is found once. Whether anybody is told."""
        events = [
            (each.lead_id, {"lead_id": each.lead_id, "job_id": job_id, "provider": each.verdict.provider})
            for each in conclusions
            if each.verdict.state is EndState.FOUND
        ]
        if not events:
            return False
        return await self._write(
            conn, await _listening(conn, account, EventType.LEAD_FOUND), EventType.LEAD_FOUND, events, now
        )

    async def listening_to_jobs(self, conn: AsyncConnection, account: str) -> Sequence[str]:
        """The endpoints that are told of this account's jobs."""
        return await _listening(conn, account, EventType.JOB_FINISHED)

    async def note_end(
        self, conn: AsyncConnection, endpoints: Sequence[str], report: JobReport, now: datetime
    ) -> bool:
        """Tells of a job that has ended; one that is resumed ends once more, under another carrier."""
        data = {
            "job_id": report.job.id,
            "status": report.job.status.value,
            "leads": report.leads,
            "found": report.found,
            "not_found": report.not_found,
            "incomplete": report.incomplete,
            "failed": report.failed,
            "cost_usd": usd(report.cost_micros),
        }
        occasion = f"{report.job.id}:{report.job.carrier}"
        return await self._write(conn, endpoints, EventType.JOB_FINISHED, [(occasion, data)], now)

    def ring(self) -> None:
        """What was noted is committed: whoever starts deliveries finds it."""
        self._written.set()

    async def written(self) -> None:
        """Returns after the next ring, at once where one came since the last time."""
        await self._written.wait()
        self._written.clear()

    async def _write(
        self,
        conn: AsyncConnection,
        endpoints: Sequence[str],
        kind: EventType,
        events: Sequence[Event],
        now: datetime,
    ) -> bool:
        rows: list[dict[str, Any]] = [
            {
                "id": delivery_id(endpoint, kind, occasion),
                "endpoint_id": endpoint,
                "event": kind.value,
                "data": dict(data),
                "created_at": now,
                "state": DeliveryState.WAITING.value,
                "tries": 0,
                "answer": None,
                "next_at": None,
            }
            for endpoint in endpoints
            for occasion, data in events
        ]
        if rows:
            await conn.execute(self._database.insert_or_skip(webhook_deliveries, "id"), rows)
        return bool(rows)


async def _listening(conn: AsyncConnection, account: str, kind: EventType) -> Sequence[str]:
    """Locked against removal: a row that tells a removed endpoint would undo the whole commit."""
    enabled = select(webhook_endpoints.c.id, webhook_endpoints.c.events).where(
        webhook_endpoints.c.account_id == account, webhook_endpoints.c.disabled_why.is_(None)
    )
    rows = await conn.execute(enabled.with_for_update(read=True, key_share=True))
    return [row.id for row in rows if kind.value in row.events]
