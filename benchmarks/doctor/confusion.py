"""Which cause does the doctor name for which failure? Makes the committed confusion table.

    python benchmarks/doctor/confusion.py
    python benchmarks/doctor/confusion.py --small
    python benchmarks/doctor/confusion.py shifted bgr

Plants every failure of tests/doctor/failures/ in a training of Google's MobileNetV2 on photos of
Oxford Flowers 102 (12 classes, 8 photos each to train and 5 to validate, 80 x 80), and diagnoses
it; then diagnoses sound trainings of several backbones (some learned from the garden here, see
grown.py), data sets and recipes. Needs
FLORASCOPE_DATA and FLORASCOPE_WEIGHTS. Writes results/confusion.{md,json} beside this file
(--small, which needs neither, results/small/), row by row. One thread; evidence is kept in the
cache, so that a second run only judges it again.
"""

import argparse
import copy
import hashlib
import inspect
import json
import pickle
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import nn

from florascope.doctor.diagnosis import judge
from florascope.doctor.evidence import Evidence
from florascope.doctor.script import Script, gather
from florascope.files import cache_dir, new_file, write_json, write_text
from florascope.images import RGB
from florascope.nets.weights import NAMED, load_backbone, read_state, weights_dir
from florascope.source import open_dataset

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "doctor"), str(Path(__file__).parent)]
grown: Any = import_module("grown").grown
failures: Any = import_module("failures")

CLASSES, TRAIN, VAL, SIZE = 12, 8, 5, 80


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
    backbone = grown(name, SIZE) if weights == "grown" else load_backbone(name, weights)
    net = Pooled(backbone.net).eval()
    contract = replace(backbone.preprocessing, size=SIZE)
    head = with_own_head(net) if weights == "google" else None
    return failures.World(
        root,
        scratch / "scratch",
        contract,
        partial(copy.deepcopy, net),
        backbone.num_features,
        head,
    )


def with_own_head(body: nn.Module) -> nn.Module:
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
    ("garden", "resnet18", "grown"),
    ("garden", "regnetx_002", "grown"),
)


def planted(world: Any, names: Sequence[str]) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """Diagnose every failure, or those that are named."""
    for failure in failures.applicable(world):
        if not names or failure.__name__ in names:
            yield row(failure.__name__, failures.FAILURES[failure], failure, world)


def sound(scratch: Path) -> Iterator[dict[str, Any]]:
    """Diagnose the sound trainings of each pairing."""
    for source, name, weights in HEALTHY:
        world = make_world(scratch, source, name, weights)
        yield from healthy(world, f"{name} ({weights}), {source}")


def healthy(world: Any, where: str) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """Diagnose the sound trainings of one world."""
    for training in failures.HEALTHY:
        yield row(f"sound: {where}, {training.__name__}", "", training, world)


def row(name: str, cause: str, make: Callable[[Any], Any], world: Any) -> dict[str, Any]:  # noqa: ANN401
    """Plant and diagnose."""
    evidence, seconds = seen(name, make, world)
    found = judge(evidence)
    errors = sum(f.severity == "error" for f in found)
    first = found[0].cause if found else ""
    print(f"{name}: {first or '-'} ({seconds:.1f} s)", flush=True)
    return {
        "planted": name,
        "cause": cause,
        "named": first,
        "confidence": found[0].confidence if found else 0.0,
        "right": first == cause if cause else not errors,
        "errors": errors,
        "others": [f"{f.severity}: {f.cause}" for f in found[1:]],
        "seconds": seconds,
    }


def seen(name: str, make: Callable[[Any], Any], world: Any) -> tuple[Evidence, float]:  # noqa: ANN401
    """Evidence of a training and the processor seconds it took; kept until what makes it changes.

    So a check that is changed is judged again on all trainings in seconds.
    """
    digest = hashlib.blake2b(f"{name} {world.root}".encode(), digest_size=16)
    here: list[Any] = [make, failures.World, grown]
    gathering = Path(inspect.getfile(gather)).parent.glob("*.py")  # the checks lie below it
    made_by = (Path(inspect.getfile(one)) for one in here)
    for file in (*sorted(gathering), *made_by, Path(__file__)):
        digest.update(file.read_bytes())
    kept = cache_dir() / "confusion" / f"{digest.hexdigest()}.pickle"
    if kept.is_file():
        found: tuple[Evidence, float] = pickle.loads(kept.read_bytes())  # noqa: S301 (our own)
        return found
    start = time.process_time()
    torch.manual_seed(0)
    ill = make(world)
    evidence = gather(ill.model, ill.train, ill.val, Script(**ill.told))
    found = (evidence, time.process_time() - start)
    with new_file(kept) as draft:
        draft.write_bytes(pickle.dumps(found))
    return found


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
    parser.add_argument("--sound", action="store_true", help="the sound trainings alone")
    parser.add_argument("names", nargs="*", help="failures to plant  [default: all]")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.small:
        with tempfile.TemporaryDirectory() as folder:
            world = import_module("world").make_world(Path(folder))
            collect(planted(world, options.names), options.out / "small")
            if not options.names:
                collect(healthy(world, "test_resnet, painted"), options.out / "small")
        return
    scratch = cache_dir() / "confusion" / "photos"
    if not options.sound:
        world = make_world(scratch, "oxford102", "mobilenetv2_100", "google")
        collect(planted(world, options.names), options.out)
    if not options.names:
        collect(sound(scratch), options.out)


def collect(found: Iterable[dict[str, Any]], out: Path) -> None:
    """Put rows in the place of earlier ones of the same name, one by one: it can be stopped."""
    file = out / "confusion.json"
    old = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    rows = {r["planted"]: r for r in old}
    for one in found:
        rows[one["planted"]] = one
        write(list(rows.values()), out)


def write(rows: list[dict[str, Any]], out: Path) -> None:
    """Write the table so far, so that it can be stopped."""
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "confusion.json", rows)
    write_text(out / "confusion.md", page(rows))


if __name__ == "__main__":
    main()
