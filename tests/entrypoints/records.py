"""What workers have left in the database of a program, put there without a worker."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.jobs import SqlJobRepository
from leadgen.adapters.persistence.ledger import SqlLookupLedger
from leadgen.adapters.persistence.outbox import Outbox
from leadgen.adapters.persistence.seal import Seal
from leadgen.adapters.persistence.webhooks import SqlWebhookRepository
from leadgen.adapters.system import SystemClock
from leadgen.application.ports.lead_repository import Conclusion
from leadgen.domain.budget import Span
from leadgen.domain.job import Job, JobScope, JobStatus
from leadgen.domain.lead import EndState
from leadgen.domain.lookup import Lookup, LookupState
from leadgen.domain.provider import Charges, Hit, Miss, Outcome, Unknown
from leadgen.domain.selection import Refusal
from leadgen.domain.waterfall import Verdict
from leadgen.domain.webhook import DeliveryState
from tests.builders import lookup, profile, us_phone
from tests.entrypoints.program import Program

ASKED_AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
PRICES = {"orion": 20_000, "astra": 10_000, "nimbus": 15_000}
HIT, MISS, LOST = Hit(us_phone(23), "202-555-0123"), Miss(), Unknown("timed out after 10 s")


def import_leads(program: Program, count: int = 1) -> list[str]:
    """The ids of new leads."""
    rows = [f"ada{number}@fernhill.example,Ada" for number in range(count)]
    program.write("people.csv", "\n".join(["email,firstName", *rows, ""]))
    assert program("leads", "import", "people.csv").code == 0
    return [lead["id"] for lead in program("leads", "list", "--json").document["leads"]]


def asked(
    lead_id: str, provider: str, outcome: Outcome | None, *, n: int = 0, job_id: str | None = None
) -> Lookup:
    """A question to a provider, two hours ago, and what came of it; None is still under way."""
    intended = lookup(
        account="default",
        about=profile(email=f"{lead_id}@fernhill.example").question,
        lead_id=lead_id,
        job_id=job_id,
        provider=provider,
        n=n,
        created_at=ASKED_AT,
        held_micros=PRICES[provider],
    )
    return intended.closed(outcome, Charges.REQUEST, ASKED_AT) if outcome else intended


def record(program: Program, *lookups: Lookup) -> None:
    """Writes lookups into the ledger, as they went: intended first, then closed."""

    async def write(database: Database) -> None:
        ledger = SqlLookupLedger(database)
        for each in lookups:
            held = PRICES[each.provider]
            intended = dataclasses.replace(
                each, state=LookupState.INTENDED, held_micros=held, posted_micros=0, estimated_micros=0
            )
            await ledger.intend(dataclasses.replace(intended, outcome=None, settled_at=None))
            if each.state is not LookupState.INTENDED:
                await ledger.close(each, None)

    _in_database(program, write)


def record_job(program: Program) -> str:
    """The id of a running job over all leads, which no worker carries out."""
    job = Job("0190f3a0-0000-7000-8000-00000000000b", "default", JobScope(), JobStatus.WAITING, ASKED_AT)

    async def write(database: Database) -> None:
        jobs = SqlJobRepository(database, SystemClock())
        await jobs.plan(await jobs.add(job), "carrier-1")

    _in_database(program, write)
    return job.id


def record_end_of_job(program: Program, number: int = 1) -> str:
    """The id of a job over nobody that has ended."""
    job = Job(
        f"0190f3a0-0000-7000-8000-0000000001{number:02}", "default", JobScope(), JobStatus.WAITING, ASKED_AT
    )

    async def write(database: Database) -> None:
        jobs = SqlJobRepository(database, SystemClock())
        await jobs.add(job)
        await jobs.end(job.id, JobStatus.DONE)

    _in_database(program, write)
    return job.id


def give_up_deliveries(program: Program) -> None:
    """Lets all deliveries be dead, as days of trying would."""

    async def write(database: Database) -> None:
        webhooks = SqlWebhookRepository(database, Outbox(database), Seal())
        for each in await webhooks.deliveries("default", failed=False, limit=99):
            dead = dataclasses.replace(
                each, state=DeliveryState.DEAD, tries=each.tries + 1, answer="HTTP 500"
            )
            await webhooks.record(dead)

    _in_database(program, write)


def record_job_over_budget(program: Program, lead_ids: Sequence[str], budget_micros: int) -> str:
    """The id of a job over these leads that ended since its budget was reached before any was searched."""
    job = Job("0190f3a0-0000-7000-8000-00000000000a", "default", JobScope(), JobStatus.WAITING, ASKED_AT)
    refusal = Refusal("orion", "budget: the job's is used up", prevents=True, over=Span.JOB)
    verdict = Verdict(EndState.INCOMPLETE, unasked=(refusal,))

    async def write(database: Database) -> None:
        jobs = SqlJobRepository(database, SystemClock())
        await jobs.add(job, budget_micros=budget_micros)
        await jobs.plan(job, "carrier-1")
        await jobs.conclude(job, [Conclusion(lead_id, verdict) for lead_id in lead_ids])
        await jobs.end(job.id, JobStatus.DONE)

    _in_database(program, write)
    return job.id


def report_of(*lines: tuple[Lookup, float], until: datetime = ASKED_AT + timedelta(hours=1)) -> str:
    """A usage report that charges these lookups so much each, and reaches to a free call at ``until``."""
    rows = [f"{each.provider},{each.key},{ASKED_AT.isoformat()},{usd:.6f}" for each, usd in lines]
    providers = {each.provider for each, _ in lines}
    first = [f"{name},,{(ASKED_AT - timedelta(hours=1)).isoformat()},0" for name in sorted(providers)]
    last = [f"{name},,{until.isoformat()},0" for name in sorted(providers)]
    return "\n".join(["provider,reference,received_at,charged_usd", *first, *rows, *last, ""])


def _in_database(program: Program, write: Callable[[Database], Awaitable[None]]) -> None:
    async def opened() -> None:
        database = Database(f"sqlite:///{program.folder / '.leadgen' / 'leadgen.db'}")
        try:
            await write(database)
        finally:
            await database.close()

    asyncio.run(opened())
