"""Bundles in other forms: a page that runs in the browser, plain ONNX, int8, a timm folder."""
