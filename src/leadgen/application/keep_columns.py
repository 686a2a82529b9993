"""Remembers for exports which columns leads have."""

from __future__ import annotations

from collections.abc import Sequence

from leadgen.application.ports.lead_repository import ILeadRepository
from leadgen.domain.errors import InvalidInput
from leadgen.domain.lead import Profile
from leadgen.domain.lead_row import COLUMNS_MAX, FIELD_COLUMNS, Column, columns_of, new_columns


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


async def keep_columns_of(leads: ILeadRepository, account: str, profile: Profile) -> None:
    """Remembers for exports what a lead has; raises InvalidInput where that is too much.

    Where all is known, as mostly, this is one read. An account without any gets those of all fields first.
    """
    known = await leads.columns(account)
    columns = [*(() if known else FIELD_COLUMNS), *columns_of(profile)]
    await keep_columns(leads, account, columns, known=known)
