"""What a commit of the ledger asks SQLite before it writes, in one statement: each costs a fixed price."""

from __future__ import annotations

import json
from collections.abc import Collection

from sqlalchemy import Date, String, column, text
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.budgets import OF_ACCOUNT, BudgetKey, budget_of
from leadgen.domain.budget import Budget, Span

_STANDING = text(
    """
    SELECT span, owner, cap_micros, used_micros, held_micros, day FROM budgets
    WHERE span IN (SELECT value FROM json_each(:spans)) AND owner IN (SELECT value FROM json_each(:accounts))
        OR span = :job AND owner IN (SELECT value FROM json_each(:jobs))
    UNION ALL SELECT 'epoch', credential, epoch, 0, 0, NULL FROM limiters
        WHERE credential IN (SELECT value FROM json_each(:credentials))
    UNION ALL SELECT 'gone', value, 0, 0, 0, NULL FROM json_each(:people)
        WHERE NOT EXISTS (SELECT 1 FROM leads WHERE id = value AND deleted_at IS NULL)
    """
).columns(column("span", String), column("owner", String), day=Date)


async def standing(
    conn: AsyncConnection,
    *,
    people: Collection[str],
    providers: Collection[str],
    accounts: Collection[str],
    job_ids: Collection[str],
) -> tuple[dict[str, int], dict[BudgetKey, Budget], set[str]]:
    """The epochs, the budgets, and those of ``people`` that are no leads, or none any more.

    Transactions that write stand one after the other, so nothing is locked.
    """
    rows = (
        await conn.execute(
            _STANDING,
            {
                "people": json.dumps(sorted(people)),
                "credentials": json.dumps(sorted(providers)),
                "accounts": json.dumps(sorted(accounts)),
                "jobs": json.dumps(sorted(job_ids)),
                "spans": json.dumps(list(OF_ACCOUNT)),
                "job": Span.JOB.value,
            },
        )
    ).mappings()
    epochs, budgets, gone = dict[str, int](), dict[BudgetKey, Budget](), set[str]()
    for row in rows:
        if row["span"] == "epoch":
            epochs[row["owner"]] = row["cap_micros"]
        elif row["span"] == "gone":
            gone.add(row["owner"])
        else:
            budgets[row["span"], row["owner"]] = budget_of(row)
    return epochs, budgets, gone
