"""Is the explanation true? Measured on many photos, with intervals and a verdict in words."""
