"""What a commit of the ledger asks SQLite before it writes, in one statement: each costs a fixed price."""

from __future__ import annotations

import json
from collections.abc import Collection

from sqlalchemy import Date, String, column, text
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.budgets import OF_ACCOUNT, BudgetKey, budget_of
from leadgen.adapters.persistence.lead_changes import WHICHEVER, Person
from leadgen.domain.budget import Budget, Span

_STANDING = text(
    f"""
    SELECT span, owner, cap_micros, used_micros, held_micros, day FROM budgets
    WHERE span IN (SELECT value FROM json_each(:spans)) AND owner IN (SELECT value FROM json_each(:accounts))
        OR span = :job AND owner IN (SELECT value FROM json_each(:jobs))
    UNION ALL SELECT 'epoch', credential, epoch, 0, 0, NULL FROM limiters
        WHERE credential IN (SELECT value FROM json_each(:credentials))
    UNION ALL SELECT 'gone', people.id, version, 0, 0, NULL FROM (
            SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS version
            FROM json_each(:people)
        ) AS people LEFT JOIN leads ON leads.id = people.id AND deleted_at IS NULL
        WHERE leads.id IS NULL OR version NOT IN ({WHICHEVER}, question_version)
    """  # noqa: S608 - a number of our own
).columns(column("span", String), column("owner", String), day=Date)


async def standing(
    conn: AsyncConnection,
    *,
    people: Collection[Person],
    providers: Collection[str],
    accounts: Collection[str],
    job_ids: Collection[str],
) -> tuple[dict[str, int], dict[BudgetKey, Budget], set[Person]]:
    """The epochs, the budgets, and those of ``people`` that are gone, or asked about otherwise.

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
    epochs, budgets, gone = dict[str, int](), dict[BudgetKey, Budget](), set[Person]()
    for row in rows:
        if row["span"] == "epoch":
            epochs[row["owner"]] = row["cap_micros"]
        elif row["span"] == "gone":
            gone.add((row["owner"], row["cap_micros"]))
        else:
            budgets[row["span"], row["owner"]] = budget_of(row)
    return epochs, budgets, gone
