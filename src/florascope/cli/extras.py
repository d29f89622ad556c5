"""Packages that the light install leaves out, and the extra that brings each."""

from florascope.errors import FlorascopeError

EXTRAS = {
    "train": (
        *("torch", "torchvision", "timm", "lightning", "lightning_fabric", "safetensors"),
        *("onnx", "google", "onnxscript", "scipy", "jinja2", "matplotlib"),
    ),
    "fast": ("openvino",),
}
"""Top-level modules by extra, as pyproject.toml lists their packages."""


def missing_extra(error: ModuleNotFoundError) -> FlorascopeError | None:
    """Say what to install where a package of an extra is missing; None for any other module.

    One place for every command: commands import what they need when they run, so whichever
    package is missing shows there, before any work is done.
    """
    module = (error.name or "").partition(".")[0]
    extra = next((name for name, modules in EXTRAS.items() if module in modules), None)
    if extra is None:
        return None
    return FlorascopeError(
        f"the package {module} is not installed, which this command needs",
        expected=f"florascope with its extra {extra!r}",
        fix=f"Install it with: pip install 'florascope[{extra}]'",
    )
