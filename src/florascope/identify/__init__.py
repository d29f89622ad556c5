"""Answers from a bundle with NumPy and ONNX Runtime alone (no torch)."""
