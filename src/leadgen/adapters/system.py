"""The machine's own clock and randomness."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import struct
import time
from datetime import UTC, datetime

from leadgen.application.ports.clock import IClock
from leadgen.application.ports.id_source import IIdSource
from leadgen.application.ports.secret_source import ISecretSource


class SystemClock(IClock):
    """The clock of this machine."""

    def now(self) -> datetime:
        """See IClock."""
        return datetime.now(UTC)

    monotonic = staticmethod(time.monotonic)

    async def sleep(self, seconds: float) -> None:
        """See IClock."""
        if seconds > 0:
            await asyncio.sleep(seconds)


class Uuid7Source(IIdSource):
    """UUIDv7 of RFC 9562: milliseconds, then a counter of this process in front of random bits."""

    def __init__(self) -> None:
        self._last = 0
        self._random = list[str]()
        os.register_at_fork(after_in_child=self._random.clear)  # a forked process asks for its own

    def new(self) -> str:
        """See IIdSource."""
        self._last = max(time.time_ns() // 1_000_000 << 12, self._last + 1)
        head = f"{self._last:015x}"
        if not self._random:
            self._random.extend(_random_ends(64))
        return f"{head[:8]}-{head[8:12]}-7{head[12:]}-{self._random.pop()}"


def _random_ends(count: int) -> list[str]:
    """The last two groups of ids: the variant, then random bits, which are cheaper by the dozen."""
    numbers = struct.unpack(f"{count}Q", os.urandom(8 * count))
    digits = [f"{number >> 2 | 0b10 << 62:016x}" for number in numbers]
    return [f"{each[:4]}-{each[4:]}" for each in digits]


def process_name() -> str:
    """Tells this process from all others, also from a later one of the same number."""
    return f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"


class SystemSecrets(ISecretSource):
    """Randomness of the operating system."""

    def new(self) -> str:
        """See ISecretSource."""
        return secrets.token_hex(32)
