"""The command line, thin over the public Python API."""
