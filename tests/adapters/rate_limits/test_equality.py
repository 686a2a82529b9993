"""All carriers give what a list that is searched from its beginning gives, to the microsecond."""

from __future__ import annotations

import asyncio
import math
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.rate_limits.carrier import ICarrier, Seed
from leadgen.adapters.rate_limits.memory import InMemoryRateLimiter
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.rate_limiter import Ticket
from leadgen.domain.limits import MICROS_PER_SECOND, Limits, Rule, Timing
from tests.adapters.rate_limits.clocked import ClockedRedis, clocked_sql
from tests.servers.valkey import ValkeyServer

ALL = 10_000
SOME_IN_MEMORY = 1_000
SOME_ON_REDIS = 250
SOME_ON_SQL = 80


@dataclass
class Oracle:
    """Every admission there ever was, and the rule as it is written down."""

    timing: Timing
    starts: list[int]
    ends: dict[int, int]
    floor: int = 0
    is_full: bool = False

    def take(
        self, now: int, limits: Limits, wanted: int, lease: int, lead: int
    ) -> tuple[list[int], int | None]:
        """The starts that are given, and after how long there are more."""
        lead = min(max(lead, self.timing.lead_min), self.timing.lead_max) if lead else self.timing.lead
        shortest = min(limits.rules, key=lambda rule: rule.window_micros)
        gap = min((shortest.window_micros + self.timing.validity) // shortest.calls, 10_000)
        fill = min(rule.window_micros // (4 * rule.calls) for rule in limits.rules)
        ahead = (limits.concurrency + 1) * max(fill, gap)
        looks_back, least_gap = max(rule.calls for rule in limits.rules) > 1, gap
        if limits.is_bulk:
            ahead = min(ahead, 50_000)
            short = [rule for rule in limits.rules if rule.window_micros <= 10_000_000]
            gap = max(gap, *(rule.window_micros * 19 // (20 * rule.calls) for rule in short), 0)
        reach = max(lead, min(self.timing.horizon, lead + ahead))
        given: list[int] = []
        while len(given) < wanted:
            held = [end for end in self.ends.values() if end > now]
            self.is_full = len(held) >= limits.concurrency
            if self.is_full:
                return given, min(held) - now
            earliest = [now + lead, self.floor, *(start + gap for start in self.starts[-1:])]
            if looks_back and len(self.starts) > 1:
                before, last = self.starts[-2:]
                earliest[-1] = min(last + gap, max(last + least_gap, before + 4 * gap))
            for rule in limits.rules:
                if len(self.starts) >= rule.calls:
                    back = self.starts[-rule.calls]
                    earliest.append(back + rule.window_micros + self.timing.validity)
            if max(earliest) > now + reach:
                return given, max(earliest) - reach - now
            given.append(max(earliest))
            self.ends[len(self.starts)] = given[-1] + lease
            self.starts.append(given[-1])
        return given, None


class ExactClock(IClock):
    """Whole microseconds, which survive their way through a float."""

    def __init__(self) -> None:
        self.micros = 50 * MICROS_PER_SECOND

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.monotonic(), UTC)

    def monotonic(self) -> float:
        seconds = self.micros / MICROS_PER_SECOND
        exact = math.ceil(seconds * MICROS_PER_SECOND) == self.micros
        return seconds if exact else math.nextafter(seconds, 0)

    async def sleep(self, seconds: float) -> None:
        self.micros += round(seconds * MICROS_PER_SECOND)


@dataclass(frozen=True)
class Wait:
    """Time passes."""

    micros: int


@dataclass(frozen=True)
class Take:
    """Somebody asks."""

    wanted: int
    lease: int
    lead: int
    is_bulk: bool


@dataclass(frozen=True)
class Release:
    """Somebody gives back the ticket of this number, perhaps for the second time, or late."""

    number: int


@dataclass(frozen=True)
class Penalise:
    """The provider asks for a pause."""

    micros: int


def _skewed(short: int, long: int) -> st.SearchStrategy[int]:
    return st.integers(0, short) | st.integers(0, long)


rules = st.builds(
    Rule, calls=st.integers(1, 5), window_micros=_skewed(40_000, 3_000_000).map(lambda n: n + 1)
)
all_limits = st.builds(
    Limits,
    rules=st.lists(rules, min_size=1, max_size=3).map(tuple),
    concurrency=st.sampled_from([1, 2, 3, 5, 50]),
)
timings = st.builds(
    Timing,
    lead=_skewed(100, 60_000),
    lead_min=_skewed(100, 20_000),
    validity=_skewed(100, 40_000),
    horizon=_skewed(20_000, 600_000),
    lead_max=st.sampled_from([100_000, 2_000_000]),
)
takes = st.builds(
    Take,
    wanted=st.integers(1, 6),
    lease=st.integers(1, 900_000),
    lead=st.sampled_from([0, 0, 0, 1, 5_000, 20_000, 100_000, 700_000]),
    is_bulk=st.booleans(),
)
waits = st.builds(Wait, _skewed(30_000, 2_000_000))
releases = st.builds(Release, st.integers(0, 12))
penalties = st.builds(Penalise, _skewed(20_000, 1_500_000))
actions = st.lists(takes | takes | waits | waits | releases | penalties, min_size=4, max_size=24)
seeds = st.just(Seed()) | st.builds(
    Seed,
    starts=st.lists(st.integers(-3_000_000, 500_000), max_size=8).map(sorted),
    lease_ends=st.lists(st.integers(1, 2_000_000), max_size=3),
)


@dataclass
class Play:
    """A carrier and the oracle, side by side."""

    carrier: ICarrier
    clock: ExactClock
    timing: Timing
    credential: str
    limits: Limits
    oracle: Oracle = field(init=False)
    tickets: list[tuple[Ticket, int]] = field(default_factory=list)

    async def run(self, seed: Seed, steps: list[Wait | Take | Release | Penalise]) -> None:
        """Everything that happens, to both."""
        now = self.clock.micros
        ends = {-place: now + end for place, end in enumerate(seed.lease_ends, 1)}
        self.oracle = Oracle(self.timing, [now + start for start in seed.starts], ends)
        await self.carrier.seed(self.credential, self.limits, seed)
        for step in steps:
            await self._act(step)

    async def _act(self, step: Wait | Take | Release | Penalise) -> None:
        match step:
            case Wait(micros):
                self.clock.micros += micros
            case Release(number):
                for ticket, place in self.tickets[number : number + 1]:
                    await self.carrier.release(ticket)
                    self.oracle.ends.pop(place, None)
            case Penalise(micros):
                await self.carrier.penalise(self.credential, micros / MICROS_PER_SECOND)
                self.oracle.floor = max(self.oracle.floor, self.clock.micros + micros)
            case Take():
                await self._take(step)

    async def _take(self, step: Take) -> None:
        first = len(self.oracle.starts)
        limits = self.limits.for_bulk() if step.is_bulk else self.limits
        starts, retry = self.oracle.take(self.clock.micros, limits, step.wanted, step.lease, step.lead)
        given = await self.carrier.take(
            self.credential,
            limits,
            wanted=step.wanted,
            lease_seconds=step.lease / MICROS_PER_SECOND,
            lead_seconds=step.lead / MICROS_PER_SECOND,
        )
        assert [round(each.opens_at * MICROS_PER_SECOND) for each in given.tickets] == starts
        closes = [round(each.closes_at * MICROS_PER_SECOND) for each in given.tickets]
        assert closes == [start + self.timing.validity for start in starts]
        hint = None if given.retry_seconds is None else round(given.retry_seconds * MICROS_PER_SECOND)
        if given.is_shared and retry is not None and self.oracle.is_full:
            assert hint is not None
            assert 0 <= hint <= retry  # places are asked for in turns
        else:
            assert hint == retry
        self.tickets += zip(given.tickets, range(first, first + len(starts)), strict=True)


Build = Callable[[ExactClock, Timing], AbstractAsyncContextManager[ICarrier]]


def compare(build: Build, examples: int) -> None:
    """Plays so many sequences, the same ones in each run."""
    numbers = count()

    with asyncio.Runner() as runner:

        async def play(
            allowed: Limits, timing: Timing, seed: Seed, steps: list[Wait | Take | Release | Penalise]
        ) -> None:
            clock = ExactClock()
            async with build(clock, timing) as carrier:
                await Play(carrier, clock, timing, f"orion:{next(numbers)}", allowed).run(seed, steps)

        @settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        @given(allowed=all_limits, timing=timings, seed=seeds, steps=actions)
        def all_of_them(
            allowed: Limits, timing: Timing, seed: Seed, steps: list[Wait | Take | Release | Penalise]
        ) -> None:
            runner.run(play(allowed, timing, seed, steps))

        all_of_them()


@pytest.fixture
def on_redis(valkey: ValkeyServer) -> Iterator[Build]:
    """Carriers on the server that all tests share."""
    client = Redis.from_url(valkey.url, socket_timeout=10, socket_connect_timeout=10)
    with BlockingRedis.from_url(valkey.url) as setter:

        @asynccontextmanager
        async def build(clock: ExactClock, timing: Timing) -> AsyncIterator[ICarrier]:
            setter.flushdb()
            try:
                yield ClockedRedis(client, setter, clock, timing)
            finally:
                await client.aclose()

        yield build


@pytest.fixture
def on_sqlite(migrated_file: Path, tmp_path: Path) -> Build:
    """Carriers on a file of their own."""
    path = tmp_path / "leadgen.db"
    shutil.copyfile(migrated_file, path)

    @asynccontextmanager
    async def build(clock: ExactClock, timing: Timing) -> AsyncIterator[ICarrier]:
        database = Database(f"sqlite:///{path}")
        try:
            yield clocked_sql(database, clock, timing)
        finally:
            await database.close()

    return build


@asynccontextmanager
async def in_memory(clock: ExactClock, timing: Timing) -> AsyncIterator[ICarrier]:
    """A carrier in memory."""
    yield InMemoryRateLimiter(clock, timing)


def test_memory_gives_what_the_list_gives() -> None:
    """Each start, each end and each hint when to ask again, over the first of the sequences."""
    compare(in_memory, SOME_IN_MEMORY)


def test_redis_gives_what_the_list_gives(on_redis: Build) -> None:
    """The same for the first of these sequences."""
    compare(on_redis, SOME_ON_REDIS)


def test_sql_gives_what_the_list_gives(on_sqlite: Build) -> None:
    """The same for the first of these sequences."""
    compare(on_sqlite, SOME_ON_SQL)


@pytest.mark.slow
def test_memory_gives_what_the_list_gives_for_all() -> None:
    """The same for all sequences."""
    compare(in_memory, ALL)


@pytest.mark.slow
def test_redis_gives_what_the_list_gives_for_all(on_redis: Build) -> None:
    """The same for all sequences."""
    compare(on_redis, ALL)


@pytest.mark.slow
def test_sql_gives_what_the_list_gives_for_all(on_sqlite: Build) -> None:
    """The same for all sequences."""
    compare(on_sqlite, ALL)
