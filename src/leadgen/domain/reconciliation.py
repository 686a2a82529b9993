"""Reconciliation: what a provider's usage report says against what the ledger says, one lookup at a time."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from leadgen.domain.lookup import Lookup, LookupState
from leadgen.domain.provider import Rejected, Unknown
from leadgen.domain.value import value


@value(frozen=True, slots=True)
class Reported:
    """What a report says of one reference: what was charged for it, in micro-USD, and for how many calls."""

    provider: str
    charged_micros: int
    calls: int


@value(frozen=True, slots=True)
class Coverage:
    """The time that a report accounts for in full; ``since`` None is from the beginning."""

    since: datetime | None
    until: datetime

    def includes(self, lookup: Lookup) -> bool:
        """Whether a lookup that is missing from the report was certainly never received."""
        has_begun = self.since is None or lookup.created_at >= self.since
        return has_begun and lookup.lease_until <= self.until


class Dispute(StrEnum):
    """Why a line of a report is to be talked about with the provider."""

    NOT_OURS = "charged, but never asked by us"
    FOR_AN_ERROR = "charged for an error"
    OTHER_PRICE = "charged at another price"
    TWICE = "charged more than once"
    NOT_BILLED = "answered, but not on the report"


@value(frozen=True, slots=True)
class Claim:
    """A difference that is the provider's to explain; amounts in micro-USD."""

    dispute: Dispute
    provider: str
    reference: str
    ledger_micros: int
    reported_micros: int


@value(frozen=True, slots=True)
class Comparison:
    """What follows for a lookup: what it becomes, where the report explains it, and what is disputed."""

    settled: Lookup | None = None
    claim: Claim | None = None


def compare(
    lookup: Lookup, reported: Reported | None, coverage: Coverage | None, now: datetime
) -> Comparison:
    """A closed lookup beside its line of the report, which tells of its provider in the time of ``coverage``.

    What a provider has charged is what it costs: the ledger then equals the invoice, and says what to claim.
    """
    if lookup.state is LookupState.INTENDED:
        return Comparison()
    if reported is None:
        return _without_line(lookup, coverage, now)
    charged = reported.charged_micros
    settled = None
    if lookup.state is LookupState.UNKNOWN or charged != lookup.posted_micros:
        settled = lookup.charged(charged, now)
    dispute = _dispute(lookup, reported)
    claim = dispute and Claim(dispute, lookup.provider, lookup.key, lookup.posted_micros, charged)
    return Comparison(settled, claim or None)


def _without_line(lookup: Lookup, coverage: Coverage | None, now: datetime) -> Comparison:
    if coverage is None or not coverage.includes(lookup):
        return Comparison()
    if lookup.state is LookupState.UNKNOWN:
        return Comparison(settled=lookup.never_received(now))
    if lookup.posted_micros:
        dispute = Dispute.NOT_BILLED
        return Comparison(claim=Claim(dispute, lookup.provider, lookup.key, lookup.posted_micros, 0))
    return Comparison()


def _dispute(lookup: Lookup, reported: Reported) -> Dispute | None:
    charged = reported.charged_micros
    other = Dispute.TWICE if reported.calls > 1 else Dispute.OTHER_PRICE
    if lookup.state is LookupState.UNKNOWN:
        return other if charged > lookup.estimated_micros else None
    if isinstance(lookup.outcome, Unknown) or charged == lookup.posted_micros:
        return None
    if isinstance(lookup.outcome, Rejected) or lookup.state is LookupState.NOT_SENT:
        return Dispute.FOR_AN_ERROR
    return other
