"""What a commit of the ledger says to PostgreSQL, in two statements where it can be: each is a round trip.

A thread that comes back from one has to wait for its turn beside a busy event loop. With seven statements
that was most of what a commit took.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Integer, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.budgets import OF_ACCOUNT, BudgetKey, budget_of
from leadgen.adapters.persistence.lead_changes import WHICHEVER, Person
from leadgen.adapters.persistence.records import Records, parsed
from leadgen.domain.budget import Budget, Span

_ARRAYS = ("leads", "people", "credentials", "keys", "accounts", "jobs", "spans")
_CAPPED = "span = ANY(:spans) AND owner = ANY(:accounts) OR span = :job AND owner = ANY(:jobs)"
_LOCKED = text(
    f"""
    WITH these AS (
        SELECT id FROM leads WHERE id = ANY(:leads) ORDER BY id FOR NO KEY UPDATE
    ),
    there AS (
        SELECT id, question_version FROM leads
        WHERE id = ANY(:people) AND deleted_at IS NULL ORDER BY id FOR KEY SHARE
    ),
    postings AS (
        SELECT credential, epoch FROM limiters
        WHERE credential = ANY(:credentials) ORDER BY credential FOR SHARE
    ),
    standing AS (
        SELECT job_id FROM lookups
        WHERE key = ANY(:keys) AND EXISTS (SELECT FROM budgets WHERE {_CAPPED}) ORDER BY key FOR UPDATE
    ),
    caps AS (
        SELECT * FROM budgets
        WHERE {_CAPPED} OR span = :job AND owner IN (SELECT job_id FROM standing)
        ORDER BY span, owner FOR UPDATE
    )
    SELECT '' AS span, '' AS owner, count(*) AS cap_micros, 0 AS used_micros, 0 AS held_micros,
        CAST(NULL AS date) AS day FROM these
    UNION ALL SELECT 'gone', people.id, version, 0, 0, NULL
        FROM unnest(:people, :versions) AS people (id, version) LEFT JOIN there ON there.id = people.id
        WHERE there.id IS NULL OR version NOT IN ({WHICHEVER}, question_version)
    UNION ALL SELECT 'epoch', credential, epoch, 0, 0, NULL FROM postings
    UNION ALL SELECT '', '', count(*), 0, 0, NULL FROM standing
    UNION ALL SELECT span, owner, cap_micros, used_micros, held_micros, day FROM caps
    UNION ALL SELECT 'now', '', CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint), 0, 0, NULL
    """  # noqa: S608 - words of our own
).bindparams(
    *(bindparam(name, type_=ARRAY(Text)) for name in _ARRAYS), bindparam("versions", type_=ARRAY(Integer))
)
"""The arms of a union are carried out one after the other: so the locks are taken in their order.

Who removes a lead waits for those who are about to ask about it; they wait for the removal, and see it.
Rows that stand are locked only where there is a budget to move: it may be that of another job which asked.
"""


async def locked(
    conn: AsyncConnection,
    *,
    lead_ids: Collection[str],
    people: Collection[Person],
    providers: Collection[str],
    keys: Collection[str],
    accounts: Collection[str],
    job_ids: Collection[str],
) -> tuple[dict[str, int], dict[BudgetKey, Budget], set[Person], int]:
    """Locks leads, epochs, lookups and budgets, each in one order.

    ``lead_ids`` are those that change, ``people`` those that must not be removed meanwhile. Epochs, budgets,
    those of ``people`` that are no leads any more, or are asked about otherwise, and the time then.
    """
    ordered = sorted(people)
    rows = (
        await conn.execute(
            _LOCKED,
            {
                "leads": sorted(lead_ids),
                "people": [lead_id for lead_id, _ in ordered],
                "versions": [version for _, version in ordered],
                "credentials": sorted(providers),
                "keys": sorted(keys),
                "accounts": sorted(accounts),
                "jobs": sorted(job_ids),
                "spans": list(OF_ACCOUNT),
                "job": Span.JOB.value,
            },
        )
    ).mappings()
    epochs, budgets, gone, now = dict[str, int](), dict[BudgetKey, Budget](), set[Person](), 0
    for row in rows:
        match row["span"]:
            case "":
                pass
            case "epoch":
                epochs[row["owner"]] = row["cap_micros"]
            case "gone":
                gone.add((row["owner"], row["cap_micros"]))
            case "now":
                now = row["cap_micros"]
            case span:
                budgets[span, row["owner"]] = budget_of(row)
    return epochs, budgets, gone, now


class PlainWrite:
    """New intents, answers to open ones and the numbers of those answers: one statement for what there is."""

    def __init__(
        self, intents: Records, closed: Records, found: Records, *, begin: str, close: str, tell: str
    ) -> None:
        """``begin`` inserts intents, ``close`` updates open ones, ``tell`` updates leads of the ``ended``."""
        self._parts = (
            (intents, f"begun AS ({begin} RETURNING 1)"),
            (closed, f"ended AS ({close} RETURNING lookups.key)"),
            (found, f"told AS ({tell} RETURNING 1)"),
        )

    async def run(
        self,
        conn: AsyncConnection,
        intents: Sequence[Sequence[Any]],
        closed: Sequence[Sequence[Any]],
        found: Sequence[Sequence[Any]],
        *,
        now: int,
    ) -> tuple[int, int]:
        """How many lookups have begun and how many have ended; only where there are answers are numbers."""
        rows = zip(self._parts, (intents, closed, found), strict=True)
        parts = [(records, part, given) for (records, part), given in rows if given]
        if not parts:
            return 0, 0
        counts = ", ".join(
            f"(SELECT count(*) FROM {name})" if given else "0"  # noqa: S608 - names of our own
            for name, given in (("begun", intents), ("ended", closed))
        )
        statement = f"WITH {', '.join(part for _, part, _ in parts)} SELECT {counts}"
        named: dict[str, Any] = {"now": now} if intents else {}
        for records, _, given in parts:
            named |= records.given(given)
        begun, ended = (await conn.execute(parsed(statement), named)).one()
        return begun, ended
