"""Remembers for exports which columns leads have."""

from __future__ import annotations

from collections.abc import Sequence

from leadgen.application.ports.lead_repository import ILeadRepository
from leadgen.domain.errors import InvalidInput
from leadgen.domain.lead_row import COLUMNS_MAX, Column, new_columns


async def keep_columns(
    leads: ILeadRepository, account: str, columns: Sequence[Column], *, known: Sequence[Column]
) -> None:
    """To be done before leads are written: a crash between loses no column. ``known``: the account's so far.

    Raises InvalidInput where an account would have too many.
    """
    new = new_columns(known, columns)
    if len(known) + len(new) > COLUMNS_MAX:
        most = f"an account has {COLUMNS_MAX:,} at most, and {len(known):,} are there"
        raise InvalidInput(f"too many columns: {len(new):,} are new, {most}")
    if new:
        await leads.add_columns(account, new)
