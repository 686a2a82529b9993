"""leadgen: a self-hosted, durable engine that finds the phone numbers of leads."""
