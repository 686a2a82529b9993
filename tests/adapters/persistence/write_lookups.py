"""A process that buys answers: ``python -m tests.adapters.persistence.write_lookups URL FIRST COUNT``.

It says that it is ready, waits for a line, and says nothing more unless something goes wrong.
"""

import asyncio
import sys

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.ledger import SqlLookupLedger
from leadgen.domain.provider import Miss
from tests.contracts.lookup_ledger import about, closed

AT_ONCE = 4


async def write(url: str, first: int, count: int) -> None:
    """Intends and closes a lookup of each lead, a few at a time."""
    database = Database(url)
    ledger = SqlLookupLedger(database)
    numbers = iter(range(first, first + count))

    async def buy() -> None:
        for number in numbers:
            intent = about(number, owner=f"process {first}")
            assert await ledger.intend(intent) == intent
            assert await ledger.close(closed(intent, Miss()), None)

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    await asyncio.gather(*(buy() for _ in range(AT_ONCE)))
    await database.close()


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
