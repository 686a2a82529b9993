"""Faults that the verdict over real processes has to see by itself, without the help of any test.

None for a carrier that forgets: whether half a minute shows it is a matter of the speed of the machine.
"""

from __future__ import annotations

from dataclasses import replace

from tests.chaos.mutants.calls import CALLS
from tests.chaos.mutants.ledger import LEDGER
from tests.chaos.mutants.mutant import Mutant, chaos_of

_KILLED = chaos_of(
    *("points", "--set", "points.only=charged", "--set", "points.outcomes=1"),
    *("--set", "points.bound_seconds=200"),  # how soon it ends is not what is looked at
)
"""A worker is killed after the provider has charged, before the answer is written."""
_BUSY = chaos_of("redis", "--set", "redis.each=0", "--set", "redis.leads=150")
"""Four workers ask as fast as the limits allow, and nothing befalls them."""
_KNOWN = {mutant.name: mutant for mutant in (*CALLS, *LEDGER)}

LIVE = (
    *(
        replace(_KNOWN[name], name=f"live-{name}", parts=(part,))
        for name, part in (
            ("intent-after-call", _KILLED),
            ("unknown-is-free", _KILLED),
            ("asks-after-a-hit", _BUSY),
        )
    ),
    Mutant(
        "live-no-window",
        "Redis counts places, but no windows",
        "adapters/rate_limits/admission.lua",
        "if count >= calls then start =",
        "if false then start =",
        (_BUSY,),
    ),
)
