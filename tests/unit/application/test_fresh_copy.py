"""The copy of what is on record: how old it gets, who waits for it, and what a change in between does."""

from __future__ import annotations

import asyncio

import pytest

from leadgen.application.fresh_copy import FreshCopy
from leadgen.domain.errors import ServiceUnavailable
from tests.fake_clock import FakeClock


class Record:
    """Something on record, whose reading may be held up or fail."""

    def __init__(self) -> None:
        self.value = 0
        self.reads = 0
        self.is_lost = False
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def read(self) -> int:
        """What stands when it is asked."""
        self.reads += 1
        value = self.value
        await self.may_answer.wait()
        if self.is_lost:
            raise ServiceUnavailable("the record", "here", "find it")
        return value


@pytest.fixture
def clock() -> FakeClock:
    """A clock that is set by hand."""
    return FakeClock()


@pytest.fixture
def record() -> Record:
    """A record that answers."""
    return Record()


@pytest.fixture
def copy(record: Record, clock: FakeClock) -> FreshCopy[int]:
    """A copy that may be ten seconds old."""
    return FreshCopy(record.read, clock, seconds_max=10.0)


async def settle() -> None:
    """Whoever can go on has gone on."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_reads_for_all(copy: FreshCopy[int], record: Record) -> None:
    """However many ask at once."""
    assert await asyncio.gather(*(copy.get() for _ in range(20))) == [0] * 20
    assert record.reads == 1


async def test_nobody_waits_for_a_copy_in_its_second_half(
    copy: FreshCopy[int], record: Record, clock: FakeClock
) -> None:
    """It is read anew meanwhile; before, it is not."""
    await copy.get()
    record.value = 1
    await clock.advance(4.9)
    assert await copy.get() == 0
    assert record.reads == 1
    await clock.advance(0.2)
    record.may_answer.clear()
    assert await copy.get() == 0
    record.may_answer.set()
    await settle()
    assert await copy.get() == 1
    assert record.reads == 2


async def test_what_is_too_old_is_waited_for(copy: FreshCopy[int], record: Record, clock: FakeClock) -> None:
    """And an error in getting it is told to those who wait; the next one tries again."""
    await copy.get()
    record.value = 1
    await clock.advance(10.0)
    record.is_lost = True
    with pytest.raises(ServiceUnavailable):
        await copy.get()
    record.is_lost = False
    assert await copy.get() == 1


async def test_an_error_that_nobody_waits_for(copy: FreshCopy[int], record: Record, clock: FakeClock) -> None:
    """The copy does while it is young enough."""
    await copy.get()
    record.is_lost = True
    await clock.advance(6.0)
    assert await copy.get() == 0
    await settle()
    await clock.advance(4.0)
    with pytest.raises(ServiceUnavailable):
        await copy.get()


async def test_what_was_read_before_a_change_does_not_count(copy: FreshCopy[int], record: Record) -> None:
    """Who asked before it waits for what stands after it, too."""
    record.may_answer.clear()
    asked = asyncio.create_task(copy.get())
    await settle()
    record.value = 1
    copy.forget()
    record.may_answer.set()
    assert await asked == 1
    assert await copy.get() == 1
    assert record.reads == 2


async def test_who_stops_waiting_spoils_it_for_nobody(copy: FreshCopy[int], record: Record) -> None:
    """The reading goes on."""
    record.may_answer.clear()
    first, second = asyncio.create_task(copy.get()), asyncio.create_task(copy.get())
    await settle()
    first.cancel()
    await settle()
    record.may_answer.set()
    assert await second == 0
    assert record.reads == 1


async def test_what_is_at_hand(copy: FreshCopy[int], record: Record, clock: FakeClock) -> None:
    """Is given without a wait while nothing has to be read anew; never what was forgotten."""
    assert copy.at_hand() is None
    assert await copy.get() == 0
    assert copy.at_hand() == 0
    await clock.advance(5.0)
    assert copy.at_hand() is None
    assert await copy.get() == 0  # which has it read anew
    await settle()
    assert copy.at_hand() == 0
    copy.forget()
    assert copy.at_hand() is None
    assert record.reads == 2
