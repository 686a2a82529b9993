"""The workflow that delivers what waits for one endpoint."""
