"""The servers of a laptop, started and stopped by leadgen itself."""
