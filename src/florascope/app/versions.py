"""Versions of packages below which no stranger should reach a server."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

from packaging.version import Version

SAFE: Mapping[str, str] = {
    "pillow": "13.0",
    "starlette": "1.3.1",
    "h11": "0.16",
    "python-multipart": "0.0.31",
}
"""The packages that touch a stranger's bytes first, and where their known holes end.

SECURITY.md names the holes; the extra `serve` of pyproject.toml asks for the same versions.
"""


@dataclass(frozen=True, slots=True)
class Outdated:
    """A package with known holes.

    Attributes:
        package: its name.
        found: the version that is installed.
        safe: the first version without them.
    """

    package: str
    found: str
    safe: str

    def __str__(self) -> str:
        return f"{self.package} {self.found}, safe from {self.safe} on"


def outdated(safe: Mapping[str, str] = SAFE) -> tuple[Outdated, ...]:
    """Return the installed packages that are older than they should be.

    Args:
        safe: first safe version by package; each must be installed.
    """
    installed = {package: version(package) for package in safe}
    return tuple(
        Outdated(package, found, safe[package])
        for package, found in installed.items()
        if Version(found) < Version(safe[package])
    )
