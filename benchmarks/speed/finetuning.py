"""Photos a second that MobileNetV2 learns from at 224 pixels; prints JSON.

python finetuning.py [--steps 10] [--compiled]
"""

import argparse
import json
import time
import warnings

import torch
from torch import nn

from florascope.nets.fusing import fuse
from florascope.nets.weights import load_backbone
from florascope.training.devices import recast

BATCH, SIZE, CLASSES = 16, 224, 102


def main() -> None:
    """Measure every way on the same batch."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--compiled", action="store_true", help="also torch.compile (minutes)")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    found = {
        "PyTorch eager f32": rate(plain(), options.steps, half=False),
        "PyTorch eager bf16": rate(plain(), options.steps, half=True),
        "florascope f32": rate(ours(), options.steps, half=False),
        "florascope bf16": rate(ours(), options.steps, half=True),
    }
    if options.compiled:
        for name, half in (("f32", False), ("bf16", True)):
            net = torch.compile(plain())
            found[f"PyTorch compiled {name}"] = rate(net, options.steps, half=half)  # type: ignore[arg-type]
    print(json.dumps(found))


def plain() -> nn.Module:
    """The network as timm makes it, its BatchNorm standing still."""
    return headed(load_backbone("mobilenetv2_100", "random").net)


def ours() -> nn.Module:
    """The network as `--recipe finetune` trains it."""
    net = load_backbone("mobilenetv2_100", "random").net
    return headed(recast(fuse(net, torch.zeros(2, 3, 64, 64)).net))


def headed(net: nn.Module) -> nn.Module:
    """Add a head; channels last, in eval mode, gradients for all weights."""
    whole = nn.Sequential(net, nn.Linear(1280, CLASSES)).eval()
    for parameter in whole.parameters():
        parameter.requires_grad = True
    return whole.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def rate(net: nn.Module, steps: int, *, half: bool) -> float:
    """Photos a second of whole steps, after a warm-up."""
    images = torch.randn(BATCH, 3, SIZE, SIZE).contiguous(memory_format=torch.channels_last)
    targets = torch.randint(CLASSES, (BATCH,))
    adam = torch.optim.AdamW(net.parameters(), lr=1e-4)
    for step in range(steps + 2):
        if step == 2:
            start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            loss = nn.functional.cross_entropy(net(images), targets)
        adam.zero_grad()
        loss.backward()
        adam.step()
    return steps * BATCH / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
