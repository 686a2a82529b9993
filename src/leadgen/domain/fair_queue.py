"""A fair queue: who is urgent goes first, then accounts take turns by their weights.

Start-time fair queueing: each account has a queue of its own and a virtual time that advances by 1 / weight
for each turn; the account that is furthest behind is next. An account that comes back after having had
nothing to do joins at the present virtual time: it neither owes nor is owed turns.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Generic, TypeVar

from leadgen.domain.value import value

Item = TypeVar("Item")


@value(frozen=True, slots=True)
class Claimant:
    """For whom somebody waits: an account, its weight, and whether a person waits for the answer.

    ``asked``: how many others were asked about it already. The more they were, the sooner it goes among those
    of its account: fewer are left who can answer it, and fresh ones may find somebody less in demand.
    """

    account: str = ""
    weight: int = 1
    is_urgent: bool = False
    asked: int = 0


ANYBODY = Claimant()


@dataclass(slots=True)
class _Flow(Generic[Item]):
    """What one account waits for."""

    weight: int
    due: float
    by_asked: dict[int, deque[Item]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Item]:
        return chain.from_iterable(self.by_asked.values())

    def __len__(self) -> int:
        return sum(map(len, self.by_asked.values()))

    def push(self, item: Item, asked: int) -> None:
        """Puts an item behind those of which as many were asked."""
        self.by_asked.setdefault(asked, deque()).append(item)

    def pop(self) -> Item:
        """The first of those of which most were asked."""
        most = max(self.by_asked)
        item = self.by_asked[most].popleft()
        if not self.by_asked[most]:
            del self.by_asked[most]
        return item

    def keep(self, stays: Callable[[Item], bool]) -> None:
        """Takes out what does not stay."""
        staying = {asked: deque(filter(stays, items)) for asked, items in self.by_asked.items()}
        self.by_asked = {asked: items for asked, items in staying.items() if items}


class FairQueue(Generic[Item]):
    """Within an account first come, first served among those as far; between accounts by weight."""

    def __init__(self) -> None:
        self._urgent: dict[str, _Flow[Item]] = {}
        self._patient: dict[str, _Flow[Item]] = {}
        self._now = 0.0
        self._due: dict[str, float] = {}
        """When it is the turn again of accounts that have nothing waiting."""
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Item]:
        """All that wait, in no order that means anything."""
        for flows in (self._urgent, self._patient):
            for flow in flows.values():
                yield from flow

    @property
    def urgent(self) -> int:
        """How many of them are urgent."""
        return sum(len(flow) for flow in self._urgent.values())

    def push(self, item: Item, claimant: Claimant) -> None:
        """Lets an item wait its turn."""
        flows = self._urgent if claimant.is_urgent else self._patient
        flow = flows.get(claimant.account)
        if flow is None:
            known = 0.0 if claimant.is_urgent else self._due.pop(claimant.account, 0.0)
            flow = flows[claimant.account] = _Flow(claimant.weight, max(known, self._now))
        flow.weight = claimant.weight
        flow.push(item, claimant.asked)
        self._count += 1

    def pop(self) -> Item:
        """The item whose turn it is; raises IndexError when nothing waits."""
        flows = self._urgent or self._patient
        if not flows:
            raise IndexError
        account, flow = min(flows.items(), key=lambda each: each[1].due)
        if flows is self._patient:
            self._now = flow.due
        flow.due += 1.0 / flow.weight
        item = flow.pop()
        self._count -= 1
        if not flow:
            self._leave(flows, account)
        return item

    def keep(self, stays: Callable[[Item], bool]) -> None:
        """Takes everything out that does not stay."""
        for flows in (self._urgent, self._patient):
            for account, flow in list(flows.items()):
                flow.keep(stays)
                if not flow:
                    self._leave(flows, account)
        self._count = sum(1 for _ in self)

    def _leave(self, flows: dict[str, _Flow[Item]], account: str) -> None:
        """Remembers a turn that an account has had in advance; what lies behind is forgotten."""
        flow = flows.pop(account)
        if flows is self._patient and flow.due > self._now:
            self._due[account] = flow.due
        self._due = {name: due for name, due in self._due.items() if due > self._now}
