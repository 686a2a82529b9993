"""What leadgen counts, as Prometheus reads it."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from leadgen.application.ports.condition_gauge import Condition
from leadgen.application.ports.rate_limiter import IRateLimiter, Ticket, Tickets
from leadgen.domain.limits import Limits
from leadgen.domain.lookup import Lookup
from leadgen.domain.provider import Fault, Hit, Miss, NotSent, Outcome, Rejected, Unknown

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
OUTCOME_NAMES: dict[type[Outcome], str] = {
    Hit: "hit",
    Miss: "miss",
    Rejected: "rejected",
    NotSent: "not_sent",
    Unknown: "unknown",
}


class Metrics:
    """A registry of its own: counters of this process, and gauges of the whole that a scrape sets.

    Labels are names of providers, states and outcomes; never an id, an account or a person.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ours = self.registry
        provider = ("provider",)
        self._lookups = Counter(
            "leadgen_lookups", "Questions that came to an end.", (*provider, "outcome"), registry=ours
        )
        self._seconds = Histogram(
            "leadgen_lookup_seconds",
            "From a question's first byte to its outcome.",
            provider,
            buckets=_SECONDS,
            registry=ours,
        )
        self._charged = Counter(
            "leadgen_charged_micros", "Micro-USD by how it is known.", (*provider, "kind"), registry=ours
        )
        self._refusals = Counter(
            "leadgen_limit_refusals", "Questions that providers found too many.", provider, registry=ours
        )
        self._tickets = Counter(
            "leadgen_limiter_tickets", "Permissions to call that were given.", provider, registry=ours
        )
        self._waits = Counter(
            "leadgen_limiter_waits", "Times that no call was allowed just now.", provider, registry=ours
        )
        self._wait_seconds = Counter(
            "leadgen_limiter_wait_seconds", "For how long no call was allowed then.", provider, registry=ours
        )
        self._mode = Gauge(
            "leadgen_limiter_mode", "1 for what carries the limits.", (*provider, "mode"), registry=ours
        )
        self._breakers = Gauge(
            "leadgen_breaker_state",
            "1 for the state of each breaker that has ever moved.",
            (*provider, "state"),
            registry=ours,
        )
        self._jobs = Gauge("leadgen_jobs", "Jobs by status.", ("status",), registry=ours)
        self._deliveries = Gauge(
            "leadgen_webhook_deliveries", "Webhooks that wait or were given up.", ("state",), registry=ours
        )
        self._intents = Gauge("leadgen_intents_open", "Questions under way.", registry=ours)
        self._unknown = Gauge("leadgen_unknown_open", "Questions whose answer was lost.", registry=ours)
        self._unknown_age = Gauge(
            "leadgen_unknown_oldest_seconds", "Age of the oldest of them.", registry=ours
        )
        self._is_up = Gauge(
            "leadgen_database_up", "Whether the database answered the last scrape.", registry=ours
        )

    def note_closed(self, lookups: Sequence[Lookup]) -> None:
        """Counts what one commit of the ledger has closed."""
        tally: Tally[tuple[str, str]] = Tally()
        charged: Tally[tuple[str, str]] = Tally()
        refused: Tally[str] = Tally()
        for lookup in lookups:
            name = lookup.provider
            tally[name, OUTCOME_NAMES[type(lookup.outcome)] if lookup.outcome else "unknown"] += 1
            charged[name, "posted"] += lookup.posted_micros
            charged[name, "estimated"] += lookup.estimated_micros
            if isinstance(lookup.outcome, Rejected) and lookup.outcome.fault is Fault.BUSY:
                refused[name] += 1
            if lookup.took_seconds is not None:
                self._seconds.labels(name).observe(lookup.took_seconds)
        for labels, count in tally.items():
            self._lookups.labels(*labels).inc(count)
        for labels, micros in charged.items():
            self._charged.labels(*labels).inc(micros)
        for name, count in refused.items():
            self._refusals.labels(name).inc(count)

    def note_tickets(self, provider: str, given: Tickets) -> None:
        """Counts what the limiter gave, and for how long it gave nothing."""
        if given.tickets:
            self._tickets.labels(provider).inc(len(given.tickets))
        elif given.retry_seconds is not None:
            self._waits.labels(provider).inc()
            self._wait_seconds.labels(provider).inc(given.retry_seconds)

    def show(self, condition: Condition | None) -> None:
        """Sets the gauges; None where the database does not answer, and what was known goes."""
        for gauge in (self._mode, self._breakers, self._jobs, self._deliveries):
            gauge.clear()
        self._is_up.set(condition is not None)
        if condition is None:
            return
        for status, count in condition.jobs.items():
            self._jobs.labels(status).set(count)
        for state, count in condition.deliveries.items():
            self._deliveries.labels(state).set(count)
        for provider, mode in condition.modes.items():
            self._mode.labels(provider, mode).set(1)
        for provider, state in condition.breakers.items():
            self._breakers.labels(provider, state).set(1)
        self._intents.set(condition.intents_open)
        self._unknown.set(condition.unknown_open)
        self._unknown_age.set(condition.oldest_unknown_seconds)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)


class MeteredRateLimiter(IRateLimiter):
    """A limiter whose answers are counted."""

    def __init__(self, limiter: IRateLimiter, metrics: Metrics) -> None:
        self._limiter = limiter
        self._metrics = metrics

    async def take(
        self, credential: str, limits: Limits, *, wanted: int, lease_seconds: float, lead_seconds: float = 0.0
    ) -> Tickets:
        """See IRateLimiter."""
        given = await self._limiter.take(
            credential, limits, wanted=wanted, lease_seconds=lease_seconds, lead_seconds=lead_seconds
        )
        self._metrics.note_tickets(credential, given)
        return given

    async def release(self, ticket: Ticket) -> None:
        """See IRateLimiter."""
        await self._limiter.release(ticket)

    async def distrust(self, credential: str) -> None:
        """See IRateLimiter."""
        await self._limiter.distrust(credential)

    async def penalise(self, credential: str, seconds: float) -> None:
        """See IRateLimiter."""
        await self._limiter.penalise(credential, seconds)
