"""What the fifth exam has beside `fourth`: thirty photos a class, heads on kept features, a Hugging Face loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from fourth import Module, cached, right
from second import loaders
from third import script
from torch import Tensor, nn

from support import Net, Run, chw, features, photos, watching

CHECKPOINT = [
    r"checkpoint|restor|saved|stale|(weights|parameters).{0,80}(other than|differ|older|not (those|the ones)|load|earlier)",
    r"(model|network).{0,60}(not the one|another than|differs? from|is not what).{0,60}(train|history|report)",
]
ALIKE = [
    r"symmetr|(filters?|kernels?|units?|channels?|features?|weights?|neurons?).{0,60}(alike|identical|the same|equal|copies|one rank|rank)",
    r"(one|single|few|1) (effective |independent )?(features?|dimensions?|directions?)|collaps",
]


def thirty(size: int = 96) -> tuple[Tensor, np.ndarray, Tensor, np.ndarray]:
    """Ten flowers, normalised: 30 photos a class for training, 12 for validation."""
    (x, y), (more, names) = photos("train", size), photos("fresh", size)
    first = np.tile(np.arange(12) < 6, 10)
    v, w = photos("val", size)
    return chw(np.concatenate([x, more[first]])), np.concatenate([y, names[first]]), chw(v), w


Step = Callable[[Tensor, Tensor], Tensor]


def tuned(
    net: Net,
    data: tuple[Tensor, Any, Tensor, Any],
    step: Step,
    epochs: int,
    *,
    optimizer: Any,
    measure: Callable[[Tensor], float] | None = None,
    **told: Any,
) -> Run:
    """A frozen network's head, trained on features computed once; `measure` takes those of validation."""
    x, y, v, w = data
    held = features(net.backbone, v)
    ready = cached(net, (x, y), shuffle=True)
    own = (lambda: measure(held)) if measure else None
    run = script(
        net.head, ready, None, (held, w), epochs, step, optimizer=optimizer, measure=own, **told
    )
    del run.told["watched"]  # it watched the head alone
    return Run(net.eval(), *loaders(x, y, v, w), run.told, run.honest)


def hugging_face(
    model: nn.Module, train: Any, val: Any, optimizer: Any, schedule: Any, epochs: int
) -> Run:
    """model(**batch).loss, and a schedule that goes on with every batch."""
    history = []
    with watching(model, optimizer) as watched:
        for _ in range(epochs):
            model.train()
            losses = []
            for batch in train:
                loss = model(**batch)["loss"]
                loss.backward()
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
                losses.append(float(loss.detach()))
            history.append({"train_loss": float(np.mean(losses)), "val_top1": right(model, val)})
    told = {"optimizer": optimizer, "history": history, **watched}
    return Run(model, train, val, told, right(model, val))


class ArcFace(nn.Module):
    """Additive angular margin (Deng et al. 2019): given labels, the true class is made harder."""

    def __init__(self, width: int = 1280, classes: int = 10) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, width) * 0.01)

    def forward(self, held: Tensor, labels: Tensor | None = None) -> Tensor:
        normal = nn.functional.normalize
        cosine = (normal(held) @ normal(self.weight).T).clamp(-0.999, 0.999)
        if labels is not None:
            chosen = nn.functional.one_hot(labels, len(self.weight)).bool()
            cosine = torch.where(chosen, torch.cos(torch.acos(cosine) + 0.3), cosine)
        return 20 * cosine


class Deep(nn.Module):
    """A small network with an auxiliary head half-way: (logits, auxiliary) in training, logits else."""

    def __init__(self, stem: nn.Sequential, top: nn.Sequential, width: int, classes: int) -> None:
        super().__init__()
        self.stem, self.top = stem, top
        self.auxiliary = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes)
        )

    def forward(self, images: Tensor) -> Any:
        held = self.stem(images)
        return (self.top(held), self.auxiliary(held)) if self.training else self.top(held)


def deep(net: nn.Sequential, classes: int = 6) -> Deep:
    """`support.cnn`, cut behind its second block."""
    return Deep(net[:8], net[8:], 32, classes)


class Deeply(Module):
    """The main loss and 0.3 of the auxiliary one."""

    def training_step(self, batch: Any, batch_index: int) -> Tensor:
        images, labels = batch
        main, auxiliary = self(images)
        return self.criterion(main, labels) + 0.3 * self.criterion(auxiliary, labels)
