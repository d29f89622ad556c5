"""From a folder of photos to an image classifier that can be trusted."""

__version__ = "0.1.0"
