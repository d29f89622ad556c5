"""What does it cost to watch a training loop? Makes the committed table of the recorder's times.

    python benchmarks/doctor/recorder.py

Trains timm's MobileNetV2 (weights as they are made; their values cost nothing), whole and with its
backbone frozen, and a small network, on batches of noise, in blocks of steps that are watched and
not watched by turns, and compares the medians of the blocks, in processor time; of the 40 steps of
a block the first eight are measured in full, later ones each tenth: a long training pays less.
Likewise model.fit of Keras with and without the callback. One thread. Writes
results/recorder.{md,json} beside this file.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from statistics import median

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import timm
import torch
from torch import nn

import florascope
from florascope.files import write_json, write_text
from florascope.keras import Doctor

RESULTS = Path(__file__).parent / "results"
BLOCKS, STEPS, BATCH = 3, 40, 16
Case = Callable[[bool], float]


def torch_case(network: nn.Module, side: int, optimizer: torch.optim.Optimizer) -> Case:
    """Return a block of steps of a usual loop, watched or not; its seconds a step."""
    images, labels = torch.randn(4, BATCH, 3, side, side), torch.randint(0, 10, (4, BATCH))
    network.train()

    def block(watched: bool) -> float:  # noqa: FBT001
        start = time.process_time()
        with florascope.watch(network, optimizer) if watched else nullcontext():
            for step in range(STEPS):
                optimizer.zero_grad()
                x, y = images[step % 4], labels[step % 4]
                nn.functional.cross_entropy(network(x), y).backward()
                optimizer.step()
        return (time.process_time() - start) / STEPS

    return block


def keras_case() -> Case:
    """Return an epoch of model.fit, with the callback or not; its seconds a step."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((64, 64, 3)),
            *(
                la
                for w in (16, 32, 64)
                for la in (layers.Conv2D(w, 3, activation="relu"), layers.MaxPooling2D())
            ),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    draw = np.random.default_rng(0)
    x = draw.normal(size=(STEPS * BATCH, 64, 64, 3)).astype(np.float32)
    y = draw.integers(0, 10, len(x))

    def block(watched: bool) -> float:  # noqa: FBT001
        start = time.process_time()
        model.fit(x, y, batch_size=BATCH, verbose=0, callbacks=[Doctor()] if watched else [])
        return (time.process_time() - start) / STEPS

    return block


def cases() -> Iterator[tuple[str, Case]]:
    """Yield each case by name."""
    whole = timm.create_model("mobilenetv2_100", num_classes=10)
    adamw = torch.optim.AdamW(whole.parameters(), 1e-4)
    yield "MobileNetV2 at 64 px, whole", torch_case(whole, 64, adamw)
    frozen = timm.create_model("mobilenetv2_100", num_classes=10).requires_grad_(
        requires_grad=False
    )
    head = frozen.get_classifier().requires_grad_(requires_grad=True)
    sgd = torch.optim.SGD(head.parameters(), 0.01)
    yield "MobileNetV2 at 64 px, frozen but its head", torch_case(frozen, 64, sgd)
    blocks = [
        la
        for a, b in ((3, 16), (16, 32), (32, 64))
        for la in (nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2))
    ]
    small = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    adam = torch.optim.Adam(small.parameters(), 1e-3)
    yield "three convolutions at 64 px", torch_case(small, 64, adam)
    yield "Keras (torch), three convolutions at 64 px", keras_case()


def measured(case: Case) -> dict[str, float]:
    """Medians of the blocks with and without, in milliseconds a step."""
    case(False)  # noqa: FBT003 (the first block warms up)
    steps: dict[bool, list[float]] = {False: [], True: []}
    for number in range(2 * BLOCKS):
        steps[number % 2 == 1].append(case(number % 2 == 1))
    plain, watched = (1000 * median(steps[which]) for which in (False, True))
    return {"plain_ms": plain, "watched_ms": watched, "cost": watched / plain - 1}


def main() -> None:
    """Measure, print and write the table."""
    torch.set_num_threads(1)
    found = {name: measured(case) for name, case in cases()}
    lines = ["| training, batches of 16 | a step | watched | cost |", "|---|---|---|---|"]
    for name, row in found.items():
        figures = f"{row['plain_ms']:.1f} ms | {row['watched_ms']:.1f} ms | {row['cost']:+.1%}"
        lines.append(f"| {name} | {figures} |")
    print("\n".join(lines))
    write_json(RESULTS / "recorder.json", found)
    write_text(RESULTS / "recorder.md", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
