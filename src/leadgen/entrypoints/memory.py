"""How a process with much to do keeps its memory: Python's collector, and what the C library holds back."""

from __future__ import annotations

import asyncio
import ctypes
import gc

_TRIM_SECONDS = 2.0
_M_ARENA_MAX = -8
"""As in glibc's malloc.h."""


def share_the_heap() -> None:
    """All threads, of which few run at once, take memory from one heap: each of several keeps blocks back.

    To be called before there are threads. Other C libraries have no such call and nothing is done.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_M_ARENA_MAX, 1)


def spare_the_collector() -> None:
    """What was made so far stays for good: walking it again and again would stop all calls for a moment."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


async def keep_trimming() -> None:
    """Gives freed memory back to the system, again and again, until it is cancelled.

    glibc keeps what lies between blocks in use, and over a long job that grows to tens of megabytes. Other C
    libraries have no such call and nothing is done.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    while trim is not None:
        await asyncio.sleep(_TRIM_SECONDS)
        await asyncio.to_thread(trim, ctypes.c_size_t(0))
