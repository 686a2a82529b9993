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

    def monotonic(self) -> float:
        """See IClock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See IClock."""
        if seconds > 0:
            await asyncio.sleep(seconds)


class Uuid7Source(IIdSource):
    """UUIDv7 of RFC 9562: milliseconds, then a counter of this process in front of random bits."""

    def __init__(self) -> None:
        self._last = 0
        self._random = list[int]()
        self._process = 0

    def new(self) -> str:
        """See IIdSource."""
        ordered = (time.time_ns() // 1_000_000) << 12
        self._last = max(ordered, self._last + 1)
        low = self._random_number() >> 2 | 0b10 << 62
        digits = f"{self._last >> 12:012x}7{self._last & 0xFFF:03x}{low:016x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def _random_number(self) -> int:
        """64 bits, of which many are asked for at once; a forked process asks for its own."""
        if not self._random or self._process != os.getpid():
            self._process = os.getpid()
            self._random = list(struct.unpack("64Q", os.urandom(512)))
        return self._random.pop()


def process_name() -> str:
    """Tells this process from all others, also from a later one of the same number."""
    return f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"


class SystemSecrets(ISecretSource):
    """Randomness of the operating system."""

    def new(self) -> str:
        """See ISecretSource."""
        return secrets.token_hex(32)
