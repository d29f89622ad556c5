"""How good a classifier is, measured on photos it has not seen."""
