"""What makes the work durable: Temporal workflows, and the activities that invoke the use cases."""
