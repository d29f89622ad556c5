"""What a training run writes down while it goes on: history.csv and the checkpoint."""

import csv
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from florascope.files import write_text
from florascope.training.checkpoint import FILE, Checkpoint, read_checkpoint

Row = dict[str, float]
Listener = Callable[[Row], None]


@dataclass
class Logbook:
    """Keeps a run's progress in its folder.

    Attributes:
        folder: of the run; None keeps nothing.
        origin: recipe and data, JSON values, that a resumed run must share.
        listeners: told of each epoch's row (TensorBoard, say).
        interval: seconds between checkpoints within an epoch.
    """

    folder: Path | None = None
    origin: dict[str, Any] = field(default_factory=dict)
    listeners: Sequence[Listener] = ()
    interval: float = 60.0
    _written: float = field(default_factory=time.monotonic)

    @property
    def due(self) -> bool:
        """Whether the last checkpoint is older than the interval."""
        return self.folder is not None and time.monotonic() - self._written >= self.interval

    def keep(self, tensors: dict[str, Any], progress: dict[str, Any]) -> None:
        """Write a checkpoint in place of the one before."""
        if self.folder is not None:
            Checkpoint(tensors, progress, self.origin).write(self.folder / FILE)
            self._written = time.monotonic()

    def read(self) -> Checkpoint | None:
        """Return where the run stands; None where it begins.

        Raises:
            TrainingError: the checkpoint there is damaged or another run's.
        """
        return None if self.folder is None else read_checkpoint(self.folder / FILE, self.origin)

    def note(self, history: list[Row]) -> None:
        """Write history.csv and tell the listeners of its last row."""
        if self.folder is not None:
            write_text(self.folder / "history.csv", as_csv(history))
        for listener in self.listeners:
            listener(history[-1])


def as_csv(rows: list[Row]) -> str:
    """Write rows of equal keys as CSV text."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
