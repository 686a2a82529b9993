"""Budgets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from leadgen.domain.budget import Budget, Span


class IBudgetRepository(ABC):
    """What may be spent; the ledger holds and uses the money. Raises ServiceUnavailable."""

    @abstractmethod
    async def cap(self, span: Span, owner: str, cap_micros: int | None) -> None:
        """Sets the cap of a job's or an account's budget, or (None) takes the budget away.

        A new budget begins with what its owner has spent and holds already. A cap below that stops
        spending, and takes nothing back.
        """

    @abstractmethod
    async def all_of(self, account: str, job_id: str | None = None) -> Sequence[Budget]:
        """The budgets of an account, and that of one of its jobs, as they stand today."""
