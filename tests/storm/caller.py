"""One process of the storm: 25 tasks that buy answers as fast as the limits allow, through the real parts.

Prints one JSON object: how many calls were answered, refused (HTTP 429), late, held, in doubt.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterator

from leadgen.adapters.persistence.board import SqlProviderBoard
from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.ledger import SqlLookupLedger
from leadgen.adapters.persistence.providers import SqlProviderCatalog
from leadgen.adapters.persistence.tallies import SqlTallyBook
from leadgen.adapters.providers.astra_dialer import AstraDialer
from leadgen.adapters.providers.http import new_client
from leadgen.adapters.rate_limits.board import LimiterBoard
from leadgen.adapters.rate_limits.failover import FailoverRateLimiter
from leadgen.adapters.rate_limits.memory import InMemoryRateLimiter
from leadgen.adapters.rate_limits.redis import RedisRateLimiter, open_redis
from leadgen.adapters.rate_limits.sql import SqlRateLimiter
from leadgen.adapters.system import SystemClock, process_name
from leadgen.application.paid_calls import PaidCalls
from leadgen.application.provider_watch import ProviderWatch
from leadgen.application.purchase import Purchase
from leadgen.application.ticket_desk import TicketDesk
from leadgen.composition import PROVIDERS
from leadgen.domain.lead import Lead, Profile
from leadgen.domain.limits import Timing
from leadgen.domain.provider import Fault, Hit, Miss, NotSent, Rejected
from leadgen.domain.waterfall import Answered, Ask
from leadgen.settings import provider_access
from tests.storm.people import person

TASKS = 25


async def call_on(
    calls: PaidCalls, people: Iterator[tuple[str, Profile]], until: float, seen: Counter[str]
) -> None:
    """Buys one answer after the other until the time is over."""
    clock = SystemClock()
    for lead_id, profile in people:
        lead, n = Lead(lead_id, "default", profile), 0
        while clock.monotonic() < until:
            result = await calls.ask(Purchase(lead, profile.question, None, Ask("astra", n)))
            outcome = result.outcome if isinstance(result, Answered) else None
            match outcome:
                case Hit() | Miss():
                    seen["answered"] += 1
                    break
                case Rejected(fault=Fault.BUSY):
                    seen["refused"] += 1
                    n += 1
                case NotSent():
                    seen["late" if outcome.late else "unsent"] += 1
                case None:
                    seen["held"] += 1
                    await clock.sleep(0.05)
                case _:
                    seen["in_doubt"] += 1
                    break
        if clock.monotonic() >= until:
            return


async def main(database_url: str, redis_url: str, first: int, step: int, seconds: float) -> None:
    """Runs the tasks and prints what they saw."""
    clock, timing, owner = SystemClock(), Timing(), process_name()
    database = Database(database_url)
    limiter = FailoverRateLimiter(
        board=LimiterBoard(database, owner),
        owner=owner,
        memory=InMemoryRateLimiter(clock, timing),
        sql=SqlRateLimiter(database, clock, timing),
        redis=RedisRateLimiter(open_redis(redis_url), clock, timing) if redis_url else None,
        clock=clock,
        timing=timing,
    )
    catalog = SqlProviderCatalog(database, clock, {name: config for name, (_, config) in PROVIDERS.items()})
    access = provider_access("astra")
    assert access.api_key
    async with new_client() as client:
        provider = AstraDialer(client, url=str(access.url), api_key=access.api_key.get_secret_value())
        calls = PaidCalls(
            watch=ProviderWatch(
                board=SqlProviderBoard(database), tallies=SqlTallyBook(database), clock=clock
            ),
            ledger=SqlLookupLedger(database),
            desk=TicketDesk(limiter=limiter, catalog=catalog, clock=clock),
            providers={"astra": provider},
            catalog=catalog,
            clock=clock,
            owner=owner,
        )
        seen: Counter[str] = Counter()
        people = (person(number) for number in range(first, 10**6, step))
        until = clock.monotonic() + seconds
        await asyncio.gather(*(call_on(calls, people, until, seen) for _ in range(TASKS)))
        await calls.drain()
    await limiter.close()
    await database.close()
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])))
