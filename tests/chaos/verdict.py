"""The verdict: each invariant held against the evidence, one line each."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.evidence import Call, Evidence, Lookup, Records

STUCK_SECONDS = 60.0
"""So long after its lease an intent may still stand."""

LAG_MS_MAX = 15.0
"""A simulator that was later than a ticket is valid saw another order than the one that was kept."""

_ENDS = {"found", "not_found", "incomplete", "failed"}
_PAID_STATES = {"settled", "unknown", "intended"}


@dataclass(frozen=True)
class Line:
    """What became of one invariant or pass mark: how many broke it; None where nobody can tell."""

    id: str
    what: str
    broken: int | None
    figures: str

    @property
    def is_well(self) -> bool:
        """Whether nothing broke it, as far as one can tell."""
        return not self.broken

    def __str__(self) -> str:
        word = "not judged" if self.broken is None else f"BROKEN {self.broken}" if self.broken else "ok"
        head = f"  {self.id:<5}{self.what:<16}{word:<11}"
        return textwrap.fill(self.figures, _COLUMNS, initial_indent=head, subsequent_indent=" " * len(head))


_COLUMNS = 80
_NAMED_MAX = 5
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def judge(evidence: Evidence) -> list[Line]:
    """One line for each invariant."""
    return [rule(evidence) for rule in RULES]


def nothing_lost(evidence: Evidence) -> Line:
    """I1: who was imported has an end, nobody else has, and none of the ends is our own fault."""
    records = evidence.records
    emails = {lead.email: lead for lead in records.leads}
    items = Counter(item.lead_id for item in records.items if item.state in _ENDS)
    wanted = {person.email for person in evidence.people}
    missing = sum(email not in emails or not items[emails[email].id] for email in wanted)
    ids = {lead.id for lead in records.leads if lead.email in wanted}
    doubles = Counter((item.job_id, item.lead_id) for item in records.items)
    extra = sum(item.lead_id not in ids for item in records.items)
    extra += sum(count - 1 for count in doubles.values()) + len(emails.keys() - wanted)
    still_open = sum(item.state not in _ENDS for item in records.items)
    failed = sum(item.state == "failed" for item in records.items)
    text = f"{len(wanted)} leads: {missing} missing, {extra} extra, {still_open} open, {failed} failed"
    text += _reasons(evidence)
    return Line("I1", "nothing lost", missing + extra + still_open + failed, text)


def _reasons(evidence: Evidence) -> str:
    """The errors behind failures of our own."""
    told = " ".join(str(lead.unasked) for lead in evidence.records.leads if lead.phone_status == "failed")
    errors = Counter(re.findall(r"failed: (\w+)", told))
    return "".join(f", {count} by {error}" for error, count in errors.most_common())


def nothing_twice(evidence: Evidence) -> Line:
    """I2: one charge a reference, no request more than its repeats, no charge without its row."""
    rows = {row.key: row for row in evidence.records.lookups}
    named = [call for call in evidence.calls if call.reference]
    requests = Counter(call.reference for call in named)
    charges = Counter(call.reference for call in named if call.charged_micros)
    twice = sum(count - 1 for count in charges.values())
    again = sum(
        max(count - 1 - (rows[key].repeats if key in rows else 0), 0)
        for key, count in requests.items()
        if key is not None
    )
    unknown = sum(call.charged_micros > 0 and call.reference not in rows for call in named)
    more = _more_than_rows(evidence)
    text = (
        f"{len(evidence.calls)} calls: {twice} charged twice, {again} sent twice, {unknown + more} not booked"
    )
    return Line("I2", "nothing twice", twice + again + unknown + more, text)


def _more_than_rows(evidence: Evidence) -> int:
    """Charged calls about a person beyond the rows that the ledger has for them."""
    emails = {lead.id: lead.email for lead in evidence.records.leads}
    booked = Counter(
        (row.provider, emails.get(row.lead_id))
        for row in evidence.records.lookups
        if row.state in _PAID_STATES
    )
    charged = Counter(
        (call.provider, evidence.questions.get((call.provider, call.question or "")))
        for call in evidence.calls
        if call.charged_micros
    )
    return sum(max(count - booked[about], 0) for about, count in charged.items())


def money(evidence: Evidence) -> Line:
    """I3a: the books lie between what the ledger knows and what it fears."""
    charged = sum(call.charged_micros for call in evidence.calls)
    posted, feared = _money(evidence.records)
    off = max(posted - charged, 0) + max(charged - posted - feared, 0)
    return Line("I3a", "money feared", off, f"{posted:,} <= {charged:,} <= {posted + feared:,}")


def audited_money(evidence: Evidence) -> Line:
    """I3b: after the audit the ledger knows what the books say, and fears nothing that they tell of."""
    if evidence.audited is None:
        return Line("I3b", "money audited", None, "this leadgen has no audit")
    charged = sum(call.charged_micros for call in evidence.calls)
    known, _ = _money(evidence.audited)
    told_of = {call.provider for call in evidence.calls}  # of others a report cannot say anything
    left = sum(row.state == "unknown" and row.provider in told_of for row in evidence.audited.lookups)
    text = f"{charged:,} charged, {known:,} posted, {left} unknown"
    return Line("I3b", "money audited", abs(known - charged) + left, text)


def _money(records: Records) -> tuple[int, int]:
    rows = records.lookups
    return sum(row.posted_micros for row in rows), sum(row.held_micros + row.estimated_micros for row in rows)


def budgets(evidence: Evidence) -> Line:
    """I4: no budget is used beyond its cap."""
    over = [
        budget
        for budget in evidence.records.budgets
        if budget["cap_micros"] is not None
        and budget["used_micros"] + budget["held_micros"] > budget["cap_micros"]
    ]
    return Line("I4", "budgets", len(over), f"{len(evidence.records.budgets)} budgets, {len(over)} over")


def rates(evidence: Evidence) -> Line:
    """I5: no window of any rule held more calls than the rule allows, as the simulator counted them.

    Where it was late itself, only what its lag cannot explain is certain.
    """
    providers: Mapping[str, Mapping[str, object]] = evidence.books["providers"]
    over, most = 0, []
    for book in providers.values():
        rules = book["rules"]
        assert isinstance(rules, list)
        over += sum(rule["over"] for rule in rules)
        most += [f"{rule['in_window_max']} of {rule['rule']}" for rule in rules]
    lag = float(evidence.books["lag_ms_max"])
    text = f"{over} over; lag {lag:.0f} ms; {', '.join(most)}"
    if over and lag > LAG_MS_MAX:
        certain = sum(_over_for_certain(evidence, name, lag / 1e3) for name in providers)
        return Line("I5", "rates", certain or None, text)
    return Line("I5", "rates", over, text)


def _over_for_certain(evidence: Evidence, provider: str, lag_seconds: float) -> int:
    """Calls that came too early even if all before them were noted as late as the lag was."""
    arrivals = sorted(call.at for call in evidence.calls if call.provider == provider)
    over = 0
    for rule in evidence.books["providers"][provider]["rules"]:
        calls, _, window = str(rule["rule"]).partition("/")
        span = int(window[:-1] or 1) * _UNITS[window[-1]] - lag_seconds
        n = int(calls)
        over += sum(late - early < span for early, late in zip(arrivals, arrivals[n:], strict=False))
    return over


def concurrency(evidence: Evidence) -> Line:
    """I6: never more calls in flight than allowed."""
    providers = evidence.books["providers"].values()
    over = sum(book["concurrency"]["over"] for book in providers)
    text = ", ".join(f"{book['in_flight_max']} of {book['concurrency']['cap']}" for book in providers)
    return Line("I6", "in flight", over, text)


def ends(evidence: Evidence) -> Line:
    """I7: with the faults over, the jobs end in time."""
    late = [status for status in evidence.records.job_statuses.values() if status != "done"]
    took, bound = evidence.ended_seconds, evidence.bound_seconds
    broken = len(late) + (took is None or took > bound)
    told = "not at all" if took is None else f"{took:.1f} s after the last fault"
    return Line("I7", "ends", broken, f"{told}, bound {bound:g} s")


def nothing_stuck(evidence: Evidence) -> Line:
    """I8: no intent outlives its lease for long, or the job; nothing stays in Redis for ever."""
    rows = [row for row in evidence.records.lookups if row.state == "intended"]
    old = sum(row.lease_until + STUCK_SECONDS < evidence.now for row in rows)
    text = f"{len(rows)} open intents, {old} old; {evidence.keys_without_end} Redis keys for ever"
    return Line("I8", "nothing stuck", len(rows) + evidence.keys_without_end, text)


def no_leak(evidence: Evidence) -> Line:
    """I9: no canary in any log."""
    total = sum(evidence.leaks.values())
    return Line("I9", "no leak", total, ", ".join(map(str, sorted(evidence.leaks.items()))) or "0 canaries")


def stop_rule(evidence: Evidence) -> Line:
    """I11: once a usable number of a person was booked, nobody was asked about them any more."""
    emails = {lead.id: lead.email for lead in evidence.records.leads}
    booked_at: dict[str, float] = {}
    for row in evidence.records.lookups:
        if row.outcome == "hit" and row.phone and row.settled_at is not None:
            email = emails.get(row.lead_id, "")
            booked_at[email] = min(row.settled_at, booked_at.get(email, row.settled_at))
    after = [call for call in evidence.calls if call.at > booked_at.get(_about(evidence, call), call.at)]
    return Line("I11", "stop rule", len(after), f"{len(booked_at)} hits booked, {len(after)} calls after")


def right_numbers(evidence: Evidence) -> Line:
    """N1: what was found is what the provider knows."""
    found = [lead for lead in evidence.records.leads if lead.phone]
    wrong = sum(
        not _is_right(lead.phone or "", lead.phone_provider or "", evidence, lead.email) for lead in found
    )
    return Line("N1", "right numbers", wrong, f"{len(found)} found, {wrong} wrong")


def nothing_in_vain(evidence: Evidence) -> Line:
    """N2: whoever a usable number was paid for has a number."""
    phones = {lead.id: lead.phone for lead in evidence.records.leads}
    hits = [row for row in evidence.records.lookups if row.outcome == "hit" and row.phone]
    vain = sum(not phones.get(row.lead_id) for row in hits)
    return Line("N2", "nothing in vain", vain, f"{len(hits)} numbers paid for, {vain} of leads without one")


def _is_right(phone: str, provider: str, evidence: Evidence, email: str) -> bool:
    truth = evidence.truths.get(email, {}).get(provider, {})
    return bool(truth.get("hit")) and phone.endswith(str(truth.get("national")))


def _about(evidence: Evidence, call: Call) -> str:
    return evidence.questions.get((call.provider, call.question or ""), "")


def unknown_count(lookups: Iterable[Lookup]) -> int:
    """How many lookups left and brought no answer, as far as the ledger knows."""
    return sum(row.state == "unknown" for row in lookups)


def merged(verdicts: Mapping[str, Sequence[Line]]) -> list[Line]:
    """One line for each invariant over many worlds: how many broke it, and the names of the first."""
    lines: dict[str, list[tuple[str, Line]]] = {}
    for name, verdict in verdicts.items():
        for line in verdict:
            lines.setdefault(line.id, []).append((name, line))
    return [_merged(each) for each in lines.values()]


def _merged(lines: Sequence[tuple[str, Line]]) -> Line:
    broken = [(name, line) for name, line in lines if line.broken]
    unjudged = sum(line.broken is None for _, line in lines)
    told = f"{len(lines)} worlds" + (f", {unjudged} not judged" if unjudged else "")
    for name, line in broken[:_NAMED_MAX]:
        told += f"; {name}: {line.figures}"
    first = lines[0][1]
    return Line(first.id, first.what, len(broken), told)


RULES: tuple[Callable[[Evidence], Line], ...] = (
    nothing_lost,
    nothing_twice,
    money,
    audited_money,
    budgets,
    rates,
    concurrency,
    ends,
    nothing_stuck,
    no_leak,
    stop_rule,
    right_numbers,
    nothing_in_vain,
)
