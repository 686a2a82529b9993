"""The worker program: `python worker.py` is `leadgen worker`."""

import sys

from leadgen.entrypoints.worker import main

if __name__ == "__main__":
    sys.exit(main())
