"""Backbones of other kinds than MobileNetV2, trained here: no others' weights lie at hand."""

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from florascope.files import cache_dir, new_file
from florascope.garden import garden
from florascope.nets.backbone import Backbone
from florascope.nets.weights import load_backbone

EPOCHS, BATCH, RATE, PER_CLASS, SEED = 30, 32, 2e-3, 40, 7


def grown(name: str, size: int) -> Backbone:
    """Return a backbone that tells the garden's species apart, trained once and kept.

    Its drawings are another garden's (seed 7), so that those of the doctor's trainings are new to
    it.

    Args:
        name: timm's name.
        size: of the drawings, pixels.
    """
    kept = cache_dir() / "confusion" / f"{name}-{size}-{EPOCHS}.safetensors"
    backbone = load_backbone(name, "random")
    if not kept.is_file():
        _learn(backbone, size)
        with new_file(kept) as draft:
            save_file(backbone.net.state_dict(), draft)
    backbone.net.load_state_dict(load_file(kept))
    return backbone.eval()


def _learn(backbone: Backbone, size: int) -> None:
    """AdamW with a one-cycle rate and flips, all weights."""
    torch.manual_seed(SEED)
    drawn = garden(PER_CLASS, SEED, size)
    crop = backbone.preprocessing
    pixels = torch.from_numpy(crop.normalise(np.stack([photo.read() for photo in drawn.photos])))
    labels = torch.from_numpy(np.asarray(drawn.labels)).long()
    net = nn.Sequential(backbone.net, nn.Linear(backbone.num_features, len(drawn.classes))).train()
    optimizer = torch.optim.AdamW(net.parameters(), RATE, weight_decay=0.05)
    steps = EPOCHS * (len(labels) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps)
    for _ in range(EPOCHS):
        order = torch.randperm(len(labels))
        loss = torch.zeros(())
        for at in range(0, len(labels) // BATCH * BATCH, BATCH):
            chosen = order[at : at + BATCH]
            images = pixels[chosen]
            images = images.flip(3) if torch.rand(()) < 0.5 else images
            loss = nn.functional.cross_entropy(net(images), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"{backbone.name}: loss {loss.item():.3f}", flush=True)
