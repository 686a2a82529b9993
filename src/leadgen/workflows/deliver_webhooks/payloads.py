"""What goes in and out: ids, counts and times, and fields are only ever added, with defaults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass
class DeliverWebhooksInput:
    """To which endpoint to deliver; the counts are carried over from the runs before."""

    endpoint_id: str = ""
    delivered: int = 0
    dead: int = 0


@dataclass
class DeliverWebhooksResult:
    """How many deliveries arrived, and how many were given up."""

    delivered: int
    dead: int


@dataclass
class SendInput:
    """To which endpoint to send what is due ``now``: by the server's clock, which may leap."""

    endpoint_id: str
    now: datetime


@dataclass
class SendReport:
    """What was sent, and when to come back; None when nothing waits any more."""

    delivered: int = 0
    dead: int = 0
    resume_at: datetime | None = None
