"""What leadgen needs of the world: one abstract class a file."""
