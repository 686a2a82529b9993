"""A runner that starts nothing and remembers everything."""

from __future__ import annotations

from leadgen.application.ports.job_runner import IJobRunner, RunState
from leadgen.domain.errors import ServiceUnavailable
from leadgen.domain.job import Job


class RecordingJobRunner(IJobRunner):
    """``started`` has the ids of the jobs it was given, ``woken`` of those it woke; one started is running.

    Put a job's id into ``states`` to say what became of it. ``down`` makes every call fail, ``start_fails``
    only the start.
    """

    def __init__(self) -> None:
        self.started: list[str] = []
        self.woken: list[str] = []
        self.states: dict[str, RunState] = {}
        self.down = False
        self.start_fails = False
        self.upkeep = False

    async def check(self) -> None:
        if self.down:
            raise ServiceUnavailable("the job runner", "nowhere", "start it")

    async def start(self, job: Job) -> None:
        await self.check()
        if self.start_fails:
            raise ServiceUnavailable("the job runner", "nowhere", "start it")
        if await self.state(job) is RunState.MISSING:
            self.started.append(job.id)
            self.states[job.id] = RunState.RUNNING

    async def wake(self, job: Job) -> None:
        await self.check()
        self.woken.append(job.id)

    async def state(self, job: Job) -> RunState:
        await self.check()
        return self.states.get(job.id, RunState.MISSING)

    async def has_workers(self) -> bool:
        await self.check()
        return True

    async def keep_up(self) -> None:
        await self.check()
        self.upkeep = True
