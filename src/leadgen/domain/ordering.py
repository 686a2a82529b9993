"""In which order providers are asked."""

from __future__ import annotations

from collections.abc import Iterable

from leadgen.domain.standing import Standing


def by_priority(standings: Iterable[Standing]) -> list[Standing]:
    """As configured: priority 1 first, equal ones by name."""
    return sorted(standings, key=lambda standing: (standing.config.priority, standing.config.name))
