"""What leadgen says about itself."""
