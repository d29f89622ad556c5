"""The linear probe: multinomial logistic regression with the penalty chosen on validation."""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from florascope.errors import TrainingError
from florascope.progress import Progress, silent, track
from florascope.training.head import LinearHead, Samples, score
from florascope.training.recipe import ProbeRecipe
from florascope.training.whitening import Whitening


def fit_probe(
    train: Samples,
    val: Samples,
    recipe: ProbeRecipe,
    *,
    progress: Progress = silent,
) -> LinearHead:
    """Minimise mean cross-entropy + l2 / 2 |W|^2 along a path of penalties, strong to weak.

    W acts on whitened features (`Whitening`) and folds into a head on the plain ones. Each fit
    (L-BFGS with strong Wolfe line search) starts from the one before; the penalty with the lowest
    validation loss wins, and the path ends after the first that is worse than it. The loss, not the
    accuracy, chooses: it is less noisy on a small validation set and asks for honest
    probabilities.

    Args:
        train: the training photos' features.
        val: the validation photos' features.
        recipe: the path.
        progress: told after each penalty.

    Raises:
        TrainingError: no penalty gives a finite loss.
    """
    whitening = Whitening.of(train, recipe.ridge)
    white = whitening(train.features)
    weight, bias = torch.zeros(train.classes, white.shape[1]), torch.zeros(train.classes)
    penalties = np.geomspace(recipe.l2_max, recipe.l2_min, recipe.l2_steps).tolist()
    history: list[dict[str, float]] = []
    best, lowest = LinearHead(weight, bias, history), float("inf")
    for l2 in track(penalties, len(penalties), "Fitting the head", progress):
        weight, bias = _minimise(white, train.targets, (weight, bias), l2, recipe.max_iterations)
        head = LinearHead(*whitening.fold(weight, bias), history)
        history.append(_row(l2, head, train, val))
        if history[-1]["val_loss"] < lowest:
            best, lowest = head, history[-1]["val_loss"]
        elif history[-1]["val_loss"] > lowest:
            progress("Fitting the head", len(penalties), len(penalties))
            break
    if not math.isfinite(lowest):
        raise TrainingError(
            f"the validation loss is {history[-1]['val_loss']} for every penalty",
            expected="finite features",
            fix="Check the backbone's weights and the scale of its input",
        )
    return best


def _minimise(
    features: Tensor, targets: Tensor, start: tuple[Tensor, Tensor], l2: float, iterations: int
) -> tuple[Tensor, Tensor]:
    weight, bias = (part.clone().requires_grad_() for part in start)
    lbfgs = torch.optim.LBFGS(
        [weight, bias], max_iter=iterations, history_size=10, line_search_fn="strong_wolfe"
    )

    def objective() -> float:
        lbfgs.zero_grad()
        loss = cross_entropy(features @ weight.T + bias, targets) + l2 / 2 * weight.square().sum()
        loss.backward()
        return loss.item()

    lbfgs.step(objective)
    return weight.detach(), bias.detach()


def _row(l2: float, head: LinearHead, train: Samples, val: Samples) -> dict[str, float]:
    train_loss, train_top1 = score(head(train.features), train.targets)
    val_loss, val_top1 = score(head(val.features), val.targets)
    return {
        "l2": l2,
        "train_loss": train_loss,
        "train_top1": train_top1,
        "val_loss": val_loss,
        "val_top1": val_top1,
    }
