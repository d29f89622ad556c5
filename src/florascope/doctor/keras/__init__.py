"""The doctor for Keras 3: evidence from a compiled model and whatever `fit` takes as data."""
