"""Work over more photos than one process should answer for: in shards, resumed, on an engine."""
