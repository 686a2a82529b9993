"""The condition of leadgen, in SQL."""

from __future__ import annotations

from sqlalchemy import Column, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.tables import (
    jobs,
    limiters,
    lookups,
    provider_breakers,
    webhook_deliveries,
)
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.condition_gauge import Condition, IConditionGauge
from leadgen.domain.job import JobStatus
from leadgen.domain.lookup import LookupState
from leadgen.domain.webhook import DeliveryState

_IS_UNKNOWN = lookups.c.state == LookupState.UNKNOWN.value


class SqlConditionGauge(IConditionGauge):
    """Counts rows by their states, in one state of the database."""

    def __init__(self, database: Database, clock: IClock) -> None:
        self._database = database
        self._clock = clock

    async def read(self) -> Condition:
        """See IConditionGauge."""
        open_ = (LookupState.INTENDED.value, LookupState.UNKNOWN.value)
        waiting = (DeliveryState.WAITING.value, DeliveryState.DEAD.value)
        oldest = select(func.min(lookups.c.created_at)).where(_IS_UNKNOWN)
        async with self._database.read() as conn:
            counts = await _counts(conn, lookups.c.state, open_)
            since = (await conn.execute(oldest)).scalar()
            modes = {row.credential: row.mode for row in await conn.execute(select(limiters))}
            breakers = {row.provider: row.state for row in await conn.execute(select(provider_breakers))}
            return Condition(
                jobs=await _counts(conn, jobs.c.status, tuple(JobStatus)),
                deliveries=await _counts(conn, webhook_deliveries.c.state, waiting),
                modes=modes,
                breakers=breakers,
                intents_open=counts[LookupState.INTENDED.value],
                unknown_open=counts[LookupState.UNKNOWN.value],
                oldest_unknown_seconds=(self._clock.now() - since).total_seconds() if since else 0.0,
            )


async def _counts(conn: AsyncConnection, column: Column[str], states: tuple[str, ...]) -> dict[str, int]:
    """How many rows are in each of these states, none included."""
    counted = select(column, func.count()).where(column.in_(states)).group_by(column)
    found = {state: count for state, count in await conn.execute(counted)}  # noqa: C416 - rows are no pairs
    return {str(state): found.get(str(state), 0) for state in states}
