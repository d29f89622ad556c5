"""The folder a classifier travels in, checked and read without torch."""
