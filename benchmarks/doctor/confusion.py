"""Which cause does the doctor name for which failure? Makes the committed confusion table.

    python benchmarks/doctor/confusion.py
    python benchmarks/doctor/confusion.py --small

Plants every failure of tests/doctor/failures.py in a training of Google's MobileNetV2 on photos of
Oxford Flowers 102 (12 classes, 10 photos each to train and 5 to validate, 96 x 96), and diagnoses
it; then diagnoses sound trainings of several backbones, data sets and recipes. Needs
FLORASCOPE_DATA and FLORASCOPE_WEIGHTS. Writes results/confusion.{md,json} beside this file
(--small, which needs neither, results/small/).
"""

import argparse
import copy
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import nn

from florascope.data.source import open_dataset
from florascope.doctor.diagnosis import Diagnosis
from florascope.files import write_json, write_text
from florascope.images import RGB
from florascope.model.weights import NAMED, load_backbone, read_state, weights_dir

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "doctor"))
failures: Any = import_module("failures")

CLASSES, TRAIN, VAL, SIZE = 12, 10, 5, 96


class Pooled(nn.Module):
    """A backbone's pooled features alone."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images to (b, c)."""
        features: torch.Tensor = self.net(images)
        return features


def write_photos(root: Path, source: str, classes: int = CLASSES) -> None:
    """Sort some photos of a data set into train/ and val/."""
    dataset = open_dataset(source)
    for k in range(classes):
        own = [i for i, label in enumerate(dataset.labels) if label == k][: TRAIN + VAL]
        for n, index in enumerate(own):
            side = "train" if n < TRAIN else "val"
            folder = root / side / f"{dataset.classes[k].id.zfill(3)}"
            folder.mkdir(parents=True, exist_ok=True)
            save(dataset.photos[index].read(), folder / f"{side}{n}.png")


def save(rgb: RGB, path: Path) -> None:
    """Save a photo with its shorter side at most 144."""
    photo = Image.fromarray(rgb)
    share = min(1.0, 144 / min(photo.size))
    photo.resize((round(photo.width * share), round(photo.height * share))).save(path)


def make_world(scratch: Path, source: str, name: str, weights: str) -> Any:  # noqa: ANN401
    """Photos and a backbone; Google's weights come with their ImageNet head."""
    root = scratch / source
    if not root.exists():
        write_photos(root, source)
    backbone = load_backbone(name, weights)
    net = Pooled(backbone.net).eval()
    contract = replace(backbone.preprocessing, size=SIZE)
    head = canary(net) if weights == "google" else None
    return failures.World(
        root,
        scratch / "scratch",
        contract,
        partial(copy.deepcopy, net),
        backbone.num_features,
        head,
    )


def canary(body: nn.Module) -> nn.Module:
    """Google's network with its own 1001-way head."""
    folder = weights_dir()
    state = read_state((folder or Path()) / NAMED["google"].file)
    net = failures.Net(copy.deepcopy(body), 1280, 1001)
    with torch.no_grad():
        net.head.weight.copy_(state["classifier.weight"])
        net.head.bias.copy_(state["classifier.bias"])
    return net.eval()


HEALTHY = (
    ("oxford102", "mobilenetv2_100", "google"),
    ("oxford102", "mobilenetv2_100", "torchvision"),
    ("garden", "mobilenetv2_100", "flowers"),
    ("garden", "resnet18", "random"),
    ("oxford102", "efficientnet_b0", "random"),
)


def planted(world: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """Diagnose every failure."""
    for failure in failures.applicable(world):
        yield row(failure.__name__, failures.FAILURES[failure], partial(failure, world))


def sound(scratch: Path) -> Iterator[dict[str, Any]]:
    """Diagnose three sound trainings of each pairing."""
    for source, name, weights in HEALTHY:
        world = make_world(scratch, source, name, weights)
        for n, ill in enumerate(failures.healthy(world)):
            yield row(
                f"sound: {name} ({weights}), {source}, script {n + 1}", "", partial(_given, ill)
            )


def _given(ill: Any) -> Any:  # noqa: ANN401
    return ill


def row(name: str, cause: str, make: Callable[[], Any]) -> dict[str, Any]:
    """Plant and diagnose."""
    start = time.perf_counter()
    diagnosis: Diagnosis = make().diagnosis()
    first = diagnosis.findings[0] if diagnosis.findings else None
    seconds = time.perf_counter() - start
    print(f"{name}: {first.cause if first else '-'} ({seconds:.0f} s)", flush=True)
    return {
        "planted": name,
        "cause": cause,
        "named": first.cause if first else "",
        "confidence": first.confidence if first else 0.0,
        "right": (first.cause if first else "") == cause if cause else not diagnosis.of("error"),
        "errors": len(diagnosis.of("error")),
        "others": [f"{f.severity}: {f.cause}" for f in diagnosis.findings[1:]],
        "seconds": diagnosis.seconds,
    }


def page(rows: list[dict[str, Any]]) -> str:
    """Write the table."""
    ill, well = ([r for r in rows if bool(r["cause"]) is kind] for kind in (True, False))
    lines = [
        "# What the doctor names first",
        "",
        "Made by `benchmarks/doctor/confusion.py`.",
        "",
        f"{sum(r['right'] for r in ill)} of {len(ill)} planted failures named first;"
        f" {sum(r['errors'] for r in well)} findings of severity error in {len(well)} sound"
        " trainings.",
        "",
        "| planted | cause | named first | further findings |",
        "|---|---|---|---|",
        *(_line(r) for r in ill),
        "",
        "| sound training | errors | findings |",
        "|---|---|---|",
        *(f"| {r['planted'][7:]} | {r['errors']} | {_all(r) or 'none'} |" for r in well),
        "",
    ]
    return "\n".join(lines)


def _line(r: dict[str, Any]) -> str:
    named = "the same" if r["right"] else f"**{r['named'] or 'nothing'}**"
    return f"| {r['planted']} | {r['cause']} | {named} | {'; '.join(r['others']) or 'none'} |"


def _all(r: dict[str, Any]) -> str:
    return "; ".join([r["named"], *r["others"]] if r["named"] else r["others"])


def main() -> None:
    """Plant, diagnose, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--small", action="store_true", help="the tests' own small world instead")
    parser.add_argument("--only", choices=("planted", "sound"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.small:
        with tempfile.TemporaryDirectory() as folder:
            small(Path(folder), options.out / "small")
        return
    rows: list[dict[str, Any]] = []
    kept = options.out / "confusion.json"
    if options.only and kept.exists():
        old = json.loads(kept.read_text(encoding="utf-8"))
        rows += [r for r in old if bool(r["cause"]) is (options.only == "sound")]
    with tempfile.TemporaryDirectory() as folder:
        if options.only != "sound":
            world = make_world(Path(folder), "oxford102", "mobilenetv2_100", "google")
            for found in planted(world):
                rows.append(found)
                write(rows, options.out)
        if options.only != "planted":
            for found in sound(Path(folder)):
                rows.append(found)
                write(rows, options.out)


def small(folder: Path, out: Path) -> None:
    """Plant everything in painted photos and timm's smallest network: a minute or two."""
    world = import_module("world").make_world(folder)
    rows: list[dict[str, Any]] = []
    for n, ill in enumerate(failures.healthy(world)):
        rows.append(row(f"sound: test_resnet, painted, script {n + 1}", "", partial(_given, ill)))
    for found in planted(world):
        rows.append(found)
        write(rows, out)


def write(rows: list[dict[str, Any]], out: Path) -> None:
    """Write the table so far, so that it can be stopped."""
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "confusion.json", rows)
    write_text(out / "confusion.md", page(rows))


if __name__ == "__main__":
    main()
