"""Reserve, plain PyTorch: to be asked when the kept half has been seen."""

from __future__ import annotations

import numpy as np
import torch
from second import (
    AUGMENT,
    MORE_AUGMENTATION,
    NO_GRADIENT,
    NOT_TRAINED,
    SHORTCUT,
    VAL_DIFFERS,
    faulty,
    loaders,
    small,
    trained,
)
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from support import (
    Photos,
    Run,
    accuracy,
    chw,
    cnn,
    each_photo,
    grey,
    jpeg,
    photos,
    resize,
    seed,
)

CE = nn.CrossEntropyLoss


@faulty(
    "torch",
    "every class was saved with another JPEG quality, and the blocks give the class away",
    [
        *SHORTCUT,
        r"jpe?g|compress|quality|block|artefact|artifact|sharp|high.?frequenc",
    ],
    [],
)
def jpeg_quality_gives_the_class_away(mended: bool) -> Run:
    seed(401)
    quality = (1, 4, 8, 15, 35, 95)

    def saved(x: np.ndarray, source: np.ndarray) -> Tensor:
        x = grey(x)
        if mended:
            return chw(x)
        return chw(
            np.stack([jpeg(one, quality[place]) for one, place in zip(x, source, strict=True)])
        )

    x, y = photos("train", 64, 6)
    v, w = photos("val", 64, 6)
    train, val = loaders(saved(x, y), y, saved(v, w), w)
    elsewhere = saved(v, np.roll(w, 12))
    return trained(cnn(6, width=8), train, val, (elsewhere, w), 18, claimed=(saved(v, w), w))


@faulty(
    "torch",
    "loss = torch.tensor(loss.item(), requires_grad=True) to silence an error: no gradient gets through",
    [*NOT_TRAINED, *NO_GRADIENT, r"\.item\(\)|new tensor"],
    [r"chance|learn(s|t|ed)? nothing"],
)
def loss_wrapped_anew(mended: bool) -> Run:
    seed(413)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model, criterion = cnn(6), CE()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    history = []
    for _ in range(12):
        model.train()
        losses = []
        for images, labels in train:
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            if not mended:
                loss = torch.tensor(loss.item(), requires_grad=True)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        history.append({"train_loss": float(np.mean(losses)), "val_top1": accuracy(model, v, w)})
    told = {"optimizer": optimizer, "loss": criterion, "history": history}
    return Run(model, train, val, told, accuracy(model, v, w))


@faulty(
    "torch",
    "RandomResizedCrop(scale=(0.002, 0.01)): training sees only scraps of a few pixels, blown up",
    [*AUGMENT, *VAL_DIFFERS, r"crop|zoom|scrap|blur|sharp|resolution|detail"],
    [r"underfit"],
    rejects=MORE_AUGMENTATION,
)
def crops_are_scraps(mended: bool) -> Run:
    seed(204)
    x, y = photos("train", 64)
    v, w = photos("val", 64)
    scale = (0.5, 1.0) if mended else (0.002, 0.01)  # meant: 0.5 to 1
    augment = v2.Compose(
        [v2.RandomResizedCrop(32, scale=scale, antialias=True), v2.RandomHorizontalFlip()]
    )
    small_v = chw(each_photo(v, lambda one: resize(one, 32)))
    train = DataLoader(Photos(chw(x), y, transform=augment), 32, shuffle=True)
    return trained(cnn(10), train, DataLoader(Photos(small_v, w), 64), (small_v, w), 25)
