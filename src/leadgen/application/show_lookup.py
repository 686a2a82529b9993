"""Tells the whole story of a paid question."""

from __future__ import annotations

from collections.abc import Sequence

from leadgen.application.ports.ledger_books import Evidence, ILedgerBooks
from leadgen.domain.errors import UnknownId
from leadgen.domain.lookup import Lookup
from leadgen.domain.value import value


@value(frozen=True, slots=True)
class LookupStory:
    """A lookup, and what came to light after it had been closed."""

    lookup: Lookup
    evidence: Sequence[Evidence]


class ShowLookup:
    """Gathers a lookup's story."""

    def __init__(self, *, books: ILedgerBooks) -> None:
        self._books = books

    async def run(self, account: str, beginning: str) -> LookupStory:
        """The lookup whose key begins so. Raises UnknownId where it is not one, and ServiceUnavailable."""
        lookup = await self._books.find(account, beginning)
        if lookup is None:
            raise UnknownId("lookup", beginning, shown_by="leadgen leads show ID")
        return LookupStory(lookup, await self._books.evidence(lookup.key))
