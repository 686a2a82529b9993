"""The HTTP service: parse, call, render."""
