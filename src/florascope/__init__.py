"""From a folder of photos to an image classifier that can be trusted."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from florascope.doctor.script import diagnose as diagnose

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:  # noqa: ANN401 (any public name)
    """Import what needs torch only when it is asked for."""
    if name == "diagnose":
        from florascope.doctor.script import diagnose

        return diagnose
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
