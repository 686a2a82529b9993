"""What every `ITallyBook` must do: count what providers knew, and lose nothing between two processes.

A subclass has the fixture ``open_stores`` of ``tests/contracts/stores.py``.
"""

import asyncio

import pytest

from leadgen.domain.experience import Cell, Tally, learned
from tests.contracts.stores import OpenStores

FIRST = Cell("US chief company entw", "orion")
LATER = Cell("US chief company entw", "orion", ("astra", "nimbus"))
ELSEWHERE = Cell("GB staff free en", "astra")


class TallyBookContract:
    """Subclass it as ``Test...``."""

    async def test_nothing_is_known_at_first(self, open_stores: OpenStores) -> None:
        """Nobody has been asked anything."""
        assert await open_stores().tallies.tallies() == {}

    async def test_adds_as_learned(self, open_stores: OpenStores) -> None:
        """What is added is what the domain makes of it, cell by cell."""
        book = open_stores().tallies
        counts = [{FIRST: (20, 9), LATER: (5, 1)}, {FIRST: (30, 12), ELSEWHERE: (1, 1)}, {FIRST: (200, 2)}]
        expected: dict[Cell, Tally] = {}
        for seen in counts:
            await book.add(seen)
            expected |= learned(expected, seen)
        known = await book.tallies()
        assert set(known) == {FIRST, LATER, ELSEWHERE}
        for cell, tally in known.items():
            assert tally.hits == pytest.approx(expected[cell].hits)
            assert tally.calls == pytest.approx(expected[cell].calls)
            assert tally.past_calls == pytest.approx(expected[cell].past_calls)

    async def test_two_at_once_lose_nothing(self, open_stores: OpenStores) -> None:
        """Every call counts once, whoever counts it, also in a cell that nobody has seen before."""
        books = [open_stores().tallies for _ in range(4)]
        await asyncio.gather(*(book.add({FIRST: (1, 1), LATER: (2, 0)}) for _ in range(5) for book in books))
        known = await books[0].tallies()
        assert (known[FIRST].past_calls, known[FIRST].past_hits) == (20, 20)
        assert (known[LATER].past_calls, known[LATER].past_hits) == (40, 0)
        assert (known[FIRST].seen_at, known[LATER].seen_at) == (60, 60), "of the calls in this segment"

    async def test_accept(self, open_stores: OpenStores) -> None:
        """The calls of late become the measure of this provider, and of no other."""
        book = open_stores().tallies
        for cell in (FIRST, ELSEWHERE):
            await book.add({cell: (1_000, 600)})
            await book.add({cell: (150, 0)})
        await book.accept("orion")
        known = await book.tallies()
        assert known[FIRST].past_hits == pytest.approx(0)
        assert known[ELSEWHERE].past_hits > 400
