"""PyTorch, kept."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from eighth import (
    MIXED,
    NAMES_SPLIT,
    PER_CLASS,
    POOLED,
    SCALED_LOSS,
    UNUSED,
    Pooled,
    gated,
    head_on,
    mixing,
    standardised,
)
from fourth import INPUTS, LABELS, NETWORK, OBJECTIVE, STEPS
from second import (
    AUGMENT,
    LABELS_WRONG,
    LOSS,
    MORE_AUGMENTATION,
    NO_GRADIENT,
    NOT_TRAINED,
    RATE_LOW,
    SHORTCUT,
    faulty,
    large,
    loaders,
    small,
    trained,
)
from seventh import CLIPPED
from sixth import DEGENERATE
from third import HEAD, RANGE, script, usual
from torch import nn
from torch.utils.data import DataLoader

from support import (
    Net,
    Photos,
    Run,
    backbone,
    cnn,
    seed,
    sound,
)


@faulty(
    "torch",
    "half of the photos of three classes are filed under a capitalised name, which became a class of its own",
    [*LABELS_WRONG, *LABELS, *NAMES_SPLIT],
)
def names_by_case(mended: bool) -> Run:
    seed(1102)
    x, y, v, w = small()
    capital = (y % 2 == 1) & (np.arange(len(y)) % 24 >= 12)
    labels = y if mended else np.where(capital, 6 + y // 2, y)
    return trained(cnn(6 if mended else 9), *loaders(x, labels, v, w), (v, w), 20)


@faulty(
    "torch",
    "photos are standardised folder by folder, so by their class: its mean photo is taken away",
    [*INPUTS, *RANGE, *PER_CLASS, *SHORTCUT],
)
def standardised_by_folder(mended: bool) -> Run:
    seed(1105)
    x, y, v, w = small()
    train, val = (standardised(*one, by_class=not mended) for one in ((x, y), (v, w)))
    right = standardised(v, w, by_class=False)
    return trained(cnn(6), *loaders(train, y, val, w), (right, w), 20)


@faulty(
    "torch",
    "mixup gives each of the two labels the share of the other photo",
    [*LABELS_WRONG, *LABELS, *MIXED, *LOSS, *OBJECTIVE, *AUGMENT],
    rejects=MORE_AUGMENTATION,
)
def mixup_shares_swapped(mended: bool) -> Run:
    seed(1108)
    x, y, v, w = small()
    train = DataLoader(Photos(x, y), 16, shuffle=True, collate_fn=mixing(6, not mended))
    val = DataLoader(Photos(v, torch.eye(6)[torch.from_numpy(w)]), 64)
    return trained(cnn(6), train, val, (v, w), 25)


@faulty(
    "torch",
    "gradients of a loss scaled by 65,536 are clipped to norm 1 before they are unscaled: steps are minute",
    [*CLIPPED, *SCALED_LOSS, *RATE_LOW, *STEPS, *NOT_TRAINED],
)
def clipped_before_unscaled(mended: bool) -> Run:
    seed(1112)
    x, y, v, w = small()
    net, criterion = cnn(6), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9)

    def unscale() -> None:
        for weight in net.parameters():
            weight.grad /= 65536

    def step(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        optimizer.zero_grad()
        value = criterion(net(images), labels)
        (value * 65536).backward()
        if mended:
            unscale()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        if not mended:
            unscale()
        optimizer.step()
        return value

    return script(net, *loaders(x, y, v, w), (v, w), 20, step, optimizer=optimizer, loss=criterion)


@faulty(
    "torch",
    "the last map is averaged over its channels, not over its places: the head sees 4 numbers of 1,280",
    [*NETWORK, *HEAD, *POOLED, *DEGENERATE],
)
def pooled_over_channels(mended: bool) -> Run:
    seed(1114)
    x, y, v, w = large()
    axes, width = ((2, 3), 1280) if mended else ((1,), 4)
    net = Net(Pooled(backbone(), axes).eval(), nn.Linear(width, 10))
    return head_on((x, y), (v, w), net=net, epochs=20)


@faulty(
    "torch",
    "the gates of the residual blocks are buffers of zero, not parameters: no block has any effect",
    [*NETWORK, *UNUSED, *NO_GRADIENT, *NOT_TRAINED],
)
def gates_stay_zero(mended: bool) -> Run:
    seed(1115)
    x, y, v, w = small()
    net = gated(learned=mended)
    optimizer = torch.optim.Adam(net.parameters(), 5e-3)
    return trained(net, *loaders(x, y, v, w), (v, w), 30, optimizer=optimizer)


@sound("torch", "the likelihood is maximised (maximize=True), no loss is minimised", 0.6)
def likelihood_maximised() -> Run:
    seed(1122)
    x, y, v, w = small()
    net = cnn(6)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3, maximize=True)
    step = usual(net, optimizer, lambda logits, labels: -F.cross_entropy(logits, labels))
    run = script(net, *loaders(x, y, v, w), (v, w), 20, step, optimizer=optimizer)
    for row in run.told["history"]:
        row["train_loss"] *= -1
    return run


@sound("torch", "never shuffled, but the classes take turns", 0.6)
def classes_take_turns() -> Run:
    seed(1124)
    x, y, v, w = small()
    order = np.arange(len(y)).reshape(6, -1).T.reshape(-1)
    train = DataLoader(Photos(x[torch.from_numpy(order)], y[order]), 24)
    return trained(cnn(6), train, loaders(x, y, v, w)[1], (v, w), 20)
