"""Tables of people as files."""
