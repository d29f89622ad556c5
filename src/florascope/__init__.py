"""From a folder of photos to an image classifier that can be trusted."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from florascope.doctor.script import diagnose as diagnose

__version__ = "0.1.0"

# Some builds of ONNX Runtime keep a device id and a telemetry store from their import on; whoever
# wants that sets the variable to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def __getattr__(name: str) -> Any:  # noqa: ANN401 (any public name)
    """Import what needs torch only when it is asked for."""
    if name == "diagnose":
        from florascope.doctor.script import diagnose

        return diagnose
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
