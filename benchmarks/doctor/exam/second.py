"""What the second exam has beside `support`: ways of naming a cause, drawn photos, usual scripts."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

import support
from florascope.files import cache_dir
from support import (
    Photos,
    Run,
    accuracy,
    chw,
    keras_accuracy,
    loop,
    photos,
    watching,
)

FILES = cache_dir() / "doctor-exam-files"
faulty = partial(support.faulty, twin_sound=True, floor=0.4)
"""Every mended twin is sound, and learns."""

LABELS_WRONG = [
    r"labels?.{0,80}(order|permut|match|shift|disagree|mixed|wrong|mapping|numbering|swap|random"
    r"|nois|shuffl|corrupt|belong|contradict|incorrect|inconsistent|doubt|suspicious|encod"
    r"|unrelated|independent of|no relation|do not (fit|follow)|cannot be learned)",
    r"(wrong|random|noisy|shuffled|inconsistent|incorrect|permuted|shifted) labels?",
    r"pair(s|ing).{0,40}(lost|wrong|broken)|mis-?labell?ed|label noise|gap opens in the labels|labels? (is|are) the cause",
    r"class(es)?.{0,60}(permut|swapped|mapping|numbering|\bindex|different order)|class_to_idx",
]
NOT_TRAINED = [
    r"(weights?|parameters?|layers?|variables?).{0,50}(never|no longer|not been|(did|do|does|has|have|was|were) ?"
    r"(not|n.t)|barely|hardly|scarcely).{0,20}(chang|mov|updat|step|train|learn)",
    r"never (stepped|updated|trained|moved|changed)|\buntrained|not been trained",
    r"no (update|step|gradient)|unchanged|as initiali[sz]ed|at (its|their) initial",
]
NO_GRADIENT = [
    r"(no|without|never|zero|not|missing|empty|lost).{0,40}gradient",
    r"gradients?.{0,60}(not reach|none|missing|zero|never|n.t|absent|empty|clear|lost|discard)",
    r"detach|no_grad|cut off from|\bgraph\b",
]
RATE_LOW = [
    r"(learning.?rates?|\blr\b|step size|updates?).{0,80}(low|small|tiny|zero|vanish|larger|higher|raise|increase|decay)",
    r"(slow|tiny|too small).{0,40}(updates?|steps?|learning)",
]
RATE_HIGH = [
    r"(learning.?rates?|\blr\b|step size|updates?|steps?).{0,80}(high|large|big|lower|reduc|smaller|great|huge)",
    r"diverg|blew up|blown up|explod|unstable|oscillat|overshoot",
]
OPTIMIZER = [
    r"(gap|difference|cause|fault|lost).{0,60}optimi[sz]|optimi[sz]er.{0,60}(gap|cause|fault|exchang|replac|sound)"
]
LOSS = [
    r"(gap|difference|cause|fault).{0,40}(in|by|with|is) the loss",
    r"loss.{0,60}(wrong|unsuit|does not (fit|match|suit)|not fit|not match|expects|unfit|negative|below zero|unbounded)",
    r"(wrong|unsuitable|another|different|negative) loss|(exchang|replac)\w*.{0,30}(the|your) loss",
]
SHORTCUT = [
    r"shortcut|spurious|give-?away|gives? .{0,30}away|confound|without (looking|seeing)|predicts? the class"
]
LEAK = [
    r"leak|copies|\bcopy\b|duplicat|overlap|same (photos?|images?)|also in|identical|shared|share photos|\btwins?\b|before the split|both (sets|parts|splits)|in common|near-?twins?"
]
VAL_DIFFERS = [
    r"(val|validation)[ _](photos?|images?|inputs?|data|set|loader|pixels?|part|side).{0,100}"
    r"(differ|prepar|preprocess|distribution|unlike|look|shift|other than|darker|brighter)",
    r"(train(ing)?|train_loader) and (val|validation).{0,80}(differ|unlike|not the same|disagree)",
]
REPORT = [
    r"(report|history|claimed|told).{0,120}(differ|lower|higher|not|disagree|but|while|against|match|measured|wrong|another)",
    r"(accuracy|metric|evaluation|measured).{0,80}(differ|computed|wrong|formula|denominator|reported|disagree|does not match|count)",
]
AUGMENT = [
    r"augment|random (crop|flip|rotat|zoom|transform|change|shift|jitter|erasing)",
    r"(train|training) (photos?|images?|inputs?|pixels?).{0,100}(constant|saturat|destroy|unrecogni|clipp|differ|lost|blank|noisy|distort|harder|vary)",
]
# what names another cause (for `rejects`)
MORE_AUGMENTATION = [
    r"(add|more|try|use|stronger|needs?|without|no|lacks?) (some |any |data |the usual )*augmentation"
]
RATE_TOO_LOW = [
    r"(learning.?rate|\blr\b|step size) (is |was )?(far |much |probably )?too (low|small)"
]
RATE_TOO_HIGH = [
    r"(learning.?rate|\blr\b|step size) (is |was )?(far |much |probably )?too (high|large|big)"
]


def digits(part: str = "train", each: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's digits: uint8 grey (N, 8, 8), 0..255, and labels; `each` a class for training."""
    from sklearn.datasets import load_digits

    held = load_digits()
    x, y = (held.images * 15.9).astype(np.uint8), held.target.astype(np.int64)
    order = np.random.default_rng(0).permutation(len(y))
    x, y = x[order], y[order]
    first, last = {"train": (0, each), "val": (100, 120), "fresh": (120, 150)}[part]
    rows = np.concatenate([np.flatnonzero(y == name)[first:last] for name in range(10)])
    return x[rows], y[rows]


def fruit(part: str = "train", each: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Drawn fruit, uint8 (N, 32, 32, 3): six classes that differ in the colour of a round thing."""
    import colorsys

    dice = np.random.default_rng({"train": 1, "val": 2, "fresh": 3}[part])
    rows, columns = np.mgrid[:32, :32]
    x, y = [], []
    for name in range(6):
        for _ in range(each):
            hue = (name / 6 + dice.normal(0, 0.02)) % 1
            shade = np.array(colorsys.hsv_to_rgb(hue, dice.uniform(0.6, 1), dice.uniform(0.5, 0.9)))
            row, column = dice.uniform(10, 22, 2)
            height, width = dice.uniform(5, 10, 2)
            inside = ((rows - row) / height) ** 2 + ((columns - column) / width) ** 2 < 1
            ground = dice.uniform(0.2, 0.7) + dice.normal(0, 0.06, (32, 32, 1)).repeat(3, -1)
            photo = np.where(inside[..., None], shade, ground) + dice.normal(0, 0.04, (32, 32, 3))
            x.append((photo.clip(0, 1) * 255).astype(np.uint8))
            y.append(name)
    return np.stack(x), np.array(y, dtype=np.int64)


def shapes(part: str = "train", each: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Drawn bars, uint8 (N, 32, 32, 3): upright, lying, slanted; anyone tells them apart."""
    dice = np.random.default_rng({"train": 4, "val": 5, "fresh": 6}[part])
    rows, columns = np.mgrid[:32, :32]
    x, y = [], []
    for name in range(3):
        for _ in range(each):
            place = dice.integers(6, 26)
            line = (rows, columns, (rows + columns) / 2)[name]
            inside = np.abs(line - place) < dice.integers(2, 4)
            photo = np.where(inside[..., None], dice.uniform(0.6, 1, 3), dice.uniform(0, 0.4, 3))
            photo = photo + dice.normal(0, 0.05, photo.shape)
            x.append((photo.clip(0, 1) * 255).astype(np.uint8))
            y.append(name)
    return np.stack(x), np.array(y, dtype=np.int64)


# ------------------------------------------------------------------------------------ PyTorch


def trained(
    model: nn.Module,
    train: Any,
    val: Any,
    honest: tuple[Tensor, Any],
    epochs: int,
    *,
    optimizer: Any = None,
    loss: Any = None,
    watch: bool = True,
    claimed: Any = None,
    **lines: Any,
) -> Run:
    """The usual script: Adam 3e-3, cross-entropy, so many epochs."""
    optimizer = optimizer or torch.optim.Adam(model.parameters(), 3e-3)
    loss = loss or nn.CrossEntropyLoss()
    told: dict[str, Any] = {}
    if watch:
        with watching(model, optimizer) as told:
            history = loop(model, train, val, optimizer, loss, epochs, **lines)
    else:
        history = loop(model, train, val, optimizer, loss, epochs, **lines)
    model.eval()
    told = {"optimizer": optimizer, "loss": loss, "history": history, **told}
    return Run(
        model,
        train,
        val,
        told,
        accuracy(model, *honest),
        claimed=accuracy(model, *claimed) if claimed else None,
    )


def small(classes: int = 6) -> tuple[Tensor, np.ndarray, Tensor, np.ndarray]:
    x, y = photos("train", 32, classes)
    v, w = photos("val", 32, classes)
    return chw(x), y, chw(v), w


def large(classes: int = 10) -> tuple[Tensor, np.ndarray, Tensor, np.ndarray]:
    x, y = photos("train", 64, classes)
    v, w = photos("val", 64, classes)
    return chw(x), y, chw(v), w


def loaders(x: Tensor, y: Any, v: Tensor, w: Any) -> tuple[DataLoader[Any], DataLoader[Any]]:
    return DataLoader(Photos(x, y), 32, shuffle=True), DataLoader(Photos(v, w), 64)


SPARSE = "sparse_categorical_crossentropy"
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def keras_data(size: int = 32, classes: int = 6) -> Arrays:
    x, y = photos("train", size, classes)
    v, w = photos("val", size, classes)
    return x.astype(np.float32), y, v.astype(np.float32), w


def fit(
    model: Any,
    train: Any,
    val: Any,
    honest: tuple[np.ndarray, np.ndarray],
    epochs: int,
    *,
    rate: float = 3e-3,
    loss: Any = SPARSE,
    optimizer: Any = None,
    metrics: Any = ("accuracy",),
    claimed: tuple[np.ndarray, np.ndarray] | None = None,
    **more: Any,
) -> Run:
    """compile and fit, as in every notebook."""
    import keras

    model.compile(optimizer or keras.optimizers.Adam(rate), loss=loss, metrics=list(metrics))
    history = model.fit(train, validation_data=val, epochs=epochs, verbose=0, **more)
    return Run(
        model,
        train,
        val,
        {"history": history},
        keras_accuracy(model, *honest),
        claimed=keras_accuracy(model, *claimed) if claimed else None,
    )
