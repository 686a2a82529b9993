"""The activities over a real database: what Temporal gets to see of errors, and signs of life."""

import asyncio
import contextlib
import dataclasses
import selectors
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.ledger import SqlLookupLedger
from leadgen.adapters.persistence.schema import upgrade
from leadgen.application.fail_search import FailSearch
from leadgen.application.find_phone import Finding, FindPhone
from leadgen.application.paid_calls import GIVE_UP_SECONDS
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.job_runner import IJobRunner, RunState
from leadgen.application.ports.lead_repository import Arrival
from leadgen.composition import Leadgen, Overrides, compose
from leadgen.domain.errors import InvalidInput, LeadgenError, NotConfigured, ServiceUnavailable, UnknownId
from leadgen.domain.job import Job, JobScope, JobStatus, Wanted
from leadgen.domain.lead import EndState, Input, Question
from leadgen.domain.lookup import Lookup, LookupState
from leadgen.domain.provider import (
    Charges,
    Hit,
    IPhoneProvider,
    MaySend,
    Miss,
    NotSent,
    OnUnknown,
    Outcome,
    Unknown,
)
from leadgen.settings import Settings
from leadgen.workflows.failures import as_failures
from leadgen.workflows.find_phone.activities import FindPhoneActivities
from leadgen.workflows.find_phone.payloads import SearchInput
from leadgen.workflows.find_phones.payloads import ChunkInput, EndInput, LookInput, PlanInput
from leadgen.workflows.heartbeats import heartbeats
from leadgen.workflows.options import FAULT_ATTEMPTS_MAX
from tests.builders import LEASE, lookup, profile, us_phone
from tests.fake_clock import FakeClock
from tests.workflows.fakes import until

SECRET = "ada@lovelace.example +12025550123"


class Mute(IJobRunner):
    """A runner that is there, starts nothing and has never heard of any job."""

    async def check(self) -> None:
        """It is there."""

    async def start(self, job: Job) -> None:
        """Starts nothing."""

    async def wake(self, job: Job) -> None:
        """Wakes nothing."""

    async def state(self, job: Job) -> RunState:
        """Knows nothing."""
        return RunState.MISSING

    async def has_workers(self) -> bool:
        """None."""
        return False

    async def keep_up(self) -> None:
        """Does not."""


class Scripted(IPhoneProvider):
    """A provider that answers with an outcome, or breaks with an error that quotes the question.

    ``recalled`` is what it tells of an earlier call.
    """

    def __init__(self, outcome: Outcome | None, recalled: Outcome | None = None) -> None:
        self._outcome = outcome
        self._recalled = recalled

    @property
    def needs(self) -> frozenset[Input]:
        """An e-mail address."""
        return frozenset({Input.EMAIL})

    async def ask(
        self, question: Question, *, reference: str, timeout_seconds: float, may_send: MaySend
    ) -> Outcome:
        """What was scripted."""
        if not await may_send():
            return NotSent("late", late=True)
        if self._outcome is None:
            raise ValueError(SECRET)
        return self._outcome

    async def recall(self, question: Question, *, reference: str, timeout_seconds: float) -> Outcome | None:
        """What is known of every call."""
        return self._recalled

    async def is_reachable(self, *, timeout_seconds: float) -> bool:
        """Always."""
        return True


@asynccontextmanager
async def composed(
    folder: Path,
    *,
    outcome: Outcome | None = None,
    recalled: Outcome | None = None,
    tables: bool = True,
    clock: IClock | None = None,
) -> AsyncIterator[Leadgen]:
    """A leadgen over a new database and one scripted provider."""
    settings = Settings(database_url=f"sqlite:///{folder / 'leadgen.db'}")
    if tables:
        upgrade(settings.database_url)
    providers: Mapping[str, IPhoneProvider] = {"orion": Scripted(outcome, recalled)}
    async with compose(settings, Overrides(providers=providers, runner=Mute(), clock=clock)) as leadgen:
        yield leadgen


async def on_record(folder: Path, *lookups: Lookup) -> None:
    """Records intents as another process has, and what came of those that are closed."""
    database = Database(f"sqlite:///{folder / 'leadgen.db'}")
    ledger = SqlLookupLedger(database)
    for each in lookups:
        ours = dataclasses.replace(each, account="default")
        await ledger.intend(dataclasses.replace(ours, state=LookupState.INTENDED))
        if ours.state is not LookupState.INTENDED:
            await ledger.close(ours, None)
    await database.close()


async def add_lead(leadgen: Leadgen, name: str = "Ada") -> str:
    """The id of a new lead."""
    about = profile(email=f"{name.lower()}@lovelace.example", first_name=name)
    await leadgen.leads.merge("default", [Arrival(f"lead-{name}", about, None)])
    return f"lead-{name}"


async def question_of(leadgen: Leadgen, name: str) -> Question:
    """What is asked about a new lead."""
    story = await leadgen.show_lead.run("default", await add_lead(leadgen, name))
    return story.line.lead.profile.question


def environment(*, attempt: int = 1, beats: Sequence[object] = ()) -> ActivityEnvironment:
    """An activity's surroundings; ``beats``: what the attempts before have left with the server."""
    surroundings = ActivityEnvironment()
    surroundings.info = dataclasses.replace(surroundings.info, attempt=attempt, heartbeat_details=beats)
    return surroundings


def search_input(lead_id: str) -> SearchInput:
    """The order to search a lead of the default account."""
    return SearchInput(lead_id, "default", since=datetime.now(UTC))


def blow_up(error: Exception) -> None:
    """An activity that raises."""
    with as_failures():
        raise error


@pytest.mark.parametrize(
    ("error", "non_retryable"),
    [
        (ServiceUnavailable("Temporal", "127.0.0.1:1", "start it"), False),
        (InvalidInput("cannot be used"), True),
        (UnknownId("lead", "x"), True),
        (NotConfigured("no key"), True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_own_error(error: LeadgenError, non_retryable: bool) -> None:
    """Errors of leadgen itself keep their name and words; only what may come back is tried again."""
    with pytest.raises(ApplicationError) as failed:
        environment().run(blow_up, error)
    told = failed.value
    assert (told.type, told.message, told.non_retryable) == (type(error).__name__, str(error), non_retryable)
    assert told.__cause__ is None


def test_own_error_is_bounded() -> None:
    """However long an error's words are, a history holds 500 characters of them."""
    with pytest.raises(ApplicationError) as failed:
        environment().run(blow_up, InvalidInput("x" * 100_000))
    assert len(failed.value.message) == 500


@pytest.mark.parametrize(
    ("attempt", "non_retryable"), [(1, False), (FAULT_ATTEMPTS_MAX - 1, False), (FAULT_ATTEMPTS_MAX, True)]
)
def test_foreign_error(attempt: int, non_retryable: bool) -> None:
    """A fault of our own is tried a few times, and told by type and place alone."""
    with pytest.raises(ApplicationError) as failed:
        environment(attempt=attempt).run(blow_up, KeyError(SECRET))
    told = failed.value
    assert (told.type, told.non_retryable) == ("KeyError", non_retryable)
    assert told.message.startswith("KeyError at tests.workflows.test_activities:")
    assert told.__cause__ is None
    assert SECRET not in repr(told)


async def test_cancellation_passes() -> None:
    """Cancelling is no failure."""

    async def cancelled() -> None:
        with as_failures():
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await environment().run(cancelled)


async def test_search_lead(tmp_path: Path) -> None:
    """A search that ends is reported with its end, its cost, and no personal data."""
    async with composed(tmp_path, outcome=Miss()) as leadgen:
        lead_id = await add_lead(leadgen)
        report = await environment().run(leadgen.activities.find_phone.search_lead, search_input(lead_id))
    assert (report.status, report.provider, report.cost_usd) == ("not_found", None, "0.020000")
    assert report.resume_at is None


async def test_search_of_unknown_lead(tmp_path: Path) -> None:
    """An unknown lead is told once, and not tried again."""
    async with composed(tmp_path) as leadgen:
        with pytest.raises(ApplicationError) as failed:
            await environment().run(leadgen.activities.find_phone.search_lead, search_input("nobody"))
    assert (failed.value.type, failed.value.non_retryable) == ("UnknownId", True)


async def test_search_without_tables(tmp_path: Path) -> None:
    """A database that is not ready yet is tried again."""
    async with composed(tmp_path, tables=False) as leadgen:
        with pytest.raises(ApplicationError) as failed:
            await environment().run(leadgen.activities.find_phone.search_lead, search_input("nobody"))
    assert (failed.value.type, failed.value.non_retryable) == ("ServiceUnavailable", False)
    assert "leadgen db upgrade" in failed.value.message


async def test_search_whose_adapter_breaks(tmp_path: Path) -> None:
    """The call is in doubt and counts as charged; what the error quotes stands nowhere."""
    async with composed(tmp_path, outcome=None) as leadgen:
        lead_id = await add_lead(leadgen)
        report = await environment().run(leadgen.activities.find_phone.search_lead, search_input(lead_id))
        story = await leadgen.show_lead.run("default", lead_id)
    assert (report.status, report.cost_usd) == ("incomplete", "0.020000")
    assert SECRET not in repr(report)
    assert SECRET not in repr(story.asked)


async def test_job_from_plan_to_end(tmp_path: Path) -> None:
    """Planned twice a job keeps its leads; a chunk run twice settles them once; one end is enough."""
    async with composed(tmp_path, outcome=Miss()) as leadgen:
        for name in ("Ada", "Bea", "Cai"):
            await add_lead(leadgen, name)
        served = leadgen.activities.find_phones
        plans = [await environment().run(served.plan_job, PlanInput("job-1", "default")) for _ in range(2)]
        chunks = [await environment().run(served.run_chunk, ChunkInput("job-1", 0, 100)) for _ in range(2)]
        ends = [await environment().run(served.end_job, EndInput("job-1")) for _ in range(2)]
    assert [plan.leads for plan in plans] == [3, 3]
    assert [(chunk.settled, chunk.open, chunk.resume_at) for chunk in chunks] == [(3, 0, None), (0, 0, None)]
    assert ends[0] == ends[1]
    assert (ends[0].status, ends[0].leads, ends[0].not_found, ends[0].cost_usd) == ("done", 3, 3, "0.060000")


async def test_paused_and_cancelled_job(tmp_path: Path) -> None:
    """A chunk of a paused job comes back at once, to go on at any time; a cancelled one ends incomplete."""
    async with composed(tmp_path, outcome=Miss()) as leadgen:
        await add_lead(leadgen)
        served = leadgen.activities.find_phones
        await environment().run(served.plan_job, PlanInput("job-1", "default"))
        looks = [await environment().run(served.look_at_job, LookInput("job-1"))]
        await leadgen.pause_job.run("default", "job-1")
        looks.append(await environment().run(served.look_at_job, LookInput("job-1")))
        chunk = await environment().run(served.run_chunk, ChunkInput("job-1", 0, 100))
        await leadgen.cancel_job.run("default", "job-1")
        looks.append(await environment().run(served.look_at_job, LookInput("job-1")))
        end = await environment().run(served.end_job, EndInput("job-1"))
    assert [look.wanted for look in looks] == [Wanted.RUN, Wanted.PAUSE, Wanted.CANCEL]
    assert (chunk.settled, chunk.open, chunk.wanted) == (0, 1, Wanted.PAUSE)
    assert chunk.resume_at is not None
    assert chunk.resume_at <= datetime.now(UTC)
    assert (end.status, end.incomplete, end.cost_usd) == ("cancelled", 1, "0.000000")


async def test_faults_stay_with_their_leads(tmp_path: Path) -> None:
    """A lead over which an adapter breaks stays incomplete; its chunk does not fail."""
    async with composed(tmp_path, outcome=None) as leadgen:
        await add_lead(leadgen)
        served = leadgen.activities.find_phones
        await environment().run(served.plan_job, PlanInput("job-1", "default"))
        chunk = await environment().run(served.run_chunk, ChunkInput("job-1", 0, 100))
        end = await environment().run(served.end_job, EndInput("job-1"))
    assert (chunk.settled, end.incomplete) == (1, 1)


class BrokenSearch(FindPhone):
    """Fails with an error that nobody foresaw."""

    def __init__(self) -> None:
        """Needs nothing."""

    async def run(self, *_: object, **__: object) -> Finding:
        raise KeyError(SECRET)


@pytest.mark.parametrize(
    ("faults", "non_retryable"), [(0, False), (FAULT_ATTEMPTS_MAX - 2, False), (FAULT_ATTEMPTS_MAX - 1, True)]
)
async def test_an_outage_uses_up_no_attempt(tmp_path: Path, faults: int, non_retryable: bool) -> None:
    """However long the database was away before, a fault is tried as often as any, then the lead failed."""
    after_an_outage = environment(attempt=99, beats=(0, faults, False))
    async with composed(tmp_path) as leadgen:
        lead_id = await add_lead(leadgen)
        broken = FindPhoneActivities(BrokenSearch(), FailSearch(leads=leadgen.leads))
        with pytest.raises(ApplicationError) as failed:
            await after_an_outage.run(broken.search_lead, search_input(lead_id))
        found = await leadgen.look_at_search.run("default", lead_id, has_ended=non_retryable)
    assert failed.value.non_retryable is non_retryable
    assert found.status is (EndState.FAILED if non_retryable else None)
    assert ("KeyError at" in str(found.reason)) is non_retryable
    assert SECRET not in str(found.reason)


async def test_unknown_job(tmp_path: Path) -> None:
    """An unknown job is told once, and not tried again."""
    async with composed(tmp_path) as leadgen:
        served = leadgen.activities.find_phones
        with pytest.raises(ApplicationError) as of_chunk:
            await environment().run(served.run_chunk, ChunkInput("job-1", 0, 100))
        with pytest.raises(ApplicationError) as of_look:
            await environment().run(served.look_at_job, LookInput("job-1"))
        with pytest.raises(ApplicationError) as of_end:
            await environment().run(served.end_job, EndInput("job-1"))
    for failed in (of_chunk.value, of_look.value, of_end.value):
        assert (failed.type, failed.non_retryable) == ("UnknownId", True)


async def test_mend_jobs(tmp_path: Path) -> None:
    """Upkeep starts a job that nothing carries, once it is old enough, and says so."""
    async with composed(tmp_path) as leadgen:
        long_ago = datetime(2026, 1, 1, tzinfo=UTC)
        await leadgen.jobs.add(Job("job-1", "default", JobScope(), JobStatus.WAITING, long_ago))
        await leadgen.jobs.add(Job("job-2", "default", JobScope(), JobStatus.WAITING, datetime.now(UTC)))
        result = await environment().run(leadgen.activities.upkeep.mend_jobs)
    assert (result.jobs_started, result.jobs_closed) == (1, 0)


async def test_end_of_a_job_with_a_call_under_way(tmp_path: Path) -> None:
    """A job ends when all that it asked is booked: until then it beats; a dead worker's call has a lease."""
    clock, beats = FakeClock(), list[int]()
    surroundings = environment()
    surroundings.on_heartbeat = lambda done, *_: beats.append(done)
    async with composed(tmp_path, clock=clock) as leadgen:
        await add_lead(leadgen)
        served = leadgen.activities.find_phones
        await environment().run(served.plan_job, PlanInput("job-1", "default"))
        await on_record(tmp_path, lookup(lead_id="lead-Ada", job_id="job-1", created_at=clock.now()))
        ending = asyncio.create_task(surroundings.run(served.end_job, EndInput("job-1")))
        await until(lambda: clock.sleepers == 1)
        under_way = await leadgen.jobs.report("job-1")
        assert under_way is not None
        assert (under_way.job.status, beats, ending.done()) == (JobStatus.RUNNING, [0], False)
        await clock.advance(LEASE.total_seconds())
        await until(lambda: clock.sleepers == 1)
        await clock.advance(GIVE_UP_SECONDS + 1)
        end = await ending
    assert (end.status, end.cost_usd) == ("done", "0.020000")


@pytest.mark.parametrize(
    ("on_unknown", "recalled", "found"),
    [
        (OnUnknown.RECALL, Hit(us_phone(7), "2025550107"), 2),
        (OnUnknown.RECALL, NotSent("the provider never received it"), 2),
        (OnUnknown.RECALL, None, 0),
        (OnUnknown.ASSUME, Miss(), 0),
    ],
)
async def test_settle_unknown(
    tmp_path: Path, on_unknown: OnUnknown, recalled: Outcome | None, found: int
) -> None:
    """Intents of dead workers are closed, and what the provider tells of lost calls is booked; it beats."""
    clock, beats = FakeClock(), list[int]()
    surroundings = environment()
    surroundings.on_heartbeat = lambda done, *_: beats.append(done)
    async with composed(tmp_path, recalled=recalled, clock=clock) as leadgen:
        config = (await leadgen.catalog.configs())["orion"]
        await leadgen.catalog.save(dataclasses.replace(config, on_unknown=on_unknown))
        lost, dead = [
            lookup(about=await question_of(leadgen, name), lead_id=f"lead-{name}", created_at=at)
            for name, at in (("Ada", clock.now() - LEASE), ("Bea", clock.now() - LEASE))
        ]
        await on_record(tmp_path, lost.closed(Unknown("timed out"), Charges.REQUEST, clock.now()), dead)
        settling = asyncio.create_task(surroundings.run(leadgen.activities.upkeep.settle_unknown))
        await until(lambda: clock.sleepers == 1)
        await clock.advance(GIVE_UP_SECONDS)
        result = await settling
        totals = (await leadgen.audit_ledger.run()).totals
    assert (result.abandoned, result.found, beats) == (1, found, [0])
    assert (totals.intents_open, totals.unknown_open) == (0, 2 - found)


class _Skipping(selectors.SelectSelector):
    """Waits for nobody: where nothing is ready the time is moved on instead."""

    skipped_seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready just now."""
        ready = super().select(0)
        if not ready and timeout and timeout > 0:
            self.skipped_seconds += timeout
        return ready


class SkippingLoop(asyncio.SelectorEventLoop):
    """An event loop in which sleeping takes no time."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        """The clock, ahead by all that was slept."""
        return super().time() + self._skipping.skipped_seconds


def test_heartbeats() -> None:
    """An activity shows a sign of life at once and every 3 seconds, with its progress, until it ends."""
    beats: list[int] = []
    surroundings = environment()
    surroundings.on_heartbeat = lambda done, *_: beats.append(done)

    async def work() -> None:
        async with heartbeats() as report:
            await asyncio.sleep(1)
            report(5)
            await asyncio.sleep(6)
            report(9)
            await asyncio.sleep(3)
        await asyncio.sleep(60)

    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        runner.run(surroundings.run(work))
    assert beats == [0, 5, 5, 9]


def test_heartbeats_end_with_an_error() -> None:
    """An activity that broke shows no sign of life any more."""
    beats: list[int] = []
    surroundings = environment()
    surroundings.on_heartbeat = lambda done, *_: beats.append(done)

    async def work() -> None:
        with contextlib.suppress(ValueError):
            async with heartbeats():
                await asyncio.sleep(1)
                raise ValueError
        await asyncio.sleep(60)

    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        runner.run(surroundings.run(work))
    assert beats == [0]
