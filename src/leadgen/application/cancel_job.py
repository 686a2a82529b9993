"""Cancels a bulk job."""

from __future__ import annotations

from leadgen.application.wishes import Wish, Wishes
from leadgen.domain.job import Wanted


class CancelJob:
    """Has a job ask nothing more and end, once what is under way is booked; it cannot be taken back."""

    def __init__(self, *, wishes: Wishes) -> None:
        self._wishes = wishes

    async def run(self, account: str, job_id: str) -> Wish:
        """The job, which is about to end. Raises UnknownId, ServiceUnavailable, and NotPossible for one that
        has ended otherwise.
        """
        return await self._wishes.record(account, job_id, Wanted.CANCEL)
