"""What the fourth exam has beside `third`: parts of a training by name, photos in folders, usual frameworks' loops."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from second import FILES
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder

from support import (
    Net,
    Photos,
    Run,
    backbone,
    features,
    keras_cnn,
    logits_of,
    photos,
    unpack,
    watching,
)

NAMES = (
    *("petunia", "passion_flower", "wallflower", "water_lily", "watercress"),
    *("rose", "frangipani", "foxglove", "cyclamen", "lotus"),
)


def part(words: str) -> list[str]:
    """The part of a training that a finding blames: what a diagnosis by exchange says."""
    return [
        rf"(gap|cause|fault|difference|loss of accuracy) (opens? |lies |is |comes |sits )?(in|with|by|from|at|behind) (the |your )?({words})",
        rf"(exchang|replac|substitut|swapp)\w*( of| out)? (the |your |its |only the |this )?({words})",
        rf"with (a |an |our |the )?(sound|fresh|usual|plain|standard|ordinary|known|reference) ({words})",
        rf"({words})s? (is|are) (the cause|at fault|to blame|where)",
    ]


INPUTS = part(r"inputs?|photos?|images?|pixels?|preprocessing|normali[sz]ation")
LABELS = part(r"labels?|targets?")
ORDER = [
    *part(r"order|shuffl\w*|batch composition|batches"),
    r"(not|never|without|n.t|nor) (been |being )?(re-?)?shuffl|unshuffl|shuffle ?=|sorted|(order|sequence) (of|in which)|in (the )?order of (the )?class|one class (after|at a time)",
    r"batch(es)?.{0,80}(one class|single class|same class|few classes|two classes|class by class|(1|2)(\.\d)? (of \d+ )?classes)",
]
SAMPLER = [
    *part(r"sampl\w*|data loader|loader|drawing|draws"),
    r"sampler|(never|not|n.t|rarely) (drawn|seen|served|sampled|shown|visited|reach)|drop_last|drawn from",
    r"class(es)?.{0,60}(never|not|n.t|missing|absent|lack|no photo|without).{0,40}(drawn|seen|in the train|served|batch|loader|epoch|appear)",
    r"only \d+ (of (the )?\d+ )?(class|photo|image)",
]
STEPS = part(r"optimi[sz]er|optimi[sz]ation|updates?|steps?|gradients?")
SCHEDULE = [
    *part(r"schedul\w*|learning.rates?|rates?"),
    r"schedul|lambda ?lr|decay(s|ed)? (too|to|at once|away)",
]
OBJECTIVE = part(r"loss( function)?|objective|criterion")
NETWORK = part(
    r"tail|head|network|model|architecture|backbone|features?|layers?( after| behind| between)?|classifier|last layers?"
)
EVALUATED = [
    *part(r"evaluation|metric|report\w*|measurement|figure"),
    r"evaluat\w* (code|script|loop|function).{0,60}(wrong|differ|other|fault)|metric.{0,60}(not the accuracy|precision|counts|wrong|another)",
]
ACROSS = [
    r"(photo|image|sample|example|prediction|output|answer|logit|row)s?.{0,100}(depend|mix|influenc|chang|interact|differ|vary|varies).{0,80}(batch|other (photo|image|sample|row)|neighbou?r|compan|together)",
    r"(across|along|over|between|within|rest of|others? (in|of)|composition of) (the |its |a )?(batch|photos of)|batch.{0,30}(axis|dimension)|batch_first|mix(es|ed|ing)?.{0,40}(batch|photos|samples)",
]
SIZE = [
    r"thumbnail|resolution|small(er)? (photo|image|input|side|size)|(photo|image|input)s?.{0,60}(small|tiny|enlarg|blurr|low.res|few pixels|\b(8|16|32) ?(px|pixel|x|×))|upscal|up-?sampl|blown|sharpness|enlarged"
]
COLOUR = [
    r"gr[ae]y|monochrom|(no|without|lost|lacks?|remov\w*|discard\w*) (the )?colou?r|colou?rs? (is|are|was|were) (lost|gone|missing|removed|discarded)|channels?.{0,40}(equal|identical|same|alike)"
]


# ------------------------------------------------------------------------------------ photos in folders


def save_folder(
    name: str, x: np.ndarray, y: np.ndarray, classes: Iterable[str], form: str = "png", **how: Any
) -> Path:
    """Photos as files, a folder for each class; written once."""
    root = FILES / "fourth" / name
    if not root.exists():
        waiting = root.with_name(f"{name}.part")
        for number, folder in enumerate(classes):
            (waiting / folder).mkdir(parents=True, exist_ok=True)
            for index, photo in enumerate(x[y == number]):
                Image.fromarray(photo).save(waiting / folder / f"{index:03d}.{form}", **how)
        waiting.rename(root)
    return root


def flower_folders(size: int = 96, classes: int = 10) -> tuple[Path, Path]:
    """(train, val) of flowers: JPEGs, square."""

    def of(which: str) -> Path:
        x, y = photos(which, size, classes)
        name = f"flowers_{size}_{classes}_{which}"
        return save_folder(name, x, y, NAMES[:classes], "jpg", quality=92)

    return of("train"), of("val")


def folder_loaders(
    train: Path, val: Path, transform: Any, batch: int = 32
) -> tuple[DataLoader[Any], DataLoader[Any]]:
    return (
        DataLoader(ImageFolder(str(train), transform), batch, shuffle=True),
        DataLoader(ImageFolder(str(val), transform), batch),
    )


def stacked(data: Any) -> tuple[Tensor, Tensor]:
    """A whole data set as two tensors."""
    pairs = [data[index] for index in range(len(data))]
    return torch.stack([photo for photo, _ in pairs]), torch.tensor([label for _, label in pairs])


# ------------------------------------------------------------------------------------ PyTorch


class Transfer(Net):
    """A frozen backbone that stays in evaluation mode, and a head."""

    def __init__(self, head: nn.Module | None = None, classes: int = 10) -> None:
        super().__init__(backbone(), head or nn.Linear(1280, classes))

    def train(self, mode: bool = True) -> Transfer:
        super().train(mode)
        self.backbone.eval()
        return self


def right(model: nn.Module, loader: Iterable[Any]) -> float:
    """The share of a loader's photos that are answered rightly, in evaluation mode, batch by batch."""
    model.eval()
    correct = seen = 0
    with torch.no_grad():
        for batch in loader:
            images, labels = unpack(batch)
            correct += int((logits_of(model(images)).argmax(1) == labels).sum())
            seen += len(labels)
    return correct / max(seen, 1)


class Module(nn.Module):
    """The interface of a LightningModule, as far as these scripts need it."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net, self.criterion = net, nn.CrossEntropyLoss()

    def forward(self, images: Tensor) -> Tensor:
        return self.net(images)

    def training_step(self, batch: Any, batch_index: int) -> Tensor:
        images, labels = batch
        return self.criterion(self(images), labels)

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=3e-3)


class Trainer:
    """Fits a Module as Lightning's Trainer does: the optimizer is the module's own."""

    def __init__(self, max_epochs: int, after_backward: Callable[[], None] | None = None) -> None:
        self.max_epochs, self.after_backward = max_epochs, after_backward

    def fit(self, module: Module, train: Any, val: Any) -> dict[str, Any]:
        self.optimizer, history = module.configure_optimizers(), []
        with watching(module, self.optimizer) as watched:
            for _ in range(self.max_epochs):
                module.train()
                losses = [self.step(module, batch, index) for index, batch in enumerate(train)]
                history.append(
                    {"train_loss": float(np.mean(losses)), "val_top1": right(module, val)}
                )
        return {
            "optimizer": self.optimizer,
            "loss": module.criterion,
            "history": history,
            **watched,
        }

    def step(self, module: Module, batch: Any, index: int) -> float:
        self.optimizer.zero_grad()
        loss = module.training_step(batch, index)
        loss.backward()
        if self.after_backward:
            self.after_backward()
        self.optimizer.step()
        return float(loss.detach())


def lightning(
    net: nn.Module,
    train: Any,
    val: Any,
    epochs: int,
    honest: Any = None,
    kind: type[Module] = Module,
) -> Run:
    """Trainer(max_epochs=...).fit(module, train, val), and what it left."""
    module = kind(net)
    told = Trainer(epochs).fit(module, train, val)
    return Run(module, train, val, told, right(module, honest if honest is not None else val))


def cached(net: Net, data: tuple[Tensor, Any], batch: int = 32, **how: Any) -> DataLoader[Any]:
    """The backbone's features of photos, computed once, as a loader."""
    return DataLoader(
        Photos(features(net.backbone, data[0]), torch.as_tensor(data[1])), batch, **how
    )


# ------------------------------------------------------------------------------------ Keras


def triples(x: np.ndarray, y: np.ndarray, weight: np.ndarray, batch: int = 16) -> DataLoader[Any]:
    """Photos, labels and sample weights."""
    rows = torch.utils.data.TensorDataset(*(torch.from_numpy(one) for one in (x, y, weight)))
    return DataLoader(rows, batch, shuffle=True)


def student(train_step: Callable[[Any, Any], dict[str, Any]], classes: int = 6) -> Any:
    """The small network as a keras.Model with a train_step of one's own."""
    import keras

    class Student(keras.Model):  # type: ignore[misc]
        pass

    Student.train_step = train_step
    net = keras_cnn(classes)
    return Student(net.inputs, net.outputs)


def logged(model: Any, labels: Any, answers: Any, loss: Any) -> dict[str, Any]:
    """The end of every train_step: the metrics brought up to date."""
    for metric in model.metrics:
        if metric.name == "loss":
            metric.update_state(loss)
        else:
            metric.update_state(labels, answers)
    return {metric.name: metric.result() for metric in model.metrics}
