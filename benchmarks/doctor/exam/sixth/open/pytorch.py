"""PyTorch, open: as people write it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from fourth import (
    EVALUATED,
    INPUTS,
    LABELS,
    NETWORK,
    STEPS,
    flower_folders,
    part,
    stacked,
)
from second import (
    LABELS_WRONG,
    LEAK,
    NOT_TRAINED,
    OPTIMIZER,
    RATE_LOW,
    REPORT,
    faulty,
    loaders,
    small,
    trained,
)
from sixth import (
    BATCH_ALIKE,
    DEGENERATE,
    FROZEN,
    ON_VALIDATION,
    FlowerFiles,
    all_of,
    file_loaders,
    head_on_files,
    listed,
    loaded,
    six_files,
    two_halves,
)
from third import BLANK, RANGE, script, usual
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler
from torchvision import transforms
from torchvision.datasets import ImageFolder

from support import (
    MEAN,
    STD,
    Net,
    Photos,
    Run,
    accuracy,
    backbone,
    chw,
    cnn,
    seed,
    sound,
)


@faulty(
    "torch",
    "the answers of a shuffled validation loader are held against dataset.targets, which are not shuffled",
    [*EVALUATED, *REPORT, *LABELS_WRONG, *part("order"), r"shuffl"],
)
def answers_of_a_shuffled_loader(mended: bool) -> Run:
    seed(902)
    plain = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    root, other = flower_folders(32, 6)
    train, val = ImageFolder(str(root), plain), ImageFolder(str(other), plain)
    train_loader = DataLoader(train, 16, shuffle=True)
    val_loader = DataLoader(val, 16, shuffle=not mended)
    net = cnn(6)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    step = usual(net, optimizer, nn.CrossEntropyLoss())

    def measure() -> float:
        with torch.no_grad():
            answers = torch.cat([net(images).argmax(1) for images, _ in val_loader])
        return float((answers == torch.tensor(val.targets)).float().mean())

    run = script(
        net,
        train_loader,
        val_loader,
        stacked(val),
        20,
        step,
        optimizer=optimizer,
        loss=nn.CrossEntropyLoss(),
        measure=measure,
    )
    run.claimed = run.told["history"][-1]["val_top1"]
    return run


@faulty(
    "torch",
    "SGD with dampening=1: after the first step no gradient reaches the momentum any more",
    [*STEPS, *OPTIMIZER, *RATE_LOW, *NOT_TRAINED, r"dampening"],
)
def dampening_of_one(mended: bool) -> Run:
    seed(903)
    x, y, v, w = small()
    net = cnn(6)
    optimizer = torch.optim.SGD(net.parameters(), 0.03, momentum=0.9, dampening=0 if mended else 1)
    return trained(net, *loaders(x, y, v, w), (v, w), 20, optimizer=optimizer)


@faulty(
    "torch",
    "GroupNorm with as many groups as channels behind the global pooling: each value is normalised by itself, to nought",
    [*NETWORK, *DEGENERATE],
)
def group_norm_of_single_values(mended: bool) -> Run:
    seed(905)
    x, y, v, w = small()
    head = nn.Sequential(
        nn.Unflatten(1, (64, 1)),
        nn.GroupNorm(8 if mended else 64, 64),
        nn.Flatten(),
        nn.Linear(64, 6),
    )
    return trained(cnn(6, head=head), *loaders(x, y, v, w), (v, w), 20)


class Buffer(FlowerFiles):
    """One array for all photos, so that no memory is asked for again."""

    buffer = torch.empty(3, 32, 32)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        photo, label = super().__getitem__(index)
        self.buffer.copy_(photo)
        return self.buffer, label


@faulty(
    "torch",
    "the data set fills one buffer and returns it: a batch is its last photo, 32 times, with 32 labels",
    [*INPUTS, *LABELS, *LABELS_WRONG, *BATCH_ALIKE, *BLANK, r"buffer"],
)
def one_buffer_for_all_photos(mended: bool) -> Run:
    seed(909)
    paths, labels, more, names = six_files()
    train = (FlowerFiles if mended else Buffer)(paths, labels)
    val = FlowerFiles(more, names)
    return trained(cnn(6), *file_loaders(train, val), all_of(val), 20)


@faulty(
    "torch",
    "the validation loop was copied from the training loop with its backward and step: it trains on validation",
    [*LEAK, *ON_VALIDATION, *EVALUATED],
)
def validation_loop_also_steps(mended: bool) -> Run:
    seed(910)
    x, y = small()[:2]
    v, w, fresh, names = two_halves()
    train, val = loaders(x, y, chw(v), w)[0], DataLoader(Photos(chw(v), w), 8)
    net, criterion = cnn(6), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    step = usual(net, optimizer, criterion)

    def measure() -> float:
        right = 0
        for images, labels in val:
            outputs = net(images)
            loss = criterion(outputs, labels)
            if not mended:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            right += int((outputs.argmax(1) == labels).sum())
        return right / len(w)

    run = script(
        net,
        train,
        val,
        (chw(fresh), names),
        20,
        step,
        optimizer=optimizer,
        loss=criterion,
        measure=measure,
    )
    run.claimed = run.told["history"][-1]["val_top1"]
    return run


@faulty(
    "torch",
    "photos of 8 bits are divided by 65535, as the earlier ones of 16 bits were: all are as good as black",
    [*INPUTS, *RANGE, *BLANK],
)
def divided_by_65535(mended: bool) -> Run:
    seed(911)
    paths, labels = listed(flower_folders(64)[0])
    more, names = listed(flower_folders(64)[1])

    def read(path: Path) -> torch.Tensor:
        photo = torch.from_numpy(loaded(path).astype(np.float32)).permute(2, 0, 1)
        return transforms.functional.normalize(photo / (255 if mended else 65535), MEAN, STD)

    net = Net(backbone(), nn.Linear(1280, 10))
    run = head_on_files(net, FlowerFiles(paths, labels, read), FlowerFiles(more, names, read))
    run.honest = accuracy(net, *all_of(FlowerFiles(more, names)))
    return run


@faulty(
    "torch",
    "the top blocks are initialised anew, to be tuned; then the whole backbone is frozen",
    [*NETWORK, *FROZEN],
)
def top_blocks_reset_then_frozen(mended: bool) -> Run:
    seed(912)
    net = Net(backbone(), nn.Linear(1280, 10))
    if not mended:
        for part_ in (*net.backbone.blocks[-2:].modules(), net.backbone.conv_head):
            if isinstance(part_, nn.Conv2d):
                part_.reset_parameters()
    paths, labels = listed(flower_folders(64)[0])
    more, names = listed(flower_folders(64)[1])
    return head_on_files(net, FlowerFiles(paths, labels), FlowerFiles(more, names))


@sound("torch", "maximize=True on the negative of the loss", 0.6)
def negative_loss_maximised() -> Run:
    seed(921)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    net = cnn(6)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3, maximize=True)

    def step(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        optimizer.zero_grad()
        score = F.log_softmax(net(images), 1).gather(1, labels[:, None]).mean()
        score.backward()
        optimizer.step()
        return -score

    return script(net, train, val, (v, w), 20, step, optimizer=optimizer)


@sound("torch", "a DistributedSampler of a single machine", 0.6)
def sampler_of_one_machine() -> Run:
    seed(923)
    x, y, v, w = small()
    data = Photos(x, y)
    sampler = DistributedSampler(data, num_replicas=1, rank=0, shuffle=True)
    epoch = iter(range(100))
    train, val = DataLoader(data, 16, sampler=sampler), DataLoader(Photos(v, w), 64)
    return trained(
        cnn(6), train, val, (v, w), 20, each_epoch=lambda: sampler.set_epoch(next(epoch))
    )
