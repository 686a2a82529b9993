"""What a world is made of: one frozen value a provider, and the three profiles."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from leadgen_simulator.faults import SHAPE

PROVIDERS = ("orion", "astra", "nimbus")

Charges = Literal["request", "hit"]


@dataclass(frozen=True, slots=True)
class Rule:
    """At most `calls` admitted calls in any window of `window_ns`."""

    calls: int
    window_ns: int
    text: str


@dataclass(frozen=True, slots=True)
class Drift:
    """Another hit rate in a country, once the provider has handled so many questions."""

    after_calls: int
    country: str
    hit_rate: float


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """Everything that can be set about one provider; a concurrency of None is no cap.

    ``hit_rates`` by country go before ``hit_rate``; ``overlap`` is how far the company alone decides, which
    is the same for all providers.
    """

    rules: tuple[Rule, ...]
    concurrency: int | None
    price_micros: int
    hit_rate: float
    charges: Charges = "request"
    latency_seconds: float = 0.0
    faults: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    idempotency: bool = False
    recall: bool = False
    hit_rates: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    overlap: float = 0.0
    drifts: tuple[Drift, ...] = ()

    def told(self) -> dict[str, object]:
        """All of it as JSON."""
        return {
            "rules": [rule.text for rule in self.rules],
            "concurrency": self.concurrency,
            "price_micros": self.price_micros,
            "hit_rate": self.hit_rate,
            "charges": self.charges,
            "latency_seconds": self.latency_seconds,
            "faults": dict(self.faults),
            "idempotency": self.idempotency,
            "recall": self.recall,
            "hit_rates": dict(self.hit_rates),
            "overlap": self.overlap,
        }


@dataclass(frozen=True, slots=True)
class WorldConfig:
    """One world: equal configurations give equal truths and equal faults."""

    seed: int
    profile: str
    key: str
    providers: Mapping[str, ProviderConfig]


@dataclass(frozen=True, slots=True)
class Profile:
    """Median latencies and fault rates by provider."""

    latency_seconds: Mapping[str, float]
    faults: Mapping[str, Mapping[str, float]]


_SECOND = 1_000_000_000
_BASE = {
    "orion": ProviderConfig((Rule(5, _SECOND, "5/1s"),), 3, 20_000, 0.45),
    "astra": ProviderConfig((Rule(10, _SECOND, "10/1s"),), 10, 10_000, 0.35),
    "nimbus": ProviderConfig((Rule(2, _SECOND, "2/1s"),), 2, 15_000, 0.50),
}

PROFILES: Mapping[str, Profile] = {
    "demo": Profile(
        latency_seconds={"orion": 0.250, "astra": 0.080, "nimbus": 0.130},
        faults={"nimbus": {"error": 0.05, SHAPE: 0.25}},
    ),
    "field": Profile(
        latency_seconds={"orion": 4.2, "astra": 1.3, "nimbus": 2.2},
        faults={"orion": {"error": 0.02}, "nimbus": {"error": 0.15, SHAPE: 0.25}},
    ),
    "instant": Profile(latency_seconds={}, faults={}),
}


def provider_defaults(profile: str, provider: str) -> ProviderConfig:
    """The provider as the profile has it, before any flag."""
    base, chosen = _BASE[provider], PROFILES[profile]
    return ProviderConfig(
        rules=base.rules,
        concurrency=base.concurrency,
        price_micros=base.price_micros,
        hit_rate=base.hit_rate,
        latency_seconds=chosen.latency_seconds.get(provider, 0.0),
        faults=MappingProxyType(dict(chosen.faults.get(provider, {}))),
    )
