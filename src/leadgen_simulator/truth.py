"""What is true, and what goes wrong: pure functions of seed and question, whatever the order of the calls."""

import math
import struct
from dataclasses import dataclass
from hashlib import blake2b
from statistics import NormalDist

from leadgen_simulator.config import ProviderConfig
from leadgen_simulator.faults import FAULT_KINDS, SHAPE
from leadgen_simulator.phones import country_of, national_number

_DRAWS = struct.Struct("<8x4Q")
_WHOLE = float(2**64)
_NORMAL = NormalDist()
_LATENCY_SIGMA = 0.15


@dataclass(frozen=True, slots=True)
class Question:
    """What one provider knows a person by, and the host that tells the country."""

    identity: str
    host: str


@dataclass(frozen=True, slots=True)
class Truth:
    """What a provider knows about one person; `style` fixes how it writes that down."""

    digest: bytes
    national: str | None
    country: str
    style: int

    @property
    def question(self) -> str:
        """The name of the question in books and control; it tells nothing about the person."""
        return self.digest[:8].hex()


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one reception of a question."""

    fault: str | None
    second_shape: bool
    latency_seconds: float
    style: int


_NOTHING_HAPPENS = Fate(fault=None, second_shape=False, latency_seconds=0.0, style=0)


class Oracle:
    """The truth and the fates of one provider in one world."""

    def __init__(self, seed: int, provider: str, config: ProviderConfig) -> None:
        self._prefix = f"{seed}\x1f{provider}\x1f".encode()
        self._company = f"{seed}\x1fcompany\x1f".encode()
        self._hit_rate = config.hit_rate
        self._hit_rates = config.hit_rates
        self._overlap = config.overlap
        self._latency = config.latency_seconds
        self._steps = _fault_steps(config)
        self._shape_rate = config.faults.get(SHAPE, 0.0)
        self._calm = not (self._steps or self._shape_rate or self._latency)

    def truth(self, question: Question) -> Truth:
        """The same answer for the same question, in every process with this seed."""
        identity = question.identity.encode("utf-8", "surrogatepass")
        digest = blake2b(self._prefix + identity, digest_size=40).digest()
        hit, number, style, _ = _DRAWS.unpack(digest)
        country = country_of(question.host)
        rate = self._hit_rates.get(country, self._hit_rate)
        is_known = self._luck(hit / _WHOLE, question.host) < rate
        national = national_number(country, number) if is_known else None
        return Truth(digest, national, country, style)

    def _luck(self, drawn: float, host: str) -> float:
        """The draw of a person, mixed with that of the company, which all providers share."""
        if not self._overlap:
            return drawn
        digest = blake2b(self._company + host.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        common = int.from_bytes(digest, "little") / _WHOLE
        mixed = math.sqrt(self._overlap) * _normal(common) + math.sqrt(1 - self._overlap) * _normal(drawn)
        return _NORMAL.cdf(mixed)

    def fate(self, truth: Truth, reception: int) -> Fate:
        """What happens the `reception`-th time this question is taken in; a repeat may fare better."""
        if self._calm:
            return _NOTHING_HAPPENS
        digest = blake2b(b"%d" % reception, key=truth.digest, digest_size=40).digest()
        fault, shape, spread, style = _DRAWS.unpack(digest)
        return Fate(
            fault=self._fault(fault / _WHOLE),
            second_shape=shape / _WHOLE < self._shape_rate,
            latency_seconds=self._latency * _lognormal(spread / _WHOLE) if self._latency else 0.0,
            style=style,
        )

    def _fault(self, draw: float) -> str | None:
        for bound, kind in self._steps:
            if draw < bound:
                return kind
        return None


def _fault_steps(config: ProviderConfig) -> tuple[tuple[float, str], ...]:
    """The kinds that can happen at all, each with the upper bound of its share of 0..1."""
    bound, steps = 0.0, []
    for kind in FAULT_KINDS:
        rate = config.faults.get(kind, 0.0)
        if rate:
            bound += rate
            steps.append((1.0 if bound > 1.0 - 1e-9 else bound, kind))
    return tuple(steps)


def _lognormal(uniform: float) -> float:
    """A factor around a median of 1."""
    return math.exp(_LATENCY_SIGMA * _normal(uniform))


def _normal(uniform: float) -> float:
    return _NORMAL.inv_cdf(min(max(uniform, 1e-6), 1 - 1e-6))
