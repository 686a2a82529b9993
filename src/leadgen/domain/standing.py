"""Standing: what is known of a provider when choosing; advice, since limiter and ledger decide."""

from __future__ import annotations

from leadgen.domain.breaker import Barred
from leadgen.domain.lead import Input
from leadgen.domain.provider import ProviderConfig
from leadgen.domain.value import value


@value(frozen=True, slots=True)
class Standing:
    """A provider's configuration, and the inputs it needs; None where it has no key and cannot be asked.

    ``barred``: why its breaker lets no call through.
    """

    config: ProviderConfig
    needs: frozenset[Input] | None
    barred: Barred | None = None
