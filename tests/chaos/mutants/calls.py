"""Faults in asking: use cases and decisions."""

from __future__ import annotations

from tests.chaos.mutants.mutant import Mutant, pytest_of

_PAID = "unit/application/test_paid_calls.py"
_LATE = "unit/application/test_late_tickets.py"
_PERMIT = "unit/application/test_permit.py"
_LOST = "unit/application/test_paid_calls_lost.py"
_TIMED_OUT = "unit/application/test_timed_out_calls.py"
_JOBS = "unit/application/test_end_and_continue.py"
_SETTLE = "unit/application/test_settle_unknown.py"
_LOOKUP = "unit/domain/test_lookup.py"
_WATERFALL = "unit/domain/test_waterfall.py"
_UNKNOWN = "unit/domain/test_waterfall_unknown.py"
_RACES = "unit/application/test_races.py"
_ENGINE_RACES = "unit/domain/test_waterfall_races.py"

CALLS = (
    Mutant(
        "intent-after-call",
        "the intent is committed after the call",
        "application/paid_calls.py",
        """\
            standing = await self._record(lookup, config, permit.ticket.epoch, version)
            if isinstance(standing, OverBudget):
                return self._over_budget(purchase, standing)
            if isinstance(standing, NotSent):
                return Answered(config.name, lookup.n, standing)
            if standing.state is LookupState.INTENDED and standing.owner == lookup.owner:
                answered = await self._send(flight, config, standing, permit)
""",
        """\
            outcome, took_seconds = await self._ask(flight, config, permit)
            standing = await self._record(lookup, config, permit.ticket.epoch, version)
            if isinstance(standing, OverBudget):
                return self._over_budget(purchase, standing)
            if isinstance(standing, NotSent):
                return Answered(config.name, lookup.n, standing)
            if standing.state is LookupState.INTENDED and standing.owner == lookup.owner:
                await self._heed(config.name, outcome)
                answered = await self._book(purchase, standing, config, outcome, took_seconds)
""",
        (pytest_of(_PAID, "test_intent_is_committed_before_the_question_leaves"),),
    ),
    Mutant(
        "key-of-a-worker",
        "the key of a lookup holds who asks",
        "application/purchase.py",
        "return lookup_key(self.lead.account, self.question.digest",
        "return lookup_key(str(id(self)), self.question.digest",
        (pytest_of(_LOST, "test_the_key_of_the_lookup_goes_with_the_question"),),
    ),
    Mutant(
        "standing-asked-again",
        "an intent that somebody else has made is sent too",
        "application/paid_calls.py",
        "if standing.state is LookupState.INTENDED and standing.owner == lookup.owner:",
        "if standing.state is LookupState.INTENDED:",
        (
            pytest_of(
                _PAID,
                "test_lookup_in_flight_elsewhere_is_awaited",
                "test_same_question_twice_in_one_instant_is_asked_once",
            ),
        ),
    ),
    Mutant(
        "place-free-too-soon",
        "a call that timed out frees its place at once",
        "application/paid_calls.py",
        "            if not may_be_at_work:",
        "            if True:",
        (pytest_of(_TIMED_OUT, "test_place_of_a_call_that_timed_out_is_free_when_its_lease_ends"),),
    ),
    Mutant(
        "place-kept",
        "a place in the cap is never given back",
        "application/paid_calls.py",
        "                await self._desk.give_back(permit)\n",
        "                pass\n",
        (pytest_of(_PAID, "test_place_is_given_back_whatever_comes"),),
    ),
    Mutant(
        "call-cancelled",
        "a call that was sent is cancelled with its caller",
        "application/paid_calls.py",
        "        return await end\n",
        """\
        try:
            return await end
        except asyncio.CancelledError:
            for call in self._under_way:
                call.cancel()
            raise
""",
        (pytest_of(_PAID, "test_who_stops_after_sending_leaves_it_to_settle_itself"),),
    ),
    Mutant(
        "sent-late",
        "a call is sent though its window is over",
        "application/paid_calls.py",
        "if (now := self._clock.monotonic()) <= ticket.closes_at:",
        "if now := self._clock.monotonic():",
        (pytest_of(_LATE, "test_ticket_that_ran_out_is_not_sent_and_free"),),
    ),
    Mutant(
        "renewed-anyhow",
        "an intent may leave under another epoch's ticket",
        "application/ticket_desk.py",
        "return permit.ticket.epoch == ran_out.epoch and permit.ticket.closes_at <= permit.leaves_by",
        "return permit.ticket.closes_at <= permit.leaves_by",
        (pytest_of(_LATE, "test_intent_takes_no_ticket_of_another_epoch"),),
    ),
    Mutant(
        "exchanged-anyhow",
        "calls exchange tickets of two epochs",
        "application/permit.py",
        "if is_sooner and ticket.epoch == ours.epoch and",
        "if is_sooner and",
        (pytest_of(_PERMIT, "test_epochs_do_not_mix"),),
    ),
    Mutant(
        "intent-outlived",
        "an exchanged ticket outlives its intent",
        "application/permit.py",
        "is_sooner = now < ticket.closes_at and ours.closes_at <= other.leaves_by",
        "is_sooner = now < ticket.closes_at",
        (pytest_of(_PERMIT, "test_an_intent_is_not_outlived"),),
    ),
    Mutant(
        "loser-sent",
        "a question that was let go is sent all the same",
        "application/paid_calls.py",
        "                if purchase.is_let_go:\n                    return False\n",
        "",
        (pytest_of(_RACES, "test_intent_that_is_let_go_is_closed_as_not_sent"),),
    ),
    Mutant(
        "first-number-kept",
        "in a race the first number is the lead's at once",
        "application/purchase.py",
        "return self.entry is None and self.line.takes(phone.line)",
        "return self.line.takes(phone.line)",
        (pytest_of(_RACES, "test_better_ranked_number_within_the_grace_is_the_lead_s"),),
    ),
    Mutant(
        "no-grace",
        "a race does not wait for a better-ranked answer",
        "domain/waterfall.py",
        "self._grace_until = self._grace_until or now + self._plan.grace",
        "self._grace_until = now",
        (pytest_of(_ENGINE_RACES, "test_a_number_waits_for_a_better_one_under_way"),),
    ),
    Mutant(
        "answer-not-kept",
        "an answer is lost with the first database error",
        "application/paid_calls.py",
        """\
                if self._clock.now() >= until:
                    raise
""",
        "                raise\n",
        (pytest_of(_LOST, "test_answer_is_kept_for_a_database_that_is_away"),),
    ),
    Mutant(
        "pause-not-shared",
        "Retry-After does not hold back the others",
        "application/paid_calls.py",
        "await self._desk.penalise(provider, outcome.retry_after_seconds or 1.0)",
        "await self._desk.penalise(provider, 1.0)",
        (pytest_of(_PAID, "test_busy_provider_is_left_alone_by_everybody"),),
    ),
    Mutant(
        "job-ends-early",
        "a job does not wait for its calls under way",
        "application/end_job.py",
        "while intended := await self._ledger.intended(job_id):",
        """\
while intended := [
            each
            for each in await self._ledger.intended(job_id)
            if each.is_abandoned(self._clock.now())
        ]:""",
        (pytest_of(_JOBS, "test_end_waits_for_calls_under_way"),),
    ),
    Mutant(
        "believed-too-soon",
        "'never received' counts while the call may leave",
        "application/settle_unknown.py",
        """\
        if isinstance(outcome, NotSent) and not lookup.lease_until <= self._clock.now():
            return None  # it may still be on its way
""",
        "",
        (pytest_of(_SETTLE, "test_question_that_was_not_received_is_believed_lost_after_its_lease"),),
    ),
    Mutant(
        "float-money",
        "prices are read as floating-point numbers",
        "domain/money.py",
        'int(Decimal(amount.lstrip("$")) * MICROS_PER_USD)',
        'int(float(amount.lstrip("$")) * MICROS_PER_USD)',
        (pytest_of("unit/domain/test_money.py", "test_a_price_is_read_exactly"),),
    ),
    Mutant(
        "unknown-is-free",
        "a lost answer is booked as free",
        "domain/lookup.py",
        """\
        case Unknown():
            return 0, price_micros
""",
        """\
        case Unknown():
            return 0, 0
""",
        (pytest_of(_LOOKUP, "test_an_outcome_settles_state_and_money"),),
    ),
    Mutant(
        "abandoned-too-soon",
        "an intent counts as abandoned before its lease",
        "domain/lookup.py",
        "return self.state is LookupState.INTENDED and self.lease_until <= now",
        "return self.state is LookupState.INTENDED",
        (pytest_of(_LOOKUP, "test_an_intent_is_abandoned_when_its_lease_is_over"),),
    ),
    Mutant(
        "invoice-not-booked",
        "a report settles at our price, not at the charge",
        "domain/lookup.py",
        "posted_micros=micros,",
        "posted_micros=self.estimated_micros or micros,",
        (pytest_of(_LOOKUP, "test_a_reported_charge_settles"),),
    ),
    Mutant(
        "repeat-as-new",
        "a repeat takes the next number, and so another key",
        "domain/waterfall.py",
        "self.n = event.n if repeats or isinstance(outcome, NotSent) else event.n + 1",
        "self.n = event.n if isinstance(outcome, NotSent) else event.n + 1",
        (pytest_of(_UNKNOWN, "test_repeat_asks_the_same_question_after_a_pause"),),
    ),
    Mutant(
        "asks-after-a-hit",
        "the others are asked though a number was found",
        "domain/waterfall.py",
        "        if self._best:\n            return self._end(",
        "        if self._best and not any(each.is_open for each in self._places.values()):\n"
        "            return self._end(",
        (pytest_of(_WATERFALL, "test_a_usable_number_ends_the_search"),),
    ),
)
