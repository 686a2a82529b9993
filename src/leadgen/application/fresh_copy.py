"""A copy of what is on record, for those who look at it with each call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar, cast

from leadgen.application.background import heard
from leadgen.application.ports.clock import IClock

T = TypeVar("T")


class FreshCopy(Generic[T]):
    """Read by one for all, and again at half its age, so that hardly anybody waits for the database."""

    def __init__(self, read: Callable[[], Awaitable[T]], clock: IClock, *, seconds_max: float) -> None:
        """``seconds_max``: how old a copy may be."""
        self._read = read
        self._clock = clock
        self._seconds_max = seconds_max
        self._value: T | None = None
        self._read_at = float("-inf")
        self._read_by: asyncio.Task[T] | None = None
        self._reading: asyncio.Task[T] | None = None

    def at_hand(self) -> T | None:
        """What ``get`` would give at once, without anything to do; None where there is no such copy."""
        is_new = self._clock.monotonic() - self._read_at < self._seconds_max / 2
        return self._value if is_new else None

    async def get(self) -> T:
        """What is on record, as it was ``seconds_max`` ago at most, or now. Raises what reading raises."""
        while True:
            age = self._clock.monotonic() - self._read_at
            if age < self._seconds_max / 2:
                return cast(T, self._value)
            if self._reading is None:
                self._reading = asyncio.create_task(self._renew())
                self._reading.add_done_callback(heard)
            if age < self._seconds_max:
                return cast(T, self._value)
            reading = self._reading
            value = await asyncio.shield(reading)
            if self._read_by is reading:  # else it was forgotten meanwhile
                return value

    def forget(self) -> None:
        """It has changed: whoever asks from now on waits for what is on record then."""
        self._read_at, self._reading = float("-inf"), None

    async def _renew(self) -> T:
        reading, read_at = asyncio.current_task(), self._clock.monotonic()
        try:
            value = await self._read()
            if self._reading is reading:
                self._value, self._read_at, self._read_by = value, read_at, self._reading
            return value
        finally:
            if self._reading is reading:
                self._reading = None
