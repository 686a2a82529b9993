import asyncio
from datetime import timedelta

import pytest

from tests.fake_clock import START, FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands at its start."""
    return FakeClock()


async def test_time_stands_still(clock: FakeClock) -> None:
    """However long the test takes, nothing passes by itself."""
    before = clock.monotonic()
    await asyncio.sleep(0)
    assert (clock.now(), clock.monotonic()) == (START, before)


async def test_advance(clock: FakeClock) -> None:
    """Wall clock and monotonic clock go on together, to the microsecond."""
    before = clock.monotonic()
    for _ in range(10):
        await clock.advance(0.1)
    assert clock.now() == START + timedelta(seconds=1)
    assert clock.monotonic() - before == pytest.approx(1)


async def test_sleepers_wake_in_order(clock: FakeClock) -> None:
    """Each at its own moment, equal ones in the order in which they went to sleep, nobody too early."""
    woken: list[tuple[str, float]] = []
    begun = clock.monotonic()

    async def nap(name: str, *seconds: float) -> None:
        for each in seconds:
            await clock.sleep(each)
            woken.append((name, round(clock.monotonic() - begun, 6)))

    naps = [
        asyncio.create_task(nap(*arguments))
        for arguments in (("late", 3.0), ("twice", 1.0, 1.5), ("same", 3.0), ("never", 9.0))
    ]
    await clock.advance(3)
    assert woken == [("twice", 1.0), ("twice", 2.5), ("late", 3.0), ("same", 3.0)]
    assert clock.sleepers == 1
    naps[-1].cancel()
    await clock.advance(10)
    assert clock.sleepers == 0
    assert len(woken) == 4


async def test_no_sleep(clock: FakeClock) -> None:
    """Zero and less is not waited for."""
    await clock.sleep(0)
    await clock.sleep(-1)
    assert clock.sleepers == 0


async def test_run(clock: FakeClock) -> None:
    """Time jumps as far as a job needs, and its result and its error come back."""

    async def job() -> str:
        await asyncio.gather(clock.sleep(3_600), clock.sleep(60))
        return "done"

    assert await clock.run(job()) == "done"
    assert clock.now() == START + timedelta(hours=1)
    with pytest.raises(ZeroDivisionError):
        await clock.run(_fail(clock))


async def test_run_a_job_that_waits_for_nobody(clock: FakeClock) -> None:
    """A job that no passing of time would wake fails the test at once."""
    with pytest.raises(AssertionError, match="other than time"):
        await clock.run(asyncio.Event().wait())


async def _fail(clock: FakeClock) -> None:
    await clock.sleep(1)
    raise ZeroDivisionError
