"""Dense(K, softmax) trained by Adam on frozen features: the head of the class report."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from florascope.errors import TrainingError
from florascope.progress import Progress, silent, track
from florascope.training.head import LinearHead, Samples, score
from florascope.training.recipe import SeedRecipe


def fit_dense(
    epochs: list[Samples], val: Samples, recipe: SeedRecipe, *, progress: Progress = silent
) -> LinearHead:
    """Train the head as Keras does: Glorot-uniform start, zero bias, Adam with epsilon 1e-7.

    Because the backbone is frozen and BatchNorm stands still, features of augmented photos
    computed beforehand give the same steps as forward passes during training would.

    Args:
        epochs: the training photos' features, one `Samples` an epoch.
        val: the validation photos' features.
        recipe: learning rate, batch size and seed.
        progress: told after each epoch.

    Raises:
        TrainingError: the loss became infinite or NaN.
    """
    draw = torch.Generator().manual_seed(recipe.seed)
    dense = _glorot(epochs[0].features.shape[1], val.classes, draw)
    adam = torch.optim.Adam(dense.parameters(), lr=recipe.learning_rate, eps=1e-7)
    history = []
    for number, train in enumerate(track(epochs, len(epochs), "Training the head", progress), 1):
        order = torch.randperm(len(train.targets), generator=draw)
        seen = _epoch(train, dense, adam, torch.split(order, recipe.batch_size))
        history.append(_row(number, seen, dense, val))
        _check(history[-1], recipe.learning_rate)
    return LinearHead(dense.weight.detach(), dense.bias.detach(), history)


def _glorot(features: int, classes: int, draw: torch.Generator) -> nn.Linear:
    """Uniform in +-sqrt(6 / (fan in + fan out)): Glorot & Bengio 2010, equation 16."""
    dense = nn.Linear(features, classes)
    nn.init.xavier_uniform_(dense.weight, generator=draw)
    nn.init.zeros_(dense.bias)
    return dense


def _epoch(
    train: Samples, dense: nn.Linear, adam: torch.optim.Adam, batches: Sequence[Tensor]
) -> tuple[float, float]:
    """One pass; return the mean loss and top-1 met on the way."""
    total_loss, right = 0.0, 0
    for batch in batches:
        logits, targets = dense(train.features[batch]), train.targets[batch]
        loss = cross_entropy(logits, targets)
        adam.zero_grad()
        loss.backward()
        adam.step()
        total_loss += loss.item() * len(batch)
        right += int((logits.argmax(1) == targets).sum())
    return total_loss / len(train.targets), right / len(train.targets)


def _row(
    number: int, seen: tuple[float, float], dense: nn.Linear, val: Samples
) -> dict[str, float]:
    with torch.no_grad():
        loss, top1 = score(dense(val.features), val.targets)
    return {
        "epoch": number,
        "train_loss": seen[0],
        "train_top1": seen[1],
        "val_loss": loss,
        "val_top1": top1,
    }


def _check(row: dict[str, float], learning_rate: float) -> None:
    train, val = row["train_loss"], row["val_loss"]
    if not (math.isfinite(train) and math.isfinite(val)):
        raise TrainingError(
            f"the loss became {train} (train) and {val} (val) at learning rate {learning_rate}",
            fix=f"Lower it: --set learning_rate={learning_rate / 10:g}",
        )
