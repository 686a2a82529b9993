"""Pauses a bulk job."""

from __future__ import annotations

from leadgen.application.wishes import Wish, Wishes
from leadgen.domain.job import Wanted


class PauseJob:
    """Has a job ask nothing more until it is continued; what is under way is booked."""

    def __init__(self, *, wishes: Wishes) -> None:
        self._wishes = wishes

    async def run(self, account: str, job_id: str) -> Wish:
        """The paused job. Raises UnknownId, NotPossible for one that has ended, ServiceUnavailable."""
        return await self._wishes.record(account, job_id, Wanted.PAUSE)
