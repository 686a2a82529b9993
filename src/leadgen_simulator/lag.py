"""The simulator's own scheduling lag: an oracle that overslept must say so."""

import asyncio
import time

_SLEEP_SECONDS = 0.010
_LATE_MS = 50.0


class LagMeter:
    """How late the event loop wakes: the worst case, and how often above 50 ms."""

    def __init__(self) -> None:
        self.lag_ms_max = 0.0
        self.lag_over_50ms = 0

    async def run(self) -> None:
        """Measures until it is cancelled."""
        while True:
            started = time.monotonic()
            await asyncio.sleep(_SLEEP_SECONDS)
            late_ms = (time.monotonic() - started - _SLEEP_SECONDS) * 1000
            self.lag_ms_max = max(self.lag_ms_max, late_ms)
            self.lag_over_50ms += late_ms > _LATE_MS
