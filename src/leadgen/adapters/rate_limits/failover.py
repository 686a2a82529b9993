"""One limiter over all carriers: Redis where it answers, else memory for one process or SQL for several."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.rate_limits.board import LEASE_MICROS, LimiterBoard, Mode, Posting
from leadgen.adapters.rate_limits.carrier import ColdCarrierError, ICarrier, LostCarrierError, Seed
from leadgen.adapters.rate_limits.memory import InMemoryRateLimiter
from leadgen.adapters.rate_limits.redis import RedisRateLimiter
from leadgen.adapters.rate_limits.sql import SqlRateLimiter
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.rate_limiter import IRateLimiter, Ticket, Tickets
from leadgen.domain.limits import MICROS_PER_SECOND, Limits, Timing

LOOK_EVERY_SECONDS = 1.0
BEAT_EVERY_SECONDS = 3.0
LOST_AFTER_SECONDS = 1.0
"""Redis is given up when it has not answered for so long."""
BACK_AFTER_SECONDS = 10.0
"""Redis is trusted again when it has answered for so long."""

_RETRY_SECONDS = 0.1
_HOLD_SECONDS = LEASE_MICROS / MICROS_PER_SECOND - 2 * BEAT_EVERY_SECONDS
"""So long after a sign of life went through, what this process holds is certainly still its own."""

log = logging.getLogger("leadgen.limits")


class FailoverRateLimiter(IRateLimiter):
    """Follows the board, and changes it when a carrier is lost or a better one is there.

    Exact through every change: see ``board.py``. Where the database is gone nothing is admitted.
    """

    def __init__(
        self,
        *,
        board: LimiterBoard,
        owner: str,
        memory: InMemoryRateLimiter,
        sql: SqlRateLimiter,
        redis: RedisRateLimiter | None,
        clock: IClock,
        timing: Timing,
    ) -> None:
        self._board = board
        self._owner = owner
        self._sql = sql
        self._redis = redis
        self._carriers: Mapping[Mode, ICarrier] = {Mode.MEMORY: memory, Mode.SQL: sql} | (
            {Mode.REDIS: redis} if redis else {}
        )
        self._clock = clock
        self._timing = timing
        self._postings: dict[str, Posting] = {}
        self._changes: dict[str, tuple[int, float]] = {}
        """The last epoch that was seen on the board, and since when."""
        self._looked_at: dict[str, float] = defaultdict(lambda: float("-inf"))
        self._beat_at = float("-inf")
        self._beating: asyncio.Task[None] | None = None
        self._redis_silent_since: float | None = None
        self._redis_well_since: float | None = float("-inf")
        self.discarded = 0
        """How many takes were thrown away since the limits had changed hands."""

    async def take(
        self, credential: str, limits: Limits, *, wanted: int, lease_seconds: float, lead_seconds: float = 0.0
    ) -> Tickets:
        """See IRateLimiter."""
        posting = await self._posting(credential)
        carrier = self._carriers.get(posting.mode)
        if carrier is None or (posting.mode is Mode.MEMORY and not self._holds(posting)):
            self._looked_at.pop(credential, None)
            return Tickets((), _RETRY_SECONDS)
        key = f"{credential}:{posting.epoch}"
        try:
            given = await carrier.take(
                key, limits, wanted=wanted, lease_seconds=lease_seconds, lead_seconds=lead_seconds
            )
        except ColdCarrierError:
            await self._seed(credential, posting, limits, carrier, lease_seconds)
            return Tickets((), 0.0)
        except LostCarrierError:
            return await self._without_redis(credential)
        if posting.mode is Mode.REDIS:
            self._redis_silent_since = None
        tickets = [
            dataclasses.replace(ticket, credential=credential, epoch=posting.epoch)
            for ticket in given.tickets
        ]
        return Tickets(tickets, given.retry_seconds, given.is_shared)

    async def release(self, ticket: Ticket) -> None:
        """See IRateLimiter."""
        posting = self._postings.get(ticket.credential)
        if posting is None or posting.epoch != ticket.epoch:
            return
        key = f"{ticket.credential}:{ticket.epoch}"
        try:
            await self._carriers[posting.mode].release(dataclasses.replace(ticket, credential=key))
        except LostCarrierError:
            return  # the lease ends by itself

    async def penalise(self, credential: str, seconds: float) -> None:
        """See IRateLimiter."""
        if posting := self._postings.get(credential):
            try:
                await self._carriers[posting.mode].penalise(f"{credential}:{posting.epoch}", seconds)
            except LostCarrierError:
                return

    async def distrust(self, credential: str) -> None:
        """See IRateLimiter."""
        self.discarded += 1
        self._looked_at.pop(credential, None)

    async def close(self) -> None:
        """Stops the signs of life, and says so on the board."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
            await self._board.leave()
        if self._redis is not None:
            await self._redis.close()

    async def _posting(self, credential: str) -> Posting:
        """What the board says, at most a second ago, after it has been changed where it had to be."""
        if self._beating is None:
            await self._beat()
            self._beating = asyncio.create_task(self._keep_beating())
        if self._clock.monotonic() - self._looked_at[credential] < LOOK_EVERY_SECONDS:
            return self._postings[credential]
        while True:
            looked_at = self._clock.monotonic()
            posting = await self._board.look(credential)
            if posting is not None and posting.epoch != self._changes.get(credential, (0, 0.0))[0]:
                self._changes[credential] = posting.epoch, looked_at
            wanted = self._wanted(credential, posting)
            if posting is not None and wanted is posting.mode and not self._is_orphaned(posting):
                self._postings[credential] = posting
                self._looked_at[credential] = looked_at
                return posting
            if await self._board.flip(credential, wanted, after=posting.epoch if posting else 0):
                was = posting.mode if posting else "nothing"
                log.warning("limits are carried by %s, not by %s: %s", wanted, was, credential)

    def _is_orphaned(self, posting: Posting) -> bool:
        """Whether the memory that carries the admissions went with its process."""
        is_mine = posting.holder == self._owner
        return posting.mode is Mode.MEMORY and not is_mine and not posting.is_holder_alive

    def _wanted(self, credential: str, posting: Posting | None) -> Mode:
        """The mode that should be posted, seen from here."""
        if self._redis is not None and self._trusts_redis(credential, posting):
            return Mode.REDIS
        if posting is None:
            return Mode.MEMORY
        is_mine = posting.holder == self._owner
        if posting.mode is Mode.MEMORY and (is_mine or not posting.is_holder_alive):
            return Mode.MEMORY if is_mine or not posting.has_others else Mode.SQL
        return Mode.SQL if posting.has_others else Mode.MEMORY

    def _trusts_redis(self, credential: str, posting: Posting | None) -> bool:
        """Where it was given up it has to be well for long, and the board quiet: others may not reach it."""
        now = self._clock.monotonic()
        if posting is not None and posting.mode is Mode.REDIS:
            return self._redis_silent_since is None or now - self._redis_silent_since < LOST_AFTER_SECONDS
        _, changed_at = self._changes.get(credential, (0, float("-inf")))
        well_since = self._redis_well_since
        return well_since is not None and now - max(well_since, changed_at) >= BACK_AFTER_SECONDS

    def _holds(self, posting: Posting) -> bool:
        is_fresh = self._clock.monotonic() - self._beat_at < _HOLD_SECONDS
        return posting.holder == self._owner and is_fresh

    async def _without_redis(self, credential: str) -> Tickets:
        """Nothing for now; when Redis has been silent for long, the next look at the board changes it."""
        self._miss_redis()
        self._looked_at.pop(credential, None)
        return Tickets((), _RETRY_SECONDS)

    def _miss_redis(self) -> None:
        self._redis_well_since = None
        if self._redis_silent_since is None:
            self._redis_silent_since = self._clock.monotonic()

    async def _seed(
        self, credential: str, posting: Posting, limits: Limits, carrier: ICarrier, lease_seconds: float
    ) -> None:
        async def sow(conn: AsyncConnection, key: str, seed: Seed) -> None:
            if posting.mode is Mode.SQL:
                await self._sql.sow(conn, key, limits, seed)
            else:
                await carrier.seed(key, limits, seed)

        lease_micros = round(lease_seconds * MICROS_PER_SECOND)
        self._looked_at.pop(credential, None)
        try:
            await self._board.seed(
                credential, posting.epoch, limits, timing=self._timing, lease_micros=lease_micros, sow=sow
            )
        except LostCarrierError:
            await self._without_redis(credential)

    async def _beat(self) -> None:
        sent_at = self._clock.monotonic()
        await self._board.beat()
        self._beat_at = sent_at

    async def _keep_beating(self) -> None:
        while True:
            await self._clock.sleep(LOOK_EVERY_SECONDS)
            try:
                if self._clock.monotonic() - self._beat_at >= BEAT_EVERY_SECONDS:
                    await asyncio.shield(self._beat())  # a write that is cut short would keep its lock
                await self._feel_redis()
            except Exception as error:  # noqa: BLE001 - without signs of life nothing is admitted, which is right
                log.warning("no sign of life went through: %s", type(error).__name__)

    async def _feel_redis(self) -> None:
        if self._redis is None:
            return
        now = self._clock.monotonic()
        if not await self._redis.ping():
            self._miss_redis()
            return
        self._redis_silent_since = None
        if self._redis_well_since is None:
            self._redis_well_since = now
