"""What goes in and comes out; no personal data, and fields are only ever added, with defaults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass
class FindPhoneInput:
    """Which lead to find the number of."""

    lead_id: str = ""
    account: str = "default"


@dataclass
class FindPhoneResult:
    """How the search ended (an end state), who had the number, and what the lead has cost so far.

    The number itself stands in the database: ``leadgen leads show LEAD_ID``.
    """

    lead_id: str
    status: str
    provider: str | None
    cost_usd: str


@dataclass
class SearchInput:
    """One stretch of a search that was ordered at ``since``."""

    lead_id: str
    account: str
    since: datetime


@dataclass
class SearchReport:
    """How the stretch ended; without a ``status`` the search goes on at ``resume_at``."""

    status: str | None
    provider: str | None
    cost_usd: str
    resume_at: datetime | None = None
