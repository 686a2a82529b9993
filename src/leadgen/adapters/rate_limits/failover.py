"""One limiter over all carriers: Redis where it answers, else memory for one process or SQL for several."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping

from leadgen.adapters.rate_limits.board import LEASE_MICROS, Leap, LimiterBoard, Mode, Posting
from leadgen.adapters.rate_limits.carrier import (
    ColdCarrierError,
    ICarrier,
    LostCarrierError,
    Reading,
    carrier_key,
)
from leadgen.adapters.rate_limits.memory import InMemoryRateLimiter
from leadgen.adapters.rate_limits.redis import RedisRateLimiter
from leadgen.adapters.rate_limits.sql import SqlRateLimiter
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.rate_limiter import IRateLimiter, Ticket, Tickets
from leadgen.domain.errors import ServiceUnavailable
from leadgen.domain.limits import MICROS_PER_SECOND, Limits, Timing

LOOK_EVERY_SECONDS = 1.0
BEAT_EVERY_SECONDS = 3.0
SETTLE_SECONDS = 1.0
"""So long an epoch is left alone by those who may not seed it; by then all have read the same limits.

Twice as long after each one that nothing came of: to read a long history may take longer.
"""
_PATIENCE_TURNS_MAX = 4
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
        self._redis = redis
        self._carriers: Mapping[Mode, ICarrier] = {Mode.MEMORY: memory, Mode.SQL: sql} | (
            {Mode.REDIS: redis} if redis else {}
        )
        self._clock = clock
        self._timing = timing
        self._postings: dict[str, Posting] = {}
        self._changes: dict[str, tuple[int, float]] = {}
        """The last epoch that was seen on the board, and since when."""
        self._colds: dict[str, int] = defaultdict(int)
        """How many epochs this process has seen since it was last given anything."""
        self._unseeded: dict[str, int] = {}
        """The epoch that this process has raised and not yet tried to seed."""
        self._keys: dict[str, str] = {}
        """Under which keys of their carriers the last tickets were given."""
        self._pauses: dict[str, tuple[float, str]] = {}
        """Until when a provider wants no call, and the last key whose carrier was told."""
        self._reading: Reading | None = None
        self._leap = Leap()
        self._looked_at: dict[str, float] = defaultdict(lambda: float("-inf"))
        self._beat_at = float("-inf")
        self._beating: asyncio.Task[None] | None = None
        self._one_first_beat = asyncio.Lock()
        self._is_closed = False
        self._redis_silent_since: float | None = None
        self._redis_well_since: float | None = float("-inf")

    async def take(
        self, credential: str, limits: Limits, *, wanted: int, lease_seconds: float, lead_seconds: float = 0.0
    ) -> Tickets:
        """See IRateLimiter."""
        posting = await self._posting(credential)
        carrier = self._carriers[posting.mode]
        if posting.mode is Mode.MEMORY and not self._holds(posting):
            self._looked_at.pop(credential, None)
            return Tickets((), _RETRY_SECONDS)
        key = carrier_key(credential, posting.epoch, limits)
        try:
            await self._pass_on_pause(credential, posting, key)
            given = await carrier.take(
                key, limits, wanted=wanted, lease_seconds=lease_seconds, lead_seconds=lead_seconds
            )
        except ColdCarrierError:
            return await self._warm(credential, posting, limits, lease_seconds)
        except LostCarrierError:
            return self._without_redis(credential)
        self._use(credential, key)
        self._colds[credential] = 0
        if posting.mode is Mode.REDIS:
            self._redis_silent_since = None
        tickets = [
            Ticket(credential, ticket.opens_at, ticket.closes_at, ticket.lease, posting.epoch)
            for ticket in given.tickets
        ]
        return Tickets(tickets, given.retry_seconds, given.is_shared)

    def _use(self, credential: str, key: str) -> None:
        """From now on this key; nobody asks for what there is under the one before."""
        if (before := self._keys.get(credential, key)) != key:
            for carrier in self._carriers.values():
                carrier.forget(before)
        self._keys[credential] = key

    async def release(self, ticket: Ticket) -> None:
        """See IRateLimiter."""
        posting, key = self._postings.get(ticket.credential), self._keys.get(ticket.credential)
        if posting is None or key is None or posting.epoch != ticket.epoch:
            return
        try:
            await self._carriers[posting.mode].release(
                Ticket(key, ticket.opens_at, ticket.closes_at, ticket.lease)
            )
        except (LostCarrierError, ServiceUnavailable):
            return  # the lease ends by itself

    async def penalise(self, credential: str, seconds: float) -> None:
        """See IRateLimiter."""
        until = self._clock.monotonic() + seconds
        self._pauses[credential] = max(until, self._pauses.get(credential, (until, ""))[0]), ""
        posting, key = self._postings.get(credential), self._keys.get(credential)
        if posting and key:
            try:
                await self._pass_on_pause(credential, posting, key)
            except LostCarrierError:
                return

    async def distrust(self, credential: str) -> None:
        """See IRateLimiter."""
        self._looked_at.pop(credential, None)

    async def close(self) -> None:
        """Stops the signs of life, and says so on the board."""
        self._is_closed = True
        try:
            if self._beating is not None:
                self._beating.cancel()
                await asyncio.gather(self._beating, return_exceptions=True)
                await self._board.leave()
        finally:
            if self._redis is not None:
                await self._redis.close()

    async def _posting(self, credential: str) -> Posting:
        """What the board says, at most a second ago, after it has been changed where it had to be."""
        if self._beating is None:
            async with self._one_first_beat:
                if self._beating is None:
                    await self._beat()
                    self._beating = asyncio.create_task(self._keep_beating())
        if self._clock.monotonic() - self._looked_at[credential] < LOOK_EVERY_SECONDS:
            return self._postings[credential]
        while True:
            looked_at = self._clock.monotonic()
            posting = await self._board.look(credential)
            self._heed_clock(posting, looked_at)
            if posting is not None and posting.epoch != self._changes.get(credential, (0, 0.0))[0]:
                self._changes[credential] = posting.epoch, looked_at
                self._colds[credential] += 1
            wanted = self._wanted(credential, posting)
            if posting is not None and wanted is posting.mode and not self._is_orphaned(posting):
                self._postings[credential] = posting
                self._looked_at[credential] = looked_at
                return posting
            await self._raise(credential, wanted, posting)

    def _heed_clock(self, posting: Posting | None, asked_at: float) -> None:
        """The ledger goes by the database's clock: where that is set, so is what the ledger has written."""
        if posting is None:
            return
        reading = Reading(posting.now, asked_at, self._clock.monotonic())
        if micros := reading.leap_since(self._reading or reading):
            self._leap = Leap(self._leap.micros + micros, until=reading.now)
            log.warning("the clock of the database was set forward by %.1f s", micros / MICROS_PER_SECOND)
        self._reading = reading

    async def _raise(self, credential: str, mode: Mode, posting: Posting | None) -> None:
        """The next epoch; where it is this process that raises it, nobody else may seed it."""
        epoch = await self._board.flip(credential, mode, after=posting.epoch if posting else None)
        if epoch is None:
            return
        self._unseeded[credential] = epoch
        if posting and posting.mode is mode:
            log.warning("limits begin anew with what the ledger knows: %s", credential)
        else:
            was = posting.mode if posting else "nothing"
            level = logging.WARNING if posting else logging.INFO
            log.log(level, "limits are carried by %s, not by %s: %s", mode, was, credential)

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

    def _without_redis(self, credential: str) -> Tickets:
        """Nothing for now; when Redis has been silent for long, the next look at the board changes it."""
        self._miss_redis()
        self._looked_at.pop(credential, None)
        return Tickets((), _RETRY_SECONDS)

    def _miss_redis(self) -> None:
        self._redis_well_since = None
        if self._redis_silent_since is None:
            self._redis_silent_since = self._clock.monotonic()

    async def _warm(self, credential: str, posting: Posting, limits: Limits, lease_seconds: float) -> Tickets:
        """Lets a cold carrier begin with what the ledger knows; only an epoch raised here, and only once."""
        if self._unseeded.get(credential) != posting.epoch:
            self._looked_at.pop(credential, None)
            turns = min(max(self._colds[credential] - 1, 0), _PATIENCE_TURNS_MAX)
            if self._clock.monotonic() - self._changes[credential][1] < SETTLE_SECONDS * 2**turns:
                return Tickets((), _RETRY_SECONDS)
            await self._raise(credential, posting.mode, posting)
            return Tickets((), 0.0)
        del self._unseeded[credential]
        lease_micros = round(lease_seconds * MICROS_PER_SECOND)
        seed = await self._board.history(
            credential, limits, self._timing, lease_micros=lease_micros, leap=self._leap
        )
        key = carrier_key(credential, posting.epoch, limits)
        try:
            await self._carriers[posting.mode].seed(key, limits, seed)
        except LostCarrierError:
            return self._without_redis(credential)
        return Tickets((), 0.0)

    async def _pass_on_pause(self, credential: str, posting: Posting, key: str) -> None:
        """Tells each carrier that comes of the pause that its forerunner was told of."""
        until, told = self._pauses.get(credential, (0.0, key))
        left = until - self._clock.monotonic()
        if told != key and left > 0:
            self._pauses[credential] = until, key
            await self._carriers[posting.mode].penalise(key, left)

    async def redis_answers(self) -> bool | None:
        """Whether Redis answers now; None where none is set."""
        return None if self._redis is None else await self._redis.ping()

    async def _beat(self) -> None:
        sent_at = self._clock.monotonic()
        await self._board.beat()
        self._beat_at = sent_at

    async def _keep_beating(self) -> None:
        while not self._is_closed:  # a cancellation alone may get lost in a client's `wait_for`
            await self._clock.sleep(LOOK_EVERY_SECONDS)
            try:
                if self._clock.monotonic() - self._beat_at >= BEAT_EVERY_SECONDS:
                    await self._beat()
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
