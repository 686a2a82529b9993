"""The client side of Temporal."""
