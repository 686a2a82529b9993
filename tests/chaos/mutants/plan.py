"""All mutants, in the order of the table."""

from __future__ import annotations

from tests.chaos.mutants.calls import CALLS
from tests.chaos.mutants.leads import LEADS
from tests.chaos.mutants.ledger import LEDGER
from tests.chaos.mutants.limits import LIMITS
from tests.chaos.mutants.live import LIVE
from tests.chaos.mutants.wire import WIRE

MUTANTS = {mutant.name: mutant for mutant in (*CALLS, *LEDGER, *LIMITS, *WIRE, *LEADS, *LIVE)}
