"""What comes out; fields are only ever added, with defaults."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class UpkeepResult:
    """How many jobs were started, and how many closed."""

    jobs_started: int = 0
    jobs_closed: int = 0
