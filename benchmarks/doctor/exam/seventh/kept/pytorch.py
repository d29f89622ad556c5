"""PyTorch, kept."""

from __future__ import annotations

import copy

import numpy as np
import torch
import torch.nn.functional as F
from fourth import EVALUATED, LABELS, OBJECTIVE, STEPS
from second import (
    LABELS_WRONG,
    LOSS,
    NOT_TRAINED,
    OPTIMIZER,
    RATE_LOW,
    REPORT,
    faulty,
    large,
    loaders,
    small,
    trained,
)
from seventh import (
    AVERAGED,
    CLIPPED,
    REGULARISED,
)
from third import script, usual
from torch import nn

from support import (
    Net,
    Run,
    accuracy,
    backbone,
    cnn,
    fit_head,
    seed,
    sound,
)


@faulty(
    "torch",
    "validation numbers its folders 1 to 10 as text sorts them (1, 10, 2, ...), training by number",
    [*LABELS, *LABELS_WRONG, *EVALUATED],
)
def folders_sorted_as_text(mended: bool) -> Run:
    seed(1002)
    x, y, v, w = large()
    as_text = sorted(range(10), key=lambda name: str(name + 1))
    told_w = w if mended else np.array([as_text.index(name) for name in w])
    net = Net(backbone(), nn.Linear(1280, 10))
    history, optimizer = fit_head(net, (x, y), (v, told_w))
    told = {"optimizer": optimizer, "loss": nn.CrossEntropyLoss(), "history": history}
    run = Run(net, *loaders(x, y, v, told_w), told, accuracy(net, v, w))
    run.claimed = accuracy(net, v, told_w)
    return run


@faulty(
    "torch",
    "the moving average of the weights that is evaluated has a decay of 0.9999: 75 steps hardly move it",
    [
        *AVERAGED,
        *NOT_TRAINED,
        *EVALUATED,
        r"checkpoint|another (model|network)|not the (model|network)",
    ],
)
def average_never_catches_up(mended: bool) -> Run:
    seed(1005)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    net = cnn(6)
    average = copy.deepcopy(net)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    inner = usual(net, optimizer, nn.CrossEntropyLoss())
    decay = 0.9 if mended else 0.9999

    def step(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        value = inner(images, labels)
        with torch.no_grad():
            for kept, new in zip(
                average.state_dict().values(), net.state_dict().values(), strict=True
            ):
                kept.copy_(kept * decay + new * (1 - decay) if kept.is_floating_point() else new)
        return value

    average.eval()
    run = script(
        net,
        train,
        val,
        (v, w),
        15,
        step,
        optimizer=optimizer,
        loss=nn.CrossEntropyLoss(),
        measure=lambda: accuracy(average, v, w),
    )
    run.model, run.honest = average, accuracy(average, v, w)
    return run


@faulty(
    "torch",
    "Adam's weight_decay is 0.3 instead of 0.0003: the penalty is stronger than the loss",
    [*REGULARISED, *OPTIMIZER, *STEPS],
)
def decay_a_thousand_times(mended: bool) -> Run:
    seed(1007)
    x, y, v, w = small()
    net = cnn(6)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3, weight_decay=3e-4 if mended else 0.3)
    return trained(net, *loaders(x, y, v, w), (v, w), 15, optimizer=optimizer)


@faulty(
    "torch",
    "the gradients are clipped to a norm of 0.001 before each step of SGD",
    [*CLIPPED, *RATE_LOW, *NOT_TRAINED, *STEPS, *OPTIMIZER],
)
def clipped_to_a_thousandth(mended: bool) -> Run:
    seed(1010)
    x, y, v, w = small()
    net = cnn(6)
    limit = 5.0 if mended else 0.001
    return trained(
        net,
        *loaders(x, y, v, w),
        (v, w),
        15,
        optimizer=torch.optim.SGD(net.parameters(), 0.05, momentum=0.9),
        after_backward=lambda: nn.utils.clip_grad_norm_(net.parameters(), limit),
    )


@faulty(
    "torch",
    "an answer counts as right when the label is among the three best: it is reported as top-1",
    [*EVALUATED, *REPORT, r"top.?(3|k|three)"],
)
def right_among_three(mended: bool) -> Run:
    seed(1012)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    net = cnn(6)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)

    def measure() -> float:
        right = 0
        with torch.no_grad():
            for images, labels in val:
                best = net(images).topk(1 if mended else 3).indices
                right += int((best == labels[:, None]).sum())
        return right / len(w)

    step = usual(net, optimizer, nn.CrossEntropyLoss())
    run = script(
        net,
        train,
        val,
        (v, w),
        12,
        step,
        optimizer=optimizer,
        loss=nn.CrossEntropyLoss(),
        measure=measure,
    )
    run.claimed = run.told["history"][-1]["val_top1"]
    return run


@faulty(
    "torch",
    "the focal loss weighs with p**2 instead of (1 - p)**2: it is least where the label has no chance",
    [*LOSS, *OBJECTIVE, r"focal"],
)
def focal_loss_of_the_easy(mended: bool) -> Run:
    seed(1015)
    x, y, v, w = small()

    def focal(out: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        log_p = F.log_softmax(out, 1).gather(1, labels[:, None])[:, 0]
        p = log_p.exp()
        return -((1 - p if mended else p) ** 2 * log_p).mean()

    return trained(cnn(6), *loaders(x, y, v, w), (v, w), 20, loss=focal)


@sound("torch", "the loss is a hundred times the cross-entropy, under Adam", 0.6)
def hundredfold_loss() -> Run:
    seed(1022)
    x, y, v, w = small()

    def loss(out: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return 100 * F.cross_entropy(out, labels)

    return trained(cnn(6), *loaders(x, y, v, w), (v, w), 20, loss=loss)


@sound("torch", "forty outputs for six classes, which are numbered 0, 7, 14, ...", 0.6)
def numbers_with_gaps() -> Run:
    seed(1025)
    x, y, v, w = small()
    y, w = y * 7, w * 7
    return trained(cnn(40), *loaders(x, y, v, w), (v, w), 20)
