"""Reports a person can read."""
