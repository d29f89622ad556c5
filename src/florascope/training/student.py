"""The network that learns: learning rates, steps, its moving average."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from timm.utils import ModelEmaV3
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from florascope.errors import TrainingError
from florascope.nets.backbone import stages, unfreeze
from florascope.nets.classifier import Classifier
from florascope.parallel import CPU_BATCH
from florascope.training.batches import Batch, LabelledPhotos, Mixing
from florascope.training.logbook import Row
from florascope.training.recipes import Finetune


def warm_cosine(step: int, steps: int, warmup: float) -> float:
    """Share of the full learning rate at a step: a linear rise, then half a cosine to 0.

    Loshchilov & Hutter 2017 without restarts, with the warm-up of Goyal et al. 2017.

    Args:
        step: from 0.
        steps: of the whole run.
        warmup: share of them that rise, 0 to below 1.
    """
    rise = round(warmup * steps)
    if step < rise:
        return (step + 1) / rise
    return (1.0 + math.cos(math.pi * (step - rise) / max(1, steps - rise))) / 2.0


NEVER = (-1.0, 0.0)  # a score below every other
Weights = dict[str, Tensor]


@dataclass
class Met:
    """What an epoch met so far.

    Attributes:
        photos: seen.
        loss: sum over them.
        right: how many were answered rightly (mixed ones: their larger part).
    """

    photos: int = 0
    loss: float = 0.0
    right: int = 0


class Student:
    """The state of a fine-tuning run, which a checkpoint holds whole.

    Args:
        network: what learns; in eval mode unless the recipe trains BatchNorm.
        recipe: learning rates, regularisation and seed.
        steps: an epoch.
        fabric: device, precision and processes.

    Attributes:
        epoch: that is being trained.
        step: of the epoch that comes next.
        met: what the epoch met so far.
        history: one row a finished epoch.
        score: best validation (top-1, - loss) so far.
        stale: epochs since then.
        best: weights of the best epoch.
    """

    def __init__(self, network: Classifier, recipe: Finetune, steps: int, fabric: Fabric) -> None:
        self.recipe, self.steps, self.fabric = recipe, steps, fabric
        self.network = network.to(memory_format=torch.channels_last)
        self.network.train(recipe.train_batchnorm)
        optimizer = torch.optim.AdamW(parameter_groups(network, recipe), lr=0.0)
        made: Any = torch.compile(network) if recipe.compile else network
        self._model, self._optimizer = fabric.setup(made, optimizer)
        self._average = ModelEmaV3(network, recipe.ema)
        self._mixing = Mixing(recipe.mixup, recipe.cutmix, recipe.mixed)
        self.epoch, self.step, self.met = 0, 0, Met()
        self.history: list[Row] = []
        self.score, self.stale = NEVER, 0
        self.best = self._averaged()

    @property
    def done(self) -> bool:
        """Whether the last epoch, or the last that patience allows, is over."""
        return self.epoch >= self.recipe.epochs or self.stale >= self.recipe.patience

    @property
    def candidates(self) -> tuple[Weights, ...]:
        """Weights of the best epoch and, where that is another, of the last."""
        return (self.best, self._averaged()) if self.stale else (self.best,)

    def begin(self, val: LabelledPhotos) -> None:
        """Measure the start, so that training can only end better."""
        loss, top1 = self._measure(val)
        self.score = (top1, -loss)

    def learn(self, batch: Batch) -> None:
        """Take one step.

        Raises:
            TrainingError: the loss is no finite number; the weights are those before the step.
        """
        count = self.epoch * self.steps + self.step
        draw = np.random.default_rng([self.recipe.seed, self.epoch, self.step, 2])
        there = Batch(*self.fabric.to_device(tuple(batch)))
        images, shares = self._mixing(there.images, there.shares, draw)
        self._set_rates(warm_cosine(count, self.recipe.epochs * self.steps, self.recipe.warmup))
        logits = self._model(images).float()
        loss = cross_entropy(logits, shares, label_smoothing=self.recipe.label_smoothing)
        self._check(loss.item())
        self._optimizer.zero_grad()
        self.fabric.backward(loss)
        self._optimizer.step()
        self._average.update(self.network, step=count + 1)
        self._meet(loss.item(), logits.argmax(1) == shares.argmax(1))
        self.step += 1

    def judge(self, val: LabelledPhotos) -> None:
        """End an epoch: measure the average of the weights, and keep it if it is the best."""
        loss, top1 = self._measure(val)
        self.history.append(
            {
                "epoch": self.epoch + 1,
                "train_loss": self.met.loss / self.met.photos,
                "train_top1": self.met.right / self.met.photos,
                "val_loss": loss,
                "val_top1": top1,
            }
        )
        better = (top1, -loss) > self.score
        self.stale = 0 if better else self.stale + 1
        if better:
            self.score, self.best = (top1, -loss), self._averaged()
        self.epoch, self.step, self.met = self.epoch + 1, 0, Met()

    def tensors(self) -> dict[str, Tensor]:
        """Everything that is made of tensors, by name."""
        parts = {"network": self.network.state_dict(), "average": self._averaged()}
        named = {f"{part}.{k}": v for part, state in parts.items() for k, v in state.items()}
        moments = self._optimizer.state_dict()["state"]
        named |= {f"adam.{i}.{k}": v for i, state in moments.items() for k, v in state.items()}
        return {**named, **{f"best.{k}": v for k, v in self.best.items()}}

    def progress(self) -> dict[str, Any]:
        """Everything else, as JSON values."""
        return {
            "epoch": self.epoch,
            "step": self.step,
            "met": asdict(self.met),
            "history": self.history,
            "score": list(self.score),
            "stale": self.stale,
        }

    def restore(self, tensors: dict[str, Tensor], progress: dict[str, Any]) -> None:
        """Become what `tensors` and `progress` say."""
        self.network.load_state_dict(_under("network", tensors))
        self._average.module.load_state_dict(_under("average", tensors))
        self.best = _under("best", tensors)
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _under("adam", tensors).items():
            index, _, key = name.partition(".")
            moments.setdefault(int(index), {})[key] = tensor
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": moments, "param_groups": groups})
        self.epoch, self.step = progress["epoch"], progress["step"]
        self.met, self.history = Met(**progress["met"]), progress["history"]
        top1, loss = progress["score"]
        self.score, self.stale = (top1, loss), progress["stale"]

    def _set_rates(self, share: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = share * group["peak"]

    def _check(self, loss: float) -> None:
        if not math.isfinite(loss):
            rate = self.recipe.learning_rate
            raise TrainingError(
                f"the loss became {loss} in epoch {self.epoch + 1}, step {self.step + 1}, at"
                f" learning rate {rate:g}; the last checkpoint is from before",
                fix=f"Lower it, in a new folder: `learning_rate={rate / 3:.2g}`",
            )

    def _meet(self, loss: float, right: Tensor) -> None:
        self.met.photos += len(right)
        self.met.loss += loss * len(right)
        self.met.right += int(right.sum())

    def _measure(self, val: LabelledPhotos) -> tuple[float, float]:
        """Mean cross-entropy and top-1 of the averaged weights."""
        loss, right = 0.0, 0
        if self.fabric.device.type == "cpu":
            val = replace(val, batch_size=CPU_BATCH)
        with torch.no_grad(), self.fabric.autocast():
            for images, shares in val.batches(0):
                targets = self.fabric.to_device(shares.argmax(1))
                logits = self._average.module(self.fabric.to_device(images)).float()
                loss += cross_entropy(logits, targets, reduction="sum").item()
                right += int((logits.argmax(1) == targets).sum())
        return loss / len(val.photos), right / len(val.photos)

    def _averaged(self) -> Weights:
        return {k: v.detach().clone() for k, v in self._average.module.state_dict().items()}


def parameter_groups(network: Classifier, recipe: Finetune) -> list[dict[str, Any]]:
    """Freeze what the recipe leaves alone, and give each stage its own learning rate.

    The last stage learns at `learning_rate`, each one before at `layer_decay` of the one behind
    it; weights of one dimension (biases, norms) do not decay.
    """
    net = network.backbone.net
    groups = stages(net, network.backbone.name)
    unfreeze(net, groups, recipe.unfreeze)
    last = max(groups.values())
    rates = {
        parameter: recipe.learning_rate * recipe.layer_decay ** (last - groups[name])
        for name, parameter in net.named_parameters()
        if parameter.requires_grad
    }
    rates |= dict.fromkeys(network.head.parameters(), recipe.head_learning_rate)
    return list(_grouped(rates, recipe.weight_decay))


def _grouped(rates: dict[nn.Parameter, float], weight_decay: float) -> Iterator[dict[str, Any]]:
    keys = {p: (rate, weight_decay if p.ndim > 1 else 0.0) for p, rate in rates.items()}
    for rate, decay in sorted(set(keys.values())):
        chosen = [p for p, key in keys.items() if key == (rate, decay)]
        yield {"params": chosen, "peak": rate, "weight_decay": decay}


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = prefix + "."
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
