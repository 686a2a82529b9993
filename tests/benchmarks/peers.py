"""The libraries leadgen is compared with, on the same server and with the same client library.

They are installed for this benchmark alone, so type checks see neither of them: both are loaded by name.
"""

import importlib
import time
import uuid
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis

from tests.benchmarks.contender import STRICT_CALLS, WIDE_CALLS, Admit, Contender, Send

Acquire = Callable[[], Awaitable[bool]]


class Peer(Contender):
    """A library that answers yes or no, one admission a call; whoever wants one asks for himself."""

    @abstractmethod
    async def acquire(self, calls: int) -> Acquire:
        """Asks a fresh limit of so many calls a second."""

    async def wide(self) -> Admit:
        """See Contender."""
        acquire = await self.acquire(WIDE_CALLS)

        async def admit(wanted: int) -> int:
            assert wanted == 1
            return int(await acquire())

        return admit

    async def strict(self) -> Send:
        """See Contender; the caller goes on when the answer is there."""
        acquire = await self.acquire(STRICT_CALLS)

        async def send() -> int | None:
            return time.monotonic_ns() if await acquire() else None

        return send


class LimitsPeer(Peer):
    """A strategy of ``limits`` on its asynchronous Redis storage."""

    def __init__(self, url: str, name: str, strategy: str) -> None:
        super().__init__(name)
        aio = importlib.import_module("limits.aio")
        self._storage: Any = aio.storage.RedisStorage(f"async+{url}", implementation="redispy")
        self._limiter: Any = getattr(aio.strategies, strategy)(self._storage)

    async def acquire(self, calls: int) -> Acquire:
        """See Peer."""
        item = importlib.import_module("limits").RateLimitItemPerSecond(calls)
        key = uuid.uuid4().hex

        async def hit() -> bool:
            return bool(await self._limiter.hit(item, key))

        return hit

    async def close(self) -> None:
        """See Contender."""
        await self._storage.bridge.get_connection().aclose()


class PyratePeer(Peer):
    """The sliding log of ``pyrate-limiter`` in its Redis bucket, asked without waiting."""

    def __init__(self, url: str, name: str) -> None:
        super().__init__(name)
        self._pyrate: Any = importlib.import_module("pyrate_limiter")
        self._client = Redis.from_url(url)
        self._limiters: list[Any] = []

    async def acquire(self, calls: int) -> Acquire:
        """See Peer."""
        rates = [self._pyrate.Rate(calls, self._pyrate.Duration.SECOND)]
        bucket = await self._pyrate.RedisBucket.init(rates, self._client, uuid.uuid4().hex)
        limiter = self._pyrate.Limiter(bucket)
        self._limiters.append(limiter)

        async def try_acquire() -> bool:
            return bool(await limiter.try_acquire_async("call", blocking=False))

        return try_acquire

    async def close(self) -> None:
        """See Contender."""
        for limiter in self._limiters:
            limiter.bucket_factory.close()
        await self._client.aclose()
