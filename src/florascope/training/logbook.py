"""What a training keeps: checkpoints, history, TensorBoard."""

import csv
import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from florascope.errors import TrainingError
from florascope.files import new_file, write_text

FILE = "checkpoint.safetensors"
PROGRESS = "florascope"
SOUP = "soup"  # folder of the checkpoints of its further runs


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A run between two steps.

    Attributes:
        tensors: weights, averages and the optimiser's moments, by name.
        progress: epoch, step, history and best score, JSON values.
        origin: recipe and data that the run began with, JSON values; resuming needs equal ones.
    """

    tensors: dict[str, Tensor]
    progress: dict[str, Any]
    origin: dict[str, Any]

    def write(self, path: Path) -> None:
        """Write the file: temporary, synced to disk, renamed. No pickle.

        Raises:
            FlorascopeError: it cannot be written; the last checkpoint is untouched.
        """
        note = json.dumps({"progress": self.progress, "origin": self.origin})
        tensors = {k: v.detach().cpu().contiguous() for k, v in self.tensors.items()}
        with new_file(path) as draft:
            draft.write_bytes(save(tensors, metadata={PROGRESS: note}))


def read_checkpoint(path: Path, origin: dict[str, Any]) -> Checkpoint | None:
    """Read where a run stands; None where there is no checkpoint.

    Args:
        path: the file.
        origin: recipe and data of the run that wants to go on.

    Raises:
        TrainingError: the file is damaged, or was begun with another recipe or other data.
    """
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            note = json.loads((file.metadata() or {})[PROGRESS])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        found = Checkpoint(tensors, note["progress"], note["origin"])
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{path} is no checkpoint that can be read ({error!r})", fix="Remove it to start anew"
        ) from error
    _compare(found.origin, origin, path)
    return found


def _compare(begun: dict[str, Any], wanted: dict[str, Any], path: Path) -> None:
    differing = [k for k in {**begun, **wanted} if begun.get(k) != wanted.get(k)]
    if differing:
        before, now = (
            ", ".join(f"{k}={origin.get(k)}" for k in differing) for origin in (begun, wanted)
        )
        raise TrainingError(
            f"{path} was begun with {before}, and this run has {now}",
            expected="the same settings and data to go on with",
            fix="Use those, or another folder, or remove the file to start anew",
        )


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

    def of_member(self, number: int) -> "Logbook":
        """Return the logbook of a run of a soup: the first has this folder, each other its own."""
        if number == 0 or self.folder is None:
            return self
        return Logbook(self.folder / SOUP / str(number), self.origin, interval=self.interval)

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
        """Write history.csv and tell the listeners of its last row.

        Where an earlier run is whole, its history stays until this run takes its place.
        """
        if self.folder is not None and not (self.folder / "metrics.json").is_file():
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


def tensorboard(folder: Path) -> Listener:
    """Return a listener that writes each epoch's figures as scalars into a folder.

    Raises:
        TrainingError: TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise TrainingError(
            f"TensorBoard cannot be used ({error})",
            fix="Install it with: pip install tensorboard, or leave out `tensorboard`"
            " (history.csv has the same figures)",
        ) from error
    writer: Any = SummaryWriter(str(folder))

    def write(row: Row) -> None:
        for name, value in row.items():
            writer.add_scalar(name, value, int(row["epoch"]))
        writer.flush()

    return write
