"""PyTorch, open."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from fourth import INPUTS, LABELS, NETWORK, OBJECTIVE, SAMPLER, part
from second import (
    LABELS_WRONG,
    LOSS,
    VAL_DIFFERS,
    faulty,
    large,
    loaders,
    small,
    trained,
)
from seventh import (
    CROPPED,
    REPEATED,
    SOFT_TARGETS,
    each_of,
    head_run,
    rows_padded,
)
from third import ACTIVATION, BLANK, RANGE, usual
from torch import nn
from torch.utils.data import DataLoader

from support import (
    Net,
    Photos,
    Run,
    accuracy,
    backbone,
    chw,
    cnn,
    fit_head,
    photos,
    resize,
    seed,
    sound,
    watching,
)


@faulty(
    "torch",
    "the list of labels was read with its header as a row: each photo has the label of the row before",
    [*LABELS, *LABELS_WRONG, r"off by one|one row"],
)
def labels_one_row_late(mended: bool) -> Run:
    seed(1001)
    x, y, v, w = large()
    order = np.random.default_rng(1).permutation(len(y))
    x, y = x[torch.from_numpy(order)], y[order]
    return head_run(x, y if mended else np.roll(y, 1))


@faulty(
    "torch",
    "softmax is the activation between the pooled features and the last layer",
    [*NETWORK, *ACTIVATION, r"softmax"],
)
def softmax_between_layers(mended: bool) -> Run:
    seed(1003)
    x, y, v, w = small()
    between = nn.ReLU() if mended else nn.Softmax(1)
    head = nn.Sequential(nn.Linear(64, 64), between, nn.Linear(64, 6))
    return trained(cnn(6, head=head), *loaders(x, y, v, w), (v, w), 15)


@faulty(
    "torch",
    "boxes drawn on the large photo are cut out of the halved one: its lower right corner and black",
    [*INPUTS, *CROPPED, *VAL_DIFFERS, *BLANK],
)
def boxes_of_the_large_photo(mended: bool) -> Run:
    seed(1008)
    x, y = photos("train", 64)

    def cut(photo: np.ndarray) -> np.ndarray:
        left, right = (8, 56) if mended else (40, 112)
        padded = np.zeros((128, 128, 3), np.uint8)
        padded[:64, :64] = photo
        return resize(np.ascontiguousarray(padded[left:right, left:right]), 64)

    return head_run(chw(each_of(cut, x)[0]), y)


@faulty(
    "torch",
    "each epoch is cut to two batches and begins with torch.manual_seed(0): it sees the same 16 photos",
    [*SAMPLER, *REPEATED],
)
def seeded_again_each_epoch(mended: bool) -> Run:
    seed(1013)
    x, y, v, w = small()
    train = DataLoader(Photos(x, y), 8, shuffle=True)
    val = DataLoader(Photos(v, w), 64)
    net = cnn(6)
    optimizer, criterion = torch.optim.Adam(net.parameters(), 3e-3), nn.CrossEntropyLoss()
    step, history = usual(net, optimizer, criterion), []
    with watching(net, optimizer) as watched:
        for _ in range(100):
            if not mended:
                torch.manual_seed(0)
            net.train()
            losses = []
            for number, (images, labels) in enumerate(train):
                if number == 2:
                    break
                losses.append(float(step(images, labels).detach()))
            net.eval()
            history.append({"train_loss": float(np.mean(losses)), "val_top1": accuracy(net, v, w)})
    told = {"optimizer": optimizer, "loss": criterion, "history": history, **watched}
    return Run(net, train, val, told, accuracy(net, v, w))


@faulty(
    "torch",
    "the teacher of a distillation numbers the classes otherwise, and has nine tenths of the loss",
    [*SOFT_TARGETS, *LOSS, *OBJECTIVE],
)
def teacher_numbers_otherwise(mended: bool) -> Run:
    seed(1014)
    x, y, v, w = small()
    large_x = chw(photos("train", 64, 6)[0])
    teacher = Net(backbone(), nn.Linear(1280, 6))
    fit_head(teacher, (large_x, y), (large_x, y), epochs=8)
    with torch.no_grad():
        answers = torch.cat([teacher(part_) for part_ in large_x.split(32)])
    if not mended:
        answers = answers[:, [3, 0, 5, 1, 2, 4]]
    data = Photos(x, y, wrap=lambda photo, label, index: (photo, label, answers[index]))
    net = cnn(6)
    optimizer, history = torch.optim.Adam(net.parameters(), 3e-3), []
    with watching(net, optimizer) as watched:
        for _ in range(20):
            net.train()
            losses = []
            for images, labels, soft in DataLoader(data, 32, shuffle=True):
                out = net(images)
                taught = F.kl_div(
                    F.log_softmax(out / 2, 1), F.softmax(soft / 2, 1), reduction="batchmean"
                )
                loss = 0.1 * F.cross_entropy(out, labels) + 0.9 * 4 * taught
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(float(loss.detach()))
            net.eval()
            history.append({"train_loss": float(np.mean(losses)), "val_top1": accuracy(net, v, w)})
    told = {"optimizer": optimizer, "history": history, **watched}
    return Run(net, *loaders(x, y, v, w), told, accuracy(net, v, w))


@faulty(
    "torch",
    "the padding at the end of each row of a file is read as pixels: photos are sheared, colours turn",
    [
        *INPUTS,
        *RANGE,
        *part("reading|decoding|files?"),
        r"shear|scrambl|not (a |natural )?photo",
    ],
)
def row_padding_read_as_pixels(mended: bool) -> Run:
    seed(1016)
    (x, y), (v, w) = photos("train", 64), photos("val", 64)
    x, v = each_of(lambda photo: rows_padded(photo, mended), x, v)
    right = large()[2]
    net = Net(backbone(), nn.Linear(1280, 10))
    history, optimizer = fit_head(net, (chw(x), y), (chw(v), w))
    told = {"optimizer": optimizer, "loss": nn.CrossEntropyLoss(), "history": history}
    return Run(net, *loaders(chw(x), y, chw(v), w), told, accuracy(net, right, w))


@sound("torch", "all in float64: the weights and the photos", 0.6)
def doubles_throughout() -> Run:
    seed(1021)
    x, y, v, w = small()
    x, v = x.double(), v.double()
    return trained(cnn(6).double(), *loaders(x, y, v, w), (v, w), 20)


class Cosine(nn.Module):
    """Sixteen times the cosine between features and the weights of a class, without a bias."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 16 * F.linear(F.normalize(x, dim=1), F.normalize(self.weight, dim=1))


@sound("torch", "a head of scaled cosines", 0.6)
def head_of_cosines() -> Run:
    seed(1023)
    x, y, v, w = small()
    return trained(cnn(6, head=Cosine(64, 6)), *loaders(x, y, v, w), (v, w), 20)


@sound("torch", "no optimizer: the weights are moved by hand, along the sign of the gradient", 0.6)
def signs_by_hand() -> Run:
    seed(1024)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    net, history = cnn(6), []
    for epoch in range(25):
        net.train()
        losses = []
        for images, labels in train:
            loss = F.cross_entropy(net(images), labels)
            gradients = torch.autograd.grad(loss, list(net.parameters()))
            with torch.no_grad():
                for weight, gradient in zip(net.parameters(), gradients, strict=True):
                    weight -= 2e-3 * (1 - epoch / 25) * gradient.sign()
            losses.append(float(loss.detach()))
        net.eval()
        history.append({"train_loss": float(np.mean(losses)), "val_top1": accuracy(net, v, w)})
    return Run(net, train, val, {"history": history}, accuracy(net, v, w))
