"""What the sixth exam has beside `fifth`: data sets that know their photos' paths, in PyTorch and Keras."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fifth import tuned
from fourth import NAMES, flower_folders
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from support import Net, Run, chw, photos

BATCH_ALIKE = [
    r"(photo|image|input|sample|pixel)s?.{0,80}(all |each |are |is )?(the same|identical|alike|repeated|duplicat|cop(y|ies))",
    r"duplicat|(one|same|single) (photo|image).{0,60}(batch|labels?|class|times|again)",
]
ON_VALIDATION = [
    r"(train|fit|fitted|updated|step|learn)\w* (on|with|from|in|during) (the )?(validation|val\b)",
    r"(validation|val)( photos?| images?| data| set| loop| pass)?.{0,60}(trained on|learnt|learned|memori|seen in training|updat|step)",
    r"too good",
]
FROZEN = [
    r"(frozen|random|untrained|re-?initiali[sz]ed|not pretrained).{0,80}(layer|block|backbone|weight|feature|part|stage)",
    r"(layer|block|backbone|weight|feature|part|stage)s?.{0,80}(frozen|random|untrained|not pretrained|never train)",
]
DEGENERATE = [
    r"(one|single|a) (value|element|number|position)|group.?norm|(output|answer|feature|activation|logit)s?.{0,80}(constant|same|equal|identical|not depend|do not (vary|differ)|collaps)",
]


def listed(root: Path) -> tuple[list[Path], list[int]]:
    """The photos of a folder and their classes, numbered as in NAMES."""
    paths = sorted(root.glob("*/*.jpg"))
    return paths, [NAMES.index(path.parent.name) for path in paths]


def loaded(path: Path) -> np.ndarray:
    with Image.open(path) as photo:
        return np.asarray(photo.convert("RGB"))


def to_input(path: Path) -> Tensor:
    return chw(loaded(path)[None])[0]


class FlowerFiles(Dataset[Any]):
    """Photos by path, as in most tutorials."""

    def __init__(
        self, paths: list[Path], labels: list[int], read: Callable[[Path], Tensor] = to_input
    ) -> None:
        self.paths, self.labels, self.read = paths, labels, read

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.read(self.paths[index]), self.labels[index]


def file_loaders(train: Dataset[Any], val: Dataset[Any]) -> tuple[DataLoader[Any], DataLoader[Any]]:
    return DataLoader(train, 32, shuffle=True), DataLoader(val, 64)


def all_of(data: Dataset[Any]) -> tuple[Tensor, Tensor]:
    """Every photo of a data set, with its label."""
    x, y = next(iter(DataLoader(data, 10_000)))
    return x, y


def head_on_files(net: Net, train: Dataset[Any], val: Dataset[Any], epochs: int = 15) -> Run:
    """The head of a frozen backbone, trained on files; its features are computed once."""
    x, y = all_of(train)
    v, w = all_of(val)
    optimizer = torch.optim.Adam(net.head.parameters(), 3e-3)

    def step(held: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net.head(held), labels)
        loss.backward()
        optimizer.step()
        return loss

    run = tuned(net, (x, y, v, w), step, epochs, optimizer=optimizer, loss=nn.CrossEntropyLoss())
    run.train, run.val = file_loaders(train, val)
    return run


def sequence(
    paths: list[Path],
    labels: Any,
    *,
    batch: int = 16,
    shuffle: bool = True,
    read: Callable[[Path], np.ndarray] = loaded,
    rows_of_labels: Callable[[int], slice] | None = None,
    length: int | None = None,
) -> Any:
    """A keras.utils.PyDataset over files."""
    import keras

    class Flowers(keras.utils.PyDataset):
        def __init__(self) -> None:
            super().__init__()
            order = np.random.permutation(len(paths)) if shuffle else np.arange(len(paths))
            self.paths = [paths[index] for index in order]
            self.labels = np.asarray(labels)[order]

        def __len__(self) -> int:
            return length or -(-len(self.paths) // batch)

        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            rows = slice(index * batch, (index + 1) * batch)
            x = np.stack([read(path) for path in self.paths[rows]]).astype(np.float32)
            return x, self.labels[rows_of_labels(index) if rows_of_labels else rows][: len(x)]

    return Flowers()


def two_halves(size: int = 32) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Validation photos of six classes, and as many of the same kind that nothing has seen."""
    (v, w), (fresh, names) = photos("val", size, 6), photos("fresh", size, 6)
    x, y = np.concatenate([v, fresh]), np.concatenate([w, names])
    return x[::2], y[::2], x[1::2], y[1::2]


def six_files(size: int = 32) -> tuple[list[Path], list[int], list[Path], list[int]]:
    train, val = flower_folders(size, 6)
    return *listed(train), *listed(val)
