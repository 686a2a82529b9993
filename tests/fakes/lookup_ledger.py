"""A ledger that can be made slow, or to fail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from leadgen.application.ports.lookup_ledger import ILookupLedger, LeadValue
from leadgen.domain.budget import OverBudget
from leadgen.domain.lookup import Lookup


class TroubledLedger(ILookupLedger):
    """Does what the ledger behind it does; ``trouble[name of method]`` is raised instead while it is there.

    ``lost[name of method]`` is raised after it was done, which the caller does not learn. ``before_intend``
    is awaited in front of every intent: let time pass there, and the ticket runs out. ``calls`` has the names
    of all methods that were called.
    """

    def __init__(self, inner: ILookupLedger) -> None:
        self.trouble: dict[str, Exception] = {}
        self.lost: dict[str, Exception] = {}
        self.calls: list[str] = []
        self.before_intend: Callable[[], Awaitable[None]] | None = None
        self._inner = inner

    def fail(self, error: Exception) -> None:
        """The database is away: every call fails."""
        methods = ("intend", "close", "get", "history", "of_lead", "intended", "abandoned", "unknown")
        self.trouble = dict.fromkeys(methods, error)

    def recover(self) -> None:
        """The database is back."""
        self.trouble = {}
        self.lost = {}

    async def intend(
        self,
        lookup: Lookup,
        epoch: int = 0,
        *,
        may_repeat: bool = False,
        question_version: int | None = None,
    ) -> Lookup | OverBudget:
        self._check("intend")
        if self.before_intend is not None:
            await self.before_intend()
        standing = await self._inner.intend(
            lookup, epoch, may_repeat=may_repeat, question_version=question_version
        )
        self._reply("intend")
        return standing

    async def close(self, lookup: Lookup, value: LeadValue | None) -> bool:
        self._check("close")
        is_closed = await self._inner.close(lookup, value)
        self._reply("close")
        return is_closed

    async def get(self, key: str) -> Lookup | None:
        self._check("get")
        return await self._inner.get(key)

    async def history(self, account: str, questions: Sequence[str]) -> Sequence[Lookup]:
        self._check("history")
        return await self._inner.history(account, questions)

    async def of_lead(self, account: str, lead_id: str) -> Sequence[Lookup]:
        self._check("of_lead")
        return await self._inner.of_lead(account, lead_id)

    async def intended(self, job_id: str) -> Sequence[Lookup]:
        self._check("intended")
        return await self._inner.intended(job_id)

    async def abandoned(self, now: datetime, *, limit: int) -> Sequence[Lookup]:
        self._check("abandoned")
        return await self._inner.abandoned(now, limit=limit)

    async def unknown(self, since: datetime, *, after: str, limit: int) -> Sequence[Lookup]:
        self._check("unknown")
        return await self._inner.unknown(since, after=after, limit=limit)

    def _check(self, method: str) -> None:
        self.calls.append(method)
        if error := self.trouble.get(method):
            raise error

    def _reply(self, method: str) -> None:
        if error := self.lost.get(method):
            raise error
