"""One leadgen command with its costs: ``python -m tests.benchmarks.throughput.command OUT ARGUMENT...``.

What it took goes to the file OUT as one JSON object; the imports that come first are not counted.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from leadgen.adapters.files import csv_sheet, csv_source
from leadgen.adapters.persistence import database
from leadgen.entrypoints.cli.main import run
from tests.benchmarks.throughput.usage import own_peak_mb

IMPORTED = (csv_sheet, csv_source, database)
"""Commands import these when they run."""


def main() -> int:
    """The command's exit status."""
    out, sys.argv[:] = Path(sys.argv[1]), ["leadgen", *sys.argv[2:]]
    code: object = 0
    begun, used = time.perf_counter(), time.process_time()
    try:
        run()
    except SystemExit as leave:
        code = leave.code or 0
    told = {
        "seconds": time.perf_counter() - begun,
        "cpu_seconds": time.process_time() - used,
        "memory_mb": own_peak_mb(),
    }
    out.write_text(json.dumps(told), encoding="utf-8")
    return code if isinstance(code, int) else 1


if __name__ == "__main__":
    sys.exit(main())
