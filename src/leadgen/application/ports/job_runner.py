"""What makes jobs durable: something that carries a job through crashes to its end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import StrEnum

from leadgen.domain.job import Job


class RunState(StrEnum):
    """What the runner knows of a job."""

    MISSING = "missing"
    RUNNING = "running"
    ENDED = "ended"


class IJobRunner(ABC):
    """Starts and wakes jobs, and knows whether they run.

    Raises ServiceUnavailable when the server does not answer.
    """

    @abstractmethod
    async def check(self) -> None:
        """Returns when the server answers."""

    @abstractmethod
    async def start(self, job: Job) -> None:
        """Starts a job that is recorded; one that runs or ran is left alone."""

    @abstractmethod
    async def wake(self, job: Job) -> None:
        """Has whoever carries the job look at what is wanted of it; a job that does not run is left alone."""

    @abstractmethod
    async def state(self, job: Job) -> RunState:
        """Whether this job runs."""

    @abstractmethod
    async def has_workers(self) -> bool:
        """Whether any worker has asked for work in the last minutes."""

    @abstractmethod
    async def keep_up(self) -> None:
        """Makes sure that ``Upkeep`` runs at regular intervals."""
