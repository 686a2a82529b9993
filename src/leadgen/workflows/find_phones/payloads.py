"""What goes in and comes out; offsets and counts only, and fields are only ever added, with defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from leadgen.domain.job import Wanted


@dataclass(order=True)
class ParkedChunk:
    """A chunk that cannot go on before a moment, and the number of its first lead."""

    resume_at: datetime
    start: int


@dataclass
class FindPhonesInput:
    """Which job to carry out; without one, a new job over all leads of the account that have no number.

    The other fields carry a long job over into its next run.
    """

    job_id: str = ""
    account: str = "default"
    leads: int | None = None
    next_start: int = 0
    parked: list[ParkedChunk] = field(default_factory=list)
    chunk_leads: int = 100
    weight: float | None = None
    is_urgent: bool = False


@dataclass
class FindPhonesResult:
    """What came of the job; the numbers stand in the database: ``leadgen leads export FILE``."""

    job_id: str
    status: str
    leads: int
    found: int
    not_found: int
    incomplete: int
    failed: int
    cost_usd: str


@dataclass
class PlanInput:
    """Which job to plan, and for whom."""

    job_id: str
    account: str


@dataclass
class PlanReport:
    """How many leads the job covers, and how many of them go into a chunk; whose it is, that account's
    weight, and whether somebody waits for it.
    """

    leads: int
    chunk_leads: int = 100
    account: str = ""
    weight: float | None = None
    is_urgent: bool = False


@dataclass
class ChunkInput:
    """A stretch of a job: ``size`` leads from number ``start`` on."""

    job_id: str
    start: int
    size: int


@dataclass
class ChunkProgress:
    """How many leads have ended in this stretch, how many are open, and when to go on with those.

    ``wanted``: what is wanted of the job, where the stretch was broken off for that.
    """

    settled: int
    open: int
    resume_at: datetime | None = None
    wanted: Wanted = Wanted.RUN


@dataclass
class LookInput:
    """Which job to look at."""

    job_id: str


@dataclass
class LookReport:
    """What is wanted of the job."""

    wanted: Wanted


@dataclass
class EndInput:
    """Which job to end."""

    job_id: str
