"""Requests that are carried out once."""

import asyncio

import pytest

from leadgen.adapters.persistence.idempotency import SqlIdempotencyStore
from leadgen.application.ports.idempotency_store import Answer
from leadgen.application.run_once import RunOnce
from leadgen.domain.errors import InvalidInput, ServiceUnavailable, StillRunning, UnknownId
from tests.builders import ACCOUNT
from tests.fake_clock import FakeClock
from tests.fakes.id_source import CountingIdSource
from tests.unit.application.world import World

ANSWER = Answer(201, "{}")


class Work:
    """Remembers the subjects that it was given; raises ``error`` while there is one."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.subjects: list[str] = []
        self.error = error

    async def __call__(self, subject: str) -> Answer:
        self.subjects.append(subject)
        if self.error:
            raise self.error
        return ANSWER


@pytest.fixture
def run_once(world: World) -> RunOnce:
    """The use case over the world's database."""
    return RunOnce(store=SqlIdempotencyStore(world.database), ids=CountingIdSource(), clock=FakeClock())


async def test_twice(run_once: RunOnce) -> None:
    """The second time the answer of the first is given, and nothing is done."""
    work = Work()
    assert await run_once.run(ACCOUNT, "k", "f", work) == (ANSWER, False)
    assert await run_once.run(ACCOUNT, "k", "f", work) == (ANSWER, True)
    assert work.subjects == ["id-000001"]


async def test_another_request(run_once: RunOnce) -> None:
    """The same key with something else is refused."""
    await run_once.run(ACCOUNT, "k", "f", Work())
    with pytest.raises(InvalidInput, match="another request"):
        await run_once.run(ACCOUNT, "k", "g", Work())


async def test_while_it_runs(run_once: RunOnce) -> None:
    """Whoever comes meanwhile is told to come later."""
    begun, finish = asyncio.Event(), asyncio.Event()

    async def slow(_subject: str) -> Answer:
        begun.set()
        await finish.wait()
        return ANSWER

    first = asyncio.create_task(run_once.run(ACCOUNT, "k", "f", slow))
    await begun.wait()
    with pytest.raises(StillRunning):
        await run_once.run(ACCOUNT, "k", "f", Work())
    finish.set()
    assert await first == (ANSWER, False)


@pytest.mark.parametrize(
    "error", [ServiceUnavailable("x", "y", "z"), RuntimeError("bug"), asyncio.CancelledError()]
)
async def test_a_failure_that_may_have_done_something(run_once: RunOnce, error: BaseException) -> None:
    """The request can be sent again, and what it makes has the same id: so it is made once."""
    broken, work = Work(error), Work()
    with pytest.raises(type(error)):
        await run_once.run(ACCOUNT, "k", "f", broken)
    with pytest.raises(InvalidInput):
        await run_once.run(ACCOUNT, "k", "g", work)
    await run_once.run(ACCOUNT, "k", "f", work)
    assert work.subjects == broken.subjects


async def test_a_refusal(run_once: RunOnce) -> None:
    """What has changed nothing leaves the key free, also for something else."""
    with pytest.raises(UnknownId):
        await run_once.run(ACCOUNT, "k", "f", Work(UnknownId("lead", "x")))
    assert await run_once.run(ACCOUNT, "k", "g", Work()) == (ANSWER, False)
