"""Where leadgen is entered: parse, call, render; no rules."""
