"""Recipes that turn labelled photos into a classifier."""
