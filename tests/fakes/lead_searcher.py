"""Searches that are not carried out."""

from __future__ import annotations

from leadgen.application.ports.lead_searcher import ILeadSearcher
from leadgen.domain.errors import ServiceUnavailable


class RecordingLeadSearcher(ILeadSearcher):
    """``searched`` has account, lead and patience of every search; all of them end at once, or while
    ``has_ended`` is False not in time. ``down`` makes every call fail.
    """

    def __init__(self) -> None:
        self.searched: list[tuple[str, str, float]] = []
        self.has_ended = True
        self.down = False

    async def search(self, account: str, lead_id: str, *, wait_seconds: float) -> bool:
        if self.down:
            raise ServiceUnavailable("Temporal", "nowhere", "start it")
        self.searched.append((account, lead_id, wait_seconds))
        return self.has_ended
