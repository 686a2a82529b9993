"""Faults in the books: the ledger's commits, and the budgets in them."""

from __future__ import annotations

from tests.chaos.mutants.mutant import Mutant, pytest_of

_POSTGRESQL = "adapters/persistence/ledger_postgresql.py"
_COMMIT = "adapters/persistence/ledger_commit.py"
_COMMITS = "adapters/persistence/test_ledger_commit.py"
_LEDGER = "adapters/persistence/test_lookup_ledger.py"
_CHANGES = "adapters/persistence/test_lead_changes.py"
_REPEATS = "adapters/persistence/test_ledger_repeats.py"
_BUDGETS = "adapters/persistence/test_ledger_budgets.py"

LEDGER = (
    Mutant(
        "no-epoch-check",
        "an intent is recorded under an outdated ticket",
        _COMMIT,
        "return self._epochs.get(change.lookup.provider, change.epoch) == change.epoch",
        "return True",
        (pytest_of(_COMMITS, "test_an_old_ticket_harms_no_other[sqlite]"),),
    ),
    Mutant(
        "epoch-not-locked",
        "the epoch may be raised between check and commit",
        _POSTGRESQL,
        "ORDER BY credential FOR SHARE",
        "ORDER BY credential",
        (pytest_of(_COMMITS, "test_a_ticket_that_is_being_used_holds_up_the_next_epoch[postgresql]"),),
    ),
    Mutant(
        "closes-any-lookup",
        "an open lookup is closed whoever it belongs to",
        _COMMIT,
        '_IS_OPEN = f"{_IS_OURS} AND lookups.state',
        '_IS_OPEN = f"lookups.state',
        (
            pytest_of(
                _LEDGER,
                "TestSqlLookupLedger::test_close_another_s_lookup[sqlite]",
                "TestSqlLookupLedger::test_close_after_another_reopened_it[sqlite]",
            ),
        ),
    ),
    Mutant(
        "owner-not-compared",
        "who was given up settles what others now own",
        _COMMIT,
        "is_ours = standing.owner == lookup.owner",
        "is_ours = True",
        (
            pytest_of(
                _REPEATS,
                "TestSqlLedgerRepeats::test_an_answer_after_abandonment[sqlite-outcome0-settled-20000]",
                "TestSqlLedgerRepeats::test_a_zombie_after_a_repeat_began[sqlite-outcome0]",
            ),
        ),
    ),
    Mutant(
        "number-of-old-question",
        "a changed lead gets the number of who it was",
        _COMMIT,
        " AND leads.question_version = given.question_version",
        "",
        (pytest_of(_CHANGES, "TestSqlLeadChanges::test_number_of_another_question[postgresql]"),),
    ),
    Mutant(
        "removal-not-locked",
        "a lead is removed while about to be asked about",
        "adapters/persistence/lead_changes.py",
        "is_lead(account, before.lead.id)).with_for_update())",
        "is_lead(account, before.lead.id)))",
        (
            pytest_of(
                _CHANGES, "TestSqlLeadChanges::test_removed_while_it_is_about_to_be_asked_about[postgresql]"
            ),
        ),
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
        (pytest_of(_LEDGER, "test_a_number_shares_the_commit_of_its_charge[sqlite]"),),
    ),
    Mutant(
        "number-dropped",
        "the charge is booked without its number",
        _COMMIT,
        "                self._note_value(batch[closes[key]])\n",
        "                pass\n",
        (pytest_of(_LEDGER, "TestSqlLookupLedger::test_a_value_comes_with_its_charge[sqlite]"),),
    ),
    Mutant(
        "number-replaced",
        "a found number replaces one that was there",
        _COMMIT,
        " AND leads.phone IS NULL AND leads.deleted_at IS NULL",
        " AND leads.deleted_at IS NULL",
        (
            pytest_of(
                _LEDGER,
                "TestSqlLookupLedger::test_a_value_never_replaces_a_number_of_a_file[sqlite]",
                "TestSqlLookupLedger::test_the_first_value_stays[sqlite]",
            ),
        ),
    ),
    Mutant(
        "late-number-lost",
        "a number that comes late is not the lead's",
        _COMMIT,
        "        if is_applied:\n            self._note_value(change)\n",
        "",
        (
            pytest_of(
                _REPEATS,
                "TestSqlLedgerRepeats::test_an_answer_after_abandonment[sqlite-outcome0-settled-20000]",
            ),
        ),
    ),
    Mutant(
        "debited-twice",
        "a commit whose reply was lost debits once more",
        _COMMIT,
        "LookupState.INTENDED:\n            return row.lookup\n        if not",
        "LookupState.INTENDED:\n            self._move(None, 0, lookup, self._now)\n"
        "            return row.lookup\n        if not",
        (pytest_of(_BUDGETS, "TestSqlLedgerBudgets::test_an_intent_that_is_repeated_holds_once[sqlite]"),),
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
        (pytest_of(_BUDGETS, "TestSqlLedgerBudgets::test_a_close_that_is_repeated_uses_once[sqlite]"),),
    ),
    Mutant(
        "never-tried-again",
        "a commit that failed once is not tried again",
        "adapters/persistence/ledger.py",
        "stop=stop_after_attempt(_TRIES),",
        "stop=stop_after_attempt(1),",
        (pytest_of(_LEDGER, "test_a_commit_whose_reply_is_lost_is_repeated[sqlite]"),),
    ),
    Mutant(
        "swept-too-soon",
        "upkeep closes intents before their lease is over",
        "adapters/persistence/ledger.py",
        "over = select(lookups).where(_IS_INTENDED, lookups.c.lease_until <= now)",
        "over = select(lookups).where(_IS_INTENDED)",
        (pytest_of(_REPEATS, "TestSqlLedgerRepeats::test_abandoned[sqlite]"),),
    ),
    Mutant(
        "budget-not-held",
        "a budget is checked, but its money is not held",
        _COMMIT,
        "        self._rows[lookup.key] = _Standing(lookup, self._now, 0, is_new=True)\n"
        "        self._move(None, 0, lookup, self._now)\n",
        "        self._rows[lookup.key] = _Standing(lookup, self._now, 0, is_new=True)\n",
        (pytest_of(_BUDGETS, "TestSqlLedgerBudgets::test_an_intent_holds_its_price[sqlite-job]"),),
    ),
    Mutant(
        "budget-not-locked",
        "a budget is read and written without its lock",
        _POSTGRESQL,
        "ORDER BY span, owner FOR UPDATE",
        "ORDER BY span, owner",
        (pytest_of(_BUDGETS, "TestSqlLedgerBudgets::test_many_processes_never_exceed_a_cap[postgresql]"),),
    ),
)
