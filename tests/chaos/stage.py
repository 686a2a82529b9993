"""One world under fault: a database, Valkey, a simulator, the workers, a proxy before each one's servers."""

from __future__ import annotations

import dataclasses
import functools
import json
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import redis

from tests.chaos.cast import Cast
from tests.chaos.diary import Diary
from tests.chaos.evidence import (
    PROVIDERS,
    Call,
    Evidence,
    Records,
    Sql,
    count_leaks,
    question_names,
    read_calls,
)
from tests.chaos.house import House
from tests.chaos.people import API_KEY, CANARIES, Person, people_file
from tests.chaos.processes import Ended, bare_environment, command, until
from tests.chaos.proxy import Proxy
from tests.chaos.taps import PostgresTap, RedisTap
from tests.chaos.verdict import STUCK_SECONDS, Line, judge
from tests.chaos.world import World, simulated
from tests.servers.valkey import ValkeyServer, valkey_server

_ENDS = {"done", "stopped"}
_OUTAGES = (sqlite3.Error, psycopg.Error)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a world is made of; each fault adds its own figures."""

    leads: int = 300
    workers: int = 4
    database: str = "postgres"
    rate: str = "25/1s"
    concurrency: int = 40
    timeout: str = "2s"
    unknown: str = ""
    """What to do about a lost answer, in the words of `leadgen providers set`; empty: as it is."""
    latency: str = "60ms"
    hits: float = 0.4
    idempotency: bool = False
    """Whether the providers keep idempotency keys."""
    recall: bool = False
    """Whether they tell what came of a call."""
    bound_seconds: float = 150.0
    """So long after the last fault the jobs may take."""
    settle_seconds: float = 0.0
    """So long after the jobs leadgen may take to find out what came of lost answers."""


@dataclass
class Stage:
    """A world with its workers; ``faults_over`` starts the clock for the end of the jobs."""

    house: House
    name: str
    figures: Figures
    folder: Path
    diary: Diary
    database_url: str
    valkey: ValkeyServer
    world: World
    databases: Sequence[Proxy]
    """The way of each worker to PostgreSQL; empty with SQLite."""
    limiters: Sequence[Proxy]
    """The way of each worker to Valkey."""
    cast: Cast
    sql: Sql
    """The database, past all proxies."""
    people: list[Person] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    healed_at: float = 0.0
    seen: Evidence = field(init=False)
    """What was judged by, once it was."""
    _ended_at: float | None = None

    @functools.cached_property
    def chance(self) -> random.Random:
        """The same numbers for the same seed and name."""
        return random.Random(f"{self.house.seed}/{self.name}")

    def leadgen(self, *words: str) -> Ended:
        """What a command of leadgen says."""
        environment = {**bare_environment(), **_settings(self.world.url, self.name, self.house)}
        environment |= {"LEADGEN_DATABASE_URL": self.database_url, "LEADGEN_REDIS_URL": self.valkey.url}
        return command(self.house.nursery, words, self.folder, environment)

    def order(self, leads: int) -> str:
        """The id of a new job over so many new leads."""
        new = [Person(number) for number in range(len(self.people), len(self.people) + leads)]
        (self.folder / "people.csv").write_text(people_file(new), encoding="utf-8")
        self._insist("leads", "import", "people.csv", "--json")
        self.people += new
        self.jobs.append(self._insist("phones", "find", "--no-wait", "--json").document["job_id"])
        self.diary.note("job ordered", f"{leads} leads")
        return self.jobs[-1]

    def _insist(self, *words: str) -> Ended:
        """A command that may meet a fault, and is then given again."""
        ended = self.leadgen(*words)
        for _ in range(20):
            if ended.code == 0:
                break
            time.sleep(0.5)
            ended = self.leadgen(*words)
        assert ended.code == 0, ended
        return ended

    def statuses(self) -> dict[str, str]:
        """By job; empty while the database does not answer."""
        try:
            rows = self.sql.rows("SELECT id, status FROM jobs")
        except _OUTAGES:
            return {}
        return {row["id"]: row["status"] for row in rows}

    @property
    def is_over(self) -> bool:
        """Whether all jobs have ended."""
        statuses = self.statuses()
        return all(statuses.get(job) in _ENDS for job in self.jobs)

    def calls_count(self) -> int:
        """How many calls the providers have received."""
        return int(self.world.books()["totals"]["calls"])

    def calls(self) -> list[Call]:
        """The books so far."""
        return read_calls(self.folder / "books.jsonl")

    def wait_for_calls(self, count: int, seconds: float = 60.0) -> None:
        """Returns when the job is under way."""
        assert until(lambda: self.calls_count() >= count, seconds), f"{count} calls: not within {seconds:g} s"

    def keep_busy(self, condition: Callable[[], bool]) -> bool:
        """Whether the condition holds; orders another job where the last one is over."""
        if condition() and self.is_over:
            self.order(self.figures.leads)
        return condition()

    def heal(self) -> None:
        """Says that the faults are over."""
        self.healed_at = time.monotonic()
        self.diary.note("faults over")

    def finish(self) -> list[Line]:
        """Waits for the end of the jobs, and judges."""
        if not self.healed_at:
            self.heal()
        bound = self.figures.bound_seconds
        if until(lambda: self.is_over, bound + 30.0, every=0.2):
            self._ended_at = time.monotonic()
            self.diary.note("jobs over")
        self._wait_for_intents()
        until(lambda: not self._count("unknown"), self.figures.settle_seconds, every=0.5)
        self.cast.stop_all()
        self.seen = self._evidence()
        kept = json.dumps(dataclasses.asdict(self.seen.records), default=str)
        (self.folder / "evidence.json").write_text(kept, encoding="utf-8")
        return judge(self.seen)

    def _count(self, state: str) -> int:
        return sum(row.state == state for row in self.sql.records().lookups)

    def _wait_for_intents(self) -> None:
        """Until no intent is open, or the oldest one has been for too long."""

        def settled() -> bool:
            rows = [row for row in self.sql.records().lookups if row.state == "intended"]
            return not rows or min(row.lease_until for row in rows) + STUCK_SECONDS < time.time()

        until(settled, STUCK_SECONDS + 30.0, every=0.5)

    def _evidence(self) -> Evidence:
        """All that there is to judge by; the ledger is audited on the way."""
        records = self.sql.records()
        truths = {person.email: self.world.truth(person) for person in self.people}
        logs = [*self.folder.glob("*.log"), *(self.house.folder / "temporal-server").glob("temporal.db*")]
        took = None if self._ended_at is None else self._ended_at - self.healed_at
        return Evidence(
            people=self.people,
            records=records,
            audited=self._audited(),
            calls=self.calls(),
            books=self.world.books(),
            questions=question_names(self.house.seed, self.people),
            truths=truths,
            ended_seconds=took,
            bound_seconds=self.figures.bound_seconds,
            leaks=count_leaks(logs, CANARIES),
            keys_without_end=_keys_without_end(self.valkey.url),
            now=time.time(),
        )

    def _audited(self) -> Records | None:
        """The records after an audit; None where leadgen has none."""
        if not self.house.has_audit:
            return None
        told = self.leadgen("ledger", "audit", "--against", f"{self.world.url}/usage", "--json")
        self.diary.note("audit", json.dumps(told.out or told.err)[:400])
        return self.sql.records()


@contextmanager
def staged(house: House, name: str, figures: Figures, *flags: str) -> Iterator[Stage]:
    """A world whose workers work, without a job so far; gone at the end."""
    folder = house.folder / name
    folder.mkdir()
    diary = Diary(house.folder / "events.log", name)
    with ExitStack() as stack:
        is_sqlite = figures.database == "sqlite"
        words = _provider_words(figures)
        url = house.database(f"chaos-{name}", folder, is_sqlite=is_sqlite, providers=words)
        sql = Sql(url)
        stack.callback(sql.close)
        valkey = stack.enter_context(valkey_server())
        world = stack.enter_context(
            simulated(house.nursery, folder, *_world_flags(house, folder, figures), *flags)
        )
        switchboard, places = house.switchboard, range(figures.workers)
        limiters = [stack.enter_context(switchboard.proxy(valkey.port, RedisTap)) for _ in places]
        databases = []
        if not is_sqlite:
            port = house.postgres.port
            databases = [stack.enter_context(switchboard.proxy(port, PostgresTap)) for _ in places]
        common = _settings(world.url, name, house)
        environments = [
            {
                **common,
                "LEADGEN_DATABASE_URL": _through(databases[place], url) if databases else url,
                "LEADGEN_REDIS_URL": f"redis://127.0.0.1:{limiters[place].port}/0",
            }
            for place in places
        ]
        cast = Cast(house.nursery, diary, folder, environments, is_cold=house.is_cold)
        stage = Stage(house, name, figures, folder, diary, url, valkey, world, databases, limiters, cast, sql)
        stack.enter_context(cast)
        cast.wait_until_working()
        yield stage


def _settings(world: str, name: str, house: House) -> dict[str, str]:
    settings = {f"LEADGEN_{provider.upper()}_URL": f"{world}/{provider}" for provider in PROVIDERS}
    settings |= {f"LEADGEN_{provider.upper()}_API_KEY": API_KEY for provider in PROVIDERS}
    return {**settings, "LEADGEN_TEMPORAL_ADDRESS": house.temporal.address, "LEADGEN_TASK_QUEUE": name}


def _world_flags(house: House, folder: Path, figures: Figures) -> list[str]:
    flags = ["--seed", str(house.seed), "--profile", "instant", "--key", API_KEY]
    flags += ["--books", str(folder / "books.jsonl")]
    for name in PROVIDERS:
        flags += ["--rate", f"{name}={figures.rate}", "--concurrency", f"{name}={figures.concurrency}"]
        flags += ["--latency", f"{name}={figures.latency}", "--hits", f"{name}={figures.hits}"]
        flags += ["--idempotency", f"{name}=on"] if figures.idempotency else []
        flags += ["--recall", f"{name}=on"] if figures.recall else []
    return flags


def _provider_words(figures: Figures) -> list[str]:
    words = [f"rate={figures.rate}", f"concurrency={figures.concurrency}", f"timeout={figures.timeout}"]
    return [*words, f"unknown={figures.unknown}"] if figures.unknown else words


def _through(proxy: Proxy, url: str) -> str:
    """The address of a database behind a proxy, in plain bytes."""
    database = url.rpartition("/")[2]
    return f"postgresql://postgres@127.0.0.1:{proxy.port}/{database}?sslmode=disable&gssencmode=disable"


def _keys_without_end(url: str) -> int:
    with redis.Redis.from_url(url, socket_timeout=5) as client:
        return sum(client.ttl(key) == -1 for key in client.scan_iter(count=1000))
