"""What goes in and comes out; no personal data, and fields are only ever added, with defaults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass
class FindPhoneInput:
    """Which lead to find the number of, and how: the words of `leadgen phones find`, empty ones as usual.

    For somebody who waits ``strategy`` may be ``hedged`` or ``parallel``.
    """

    lead_id: str = ""
    account: str = "default"
    strategy: str = ""
    hedge_after: str = ""
    grace: str = ""
    line: str = ""
    max_price_usd: str = ""
    fresh: bool = False


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
    """One stretch of a search that was ordered at ``since``; the rest as in ``FindPhoneInput``."""

    lead_id: str
    account: str
    since: datetime
    strategy: str = ""
    hedge_after: str = ""
    grace: str = ""
    line: str = ""
    max_price_usd: str = ""
    fresh: bool = False


@dataclass
class SearchReport:
    """How the stretch ended; without a ``status`` the search goes on at ``resume_at``."""

    status: str | None
    provider: str | None
    cost_usd: str
    resume_at: datetime | None = None
