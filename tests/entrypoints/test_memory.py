"""How a worker keeps its memory."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

_HEAPS = """
import ctypes, threading
from leadgen.entrypoints.memory import share_the_heap

library = ctypes.CDLL(None)
{share}
together = threading.Barrier(4)

def allocate():
    together.wait()
    library.free(ctypes.c_void_p(library.malloc(ctypes.c_size_t(1_000))))

library.malloc.restype = ctypes.c_void_p
threads = [threading.Thread(target=allocate) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
library.malloc_stats()
"""


def _heaps(*, share: bool) -> int:
    """How many heaps glibc has after four threads have allocated something."""
    script = _HEAPS.format(share="share_the_heap()" if share else "")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stderr.count("Arena ")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_stats"), reason="another C library than glibc")
def test_threads_share_one_heap() -> None:
    """By itself the C library has one for each of a few threads, with free blocks in all of them."""
    assert _heaps(share=False) > 1
    assert _heaps(share=True) == 1
