"""Requests that are carried out once, however often they are sent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime

from leadgen.domain.value import value


@value(frozen=True, slots=True)
class Answer:
    """What a request was answered: a status, a JSON text, and where to look for what it made."""

    status: int
    body: str
    location: str | None = None


@value(frozen=True, slots=True)
class Claim:
    """What is known of a request: what it asks for, the id of what it makes, its answer once there is one.

    ``is_ours``: the caller is the one to carry it out.
    """

    fingerprint: str
    subject: str
    answer: Answer | None = None
    is_ours: bool = False


class IIdempotencyStore(ABC):
    """Requests by account and the key that their senders chose. Raises ServiceUnavailable."""

    @abstractmethod
    async def claim(
        self, account: str, key: str, new: Claim, *, now: datetime, until: datetime, since: datetime
    ) -> Claim:
        """Records a request that is carried out ``until`` then; the one that stands under its key afterwards.

        It is the caller's to carry out where it is new, or where whoever had it has let go, or is late. One
        that was made before ``since`` is forgotten. Of callers at once, over all processes, one gets it.
        """

    @abstractmethod
    async def settle(self, account: str, key: str, answer: Answer) -> None:
        """Records the answer, which all later senders get."""

    @abstractmethod
    async def let_go(self, account: str, key: str, *, forget: bool) -> None:
        """Gives a request back: to be carried out by the next sender, as the same one or as a new one."""
