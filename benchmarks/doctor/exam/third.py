"""What the third exam has beside `second`: wedges and bursts, a script by hand, more ways of naming a cause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from second import NOT_TRAINED, RATE_LOW
from torch import Tensor, nn

from support import Run, accuracy, watching

PRECISION = [
    r"float16|bfloat16|\bfp16|\bbf16|half.?precision|precision|overflow|underflow|round(ed|ing|s)? (off|away|to|error)|\bdtype"
]
STATISTICS = [
    r"batch.?norm|(running|moving) (mean|average|variance|statistic)|update_bn",
    r"(train(ing)?|eval(uation)?|inference) mode.{0,100}(differ|disagree|other|than|unlike|worse|better)",
]
TOO_SHORT = [
    r"(few|more|longer|only \d+|only (one|two|three)) epochs?|early.?stop|stopp(ed|ing) (too )?(early|soon)|patience",
    r"still (improv|fall|rising|learning|going)|train(ed|s|ing)? (for )?(too short|too briefly|longer)|had not (finished|converged)",
]
FEW_STEPS = [
    *NOT_TRAINED,
    *RATE_LOW,
    r"(few|fewer|only|once|only \d+|only one|one) (optimi[sz]er )?(steps?|updates?)|(steps?|updates?) (an|per|each) epoch|step\(\)",
]
LOSS_WITHOUT_LABELS = [
    r"loss.{0,80}(not|n.t|without|never|ignor|unrelated|independent|disconnect|regardless).{0,40}(label|target)",
    r"(label|target)s?.{0,80}(not (used|seen|reach|enter|in)|ignored|unused|play no)",
]
HEAD = [
    r"head.{0,60}(not fit|n.t fit|fits? (another|other)|random|at chance|mismatch|re-?train|refit|untrained|wrong|unused)",
    r"(linear|fresh|new|probe|sound) (head|probe|classifier).{0,80}(reach|better|would|learn|score|gets?)",
]
RANGE = [
    r"(input|pixel|value|photo|image)s?.{0,80}(range|scale|normali[sz]|contrast|constant|flat)|\brange\b|rescal|preprocess|normali[sz]",
]
BLANK = [
    r"black|white|blank|constant|saturat|clipp|uniform|identical|(photo|image|input|pixel)s?.{0,80}(the same|zero|alike|no (content|detail|information))",
]
ACTIVATION = [r"activation|saturat|vanish|gradients?.{0,60}(small|tiny|zero|die|lost|shrink)"]
SEEDS = {"train": 11, "val": 12, "fresh": 13}


def wedges(part: str = "train", each: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Drawn wedges, uint8 (N, 32, 32, 3), that point right, up, left, down: four classes."""
    dice = np.random.default_rng(SEEDS[part])
    rows, columns = np.mgrid[:32, :32]
    x, y = [], []
    for name in range(4):
        for _ in range(each):
            row, column = dice.uniform(11, 20), dice.uniform(5, 12)
            length = dice.uniform(10, 15)
            along = columns - column
            inside = (along > 0) & (np.abs(rows - row) < (length - along) / 2.2)
            photo = np.where(inside[..., None], dice.uniform(0.6, 1, 3), dice.uniform(0, 0.4, 3))
            photo = np.rot90(photo, name) + dice.normal(0, 0.05, (32, 32, 3))
            x.append((photo.clip(0, 1) * 255).astype(np.uint8))
            y.append(name)
    return np.stack(x), np.array(y, dtype=np.int64)


def script(
    model: nn.Module,
    train: Any,
    val: Any,
    honest: tuple[Tensor, Any],
    epochs: int,
    step: Callable[[Tensor, Tensor], Tensor],
    *,
    optimizer: Any,
    loss: Any = None,
    each_epoch: Callable[[], None] | None = None,
    measure: Callable[[], float] | None = None,
    mode: bool = True,
    **told: Any,
) -> Run:
    """A loop by hand, whose inner lines are `step(images, labels) -> loss`."""
    history = []
    with watching(model, optimizer) as watched:
        for _ in range(epochs):
            model.train(mode)
            values = [float(step(images, labels).detach()) for images, labels in train]
            if each_epoch:
                each_epoch()
            model.eval()
            top1 = measure() if measure else accuracy(model, *honest)
            history.append({"train_loss": float(np.mean(values)), "val_top1": top1})
    told = {"optimizer": optimizer, "history": history, **told, **watched}
    if loss is not None:
        told["loss"] = loss
    return Run(model, train, val, told, accuracy(model, *honest))


def usual(model: nn.Module, optimizer: Any, loss: Any) -> Callable[[Tensor, Tensor], Tensor]:
    """zero_grad, forward, backward, step."""

    def step(images: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        value: Tensor = loss(model(images), labels)
        value.backward()
        optimizer.step()
        return value

    return step


def hits(model: nn.Module, loader: Any) -> tuple[int, int]:
    """How many photos of a loader are answered rightly, and how many there are."""
    right = seen = 0
    with torch.no_grad():
        for images, labels in loader:
            right += int((model(images).argmax(1) == labels).sum())
            seen += len(labels)
    return right, seen


def burst(x: np.ndarray, frames: int, seed: int) -> np.ndarray:
    """So many frames of each photo, a little moved and lit differently: (N * frames, H, W, 3)."""
    dice = np.random.default_rng(seed)
    made = []
    for photo in x:
        for _ in range(frames):
            moved = np.roll(photo, tuple(dice.integers(-2, 3, 2)), (0, 1)).astype(np.float32)
            made.append(
                (moved * dice.uniform(0.9, 1.1) + dice.normal(0, 3, photo.shape)).clip(0, 255)
            )
    return np.stack(made).astype(np.uint8)
