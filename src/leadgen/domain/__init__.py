"""The core that decides: pure functions and values, no I/O, no clock, no randomness."""
