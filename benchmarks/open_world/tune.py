"""Fine-tune the last stages of MobileNetV2 on each draw's known species alone.

    python benchmarks/open_world/tune.py FOLDER [DRAW ...]

What the frozen lower stages give for each photo (plain, mirrored, and a random crop) is kept in
FOLDER (0.9 GB) and made once; a draw that is there is not made again, and one that was stopped
goes on from its last whole epoch. A draw takes about 6 minutes on one core. Needs FLORASCOPE_DATA
with flowers-102, and FLORASCOPE_WEIGHTS.
"""

import json
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from protocol import DRAWS, Indexes, World, draw
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, dropout

from florascope.augmentation import RandomCrop
from florascope.data.oxford102 import oxford102
from florascope.data.oxford102_features import CSV_SPLIT, embedded_oxford102
from florascope.images import RGB
from florascope.nets.fusing import fuse
from florascope.nets.weights import load_backbone
from florascope.preprocessing import Crop, Preprocessing

STAGES = 5  # that stay frozen
VIEWS = 3  # plain, mirrored, a random crop
PHOTOS = 40  # of each species that train, so that a draw takes minutes
EPOCHS, BATCH = 5, 32
RATES = (5e-4, 1e-3)  # of the stages and of the head
WARMUP, SMOOTHING, DROPOUT, DECAY = 0.1, 0.1, 0.2, 0.02
MAP = (96, 14, 14)
BLOCK = 16  # photos through the lower stages at once

Parts = tuple[nn.Module, torch.optim.Optimizer]


def main() -> None:
    """Make what is not there yet."""
    folder, draws = Path(sys.argv[1]), [int(text) for text in sys.argv[2:]] or range(DRAWS)
    folder.mkdir(parents=True, exist_ok=True)
    backbone = load_backbone("mobilenetv2_100", "torchvision")
    embedded = embedded_oxford102()
    dataset, split = embedded.dataset, embedded.dataset.own_splits[CSV_SPLIT]
    lower = nn.Sequential(*_lower(fuse(backbone.net, backbone.example(2)).net)).eval()
    everything = np.arange(len(dataset))
    views = [_view(folder, lower, v, everything if v < 2 else split.train) for v in range(VIEWS)]
    for seed in draws:
        if (file := folder / f"{seed}.npz").exists():
            continue
        world = draw(dataset.labels, split, dataset.classes, seed)
        upper = _upper(fuse(backbone.net, backbone.example(2)).net)
        head = nn.Linear(backbone.num_features, world.classes)
        draft = Draft(folder / f"{seed}.pt", seed)
        _tune(nn.Sequential(upper, head), views, world, draft)
        features = torch.cat(list(_pooled(upper, views[0], everything))).numpy()
        mirrored = features.copy()
        asked = np.setdiff1d(everything, split.train)
        asked = np.union1d(asked, np.concatenate([world.strangers, world.selecting]))
        mirrored[asked] = torch.cat(list(_pooled(upper, views[1], asked))).numpy()
        features, mirrored = features.astype(np.float16), mirrored.astype(np.float16)
        np.savez(file, features=features, mirrored=mirrored)
        draft.file.unlink()


def _lower(net: Any) -> list[nn.Module]:  # noqa: ANN401 (timm's)
    return [net.conv_stem, net.bn1, net.blocks[:STAGES]]


def _upper(net: Any) -> nn.Sequential:  # noqa: ANN401 (likewise)
    parts = (net.blocks[STAGES:], net.conv_head, net.bn2, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(*parts).to(memory_format=torch.channels_last).eval()


def _view(folder: Path, lower: nn.Sequential, view: int, photos: Indexes) -> np.ndarray:
    file = folder / f"view-{view}.npy"
    if not file.exists():
        every, preprocessing = oxford102().photos, Preprocessing()
        draft = file.with_suffix(f".{os.getpid()}")
        rows = np.lib.format.open_memmap(draft, "w+", np.float16, (len(every), *MAP))
        for start in range(0, len(photos), BLOCK):
            block = photos[start : start + BLOCK]
            crops = np.stack([_crop(every[i].read(), view, int(i)) for i in block])
            images = torch.from_numpy(preprocessing.normalise(crops))
            with torch.no_grad():
                rows[block] = lower(images.to(memory_format=torch.channels_last)).numpy()
        draft.rename(file)
    return np.load(file, mmap_mode="r")


def _crop(photo: RGB, view: int, number: int) -> Crop:
    preprocessing = Preprocessing()
    if view < 2:
        crop = preprocessing.crop(photo)
        return np.ascontiguousarray(crop[:, ::-1]) if view else crop
    rng = np.random.default_rng([view, number])
    crop = RandomCrop()(photo, preprocessing.size, rng)
    return np.ascontiguousarray(crop[:, ::-1]) if rng.integers(2) else crop


def _rows(maps: np.ndarray, photos: Indexes) -> Tensor:
    rows = torch.from_numpy(maps[photos].astype(np.float32))
    return rows.to(memory_format=torch.channels_last)


def _pooled(upper: nn.Module, maps: np.ndarray, photos: Indexes) -> Iterator[Tensor]:
    with torch.no_grad():
        for start in range(0, len(photos), BATCH):
            yield upper(_rows(maps, photos[start : start + BATCH]))


class Draft:
    """A draw on its way: a file that keeps its parts and all that chance decides."""

    def __init__(self, file: Path, seed: int) -> None:
        self.file, self.rng = file, np.random.default_rng(seed)
        torch.manual_seed(seed)

    def read(self, parts: Parts) -> tuple[int, Indexes]:
        """Fill the parts; return how many steps are done, and the order of the photos."""
        kept = torch.load(self.file, weights_only=True)
        network, optimizer = parts
        network.load_state_dict(kept["parts"][0])
        optimizer.load_state_dict(kept["parts"][1])
        self.rng.bit_generator.state = json.loads(kept["numpy"])
        torch.set_rng_state(kept["torch"])
        return kept["step"], kept["photos"].numpy()

    def write(self, parts: Parts, step: int, photos: Indexes) -> None:
        """Keep what `read` gives back."""
        kept = {
            "parts": [part.state_dict() for part in parts],
            "numpy": json.dumps(self.rng.bit_generator.state),
            "torch": torch.get_rng_state(),
            "step": step,
            "photos": torch.from_numpy(photos),
        }
        torch.save(kept, self.file.with_suffix(".draft"))
        self.file.with_suffix(".draft").replace(self.file)


def _tune(network: nn.Sequential, views: list[np.ndarray], world: World, draft: Draft) -> None:
    upper, head = network
    groups = [{"params": part.parameters()} for part in (upper, head)]
    optimiser = torch.optim.AdamW(groups, weight_decay=DECAY)
    begun, photos = 0, _chosen(world, draft.rng)
    if draft.file.exists():
        begun, photos = draft.read((network, optimiser))
    rounds = len(photos) // BATCH
    steps = EPOCHS * rounds
    for step in range(begun, steps):
        if step % rounds == 0:
            draft.write((network, optimiser), step, photos)
            photos = draft.rng.permutation(photos)
        start = step % rounds * BATCH
        batch = np.sort(photos[start : start + BATCH])
        share = min(1, step / (steps * WARMUP)) * (1 + math.cos(math.pi * step / steps)) / 2
        for group, rate in zip(optimiser.param_groups, RATES, strict=True):
            group["lr"] = rate * share
        maps, truth = (
            _rows(views[draft.rng.integers(VIEWS)], batch),
            torch.from_numpy(world.labels[batch]),
        )
        logits = head(dropout(upper(maps), DROPOUT))
        loss = cross_entropy(logits, truth, label_smoothing=SMOOTHING)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 50 == 0:
            print(f"step {step} of {steps}: loss {loss.item():.3f}", flush=True)


def _chosen(world: World, rng: np.random.Generator) -> Indexes:
    train = world.split.train
    own = (train[world.labels[train] == k] for k in range(world.classes))
    return np.concatenate([rng.permutation(photos)[:PHOTOS] for photos in own])


if __name__ == "__main__":
    main()
