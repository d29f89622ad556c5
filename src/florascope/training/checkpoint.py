"""Where a training run stands, in one file that is either the old one or the new one."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from florascope.errors import TrainingError
from florascope.files import new_file

FILE = "checkpoint.safetensors"
PROGRESS = "florascope"


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
            fix="Use those, or another --out, or remove the file to start anew",
        )
