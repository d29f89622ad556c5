"""The history of a run in TensorBoard, for those who have it."""

from pathlib import Path
from typing import Any

from florascope.errors import TrainingError
from florascope.training.logbook import Listener, Row


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
            fix="Install it with: pip install tensorboard, or leave out --tensorboard"
            " (history.csv has the same figures)",
        ) from error
    writer: Any = SummaryWriter(str(folder))

    def write(row: Row) -> None:
        for name, value in row.items():
            writer.add_scalar(name, value, int(row["epoch"]))
        writer.flush()

    return write
