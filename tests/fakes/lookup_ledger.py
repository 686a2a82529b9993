"""A ledger that can be made slow, or to fail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from leadgen.application.ports.lookup_ledger import ILookupLedger, LeadValue
from leadgen.domain.lookup import Lookup


class TroubledLedger(ILookupLedger):
    """Does what the ledger behind it does; ``trouble[name of method]`` is raised instead while it is there.

    ``before_intend`` is awaited in front of every intent: let time pass there, and the ticket runs out.
    """

    def __init__(self, inner: ILookupLedger) -> None:
        self.trouble: dict[str, Exception] = {}
        self.before_intend: Callable[[], Awaitable[None]] | None = None
        self._inner = inner

    async def intend(self, lookup: Lookup, epoch: int = 0) -> Lookup | None:
        self._check("intend")
        if self.before_intend is not None:
            await self.before_intend()
        return await self._inner.intend(lookup, epoch)

    async def close(self, lookup: Lookup, value: LeadValue | None) -> bool:
        self._check("close")
        return await self._inner.close(lookup, value)

    async def get(self, key: str) -> Lookup | None:
        self._check("get")
        return await self._inner.get(key)

    async def history(self, account: str, questions: Sequence[str]) -> Sequence[Lookup]:
        self._check("history")
        return await self._inner.history(account, questions)

    async def of_lead(self, account: str, lead_id: str) -> Sequence[Lookup]:
        self._check("of_lead")
        return await self._inner.of_lead(account, lead_id)

    def _check(self, method: str) -> None:
        if error := self.trouble.get(method):
            raise error
