"""Open half, plain PyTorch."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from second import (
    AUGMENT,
    FILES,
    LABELS_WRONG,
    LOSS,
    MORE_AUGMENTATION,
    NO_GRADIENT,
    NOT_TRAINED,
    OPTIMIZER,
    REPORT,
    SHORTCUT,
    VAL_DIFFERS,
    digits,
    faulty,
    trained,
)
from torch import Tensor, nn
from torch.utils.data import ConcatDataset, DataLoader, Dataset
from torchvision.transforms import v2

from support import (
    MEAN,
    STD,
    Photos,
    Run,
    accuracy,
    chw,
    cnn,
    each_photo,
    fit_head,
    photos,
    pretrained,
    resize,
    seed,
    sound,
    watching,
)

CE = nn.CrossEntropyLoss


# ---------------------------------------------------------------- labels.csv and a folder


def _folder(name: str, x: np.ndarray, y: np.ndarray) -> Path:
    """img_1.jpg, img_2.jpg, ... and labels.csv (file, label), as a competition hands them out."""
    folder = FILES / name
    (folder / "images").mkdir(parents=True, exist_ok=True)
    with (folder / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "label"])
        for number, (photo, label) in enumerate(zip(x, y, strict=True), start=1):
            Image.fromarray(photo).save(folder / f"images/img_{number}.jpg", quality=95)
            rows.writerow([f"img_{number}.jpg", label])
    return folder


class CompetitionDataset(Dataset[Any]):
    def __init__(self, folder: Path, by_name: bool) -> None:
        self.files = sorted(os.listdir(folder / "images"))  # img_1, img_10, img_100, ...
        with (folder / "labels.csv").open() as file:
            rows = list(csv.DictReader(file))
        if by_name:
            known = {row["file"]: int(row["label"]) for row in rows}
            self.labels = [known[file] for file in self.files]
        else:
            self.labels = [int(row["label"]) for row in rows]
        self.folder = folder
        self.transform = v2.Compose(
            [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
        )

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        with Image.open(self.folder / "images" / self.files[index]) as photo:
            return self.transform(photo.convert("RGB")), self.labels[index]


@faulty(
    "torch",
    "files sorted as text (img_1, img_10, img_100) meet the rows of labels.csv in number order",
    LABELS_WRONG,
    [r"memori[sz]|overfit"],
)
def listing_order_against_csv(mended: bool) -> Run:
    seed(201)
    sets = []
    for part in ("train", "val"):
        x, y = photos(part, 32, 6)
        order = np.random.default_rng(7).permutation(len(y))
        folder = _folder(f"listing_{part}", x[order], y[order])
        sets.append(CompetitionDataset(folder, mended))
    train, val = DataLoader(sets[0], 32, shuffle=True), DataLoader(sets[1], 64)
    v, w = photos("val", 32, 6)
    return trained(cnn(6), train, val, (chw(v), w), 15)


# ---------------------------------------------------------------- augmentation by hand


class BrightnessDataset(Dataset[Any]):
    """Random brightness as in many a notebook; uint8 + uint8 wraps around at 256."""

    def __init__(self, x: np.ndarray, y: np.ndarray, augment: bool, clip: bool) -> None:
        self.x, self.y, self.augment, self.clip = x, y, augment, clip

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        img = self.x[index]
        if self.augment:
            beta = np.random.randint(60, 130)
            if self.clip:
                img = np.clip(img.astype(np.int16) + beta - 60, 0, 255).astype(np.uint8)
            else:
                img = img + np.uint8(beta)
        img = torch.from_numpy(img).permute(2, 0, 1).float() / 255
        return v2.functional.normalize(img, list(MEAN), list(STD)), int(self.y[index])


@faulty(
    "torch",
    "the random brightness adds in uint8 and wraps around: bright parts of training photos turn black",
    [
        *AUGMENT,
        *VAL_DIFFERS,
        r"overflow|wrap(s|ped|ping)? around|uint8|solari[sz]|invert|bright|exposure|contrast|histogram",
    ],
    [r"overfit|underfit"],
    rejects=MORE_AUGMENTATION,
)
def uint8_overflow_in_brightness(mended: bool) -> Run:
    seed(202)
    x, y = photos("train", 32, 6)
    v, w = photos("val", 32, 6)
    train = DataLoader(BrightnessDataset(x, y, True, mended), 32, shuffle=True)
    val = DataLoader(BrightnessDataset(v, w, False, mended), 64)
    return trained(cnn(6), train, val, (chw(v), w), 20)


class ArrayDataset(Dataset[Any]):
    """HWC arrays that PyTorch wants as CHW."""

    def __init__(self, x: np.ndarray, y: np.ndarray, transpose: bool) -> None:
        self.x, self.y, self.transpose = x, y, transpose

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        img = self.x[index].astype(np.float32) / 255.0
        h, w, c = img.shape
        img = img.transpose(2, 0, 1).copy() if self.transpose else img.reshape(c, h, w)
        return v2.functional.normalize(torch.from_numpy(img), list(MEAN), list(STD)), int(
            self.y[index]
        )


@faulty(
    "torch",
    "HWC photos are reshaped, not transposed, to CHW: the pixels are scrambled",
    [
        r"reshap|transpos|permut.{0,40}(channel|axes|axis|dim)|scrambl|channels?.{0,60}(first|last|order|same|identical|alike|equal|mixed|layout)",
        r"layout|\bhwc\b|\bchw\b|axis order|(pixel|photo|image)s?.{0,60}(tiled|scrambl|repeat|stripe|jumbl|interleav)",
        r"(gap|difference|cause).{0,40}(in|by) the (input|photo|pixel|preprocess)|inputs?.{0,60}(exchang|wrong|not what|differ from)",
        r"preprocess",
    ],
    [r"feature|underfit"],
)
def reshape_instead_of_transpose(mended: bool) -> Run:
    seed(203)
    x, y = photos("train", 64)
    v, w = photos("val", 64)
    sets = ArrayDataset(x, y, mended), ArrayDataset(v, w, mended)
    a, b = (torch.stack([photo for photo, _ in one]) for one in sets)
    net = pretrained()
    history, optimizer = fit_head(net, (a, y), (b, w), epochs=12)
    train, val = DataLoader(sets[0], 32, shuffle=True), DataLoader(sets[1], 64)
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": CE(), "history": history},
        accuracy(net, b, w),
    )


@faulty(
    "torch",
    "two sources are joined whose folders number the classes differently: half the labels contradict",
    [*LABELS_WRONG, r"source|concat|contradict|conflict"],
    [r"overfit|memori[sz]"],
)
def sources_number_classes_differently(mended: bool) -> Run:
    seed(205)
    english = ["anthurium", "frangipani", "lotus", "passion flower", "petunia", "poinsettia"]
    english += ["rose", "thorn apple", "water lily", "watercress"]
    latin = dict(
        zip(
            english,
            ["tropaeolum", "plumeria", "nelumbo", "passiflora", "aa petunia", "euphorbia"]
            + ["rosa", "datura", "nymphaea", "nasturtium"],
            strict=True,
        )
    )
    phone = {name: number for number, name in enumerate(sorted(english))}
    herbarium = {name: number for number, name in enumerate(sorted(english, key=latin.__getitem__))}
    x, y = photos("train", 64)
    v, w = photos("val", 64)
    x, v = chw(x), chw(v)
    numbering = phone if mended else herbarium
    second = np.array([numbering[sorted(english)[label]] for label in y])
    shown = np.where(np.arange(len(y)) % 2, second, y)
    net = pretrained()
    history, optimizer = fit_head(net, (x, shown), (v, w), epochs=15)
    parts = [Photos(x[first::2], shown[first::2]) for first in (0, 1)]
    train, val = DataLoader(ConcatDataset(parts), 32, shuffle=True), DataLoader(Photos(v, w), 64)
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": CE(), "history": history},
        accuracy(net, v, w),
    )


@faulty(
    "torch",
    "NLLLoss gets raw logits: no log_softmax anywhere, the loss falls below zero without end",
    [
        *LOSS,
        r"nll|log.?softmax|logits?.{0,60}(expect|log|loss|probab|normali)|negative.{0,20}loss|loss.{0,40}negative",
        r"(outputs?|scores?).{0,60}(not log|log-?prob|probabilit|explod|grow|huge|large)",
    ],
    [r"diverg|chance|constant|same (answer|class)"],
)
def nll_on_raw_logits(mended: bool) -> Run:
    seed(206)
    x, y = photos("train", 32, 6)
    v, w = photos("val", 32, 6)
    model = nn.Sequential(cnn(6, bn=False), nn.LogSoftmax(1)) if mended else cnn(6, bn=False)
    train = DataLoader(Photos(chw(x), y), 32, shuffle=True)
    val = DataLoader(Photos(chw(v), w), 64)
    return trained(model, train, val, (chw(v), w), 20, loss=nn.NLLLoss())


@faulty(
    "torch",
    "optimizer.zero_grad() stands between backward() and step(): every step sees no gradient",
    [*NOT_TRAINED, *NO_GRADIENT, r"zero_grad|gradients? (are |were )?(clear|zeroed|reset|wiped)"],
    [r"chance|learn(s|t|ed)? nothing"],
)
def zero_grad_before_step(mended: bool) -> Run:
    seed(207)
    x, y = photos("train", 32, 6)
    v, w = photos("val", 32, 6)
    train = DataLoader(Photos(chw(x), y), 32, shuffle=True)
    val = DataLoader(Photos(chw(v), w), 64)
    model, criterion = cnn(6), CE()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    history = []
    with watching(model, optimizer) as told:
        for _ in range(12):
            model.train()
            running = 0.0
            for images, labels in train:
                if mended:
                    optimizer.zero_grad()
                outputs = model(images)
                loss = criterion(outputs, labels)
                loss.backward()
                if not mended:
                    optimizer.zero_grad()
                optimizer.step()
                running += loss.item()
            model.eval()
            history.append(
                {"train_loss": running / len(train), "val_top1": accuracy(model, chw(v), w)}
            )
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": criterion, "history": history, **told},
        accuracy(model, chw(v), w),
    )


@faulty(
    "torch",
    "a layer of a single unit (left over from a yes/no model) stands before the ten outputs",
    [
        r"bottleneck|narrow|single (unit|number|value|feature|dimension|neuron)|one (unit|number|value|feature|dimension|neuron|output)\b",
        r"\brank\b|collaps|\b1[- ](dim|unit|feature)|\bcapacity|(few|low|lost|of) dimension",
        r"(gap|cause|difference).{0,40}(network|head|tail|architecture|layers?)|(head|tail).{0,60}(exchang|replac|sound)",
    ],
    [r"underfit"],
)
def one_unit_before_the_head(mended: bool) -> Run:
    seed(208)
    x, y = photos("train", 64)
    v, w = photos("val", 64)
    x, v = chw(x), chw(v)
    hidden = 64 if mended else 1
    head = nn.Sequential(nn.Linear(1280, hidden), nn.Tanh(), nn.Linear(hidden, 10))
    net = pretrained(head=head)
    history, optimizer = fit_head(net, (x, y), (v, w), epochs=15)
    train, val = DataLoader(Photos(x, y), 32, shuffle=True), DataLoader(Photos(v, w), 64)
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": CE(), "history": history},
        accuracy(net, v, w),
    )


@faulty(
    "torch",
    "the accuracy divides by len(loader) * batch_size, but the last batch is far from full",
    [*REPORT, r"denominator|divid|last batch|partial|incomplete|drop_last|batch size"],
    [r"underfit"],
)
def divided_by_full_batches(mended: bool) -> Run:
    seed(209)
    batch_size = 64
    x, y = photos("train", 32, 6)
    v, w = photos("val", 32, 6)
    train = DataLoader(Photos(chw(x), y), batch_size, shuffle=True)
    val = DataLoader(Photos(chw(v), w), batch_size)
    model, criterion = cnn(6), CE()
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    history = []
    for _ in range(25):
        model.train()
        for images, labels in train:
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
        model.eval()
        correct = 0
        with torch.no_grad():
            for images, labels in val:
                correct += int((model(images).argmax(1) == labels).sum())
        total = len(val.dataset) if mended else len(val) * batch_size
        history.append({"train_loss": loss.item(), "val_top1": correct / total})
    return Run(
        model,
        train,
        val,
        {
            "optimizer": optimizer,
            "loss": criterion,
            "history": history,
            "reported": {"val_top1": history[-1]["val_top1"]},
        },
        accuracy(model, chw(v), w),
        claimed=history[-1]["val_top1"],
    )


@faulty(
    "torch",
    "every class was photographed with another camera, whose colour cast gives the class away",
    [
        *SHORTCUT,
        r"tint|colou?r (cast|balance|tone|shift|temperature)|white balance|hue|mean (colou?r|red|green|blue)|(average|overall) (colou?r|tone)|channel means?|camera",
    ],
    [],
)
def camera_tint_gives_the_class_away(mended: bool) -> Run:
    seed(210)
    cast = np.array(
        [
            [1.0, 0.7, 0.7],
            [0.7, 1.0, 0.7],
            [0.7, 0.7, 1.0],
            [1, 1, 0.65],
            [0.65, 1, 1],
            [1, 0.65, 1],
        ]
    )

    def shot(x: np.ndarray, camera: np.ndarray) -> Tensor:
        return chw(x if mended else (x * cast[camera][:, None, None]).astype(np.uint8))

    x, y = photos("train", 32, 6)
    v, w = photos("val", 32, 6)
    train = DataLoader(Photos(shot(x, y), y), 32, shuffle=True)
    val = DataLoader(Photos(shot(v, w), w), 64)
    elsewhere = shot(v, np.roll(w, 12))
    return trained(cnn(6), train, val, (elsewhere, w), 15, claimed=(shot(v, w), w))


@faulty(
    "torch",
    "CrossEntropyLoss(ignore_index=0), copied from segmentation code: class 0 is never learned",
    [
        *LOSS,
        r"ignore_index|ignor",
        r"class (0|zero|.{0,20}51|first)\b.{0,80}(never|not|no |missing|zero|ignored|absent|without|0 of|nothing)",
        r"(never|not|no).{0,40}(predict|answer|learn).{0,40}(class|label) .{0,12}0",
        r"(one|first|a|whole) class.{0,60}(never|not|ignored|missing|lost)",
    ],
    [],
)
def ignore_index_zero(mended: bool) -> Run:
    seed(211)
    x, y = photos("train", 64, 5)
    v, w = photos("val", 64, 5)
    x, v = chw(x), chw(v)
    loss = CE() if mended else CE(ignore_index=0)
    net = pretrained(5)
    history, optimizer = fit_head(net, (x, y), (v, w), loss=loss, epochs=15)
    train, val = DataLoader(Photos(x, y), 32, shuffle=True), DataLoader(Photos(v, w), 64)
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history},
        accuracy(net, v, w),
    )


@faulty(
    "torch",
    "parameters were sorted into decay and no-decay groups; only the biases reached the optimizer",
    [
        *NOT_TRAINED,
        *OPTIMIZER,
        r"optimi[sz]er.{0,120}(only|not (hold|have|contain|know|include|given)|n.t (hold|have|contain|know|include)|missing|without|lack|\d+ of \d+|bias)",
        r"(parameters?|weights?|layers?).{0,80}(not|n.t|missing|absent|never).{0,40}optimi[sz]er",
        r"bias(es)? (only|alone)|only.{0,20}bias",
    ],
    [r"underfit|frozen"],
)
def only_biases_in_the_optimizer(mended: bool) -> Run:
    seed(212)
    x, y = photos("train", 32, 6)
    v, w = photos("val", 32, 6)
    train = DataLoader(Photos(chw(x), y), 32, shuffle=True)
    val = DataLoader(Photos(chw(v), w), 64)
    model = cnn(6, bn=False)
    decay, no_decay = [], []
    for name, parameter in model.named_parameters():
        (no_decay if name.endswith("bias") else decay).append(parameter)
    groups = [{"params": no_decay, "weight_decay": 0.0}]
    if mended:
        groups.append({"params": decay, "weight_decay": 0.01})
    optimizer = torch.optim.AdamW(groups, lr=3e-3)
    return trained(model, train, val, (chw(v), w), 25, optimizer=optimizer)


# ---------------------------------------------------------------------------------- sound ones


@sound("torch", "no shuffling, for every step takes the whole training set at once", 0.6)
def full_batch_descent() -> Run:
    seed(250)
    x, y = photos("train", 32, 6)
    v, w = photos("val", 32, 6)
    train = DataLoader(Photos(chw(x), y), batch_size=len(y), shuffle=False)
    val = DataLoader(Photos(chw(v), w), 64)
    model = cnn(6)
    return trained(
        model, train, val, (chw(v), w), 60, optimizer=torch.optim.Adam(model.parameters(), 1e-2)
    )


class OneHotBCE(nn.Module):
    """One-hot targets and binary cross-entropy, as timm trains (Wightman et al. 2021)."""

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        hot = F.one_hot(target, logits.shape[1]).float()
        return F.binary_cross_entropy_with_logits(logits, hot) * logits.shape[1]


@sound("torch", "binary cross-entropy on one-hot targets, as timm's recipes do", 0.7)
def bce_on_one_hot() -> Run:
    seed(251)
    x, y = photos("train", 64)
    v, w = photos("val", 64)
    x, v = chw(x), chw(v)
    net, loss = pretrained(), OneHotBCE()
    history, optimizer = fit_head(net, (x, y), (v, w), loss=loss, epochs=12)
    train, val = DataLoader(Photos(x, y), 32, shuffle=True), DataLoader(Photos(v, w), 64)
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history},
        accuracy(net, v, w),
    )


class CosineHead(nn.Module):
    """Cosine of feature and class vector, times 16."""

    def __init__(self, inn: int, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, inn))

    def forward(self, x: Tensor) -> Tensor:
        return 16 * F.linear(F.normalize(x), F.normalize(self.weight))


@sound("torch", "a cosine classifier: normalised features and weights, a fixed scale of 16", 0.7)
def cosine_classifier() -> Run:
    seed(252)
    x, y = photos("train", 64)
    v, w = photos("val", 64)
    x, v = chw(x), chw(v)
    net = pretrained(head=CosineHead(1280, 10))
    optimizer = torch.optim.Adam(net.head.parameters(), 3e-2)
    history, _ = fit_head(net, (x, y), (v, w), optimizer=optimizer, epochs=12)
    train, val = DataLoader(Photos(x, y), 32, shuffle=True), DataLoader(Photos(v, w), 64)
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": CE(), "history": history},
        accuracy(net, v, w),
    )


@sound(
    "torch", "cosine annealing to nought: at the end the learning rate is zero, as it should", 0.6
)
def rate_ends_at_zero() -> Run:
    seed(253)
    x, y = photos("train", 32, 6)
    v, w = photos("val", 32, 6)
    train = DataLoader(Photos(chw(x), y), 32, shuffle=True)
    val = DataLoader(Photos(chw(v), w), 64)
    model = cnn(6)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, nesterov=True)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
    return trained(model, train, val, (chw(v), w), 20, optimizer=optimizer, scheduler=scheduler)


def letterbox(photo: np.ndarray) -> np.ndarray:
    """A wide photo on a black square, as a video frame."""
    made = np.zeros_like(photo)
    edge = len(photo)
    made[edge // 5 : edge // 5 + edge * 3 // 5] = resize(photo, edge, edge * 3 // 5)
    return made


@sound("torch", "all photos are letterboxed: two fifths of every photo are black", 0.6)
def letterboxed_everywhere() -> Run:
    seed(254)
    x, y = photos("train", 64)
    v, w = photos("val", 64)
    x, v = (chw(each_photo(part, letterbox)) for part in (x, v))
    net = pretrained()
    history, optimizer = fit_head(net, (x, y), (v, w), epochs=12)
    train, val = DataLoader(Photos(x, y), 32, shuffle=True), DataLoader(Photos(v, w), 64)
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": CE(), "history": history},
        accuracy(net, v, w),
    )


@sound(
    "torch", "grey digits of eight by eight pixels with one channel, in a plain perceptron", 0.85
)
def tiny_digits_one_channel() -> Run:
    seed(255)
    (x, y), (v, w) = digits("train", 80), digits("val")
    x, v = (torch.from_numpy(part)[:, None].float() / 255 for part in (x, v))
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    train, val = DataLoader(Photos(x, y), 32, shuffle=True), DataLoader(Photos(v, w), 64)
    return trained(model, train, val, (v, w), 20, watch=False)
