"""`python -m leadgen_simulator`."""

from leadgen_simulator.process import main

if __name__ == "__main__":
    raise SystemExit(main())
