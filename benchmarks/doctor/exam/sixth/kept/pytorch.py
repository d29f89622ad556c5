"""PyTorch, kept: as people write it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from fifth import thirty, tuned
from fourth import (
    EVALUATED,
    INPUTS,
    LABELS,
    NAMES,
    OBJECTIVE,
    SAMPLER,
    STEPS,
    flower_folders,
    stacked,
)
from second import (
    AUGMENT,
    LABELS_WRONG,
    OPTIMIZER,
    REPORT,
    VAL_DIFFERS,
    faulty,
    trained,
)
from sixth import (
    BATCH_ALIKE,
    FlowerFiles,
    all_of,
    file_loaders,
    listed,
    six_files,
    to_input,
)
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler, Subset, random_split
from torchvision import transforms
from torchvision.datasets import ImageFolder

from support import (
    MEAN,
    STD,
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
    "random_split's two subsets share one data set, hence the crops and distortions of training",
    [*EVALUATED, *VAL_DIFFERS, *AUGMENT, *REPORT],
)
def subsets_share_one_transform(mended: bool) -> Run:
    seed(901)
    root = flower_folders(32, 6)[0]
    plain = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    strong = transforms.Compose(
        [
            transforms.RandomResizedCrop(32, (0.05, 0.3)),
            transforms.RandomRotation(90),
            *plain.transforms,
        ]
    )
    light = transforms.Compose([transforms.RandomHorizontalFlip(), *plain.transforms])
    data = ImageFolder(str(root), light)
    train, val = random_split(data, [104, 40], generator=torch.Generator().manual_seed(0))
    if not mended:
        val.dataset.transform = strong  # meant for training alone
    train_loader, val_loader = DataLoader(train, 16, shuffle=True), DataLoader(val, 40)
    clean = Subset(ImageFolder(str(root), plain), val.indices)
    run = trained(cnn(6), train_loader, val_loader, stacked(clean), 18)
    run.claimed = run.told["history"][-1]["val_top1"]
    return run


@faulty(
    "torch",
    "Adam(maximize=True), left from a policy gradient: the loss is climbed",
    [
        *STEPS,
        *OPTIMIZER,
        *OBJECTIVE,
        r"maximi[sz]|ascen|climb|(loss).{0,40}(ris|grow|increas|went up)",
    ],
)
def maximize_left_from_another_task(mended: bool) -> Run:
    seed(904)
    data = FlowerFiles(*six_files()[:2]), FlowerFiles(*six_files()[2:])
    net = cnn(6)
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3, maximize=not mended)
    return trained(net, *file_loaders(*data), all_of(data[1]), 20, optimizer=optimizer)


@faulty(
    "torch",
    "a DistributedSampler for eight machines on the only one: an eighth of the photos is ever drawn",
    [
        *SAMPLER,
        r"(an? |1/)(eighth|8)|\b(18|24|30|38)\b.{0,30}(photos|of)|num_replicas|distributed|few(er)? photos",
    ],
)
def sampler_of_eight_machines(mended: bool) -> Run:
    seed(906)
    net = Net(backbone(), nn.Linear(1280, 10))
    x, y, v, w = thirty(64)
    sampler = DistributedSampler(
        Photos(x, y), num_replicas=1 if mended else 8, rank=0, shuffle=False
    )
    drawn = list(sampler)
    optimizer = torch.optim.Adam(net.head.parameters(), 3e-3)

    def step(held: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(net.head(held), labels)
        loss.backward()
        optimizer.step()
        return loss

    run = tuned(
        net, (x[drawn], y[drawn], v, w), step, 15, optimizer=optimizer, loss=nn.CrossEntropyLoss()
    )
    run.train = DataLoader(Photos(x, y), 32, sampler=sampler)
    return run


@faulty(
    "torch",
    "a dictionary by file name: every folder has its 000.jpg, so the photos of the last class alone are kept",
    [
        *SAMPLER,
        *LABELS,
        *LABELS_WRONG,
        r"(one|single|1|only) (of \d+ )?(class|label)|class(es)?.{0,60}(missing|absent|no photo|without)",
    ],
)
def photos_kept_by_file_name(mended: bool) -> Run:
    seed(907)
    root, other = flower_folders(32, 6)

    def dataset(folder: Path) -> FlowerFiles:
        found = {
            (str(path) if mended else path.name): path for path in sorted(folder.rglob("*.jpg"))
        }
        paths = list(found.values())
        return FlowerFiles(paths, [NAMES.index(path.parent.name) for path in paths])

    train, val = dataset(root), FlowerFiles(*listed(other))
    return trained(cnn(6), *file_loaders(train, val), all_of(val), 20)


@faulty(
    "torch",
    "opened photos are kept by file name: 000.jpg of another class is handed out for one's own",
    [
        *INPUTS,
        *LABELS,
        *LABELS_WRONG,
        *BATCH_ALIKE,
        r"cache|(photo|image|pixel)s?.{0,80}(another|other|wrong|not (those|that)).{0,40}(file|path|class)",
    ],
)
def cache_by_file_name(mended: bool) -> Run:
    seed(908)
    held: dict[str, torch.Tensor] = {}

    def read(path: Path) -> torch.Tensor:
        key = str(path) if mended else path.name
        if key not in held:
            held[key] = to_input(path)
        return held[key]

    paths, labels, more, names = six_files()
    train, val = FlowerFiles(paths, labels, read), FlowerFiles(more, names)
    return trained(cnn(6), *file_loaders(train, val), all_of(val), 20)


@faulty(
    "torch",
    "two lists of files are joined one after the other, their labels photo folder by photo folder",
    [*LABELS, *LABELS_WRONG, r"(label|class)e?s?.{0,60}(folder|path|name)"],
)
def two_endings_two_lists(mended: bool) -> Run:
    seed(913)
    paths, labels, more, names = six_files()
    even, odd = paths[::2], paths[1::2]  # those of the old and the new camera
    joined = paths if mended else even + odd
    train, val = FlowerFiles(joined, labels), FlowerFiles(more, names)
    return trained(cnn(6), *file_loaders(train, val), all_of(val), 20)


@sound(
    "torch", "photos by path in a mixed order, classes numbered otherwise than by the alphabet", 0.6
)
def classes_numbered_by_hand() -> Run:
    seed(922)
    paths, labels, more, names = six_files()
    order = np.random.permutation(len(paths))
    number = [3, 0, 5, 1, 4, 2]
    train = FlowerFiles([paths[i] for i in order], [number[labels[i]] for i in order])
    val = FlowerFiles(more, [number[name] for name in names])
    return trained(cnn(6), *file_loaders(train, val), all_of(val), 20)


@sound("torch", "generalised cross-entropy, (1 - p^0.5) / 0.5, by files of a folder", 0.6)
def generalised_cross_entropy() -> Run:
    seed(925)
    paths, labels, more, names = six_files()
    train, val = FlowerFiles(paths, labels), FlowerFiles(more, names)

    def loss(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        p = outputs.softmax(1).gather(1, labels[:, None])
        return ((1 - p.clamp(min=1e-6).sqrt()) * 2).mean()

    return trained(cnn(6), *file_loaders(train, val), all_of(val), 20, loss=loss)
