"""What every `IProviderBoard` must do: keep breakers, and let one of two who change the same one win.

A subclass has the fixture ``open_stores`` of ``tests/contracts/stores.py``.
"""

import asyncio
import dataclasses
from datetime import timedelta

from leadgen.domain.breaker import Breaker, BreakerState, Cause
from tests.builders import NOW
from tests.contracts.stores import OpenStores

OPEN = Breaker(
    "orion",
    state=BreakerState.OPEN,
    cause=Cause.YIELD,
    why="its hits fell",
    since=NOW,
    until=NOW + timedelta(minutes=30),
    times=3,
    window="..x." * 12,
    doubt=7.25,
    probes=2,
)


class ProviderBoardContract:
    """Subclass it as ``Test...``."""

    async def test_nothing_on_record(self, open_stores: OpenStores) -> None:
        """A provider that never had trouble has no row."""
        assert await open_stores().board.breakers() == {}

    async def test_saved_is_read(self, open_stores: OpenStores) -> None:
        """All of a breaker comes back, to every process, with the next version."""
        first, second = open_stores(), open_stores()
        assert await first.board.save([OPEN, Breaker("astra")]) == {"orion", "astra"}
        assert await second.board.breakers() == {
            "orion": dataclasses.replace(OPEN, version=1),
            "astra": Breaker("astra", version=1),
        }

    async def test_the_later_of_two_loses(self, open_stores: OpenStores) -> None:
        """Who changes a breaker that somebody has changed since it was read changes nothing."""
        first, second = open_stores(), open_stores()
        await first.board.save([OPEN])
        read = (await second.board.breakers())["orion"]
        assert await first.board.save([read.tried(NOW)]) == {"orion"}
        assert await second.board.save([read.closed(NOW), Breaker("astra")]) == {"astra"}
        assert (await second.board.breakers())["orion"].state is BreakerState.HALF_OPEN

    async def test_one_of_many_at_once_wins(self, open_stores: OpenStores) -> None:
        """However many try a provider at the same time, one does."""
        processes = [open_stores() for _ in range(4)]
        await processes[0].board.save([OPEN])
        standing = (await processes[0].board.breakers())["orion"]
        saved = await asyncio.gather(
            *(
                each.board.save([standing.tried(NOW + timedelta(seconds=n))])
                for n, each in enumerate(processes)
            )
        )
        assert sorted(map(len, saved)) == [0, 0, 0, 1]

    async def test_one_of_many_new_ones_wins(self, open_stores: OpenStores) -> None:
        """The same holds for a breaker that is not on record yet."""
        processes = [open_stores() for _ in range(4)]
        saved = await asyncio.gather(*(each.board.save([Breaker("orion")]) for each in processes))
        assert sorted(map(len, saved)) == [0, 0, 0, 1]
