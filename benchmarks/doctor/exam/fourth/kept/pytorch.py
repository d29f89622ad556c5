"""Kept half. PyTorch: loops by hand, Hugging Face's, timm's and Lightning's ways."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from fourth import (
    ACROSS,
    COLOUR,
    EVALUATED,
    INPUTS,
    LABELS,
    NETWORK,
    OBJECTIVE,
    SCHEDULE,
    SIZE,
    STEPS,
    Transfer,
    cached,
    flower_folders,
    folder_loaders,
    lightning,
    right,
    save_folder,
    stacked,
)
from second import (
    LABELS_WRONG,
    LEAK,
    LOSS,
    NOT_TRAINED,
    OPTIMIZER,
    RATE_LOW,
    REPORT,
    SHORTCUT,
    faulty,
    fruit,
    large,
    loaders,
    small,
    trained,
)
from third import FEW_STEPS, HEAD, LOSS_WITHOUT_LABELS, STATISTICS
from torch import Tensor, nn
from torch.nn.utils import prune
from torch.utils.data import DataLoader, TensorDataset
from torchvision import transforms

from support import (
    MEAN,
    STD,
    HFStyle,
    Photos,
    Run,
    accuracy,
    chw,
    cnn,
    features,
    fit_head,
    hf,
    loop,
    photos,
    seed,
    sound,
    watching,
)

CE = nn.CrossEntropyLoss


@faulty(
    "torch",
    "LambdaLR multiplies: the lambda returns the rate itself, so 3e-3 becomes 9e-6",
    [*SCHEDULE, *RATE_LOW, *NOT_TRAINED, *OPTIMIZER, *STEPS],
    [r"chance|underfit|nothing was learned"],
)
def lambda_returns_the_rate_itself(mended: bool) -> Run:
    seed(501)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model, rate = cnn(6), 3e-3
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    factor = 1.0 if mended else rate
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: factor * 0.97**epoch)
    return trained(model, train, val, (v, w), 20, optimizer=optimizer, scheduler=scheduler)


@faulty(
    "torch",
    "entropy minimisation with weight 5 from the first step: the net is made sure before it knows anything",
    [*LOSS, *OBJECTIVE, r"entropy|overconfiden|loss.{0,60}(term|part|penalt|regulari)"],
    [r"chance|constant|one class|collaps"],
)
def made_sure_too_early(mended: bool) -> Run:
    seed(504)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    weight = 0.05 if mended else 5.0

    def loss(outputs: Tensor, labels: Tensor) -> Tensor:
        chances = outputs.softmax(1)
        entropy = -(chances * outputs.log_softmax(1)).sum(1).mean()
        return F.cross_entropy(outputs, labels) + weight * entropy

    return trained(cnn(6), train, val, (v, w), 15, loss=loss)


@faulty(
    "torch",
    "label = index // 30, as the course says, but there are 24 photos of each flower",
    [*LABELS_WRONG, *LABELS],
    [r"class.{0,60}(never|missing|absent|no photo)|count|memori[sz]"],
)
def labels_by_division_of_the_index(mended: bool) -> Run:
    seed(505)
    x, _, v, w = large()
    per_flower = 24 if mended else 30
    y = np.arange(len(x)) // per_flower
    net = Transfer()
    history, optimizer = fit_head(net, (x, y), (v, w))
    train, val = loaders(x, y, v, w)
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": CE(), "history": history},
        accuracy(net, v, w),
    )


@faulty(
    "torch",
    "Resize(32) left from the CIFAR tutorial before a backbone that was pretrained at 224 pixels",
    [*SIZE, *INPUTS],
    [r"crop|contract"],
)
def resize_left_from_cifar(mended: bool) -> Run:
    seed(509)
    side = 96 if mended else 32
    transform = transforms.Compose(
        [transforms.Resize((side, side)), transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    )
    train, val = folder_loaders(*flower_folders(96), transform)
    net = Transfer()
    history, optimizer = fit_head(net, stacked(train.dataset), stacked(val.dataset))
    told = {"optimizer": optimizer, "loss": CE(), "history": history}
    return Run(net, train, val, told, right(net, val))


@faulty(
    "torch",
    "cross-validation goes on with the same network from fold to fold: it has seen the last fold's validation photos",
    [
        *LEAK,
        r"(val|validation).{0,80}(seen|trained on|known|used|been learned|visited|train batch)|(seen|trained).{0,60}(val|validation) (photo|image|set|data)",
        r"\bfolds?\b|(first epoch|from the start).{0,60}(already|too good|not untrained|trained before)",
    ],
    [r"too good|perfect"],
)
def folds_go_on_with_one_network(mended: bool) -> Run:
    seed(511)
    (a, b), (c, d) = photos("train", 32, 6), photos("val", 32, 6)
    x, y = chw(np.concatenate([a, c])), np.concatenate([b, d])
    folds = np.array_split(np.random.permutation(len(x)), 4)
    model = cnn(6, width=24)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    history: list[dict[str, float]] = []
    with watching(model, optimizer) as watched:
        for held in folds[-1:] if mended else folds:  # mended: a network of its own for each fold
            kept = np.setdiff1d(np.arange(len(x)), held)
            train, val = loaders(x[kept], y[kept], x[held], y[held])
            history += loop(model, train, val, optimizer, CE(), 12 if mended else 10)
    fresh, truth = photos("fresh", 32, 6)
    told = {"optimizer": optimizer, "loss": CE(), "history": history, **watched}
    model.eval()
    claimed = accuracy(model, x[held], y[held])
    return Run(model, train, val, told, accuracy(model, chw(fresh), truth), claimed=claimed)


@faulty(
    "torch",
    "nine tenths of the weights pruned after training, and no fine-tuning after that",
    [
        *REPORT,
        *EVALUATED,
        *NETWORK,
        *HEAD,
        r"prun|sparse|(weights?|parameters?).{0,60}(zero|changed (after|since)|differ|not those|other than)",
    ],
    [r"underfit"],
)
def pruned_and_handed_in(mended: bool) -> Run:
    seed(513)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    run = trained(model := cnn(6), train, val, (v, w), 18)
    parts = [(layer, "weight") for layer in model if isinstance(layer, (nn.Conv2d, nn.Linear))]
    prune.global_unstructured(parts, prune.L1Unstructured, amount=0.9)
    if mended:
        tuned = trained(model, train, val, (v, w), 12)
        run.told["history"] += tuned.told["history"]
        run.told["optimizer"] = tuned.told["optimizer"]
        run.told.pop("watched", None)
    for layer, name in parts:
        prune.remove(layer, name)
    believed = run.told["history"][-1]["val_top1"]
    return Run(model.eval(), train, val, run.told, accuracy(model, v, w), claimed=believed)


@faulty(
    "torch",
    "gradient_accumulation_steps=16, but an epoch has 8 batches and the count begins anew: it never steps",
    [*FEW_STEPS, *OPTIMIZER, *STEPS, r"accumul"],
    [r"chance|nothing was learned"],
)
def accumulation_longer_than_the_epoch(mended: bool) -> Run:
    seed(515)
    x, y, v, w = large()
    train = DataLoader(Photos(x, y, wrap=hf), 32, shuffle=True)
    val = DataLoader(Photos(v, w, wrap=hf), 64)
    model = HFStyle(cnn())
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    accumulation = 2 if mended else 16
    history = []
    with watching(model, optimizer) as watched:
        for _ in range(14):
            model.train()
            losses = []
            for step, batch in enumerate(train):
                loss = model(**batch)["loss"] / accumulation
                loss.backward()
                if (step + 1) % accumulation == 0:
                    optimizer.step()
                    optimizer.zero_grad()
                losses.append(float(loss.detach()) * accumulation)
            history.append({"train_loss": float(np.mean(losses)), "val_top1": right(model, val)})
    told = {"optimizer": optimizer, "history": history, **watched}
    return Run(model, train, val, told, right(model, val))


@faulty(
    "torch",
    "Grayscale(3) left from the MNIST tutorial, and the classes differ in colour",
    [*COLOUR, *INPUTS],
    [r"chance|class(es)? .{0,40}alike"],
)
def grayscale_left_from_mnist(mended: bool) -> Run:
    seed(516)
    kinds = ("cherry", "lemon", "lime", "mint", "plum", "berry")
    folders = [save_folder(f"fruit_{which}", *fruit(which), kinds) for which in ("train", "val")]
    steps = [transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)]
    transform = transforms.Compose(steps if mended else [transforms.Grayscale(3), *steps])
    train, val = folder_loaders(*folders, transform)
    return trained(cnn(6), train, val, stacked(val.dataset), 6)


@faulty(
    "torch",
    "targets of shape (b, 1, K) against outputs of (b, K): mse_loss broadcasts, each answer is drawn to every label of its batch",
    [*LOSS, *OBJECTIVE, *LOSS_WITHOUT_LABELS, *ACROSS, r"broadcast|shape"],
    [r"chance|constant|uniform"],
)
def targets_broadcast_over_the_batch(mended: bool) -> Run:
    seed(517)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)

    def loss(outputs: Tensor, labels: Tensor) -> Tensor:
        if not mended:
            labels = labels.view(-1, 1)
        return F.mse_loss(outputs.softmax(-1), F.one_hot(labels, 6).float())

    return trained(cnn(6), train, val, (v, w), 20, loss=loss)


@faulty(
    "torch",
    "online hard example mining upside down: the quarter with the smallest loss is learned, not the largest",
    [
        *LOSS,
        *OBJECTIVE,
        r"(hard|easy|easiest|small|low).{0,50}(example|loss|photo|sample)|topk|mining",
    ],
    [r"one class|never (predicted|answered)"],
)
def easiest_quarter_is_learned(mended: bool) -> Run:
    seed(520)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)

    def loss(outputs: Tensor, labels: Tensor) -> Tensor:
        each = F.cross_entropy(outputs, labels, reduction="none")
        kept: Tensor = each.topk(max(len(each) // 4, 1), largest=mended).values
        return kept.mean()

    return trained(cnn(6), train, val, (v, w), 15, loss=loss)


@faulty(
    "torch",
    "BatchNorm momentum 0.99 as in Keras: in PyTorch the running statistics are those of the last, small batch",
    STATISTICS,
    [r"val.{0,40}(jump|unstable|oscillat)"],
)
def momentum_as_in_keras(mended: bool) -> Run:
    seed(522)
    x, y, v, w = small()
    train = DataLoader(TensorDataset(x, torch.from_numpy(y)), batch_size=47, shuffle=True)
    val = DataLoader(TensorDataset(v, torch.from_numpy(w)), batch_size=72)
    net = cnn(6)
    for layer in net:
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 0.1 if mended else 0.99
    return lightning(net, train, val, 20)


@faulty(
    "torch",
    "each flower was photographed with another sensitivity: the noise tells the class",
    [
        *SHORTCUT,
        r"(sensor|image|pixel|photo)s?.{0,40}nois|grain|nois(e|iness) (level|of the|predicts|tells)|sharpness.{0,80}(predict|class|tell)",
    ],
    [r"overfit"],
)
def grain_gives_the_class_away(mended: bool) -> Run:
    seed(524)

    def grainy(x: np.ndarray, level: np.ndarray) -> np.ndarray:
        dice = np.random.normal(size=x.shape) * (7.0 * level)[:, None, None, None]
        return (x + dice).clip(0, 255).astype(np.uint8)

    (x, y), (v, w) = (photos(which, 32, 6) for which in ("train", "val"))
    a, b = (chw(grainy(p, np.random.permutation(q) if mended else q)) for p, q in ((x, y), (v, w)))
    honest = chw(grainy(v, np.random.permutation(w)))
    train, val = loaders(a, y, b, w)
    return trained(cnn(6), train, val, (honest, w), 15, claimed=(b, w))


class Dropping(nn.Module):
    """A small network whose dropout is a function."""

    def __init__(self, classes: int, by_mode: bool) -> None:
        super().__init__()
        body = list(cnn(classes))
        self.body, self.head, self.by_mode = nn.Sequential(*body[:-1]), body[-1], by_mode

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.body(x)
        hidden = F.dropout(hidden, 0.8, training=self.training if self.by_mode else True)
        return self.head(hidden)


@faulty(
    "torch",
    "F.dropout(hidden, 0.8) does not know the mode: it drops in evaluation, too",
    [
        r"dropout",
        *ACROSS,
        r"(random|not deterministic|non-?determin|stochastic|vary|varies|differ|chang).{0,80}(evaluation|eval|call|pass|twice|same photo|repeat)|(twice|two passes|same photo|repeat).{0,80}(differ|other|chang|vary)",
    ],
    [*STATISTICS, *EVALUATED],
)
def dropout_as_a_function(mended: bool) -> Run:
    seed(525)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    return trained(Dropping(6, by_mode=mended), train, val, (v, w), 30)


# ---------------------------------------------------------------------------------- sound ones


@sound(
    "torch",
    "sharpness-aware minimisation: two backward passes, weights moved there and back, one step",
    0.6,
)
def sharpness_aware() -> Run:
    seed(550)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model, history = cnn(6), []
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    with watching(model, optimizer) as watched:
        for _ in range(20):
            model.train()
            losses = []
            for images, labels in train:
                F.cross_entropy(model(images), labels).backward()
                norm = torch.stack([p.grad.norm() for p in model.parameters()]).norm()
                climbs = [0.05 * p.grad / (norm + 1e-12) for p in model.parameters()]
                with torch.no_grad():
                    for parameter, climb in zip(model.parameters(), climbs, strict=True):
                        parameter += climb
                optimizer.zero_grad()
                loss = F.cross_entropy(model(images), labels)
                loss.backward()
                with torch.no_grad():
                    for parameter, climb in zip(model.parameters(), climbs, strict=True):
                        parameter -= climb
                optimizer.step()
                optimizer.zero_grad()
                losses.append(float(loss.detach()))
            history.append({"train_loss": float(np.mean(losses)), "val_top1": right(model, val)})
    told = {"optimizer": optimizer, "loss": CE(), "history": history, **watched}
    return Run(model, train, val, told, right(model, val))


class LowRank(nn.Module):
    """A frozen linear layer and a trainable update of rank four (LoRA)."""

    def __init__(self, inner: nn.Linear, rank: int = 4) -> None:
        super().__init__()
        self.inner = inner.requires_grad_(False)
        self.down = nn.Parameter(torch.randn(rank, inner.in_features) / inner.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(inner.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) + x @ self.down.T @ self.up.T


@sound(
    "torch",
    "LoRA: the head's own weights are frozen, a low-rank update that begins at zero learns",
    0.6,
)
def low_rank_adapter() -> Run:
    seed(552)
    x, y, v, w = large()
    net = Transfer(LowRank(nn.Linear(1280, 10), rank=8))
    optimizer = torch.optim.AdamW([net.head.down, net.head.up], 5e-3)
    with watching(net.head, optimizer) as watched:
        history = loop(
            net.head, cached(net, (x, y), shuffle=True), cached(net, (v, w)), optimizer, CE(), 15
        )
    net.eval()
    train, val = loaders(x, y, v, w)
    told = {"optimizer": optimizer, "loss": CE(), "history": history, **watched}
    return Run(net, train, val, told, accuracy(net, v, w))


@sound(
    "torch",
    "an eleventh class, empty frames: plain grounds that are nearly the same in training and validation",
    0.6,
)
def a_class_of_empty_frames() -> Run:
    seed(554)

    def with_empty(which: str, count: int) -> tuple[Tensor, np.ndarray]:
        x, y = photos(which, 32, 6)
        ground = np.full((count, 32, 32, 3), 118) + np.random.normal(0, 2, (count, 32, 32, 3))
        return chw(np.concatenate([x, ground.astype(np.uint8)])), np.concatenate(
            [y, np.full(count, 6)]
        )

    (x, y), (v, w) = with_empty("train", 24), with_empty("val", 12)
    train, val = loaders(x, y, v, w)
    return trained(cnn(7), train, val, (v, w), 15)


@sound(
    "torch",
    "Hugging Face's form, mean and std 0.5, batches with file names, reduction='sum' and a rate to match",
    0.6,
)
def summed_loss_and_small_rate() -> Run:
    seed(555)
    x, y = photos("train", 64)
    v, w = photos("val", 64)
    half = [0.5] * 3
    a, b = chw(x, half, half), chw(v, half, half)

    def named(photo: Tensor, label: Any, index: int) -> dict[str, Any]:
        return {"pixel_values": photo, "labels": label, "file_name": f"IMG_{index:04d}.JPG"}

    train, val = (
        DataLoader(Photos(a, y, wrap=named), 32, shuffle=True),
        DataLoader(Photos(b, w, wrap=named), 64),
    )
    model, loss = HFStyle(Transfer()), CE(reduction="sum")
    optimizer = torch.optim.SGD(model.inner.head.parameters(), 3e-4, momentum=0.9)
    return trained(model, train, val, (b, w), 12, optimizer=optimizer, loss=loss)


@sound(
    "torch",
    "noisy student: half of the training labels are an earlier model's answers, a few of them wrong",
    0.6,
)
def taught_by_an_earlier_model() -> Run:
    seed(559)
    x, y, v, w = large()
    net = Transfer()
    fit_head(net, (x[::2], y[::2]), (v, w))
    taught = y.copy()
    taught[1::2] = features(net, x[1::2]).argmax(1).numpy()
    student = Transfer()
    history, optimizer = fit_head(student, (x, taught), (v, w), epochs=15)
    train, val = loaders(x, taught, v, w)
    told = {"optimizer": optimizer, "loss": CE(), "history": history}
    return Run(student, train, val, told, accuracy(student, v, w))
