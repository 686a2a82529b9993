"""Audits the ledger: what it adds up to, and where it differs from what the providers report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from leadgen.application.ports.clock import IClock
from leadgen.application.ports.ledger_books import ILedgerBooks, LedgerTotals
from leadgen.application.ports.usage_report import IUsageReport, UsageLine
from leadgen.domain.reconciliation import Claim, Coverage, Dispute, Reported, compare
from leadgen.domain.value import value

_PAGE_LOOKUPS = 1_000
CLAIMS_MAX = 10_000
"""More claims than that are counted, not listed."""


@dataclass(slots=True)
class Reconciliation:
    """What came of a report: lookups that it settled, and what it leaves to be claimed."""

    lines: int = 0
    settled: int = 0
    disputed: int = 0
    claims: list[Claim] = field(default_factory=list)

    def add(self, claim: Claim | None) -> None:
        """Lists a claim, while the list is not too long."""
        if claim is None:
            return
        self.disputed += 1
        if len(self.claims) < CLAIMS_MAX:
            self.claims.append(claim)


@value(frozen=True, slots=True)
class LedgerAudit:
    """The ledger's totals after the report, if there was one, has settled what it explains."""

    totals: LedgerTotals
    unknown_age_seconds: float
    reconciliation: Reconciliation | None


class AuditLedger:
    """Adds the ledger up and settles it against a usage report."""

    def __init__(self, *, books: ILedgerBooks, clock: IClock) -> None:
        self._books = books
        self._clock = clock

    async def run(self, report: IUsageReport | None = None, *, account: str | None = None) -> LedgerAudit:
        """``account``: whose lookups are added up, None for all.

        Raises UnreadableFile before anything is changed, and ServiceUnavailable.
        """
        reconciliation = await self._reconcile(report) if report else None
        totals = await self._books.totals(account)
        oldest = totals.oldest_unknown
        age = (self._clock.now() - oldest).total_seconds() if oldest else 0.0
        return LedgerAudit(totals, max(age, 0.0), reconciliation)

    async def _reconcile(self, report: IUsageReport) -> Reconciliation:
        """All references of the report are held in memory: some hundred bytes each.

        Of a provider that it does not name at all a report says nothing.
        """
        asked_at, result = self._clock.now(), Reconciliation()
        charged: dict[str, Reported] = {}
        covered: dict[str, Coverage] = {}
        complete = Coverage(None, asked_at) if report.is_complete_from_the_start else None
        async for line in report.lines():
            result.lines += 1
            charged[line.reference] = _with(charged.get(line.reference), line)
            covered[line.provider] = complete or _widened(covered.get(line.provider), line.received_at)
        source = f"report of {asked_at:%Y-%m-%d %H:%M:%S.%f}"
        after = ""
        while page := await self._books.page(after=after, limit=_PAGE_LOOKUPS):
            after = page[-1].key
            for lookup in page:
                line_of_it = charged.pop(lookup.key, None)
                comparison = compare(lookup, line_of_it, covered.get(lookup.provider), asked_at)
                if comparison.settled is not None:
                    settled = comparison.settled
                    result.settled += await self._books.correct(lookup, settled, source=source)
                result.add(comparison.claim)
        for claim in _not_ours(charged):
            result.add(claim)
        return result


def _with(known: Reported | None, line: UsageLine) -> Reported:
    """A repeat that was free is on the report, too, but is no call that was charged."""
    charged, calls = (known.charged_micros, known.calls) if known else (0, 0)
    return Reported(line.provider, charged + line.charged_micros, calls + (line.charged_micros > 0))


def _widened(known: Coverage | None, received_at: datetime) -> Coverage:
    if known is None or known.since is None:
        return Coverage(received_at, received_at)
    return Coverage(min(known.since, received_at), max(known.until, received_at))


def _not_ours(left: dict[str, Reported]) -> Sequence[Claim]:
    return [
        Claim(Dispute.NOT_OURS, reported.provider, reference, 0, reported.charged_micros)
        for reference, reported in left.items()
        if reported.charged_micros
    ]
