"""Kept half. PyTorch: loops by hand, Hugging Face's and Lightning's ways."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from fifth import (
    ArcFace,
    Deeply,
    deep,
    hugging_face,
    thirty,
    tuned,
)
from fourth import (
    EVALUATED,
    INPUTS,
    LABELS,
    NETWORK,
    SAMPLER,
    SCHEDULE,
    STEPS,
    Transfer,
    lightning,
    stacked,
)
from PIL import Image
from second import (
    AUGMENT,
    LABELS_WRONG,
    MORE_AUGMENTATION,
    OPTIMIZER,
    RATE_LOW,
    REPORT,
    VAL_DIFFERS,
    faulty,
    loaders,
    small,
    trained,
)
from third import BLANK, RANGE, script, usual
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from support import (
    MEAN,
    STD,
    HFStyle,
    Photos,
    Run,
    chw,
    cnn,
    hf,
    photos,
    seed,
    sound,
)


@faulty(
    "torch",
    "after every step the weights are clamped to +-0.01: a line left from a Wasserstein GAN",
    [
        *STEPS,
        *NETWORK,
        r"clamp|clipp\w* (of )?(the )?weights?|weights?.{0,80}(clamp|clipp|bound|limit|confin|held|kept|small|tiny|0\.01)",
        r"(logits?|outputs?|activations?|features?).{0,80}(tiny|small|vanish|constant|the same|shrink)",
    ],
    [*OPTIMIZER, *RATE_LOW],
)
def weights_clamped_as_in_a_gan(mended: bool) -> Run:
    seed(702)
    x, y, v, w = small()
    net = cnn(6, bn=False)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    plain = usual(net, optimizer, nn.CrossEntropyLoss())

    def step(images: Tensor, labels: Tensor) -> Tensor:
        loss = plain(images, labels)
        if not mended:
            for parameter in net.parameters():
                parameter.data.clamp_(-0.01, 0.01)
        return loss

    train, val = loaders(x, y, v, w)
    return script(
        net, train, val, (v, w), 30, step, optimizer=optimizer, loss=nn.CrossEntropyLoss()
    )


@faulty(
    "torch",
    "ArcFace is given the labels in validation, too: its margin makes every true class harder",
    [*EVALUATED, *REPORT, r"margin|arc.?face"],
)
def margin_kept_in_evaluation(mended: bool) -> Run:
    seed(703)
    x, y, v, w = data = thirty(64)
    net = Transfer(ArcFace())
    optimizer = torch.optim.Adam(net.head.parameters(), 3e-3)

    def step(held: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(net.head(held, labels), labels)
        loss.backward()
        optimizer.step()
        return loss

    @torch.no_grad()
    def measure(held: Tensor) -> float:
        labels = torch.as_tensor(w)
        logits = net.head(held) if mended else net.head(held, labels)
        return float((logits.argmax(1) == labels).float().mean())

    run = tuned(net, data, step, 15, optimizer=optimizer, measure=measure)
    run.claimed = run.told["history"][-1]["val_top1"]
    return run


@faulty(
    "torch",
    "colours are jittered after normalising: ColorJitter cuts off all that is not in 0..1, in training only",
    [*INPUTS, *VAL_DIFFERS, *AUGMENT, *RANGE, r"jitter|clipp|clamp|cut off"],
    rejects=MORE_AUGMENTATION,
)
def jitter_after_normalising(mended: bool) -> Run:
    seed(705)
    plain = [chw(photos(part, 32, 6)[0], mean=None) for part in ("train", "val")]
    x, y, v, w = small()
    jitter, normal = transforms.ColorJitter(0.3, 0.3, 0.3), transforms.Normalize(MEAN, STD)
    steps = [jitter, normal] if mended else [normal, jitter]
    train = DataLoader(Photos(plain[0], y, transforms.Compose(steps)), 32, shuffle=True)
    return trained(cnn(6), train, DataLoader(Photos(v, w), 64), (v, w), 25)


@faulty(
    "torch",
    "training labels by the name up to its first underscore: water_lily and water_cress become one class, as do two more pairs",
    [
        *LABELS,
        *LABELS_WRONG,
        *SAMPLER,
        r"class(es)?.{0,80}(absent|missing|never|merged|empty|no photos?|without|fewer|lack)|(merged|missing|absent|empty) class",
    ],
)
def class_name_cut_at_the_underscore(mended: bool) -> Run:
    seed(707)
    names = (
        *("water_lily", "water_cress", "sweet_william", "sweet_pea", "garden_phlox"),
        *("garden_rose", "frangipani", "foxglove", "cyclamen", "lotus"),
    )
    x, y, v, w = thirty(64)
    number = {(name if mended else name.split("_")[0]): index for index, name in enumerate(names)}
    files = [f"{names[label]}_{index:03d}.jpg" for index, label in enumerate(y)]
    cut = [file.rsplit("_", 1)[0] if mended else file.split("_")[0] for file in files]
    net = Transfer()
    optimizer = torch.optim.Adam(net.head.parameters(), 3e-3)
    step = usual(net.head, optimizer, nn.CrossEntropyLoss())
    labels = np.array([number[name] for name in cut])
    return tuned(net, (x, labels, v, w), step, 12, optimizer=optimizer, loss=nn.CrossEntropyLoss())


class Files(Dataset[Any]):
    """Encoded photos; one that cannot be read gives the first instead."""

    def __init__(self, held: list[bytes], y: np.ndarray) -> None:
        self.held, self.y = held, y

    def __len__(self) -> int:
        return len(self.held)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        try:
            photo = np.asarray(Image.open(io.BytesIO(self.held[index])).convert("RGB"))
        except OSError:
            return self[0]
        return chw(photo[None])[0], int(self.y[index])


@faulty(
    "torch",
    "most downloads broke off; the data set answers with its first photo and label for each that it cannot read",
    [
        *INPUTS,
        *SAMPLER,
        r"identical|duplicat|copies|repeat|same (photo|image)|unreadable|imbalanc|(un)?balanced|majority|rare class"
        r"|class.{0,60}(most|share|%|per cent|dominat|over-?represent)",
    ],
    [*LABELS],
)
def unreadable_photos_become_the_first(mended: bool) -> Run:
    seed(709)
    x, y = photos("train", 64)
    v, w = photos("val", 64)
    held = []
    for index, photo in enumerate(x):
        kept = io.BytesIO()
        Image.fromarray(photo).save(kept, "PNG")
        whole = mended or index % 12 == 0
        held.append(kept.getvalue()[: None if whole else 900])
    data = Files(held, y)
    net = Transfer()
    optimizer = torch.optim.Adam(net.head.parameters(), 3e-3)
    step = usual(net.head, optimizer, nn.CrossEntropyLoss())
    run = tuned(net, (*stacked(data), chw(v), w), step, 12, optimizer=optimizer)
    run.train = DataLoader(data, 32, shuffle=True)
    return run


@faulty(
    "torch",
    "the mask that takes the background away is upside down: the flower is blackened, in both sets",
    [*INPUTS, *BLANK, r"mask|cent(re|er)|background|crop"],
)
def mask_upside_down(mended: bool) -> Run:
    seed(712)
    rows, columns = np.mgrid[-1:1:96j, -1:1:96j]
    inside = (rows**2 + columns**2 < 0.95)[..., None]
    x, y = photos("train", 96)
    v, w = photos("val", 96)
    kept = inside if mended else ~inside
    net = Transfer()
    optimizer = torch.optim.Adam(net.head.parameters(), 3e-3)
    step = usual(net.head, optimizer, nn.CrossEntropyLoss())
    data = chw(x * kept.astype(np.uint8)), y, chw(v * kept.astype(np.uint8)), w
    return tuned(net, data, step, 12, optimizer=optimizer, loss=nn.CrossEntropyLoss())


@faulty(
    "torch",
    "num_training_steps is the number of epochs, and the linear schedule goes on with every batch: the rate is zero soon",
    [*SCHEDULE, *RATE_LOW, r"num_training_steps"],
    [*OPTIMIZER, *STEPS],
)
def schedule_counts_epochs_for_steps(mended: bool) -> Run:
    seed(714)
    x, y, v, w = small()
    train = DataLoader(Photos(x, y, wrap=hf), 16, shuffle=True)
    val = DataLoader(Photos(v, w, wrap=hf), 64)
    net, epochs = HFStyle(cnn(6)), 15
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3)
    total = epochs * (len(train) if mended else 1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: max(0.0, 1 - done / total))
    return hugging_face(net, train, val, optimizer, schedule, epochs)


@sound("torch", "ArcFace in training alone: the loss stays high, training accuracy low", 0.7)
def margin_in_training_only() -> Run:
    seed(751)
    x, y, v, w = data = thirty(64)
    net = Transfer(ArcFace())
    optimizer = torch.optim.AdamW(net.head.parameters(), 3e-3)

    def step(held: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(net.head(held, labels), labels)
        loss.backward()
        optimizer.step()
        return loss

    return tuned(net, data, step, 15, optimizer=optimizer)


@sound(
    "torch", "deep supervision: in training the network gives a pair, and 0.3 of a second loss", 0.6
)
def deep_supervision() -> Run:
    seed(753)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    return lightning(deep(cnn(6)), train, val, 20, kind=Deeply)


@sound("torch", "all in double precision", 0.6)
def double_precision() -> Run:
    seed(754)
    x, y, v, w = small()
    train, val = loaders(x.double(), y, v.double(), w)
    return trained(cnn(6).double(), train, val, (v.double(), w), 20)


@sound(
    "torch", "every layer's gradient is divided by its own norm, so they all have length one", 0.6
)
def gradients_of_length_one() -> Run:
    seed(757)
    x, y, v, w = small()
    net = cnn(6)
    optimizer = torch.optim.SGD(net.parameters(), 0.03, momentum=0.8)

    def normalise() -> None:
        for parameter in net.parameters():
            parameter.grad /= parameter.grad.norm() + 1e-8

    train, val = loaders(x, y, v, w)
    return trained(net, train, val, (v, w), 25, optimizer=optimizer, after_backward=normalise)
