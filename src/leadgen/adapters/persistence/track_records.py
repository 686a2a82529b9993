"""Track records, read off the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.tables import lookups
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.track_records import ITrackRecords
from leadgen.domain.phone import LineType
from leadgen.domain.track_record import PastAnswer, TrackRecord

_AGE_SECONDS_MAX = 60.0
_ANSWERS_MAX = 500
_LOOKUPS_MAX = 2 * _ANSWERS_MAX
"""So many lookups are read at most, however few of them were answered."""


class SqlTrackRecords(ITrackRecords):
    """The last answers of each provider, read again when they are a minute old."""

    def __init__(self, database: Database, clock: IClock) -> None:
        self._database = database
        self._clock = clock
        self._records: dict[str, tuple[float, TrackRecord]] = {}
        self._reading = asyncio.Lock()

    async def of(self, providers: Collection[str]) -> Mapping[str, TrackRecord]:
        """See ITrackRecords."""
        async with self._reading:
            now = self._clock.monotonic()
            due = [name for name in providers if self._age(name, now) >= _AGE_SECONDS_MAX]
            if due:
                async with self._database.read() as conn:
                    for name in due:
                        self._records[name] = (now, await _read(conn, name))
            return {name: self._records[name][1] for name in providers}

    def _age(self, provider: str, now: float) -> float:
        return now - self._records[provider][0] if provider in self._records else float("inf")


async def _read(conn: AsyncConnection, provider: str) -> TrackRecord:
    last = (
        select(lookups.c.outcome, lookups.c.took_millis, lookups.c.phone_line)
        .where(lookups.c.provider == provider)
        .order_by(lookups.c.created_at.desc())
        .limit(_LOOKUPS_MAX)
    )
    answers = [
        PastAnswer(
            None if row.took_millis is None else row.took_millis / 1_000,
            LineType(row.phone_line) if row.phone_line else None,
        )
        for row in await conn.execute(last)
        if row.outcome in {"hit", "miss"}
    ]
    return TrackRecord(answers[:_ANSWERS_MAX])
