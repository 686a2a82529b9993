"""The use cases that carry out what the domain decides; they know the world through ports alone."""
