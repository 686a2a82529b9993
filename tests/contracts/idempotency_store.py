"""What every `IIdempotencyStore` must do: of all who send a request, one carries it out.

A subclass has the fixture ``open_stores`` of ``tests/contracts/stores.py``.
"""

import asyncio
from datetime import datetime, timedelta

import pytest

from leadgen.application.ports.idempotency_store import Answer, Claim
from tests.builders import ACCOUNT, NOW
from tests.contracts.stores import OTHER_ACCOUNT, OpenStores, Stores

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ANSWER = Answer(202, '{"job_id":"☎"}', "/v1/jobs/7")


async def claim(
    stores: Stores,
    subject: str,
    *,
    account: str = ACCOUNT,
    key: str = "key-1",
    fingerprint: str = "a",
    now: datetime = NOW,
) -> Claim:
    """What stands after this claim, which holds for a minute."""
    new = Claim(fingerprint, subject)
    return await stores.idempotency.claim(account, key, new, now=now, until=now + MINUTE, since=now - DAY)


class IdempotencyStoreContract:
    """Subclass it as ``Test...``."""

    @pytest.fixture
    def stores(self, open_stores: OpenStores) -> Stores:
        return open_stores()

    async def test_one_of_many(self, open_stores: OpenStores) -> None:
        """Of fifty that claim at once, over two processes, one gets it, and all see the same subject."""
        processes = [open_stores(), open_stores()]
        claims = await asyncio.gather(*(claim(processes[n % 2], f"subject-{n}") for n in range(50)))
        (ours,) = [each for each in claims if each.is_ours]
        assert {each.subject for each in claims} == {ours.subject}

    async def test_settled(self, stores: Stores) -> None:
        """Once there is an answer, everybody gets it, also long after the claim would have ended."""
        await claim(stores, "first")
        await stores.idempotency.settle(ACCOUNT, "key-1", ANSWER)
        assert await claim(stores, "second", now=NOW + 2 * MINUTE) == Claim("a", "first", ANSWER)

    async def test_another_request(self, stores: Stores) -> None:
        """Under the key of another request one gets nothing, even if nobody carries that out."""
        await claim(stores, "first")
        await stores.idempotency.let_go(ACCOUNT, "key-1", forget=False)
        assert await claim(stores, "second", fingerprint="b") == Claim("a", "first")

    async def test_let_go(self, stores: Stores) -> None:
        """The next sender carries the same request out, under the same subject."""
        await claim(stores, "first")
        await stores.idempotency.let_go(ACCOUNT, "key-1", forget=False)
        assert await claim(stores, "second") == Claim("a", "first", is_ours=True)

    async def test_forgotten(self, stores: Stores) -> None:
        """The next sender may send something else."""
        await claim(stores, "first")
        await stores.idempotency.let_go(ACCOUNT, "key-1", forget=True)
        assert await claim(stores, "second", fingerprint="b") == Claim("b", "second", is_ours=True)

    async def test_an_answer_is_not_let_go(self, stores: Stores) -> None:
        """Who lets go too late takes no answer away."""
        await claim(stores, "first")
        await stores.idempotency.settle(ACCOUNT, "key-1", ANSWER)
        for forget in (False, True):
            await stores.idempotency.let_go(ACCOUNT, "key-1", forget=forget)
        assert (await claim(stores, "second")).answer == ANSWER

    async def test_a_late_one(self, stores: Stores) -> None:
        """Whoever does not answer in time has its request carried out by another, of whom there is one."""
        await claim(stores, "first")
        assert not (await claim(stores, "x", now=NOW + MINUTE - timedelta(seconds=1))).is_ours
        late = await asyncio.gather(*(claim(stores, f"x{n}", now=NOW + MINUTE) for n in range(5)))
        assert sorted(each.is_ours for each in late) == [False] * 4 + [True]
        assert {each.subject for each in late} == {"first"}

    async def test_old_ones_are_forgotten(self, stores: Stores) -> None:
        """After a day a key is free again."""
        await claim(stores, "first")
        await stores.idempotency.settle(ACCOUNT, "key-1", ANSWER)
        later = NOW + DAY + MINUTE
        assert await claim(stores, "second", now=later) == Claim("a", "second", is_ours=True)

    async def test_keys_of_accounts(self, stores: Stores) -> None:
        """Two accounts, or two keys, have nothing to do with each other."""
        assert (await claim(stores, "first")).is_ours
        assert (await claim(stores, "second", account=OTHER_ACCOUNT)).is_ours
        assert (await claim(stores, "third", key="key-2")).is_ours
