"""Why a classifier answers as it does."""
