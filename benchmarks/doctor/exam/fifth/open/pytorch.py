"""Open half. PyTorch: loops by hand, Hugging Face's and Lightning's ways."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from fifth import (
    CHECKPOINT,
    Deeply,
    deep,
    hugging_face,
    tuned,
)
from fourth import (
    ACROSS,
    EVALUATED,
    LABELS,
    NAMES,
    NETWORK,
    OBJECTIVE,
    STEPS,
    Module,
    Transfer,
    lightning,
    save_folder,
    stacked,
)
from second import (
    LABELS_WRONG,
    LEAK,
    LOSS,
    NO_GRADIENT,
    NOT_TRAINED,
    OPTIMIZER,
    RATE_LOW,
    RATE_TOO_LOW,
    REPORT,
    VAL_DIFFERS,
    faulty,
    large,
    loaders,
    small,
    trained,
)
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from third import FEW_STEPS, STATISTICS, script, usual
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

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
    hf,
    photos,
    seed,
    sound,
)


@faulty(
    "torch",
    "batches whose loss is above one are skipped as outliers: the first is 1.8, so none is ever learned",
    [*STEPS, *NOT_TRAINED, *FEW_STEPS, *NO_GRADIENT, r"skip"],
    [*RATE_LOW, *OPTIMIZER],
)
def batches_with_a_high_loss_are_skipped(mended: bool) -> Run:
    seed(701)
    x, y, v, w = small()
    net = cnn(6)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(images), labels)
        if not mended and loss.item() > 1.0:
            return loss
        loss.backward()
        optimizer.step()
        return loss

    train, val = loaders(x, y, v, w)
    return script(
        net, train, val, (v, w), 20, step, optimizer=optimizer, loss=nn.CrossEntropyLoss()
    )


class SecondOutput(Module):
    def training_step(self, batch: Any, batch_index: int) -> Tensor:
        images, labels = batch
        return self.criterion(self(images)[1], labels)


@faulty(
    "torch",
    "in training the network gives (logits, auxiliary), and the loss is that of the auxiliary head alone",
    [
        *NETWORK,
        *NOT_TRAINED,
        *NO_GRADIENT,
        *OBJECTIVE,
        r"auxiliary",
    ],
    [*LOSS],
)
def auxiliary_head_trained_alone(mended: bool) -> Run:
    seed(704)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    return lightning(deep(cnn(6)), train, val, 20, kind=Deeply if mended else SecondOutput)


@faulty(
    "torch",
    "train/ holds .ipynb_checkpoints, which ImageFolder takes for class 0; val/ does not: all labels differ by one",
    [
        *LABELS,
        *LABELS_WRONG,
        r"off by one|shifted by|by one|\bindex|class_to_idx|number of classes",
    ],
)
def hidden_folder_is_a_class(mended: bool) -> Run:
    seed(706)
    x, y = photos("train", 64)
    v, w = photos("val", 64)
    hidden = (np.concatenate([x[:1], x]), np.append(0, y + 1))
    train_dir = (
        save_folder("fifth_train", x, y, sorted(NAMES))
        if mended
        else save_folder("fifth_hidden", *hidden, [".ipynb_checkpoints", *sorted(NAMES)])
    )
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    train = ImageFolder(str(train_dir), transform)
    val = ImageFolder(str(save_folder("fifth_val", v, w, sorted(NAMES))), transform)
    net = Transfer(classes=len(train.classes))
    optimizer = torch.optim.Adam(net.head.parameters(), 3e-3)
    step = usual(net.head, optimizer, nn.CrossEntropyLoss())
    run = tuned(net, (*stacked(train), *stacked(val)), step, 12, optimizer=optimizer)
    run.train, run.val = DataLoader(train, 32, shuffle=True), DataLoader(val, 32)
    return run


@faulty(
    "torch",
    "best.pt is written only where there is none: what is loaded in the end are an early epoch's weights",
    [*CHECKPOINT, *REPORT, *NETWORK],
    [*NOT_TRAINED],
)
def checkpoint_of_an_early_epoch(mended: bool) -> Run:
    seed(708)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    net, written = cnn(6), io.BytesIO()

    def save() -> None:
        if mended or not written.getbuffer().nbytes:
            written.seek(0)
            torch.save(net.state_dict(), written)

    run = trained(net, train, val, (v, w), 20, each_epoch=save)
    run.claimed = run.told["history"][-1]["val_top1"]
    written.seek(0)
    net.load_state_dict(torch.load(written))
    run.honest = accuracy(net, v, w)
    return run


def tiles(x: np.ndarray) -> np.ndarray:
    """Nine overlapping tiles, 48 px, of each photo of 96 px."""
    corners = [(row, column) for row in (0, 24, 48) for column in (0, 24, 48)]
    return np.stack([one[r : r + 48, c : c + 48] for one in x for r, c in corners])


@faulty(
    "torch",
    "photos are cut into overlapping tiles, and the tiles are split at random: each photo is on both sides",
    [*LEAK, r"tiles?\b|same (photo|scene|flower|source)|group"],
)
def tiles_are_split_not_photos(mended: bool) -> Run:
    seed(710)
    x, y = photos("train", 96, 10, 5)
    v, w = photos("val", 96, 10, 5)
    fresh, names = photos("fresh", 96, 10, 6)
    cut, labels = tiles(np.concatenate([x, v])), np.repeat(np.concatenate([y, w]), 9)
    order = np.arange(len(cut)) if mended else np.random.permutation(len(cut))
    train, val = order[: len(x) * 9], order[len(x) * 9 :]
    images, test = chw(cut), (chw(tiles(fresh)[::3]), np.repeat(names, 9)[::3])
    net = Transfer()
    optimizer = torch.optim.Adam(net.head.parameters(), 3e-3)
    step = usual(net.head, optimizer, nn.CrossEntropyLoss())
    data = images[train], labels[train], images[val], labels[val]
    run = tuned(net, data, step, 20, optimizer=optimizer)
    run.claimed, run.honest = run.honest, accuracy(net, *test)
    return run


@faulty(
    "torch",
    "BatchNorm keeps no running statistics, and validation goes class by class: each batch is normalised by itself",
    [*STATISTICS, *ACROSS, *NETWORK],
    [*VAL_DIFFERS],
)
def no_running_statistics(mended: bool) -> Run:
    seed(711)
    x, y, v, w = small()
    net = cnn(6)
    if not mended:
        for place, layer in enumerate(net):
            if isinstance(layer, nn.BatchNorm2d):
                net[place] = nn.BatchNorm2d(layer.num_features, track_running_stats=False)
    train = DataLoader(Photos(x, y), 32, shuffle=True)
    return lightning(net, train, DataLoader(Photos(v, w), 12), 20)


@faulty(
    "torch",
    "differentially private training with far too much noise: the gradients drown in it",
    [*STEPS, r"nois\w*.{0,40}gradient|gradients?.{0,80}(nois|random|drown)|random walk"],
    [*OPTIMIZER, *RATE_LOW],
    rejects=[*RATE_TOO_LOW],
)
def gradients_drown_in_noise(mended: bool) -> Run:
    seed(713)
    x, y, v, w = small()
    net = cnn(6)
    noise = 1e-4 if mended else 0.3

    def private() -> None:
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        for parameter in net.parameters():
            parameter.grad += noise * torch.randn_like(parameter.grad)

    train, val = loaders(x, y, v, w)
    return trained(net, train, val, (v, w), 20, after_backward=private)


@faulty(
    "torch",
    "discriminant analysis that reduces the features is fitted on all photos with their labels, those of validation among them",
    [
        *LEAK,
        *EVALUATED,
        r"too good|(val|validation).{0,80}(seen|known|fitted|used in|memori|trained on)",
    ],
    [*REPORT],
)
def reduced_with_the_labels_of_validation(mended: bool) -> Run:
    seed(715)
    x, y, v, w = data = large()
    net = Transfer()
    held, shown = (features(net.backbone, part).numpy() for part in (x, v))
    seen = (held, y) if mended else (np.concatenate([held, shown]), np.concatenate([y, w]))
    reduce = LinearDiscriminantAnalysis(n_components=9).fit(*seen)
    answer = LogisticRegression(max_iter=500).fit(reduce.transform(held), y)
    weight = answer.coef_ @ reduce.scalings_[:, :9].T
    with torch.no_grad():
        net.head.weight.copy_(torch.from_numpy(weight))
        net.head.bias.copy_(torch.from_numpy(answer.intercept_ - weight @ reduce.xbar_))
    claimed = accuracy(net, v, w)
    told = {"reported": {"val_top1": claimed}}
    fresh, names = photos("fresh", 64)
    return Run(net, *loaders(*data), told, accuracy(net, chw(fresh), names), claimed)


@sound("torch", "two optimizers: SGD for the convolutions, Adam for the head; both step", 0.6)
def two_optimizers() -> Run:
    seed(752)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    net = cnn(6)
    both = (
        torch.optim.SGD(net[:-1].parameters(), 0.05, momentum=0.9),
        torch.optim.Adam(net[-1].parameters(), 3e-3),
    )

    def step(images: Tensor, labels: Tensor) -> Tensor:
        loss = F.cross_entropy(net(images), labels)
        for one in both:
            one.zero_grad()
        loss.backward()
        for one in both:
            one.step()
        return loss

    run = script(net, train, val, (v, w), 20, step, optimizer=None, loss=nn.CrossEntropyLoss())
    del run.told["optimizer"]
    return run


@sound("torch", "gradient descent by hand: no optimizer at all", 0.6)
def descent_by_hand() -> Run:
    seed(755)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    net = cnn(6)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        net.zero_grad()
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        with torch.no_grad():
            for parameter in net.parameters():
                parameter -= 0.1 * parameter.grad
        return loss

    run = script(net, train, val, (v, w), 25, step, optimizer=None, loss=nn.CrossEntropyLoss())
    del run.told["optimizer"]
    return run


@sound("torch", "one cycle by batch up to a rate of 0.03: in the end it is next to zero", 0.6)
def one_cycle() -> Run:
    seed(756)
    x, y, v, w = small()
    train = DataLoader(Photos(x, y, wrap=hf), 16, shuffle=True)
    val = DataLoader(Photos(v, w, wrap=hf), 64)
    net = HFStyle(cnn(6))
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.03, total_steps=20 * len(train))
    return hugging_face(net, train, val, optimizer, schedule, 20)
