"""Searches that are not carried out."""

from __future__ import annotations

from leadgen.application.ports.lead_searcher import ILeadSearcher
from leadgen.domain.errors import ServiceUnavailable
from leadgen.domain.search_options import AS_USUAL, SearchOptions


class RecordingLeadSearcher(ILeadSearcher):
    """``searched`` has account, lead and patience of every search, ``options`` how it was to go; all of them
    end at once, or while ``has_ended`` is False not in time. ``down`` makes every call fail.
    """

    def __init__(self) -> None:
        self.searched: list[tuple[str, str, float]] = []
        self.options: list[SearchOptions] = []
        self.has_ended = True
        self.down = False

    async def search(
        self, account: str, lead_id: str, *, wait_seconds: float, options: SearchOptions = AS_USUAL
    ) -> bool:
        if self.down:
            raise ServiceUnavailable("Temporal", "nowhere", "start it")
        self.searched.append((account, lead_id, wait_seconds))
        self.options.append(options)
        return self.has_ended

    async def goes_on(self, lead_id: str) -> bool:
        if self.down:
            raise ServiceUnavailable("Temporal", "nowhere", "start it")
        return not self.has_ended
