"""Fine-tune the last stages of MobileNetV2 on each draw's known species alone.

    python benchmarks/open_world/tune.py FOLDER

What the frozen lower stages give for each photo, plain and mirrored, is kept in FOLDER (600 MB) and
made once; a draw that is there is not made again. Five draws take about 12 minutes on one core.
Needs FLORASCOPE_DATA with flowers-102, and FLORASCOPE_WEIGHTS.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from protocol import DRAWS, Indexes, World, draw
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, dropout

from florascope.data.oxford102 import oxford102
from florascope.data.oxford102_features import CSV_SPLIT, embedded_oxford102
from florascope.nets.fusing import fuse
from florascope.nets.weights import load_backbone
from florascope.preprocessing import Preprocessing

STAGES = 5  # that stay frozen
PHOTOS = 20  # of each species that train, so that a draw takes minutes
EPOCHS, BATCH = 3, 32
RATES = (5e-4, 1e-3)  # of the stages and of the head
WARMUP, SMOOTHING, DROPOUT, DECAY = 0.1, 0.1, 0.2, 0.02
MAP = (96, 14, 14)


def main() -> None:
    """Make what is not there yet."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    backbone = load_backbone("mobilenetv2_100", "torchvision")
    maps = [_maps(folder, nn.Sequential(*_lower(backbone.net)), mirrored=m) for m in (False, True)]
    embedded = embedded_oxford102()
    dataset, split = embedded.dataset, embedded.dataset.own_splits[CSV_SPLIT]
    for seed in range(DRAWS):
        if (file := folder / f"{seed}.npz").exists():
            continue
        world = draw(dataset.labels, split, dataset.classes, seed)
        upper = _upper(fuse(backbone.net, backbone.example(2)).net)
        head = nn.Linear(backbone.num_features, world.classes)
        _tune(nn.Sequential(upper, head), maps, world, seed)
        features = torch.cat(list(_pooled(upper, maps[0], np.arange(len(dataset))))).numpy()
        weight, bias = (p.detach().numpy() for p in (head.weight, head.bias))
        np.savez(file, features=features.astype(np.float16), weight=weight, bias=bias)


def _lower(net: nn.Module) -> list[nn.Module]:
    return [net.conv_stem, net.bn1, net.blocks[:STAGES]]


def _upper(net: nn.Module) -> nn.Sequential:
    parts = (net.blocks[STAGES:], net.conv_head, net.bn2, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(*parts).to(memory_format=torch.channels_last).eval()


def _maps(folder: Path, lower: nn.Sequential, *, mirrored: bool) -> np.ndarray:
    file = folder / ("mirrored.npy" if mirrored else "plain.npy")
    if not file.exists():
        photos, preprocessing = oxford102().photos, Preprocessing()
        draft = file.with_suffix(".draft")
        rows = np.lib.format.open_memmap(draft, "w+", np.float16, (len(photos), *MAP))
        for number, photo in enumerate(photos):
            image = torch.from_numpy(preprocessing(photo.read()))[None]
            with torch.no_grad():
                rows[number] = lower(image.flip(3) if mirrored else image)[0].numpy()
        draft.rename(file)
    return np.load(file, mmap_mode="r")


def _rows(maps: np.ndarray, photos: Indexes) -> Tensor:
    rows = torch.from_numpy(maps[photos].astype(np.float32))
    return rows.to(memory_format=torch.channels_last)


def _pooled(upper: nn.Module, maps: np.ndarray, photos: Indexes) -> Iterator[Tensor]:
    with torch.no_grad():
        for start in range(0, len(photos), BATCH):
            yield upper(_rows(maps, photos[start : start + BATCH]))


def _tune(network: nn.Sequential, maps: list[np.ndarray], world: World, seed: int) -> None:
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    train = world.split.train
    own = (rng.permutation(train[world.labels[train] == k])[:PHOTOS] for k in range(world.classes))
    photos = np.concatenate(list(own))
    upper, head = network
    groups = [{"params": part.parameters()} for part in (upper, head)]
    optimiser = torch.optim.AdamW(groups, weight_decay=DECAY)
    steps = EPOCHS * (len(photos) // BATCH)
    for step in range(steps):
        if step % (len(photos) // BATCH) == 0:
            photos = rng.permutation(photos)
        start = step % (len(photos) // BATCH) * BATCH
        batch = np.sort(photos[start : start + BATCH])
        share = min(1, step / (steps * WARMUP)) * (1 + np.cos(np.pi * step / steps)) / 2
        for group, rate in zip(optimiser.param_groups, RATES, strict=True):
            group["lr"] = rate * share
        logits = head(dropout(upper(_rows(maps[rng.integers(2)], batch)), DROPOUT))
        truth = torch.from_numpy(world.labels[batch])
        loss = cross_entropy(logits, truth, label_smoothing=SMOOTHING)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 50 == 0:
            print(f"draw {seed}, step {step} of {steps}: loss {loss.item():.3f}", flush=True)


if __name__ == "__main__":
    main()
