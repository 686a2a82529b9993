"""The workflow of a single lead."""
