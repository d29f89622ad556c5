"""What the two halves of the eighth exam share: words that name a cause, layers, losses, loaders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from second import large, loaders
from torch import Tensor, nn
from torch.utils.data import default_collate

from support import Net, Run, accuracy, backbone, fit_head

NAMES_SPLIT = [
    r"class(es)?.{0,80}(split|two (labels|names|numbers|indices)|twice|duplicat|only in (the )?train|(absent|missing) (in|from) val|(not|never) in val)",
    r"(answers?|outputs?|labels?).{0,60}(val|validation).{0,30}(never|lacks?|does not (have|hold|contain))",
]
MIXED = [r"mix-?up|mix(ed|es|ing|ture)|soft (label|target)s?|blend"]
FOCAL = [r"focal|loss.{0,80}(wrong|away from|reward|prefers?|\bsign\b)"]
SCALED_LOSS = [r"unscal|grad(ient)? ?scal|loss ?scal|mixed.precision|\bamp\b"]
SHARD = [r"distributed|shard|replica|set_epoch"]
POOLED = [
    r"pool|(few|only \d+|\b4) (features?|numbers?|values?|inputs?|dimensions?)|over (the )?channels|bottleneck|squeez|narrow"
]
UNUSED = [
    r"(unused|no (effect|influence|part)|nothing|dead|skipped|by-?passed|switched off).{0,60}(block|layer|branch|weight)",
    r"(block|layer|branch)(es|s)?.{0,80}(unused|no (effect|influence)|(add|contribut)\w* nothing|zero|dead|skipped|switched off|by-?passed)",
    r"\bgates?\b|layer.?scale",
]
PER_CLASS = [
    r"(mean|statistic\w*|normali[sz]\w*|standardi[sz]\w*|prepar\w*).{0,60}(class|folder)",
    r"(class|folder).{0,60}(statistic|normali[sz]|standardi[sz]|prepar|processed)",
]
MASKED = [r"\bmask|occlu|black|erased|(centre|center|middle) of"]
RESPLIT = [
    r"(another|other|different|new|changed|re-?drawn) split|split.{0,40}(drawn|changed|again|anew)|resum",
    r"val.{0,80}(seen|trained on|known|memori)|(better|higher).{0,60}(test|fresh|unseen)|test.{0,80}(worse|lower|below|less|under)",
]
LAST_BATCH = [r"last batch|one batch|single batch|(part|few|only \d+) of the val"]
SHUFFLED_ANSWERS = [r"shuffl|(order|align|belong).{0,60}(val|answer|prediction|output|report)"]
IN_PLACE = [
    r"in.?place|degrad|overwritten|noisy (photo|image|input)|(photo|image|input|pixel)s?.{0,60}\bnois"
]
ACCUMULATED = [r"accumulat"]
TOP_K = [r"\btop.?(k|3|three|n)\b|k ?= ?3"]
NARROW = [
    r"(one|single|1) (unit|neuron|number|value|feature|dimension|channel|wide)|bottleneck|narrow|squeez"
]
INITIAL = [r"initiali[sz]|(weight|logit)s?.{0,40}(too |very )?(large|big|huge|wide)"]
ON_TRAIN_LABELS = [r"\btrain(ing)? labels"]
"""A finding that says this is of train, where val's labels are at stake."""


def head_on(
    train: tuple[Tensor, Any],
    val: tuple[Tensor, Any],
    right: tuple[Tensor, Any] | None = None,
    net: Net | None = None,
    epochs: int = 12,
    *,
    believed: bool = False,
) -> Run:
    """A head on a frozen backbone; `right`: val as it should be, `believed`: the claim is val's."""
    net = net or Net(backbone(), nn.Linear(1280, 10))
    history, optimizer = fit_head(net, train, val, epochs=epochs)
    told = {"optimizer": optimizer, "loss": nn.CrossEntropyLoss(), "history": history}
    honest = accuracy(net, *(right or large()[2:]))
    claimed = accuracy(net, *val) if believed else None
    return Run(net, *loaders(*train, *val), told, honest, claimed)


# ------------------------------------------------------------------------------------ photos


def masked(x: Tensor, inside: bool) -> Tensor:
    """Photos (n, 3, s, s) with the ellipse in the middle kept, or with all but it."""
    line = torch.linspace(-1, 1, x.shape[-1])
    ellipse = line[:, None] ** 2 + line**2 < 0.7**2
    return torch.where(ellipse if inside else ~ellipse, x, x.amin((0, 2, 3), keepdim=True))


def standardised(x: Tensor, y: np.ndarray, by_class: bool) -> Tensor:
    """Less the mean photo, over the standard deviation: of all, or of each class's own folder."""
    made = x.clone()
    for rows in [y == name for name in np.unique(y)] if by_class else [y >= 0]:
        own = x[torch.from_numpy(rows)]
        made[torch.from_numpy(rows)] = (own - own.mean(0)) / (own.std(0) + 0.1)
    return made


def mixing(classes: int, swapped: bool) -> Callable[[list[Any]], tuple[Tensor, Tensor]]:
    """mixup (Zhang et al., 2018) as a collate function; swapped: each label has the other's share."""

    def collate(batch: list[Any]) -> tuple[Tensor, Tensor]:
        images, labels = default_collate(batch)
        share, other = float(np.random.beta(0.4, 0.4)), torch.randperm(len(images))
        target = F.one_hot(labels, classes).float()
        own = 1 - share if swapped else share
        return (
            share * images + (1 - share) * images[other],
            own * target + (1 - own) * target[other],
        )

    return collate


# ------------------------------------------------------------------------------------ networks and losses


class Focal(nn.Module):
    """The focal loss of Lin et al. (2017), gamma 2; easy: its weight is p**2 in place of (1 - p)**2."""

    def __init__(self, easy: bool) -> None:
        super().__init__()
        self.easy = easy

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        missed = F.cross_entropy(logits, labels, reduction="none")
        p = torch.exp(-missed)
        return ((p if self.easy else 1 - p) ** 2 * missed).mean()


class Pooled(nn.Module):
    """A backbone's last map, averaged over places (b, 1280) or over channels (b, places)."""

    def __init__(self, inner: Any, axes: tuple[int, ...]) -> None:
        super().__init__()
        self.inner, self.axes = inner, axes

    def forward(self, x: Tensor) -> Tensor:
        return self.inner.forward_features(x).mean(self.axes).flatten(1)


class Gated(nn.Module):
    """x + gate * branch(x), the gate zero at first (ReZero, Bachlechner et al., 2021): learned or not."""

    def __init__(self, width: int, learned: bool) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()
        )
        if learned:
            self.gate = nn.Parameter(torch.zeros(1))
        else:
            self.register_buffer("gate", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.gate * self.branch(x)


def gated(learned: bool, classes: int = 6, width: int = 32) -> nn.Sequential:
    """A stem without a non-linearity, three gated blocks, a linear head."""
    blocks = [part for _ in range(3) for part in (Gated(width, learned), nn.AvgPool2d(2))]
    return nn.Sequential(
        nn.Conv2d(3, width, 1),
        *blocks,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width, classes),
    )


# ------------------------------------------------------------------------------------ Keras


def pairs(
    take: Callable[[Any, int], tuple[np.ndarray, np.ndarray]],
    count: int,
    batch: int = 16,
    order_at_first: np.ndarray | None = None,
) -> Any:
    """A PyDataset whose batches are `take(rows in order, first row)`, shuffled after each epoch."""
    import keras

    class Pairs(keras.utils.PyDataset):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.order = np.arange(count) if order_at_first is None else order_at_first

        def __len__(self) -> int:
            return -(-count // batch)

        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            first = index * batch
            return take(self.order[first : first + batch], first)

        def on_epoch_end(self) -> None:
            self.order = np.random.permutation(self.order)

    return Pairs()


def keras_tanh(initializer: Any, classes: int = 6) -> Any:
    """Four convolutions with tanh, initialised as told."""
    import keras
    from keras import layers

    made: list[Any] = [keras.Input((32, 32, 3)), layers.Rescaling(1 / 127.5, offset=-1)]
    for width in (16, 32, 64):
        made += [
            layers.Conv2D(
                width, 3, padding="same", activation="tanh", kernel_initializer=initializer
            ),
            layers.MaxPooling2D(),
        ]
    made += [layers.Flatten(), layers.Dense(64, "tanh", kernel_initializer=initializer)]
    return keras.Sequential([*made, layers.Dense(classes, "softmax")])
