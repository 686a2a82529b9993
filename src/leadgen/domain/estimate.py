"""Estimates: means and quantiles of a sample, each with its 95 % interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, variance

from leadgen.domain.value import value

SIGMAS_95 = 1.96


@value(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval."""

    mean: float
    low: float
    high: float


def around(mean: float, variance_of_mean: float) -> Estimate:
    """An estimate whose error is normal."""
    reach = SIGMAS_95 * math.sqrt(variance_of_mean)
    return Estimate(mean, mean - reach, mean + reach)


def mean_of(values: Sequence[float]) -> Estimate:
    """The mean of what was drawn independently."""
    return around(fmean(values), variance(values) / len(values))


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(max(math.ceil(share * len(ordered)), 1), len(ordered)) - 1]


def quantile_of(values: Sequence[float], share: float) -> Estimate:
    """A quantile; its interval lies between two of the values themselves.

    How many of them lie below the true one is binomial, whatever they are distributed like.
    """
    reach = SIGMAS_95 * math.sqrt(share * (1 - share) / len(values))
    low, high = share - reach, share + reach + 1 / len(values)
    return Estimate(quantile(values, share), quantile(values, low), quantile(values, high))
