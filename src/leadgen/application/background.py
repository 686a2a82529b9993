"""Work that goes on though nobody waits for it."""

from __future__ import annotations

import asyncio
from typing import Any


def heard(task: asyncio.Task[Any]) -> None:
    """For ``add_done_callback``: an error is for those who waited, and otherwise for the next."""
    if not task.cancelled():
        task.exception()  # else asyncio prints it once the task is forgotten
