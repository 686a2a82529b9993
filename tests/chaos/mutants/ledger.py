"""Faults in the books: the ledger's commits, and the budgets in them."""

from __future__ import annotations

from tests.chaos.mutants.mutant import Mutant, pytest_of

_COMMIT = "adapters/persistence/ledger_commit.py"
_LEDGER = pytest_of(
    "tests/adapters/persistence/test_ledger_commit.py",
    "tests/adapters/persistence/test_lookup_ledger.py",
    "tests/adapters/persistence/test_ledger_repeats.py",
    "-k",
    "sqlite",
)
_BUDGETS = pytest_of("tests/adapters/persistence/test_ledger_budgets.py", "-k", "sqlite")
_MANY = pytest_of("tests/adapters/persistence/test_ledger_budgets.py", "-k", "postgresql and many_processes")
_EPOCH = pytest_of("tests/adapters/persistence/test_ledger_commit.py", "-k", "postgresql and ticket")

LEDGER = (
    Mutant(
        "no-epoch-check",
        "an intent is recorded under an outdated ticket",
        _COMMIT,
        "return self._epochs.get(change.lookup.provider, change.epoch) == change.epoch",
        "return True",
        (_LEDGER,),
    ),
    Mutant(
        "epoch-not-locked",
        "the epoch may be raised between check and commit",
        _COMMIT,
        "known = epochs.where(limiters.c.credential.in_(sorted(providers))).with_for_update(read=True)",
        "known = epochs.where(limiters.c.credential.in_(sorted(providers)))",
        (_EPOCH,),
    ),
    Mutant(
        "closes-any-lookup",
        "an open lookup is closed whoever it belongs to",
        _COMMIT,
        "lookups.key = given.key AND lookups.owner = given.owner AND lookups.state",
        "lookups.key = given.key AND lookups.state",
        (_LEDGER,),
    ),
    Mutant(
        "owner-not-compared",
        "who was given up settles what others now own",
        _COMMIT,
        "is_ours = standing.owner == lookup.owner",
        "is_ours = True",
        (_LEDGER,),
    ),
    Mutant(
        "number-apart",
        "the number is committed after its charge",
        "adapters/persistence/ledger.py",
        "return bool(await self._write(Close(lookup, value)))",
        """\
is_closed = bool(await self._write(Close(lookup, None)))
        if is_closed and value:
            async with self._database.write() as conn:
                commit = LedgerCommit(conn, self._database)
                commit._values.append((value, lookup))
                await commit._write_values()
        return is_closed""",
        (_LEDGER,),
    ),
    Mutant(
        "number-dropped",
        "the charge is booked without its number",
        _COMMIT,
        "                self._note_value(batch[closes[key]])\n",
        "",
        (_LEDGER,),
    ),
    Mutant(
        "number-replaced",
        "a found number replaces one that was there",
        _COMMIT,
        "leads.account_id = given.account_id AND leads.phone IS NULL",
        "leads.account_id = given.account_id",
        (_LEDGER,),
    ),
    Mutant(
        "late-number",
        "an answer that was given up changes the lead",
        _COMMIT,
        "is_applied=is_ours and standing.state is LookupState.UNKNOWN)\n",
        "is_applied=is_ours and standing.state is LookupState.UNKNOWN)\n        self._note_value(change)\n",
        (_LEDGER,),
    ),
    Mutant(
        "debited-twice",
        "a commit whose reply was lost debits once more",
        _COMMIT,
        "LookupState.INTENDED:\n            return row.lookup\n        if not",
        "LookupState.INTENDED:\n            self._move(None, 0, lookup, self._now)\n"
        "            return row.lookup\n        if not",
        (_LEDGER,),
    ),
    Mutant(
        "reply-not-repeated",
        "a close whose reply was lost fails when repeated",
        _COMMIT,
        """\
        if is_ours and lookup_columns(standing) == lookup_columns(lookup):
            return True
""",
        "",
        (_LEDGER,),
    ),
    Mutant(
        "never-tried-again",
        "a commit that failed once is not tried again",
        "adapters/persistence/ledger.py",
        "stop=stop_after_attempt(_TRIES),",
        "stop=stop_after_attempt(1),",
        (_LEDGER,),
    ),
    Mutant(
        "swept-too-soon",
        "upkeep closes intents before their lease is over",
        "adapters/persistence/ledger.py",
        "over = select(lookups).where(_IS_INTENDED, lookups.c.lease_until <= now)",
        "over = select(lookups).where(_IS_INTENDED)",
        (_LEDGER,),
    ),
    Mutant(
        "budget-not-held",
        "a budget is checked, but its money is not held",
        _COMMIT,
        "        self._rows[lookup.key] = _Standing(lookup, self._now, 0, is_new=True)\n"
        "        self._move(None, 0, lookup, self._now)\n",
        "        self._rows[lookup.key] = _Standing(lookup, self._now, 0, is_new=True)\n",
        (_BUDGETS,),
    ),
    Mutant(
        "budget-not-locked",
        "a budget is read and written without its lock",
        "adapters/persistence/budgets.py",
        "_of(accounts, job_ids).with_for_update()",
        "_of(accounts, job_ids)",
        (_MANY,),
    ),
)
