"""The workflow of a bulk job."""
