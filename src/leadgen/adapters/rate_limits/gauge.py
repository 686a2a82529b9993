"""How far limits are used, read off the ledger."""

from __future__ import annotations

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.database import Database, now_micros
from leadgen.adapters.persistence.tables import limiters, lookups
from leadgen.application.ports.limit_gauge import ILimitGauge, LimitReading
from leadgen.domain.limits import MICROS_PER_SECOND, Ring, Timing
from leadgen.domain.lookup import LookupState
from leadgen.domain.provider import Fault, ProviderConfig

_DAY_MICROS = 86_400 * MICROS_PER_SECOND


class SqlLimitGauge(ILimitGauge):
    """Counts intents by the database's clock; asks no carrier, so that looking costs no call its place."""

    def __init__(self, database: Database, timing: Timing) -> None:
        self._database = database
        self._timing = timing

    async def read(self, config: ProviderConfig) -> LimitReading:
        """See ILimitGauge."""
        async with self._database.read() as conn:
            now = await now_micros(conn, self._database)
            board = select(limiters.c.mode, limiters.c.epoch).where(limiters.c.credential == config.name)
            mode, epoch = (await conn.execute(board)).one_or_none() or ("", 0)
            used = [
                (rule, await _used(conn, config.name, now - rule.window_micros))
                for rule in config.limits.rules
            ]
            refused, discarded, in_flight = await _counts(conn, config.name, now)
            starts = await _starts(conn, config)
        ring = Ring(config.limits, self._timing)
        ring.seed(starts, ())
        wait = ring.earliest(now) - now - self._timing.lead if starts else 0
        return LimitReading(
            provider=config.name,
            mode=mode,
            epoch=epoch,
            used=used,
            in_flight=in_flight,
            concurrency=config.limits.concurrency,
            next_start_seconds=max(wait, 0) / MICROS_PER_SECOND,
            refused=refused,
            discarded=discarded,
        )


async def _used(conn: AsyncConnection, provider: str, since: int) -> int:
    sent = lookups.c.state != LookupState.NOT_SENT.value
    count = select(func.count()).where(
        lookups.c.provider == provider, lookups.c.intended_micros > since, sent
    )
    return int((await conn.execute(count)).scalar_one())


async def _counts(conn: AsyncConnection, provider: str, now: int) -> tuple[int, int, int]:
    refused = func.count(case((lookups.c.fault == Fault.BUSY.value, 1)))
    run_out = func.count(case((lookups.c.state == LookupState.NOT_SENT.value, 1)))
    in_flight = func.count(case((lookups.c.state == LookupState.INTENDED.value, 1)))
    counts = select(refused, run_out + func.coalesce(func.sum(lookups.c.discarded), 0), in_flight).where(
        lookups.c.provider == provider, lookups.c.intended_micros > now - _DAY_MICROS
    )
    row = (await conn.execute(counts)).one()
    return int(row[0]), int(row[1]), int(row[2])


async def _starts(conn: AsyncConnection, config: ProviderConfig) -> list[int]:
    """The last intents that a rule could look back to."""
    most = max(rule.calls for rule in config.limits.rules)
    recent = (
        select(lookups.c.intended_micros)
        .where(lookups.c.provider == config.name, lookups.c.state != LookupState.NOT_SENT.value)
        .order_by(lookups.c.intended_micros.desc())
        .limit(most)
    )
    return list((await conn.execute(recent)).scalars())
