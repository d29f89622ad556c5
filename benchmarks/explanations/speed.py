"""Photos explained a second: batches in ONNX Runtime, one photo at a time in PyTorch, and peers.

    for part in deletion sharp cam peers; do
        python benchmarks/explanations/speed.py $part PHOTOS...
    done

All ways of a part take the same photos with the shipped model, in turn in one process, so that
whatever else the machine does slows all. "drawn" reads the photos, explains them and writes the
pictures, as `florascope explain` does; its former way is written out below: one photo at a time,
forty eager passes for the deletion figures. "peers" reads the photos and explains them, drawing
nothing, as pytorch-grad-cam, Captum and TorchCAM do (in batches of 16 on all cores). "engine" is
what there is to reach: ONNX Runtime's bare passes, a core each, measured with each part. Writes
results/{speed-PART.csv, speed.md} beside this file.
"""

import csv
import io
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from peers import CaptumGradCam, PytorchGradCam, TorchCam

from florascope.audit.card import Trust, half_area
from florascope.audit.faithfulness import Perturbation, faithfulness
from florascope.audit.photo_by_photo import Explained, explain_photos
from florascope.bundle.config import find_bundle
from florascope.cli.explain import _finish
from florascope.explanation.attribution import Explainer
from florascope.explanation.explanation import Question, explain, find_class
from florascope.explanation.inference import FastClassifier, one_core_each
from florascope.files import write_text
from florascope.images import read_photo
from florascope.nets.classifier import Classifier
from florascope.nets.saving import load_classifier
from florascope.parallel import in_order

Maps = dict[str, np.ndarray]
Way = Callable[[list[str]], Maps]
FEW = 12  # photos of the former way, which takes a second each
BATCH = 16  # of the peers
COLUMNS = ("what", "photos", "per_s", "core_ms", "passes", "of_former", "gap", "memory_mb")


@dataclass(frozen=True)
class Timed:
    """What some work gave and took."""

    maps: Maps
    per_s: float
    core_ms: float


def timed(work: Way, photos: list[str]) -> Timed:
    """Take the time on the clock and of all cores."""
    clock, cores = time.perf_counter(), time.process_time()
    maps = work(photos)
    clock, cores = time.perf_counter() - clock, time.process_time() - cores
    return Timed(maps, len(photos) / clock, 1000 * cores / len(photos))


def former(classifier: Classifier, method: str, trusted: bool, photos: list[str]) -> Maps:  # noqa: FBT001
    """Explain one photo at a time, every pass in eager PyTorch."""
    maps = {}
    with tempfile.TemporaryDirectory() as folder:
        names = {photo: Path(photo).stem for photo in photos}
        for photo in photos:
            found = explain(classifier, photo, method)
            figures = _figures(classifier, photo, method) if trusted else None
            _finish(
                Explained(photo, found, figures), names=names, out=Path(folder), save_arrays=False
            )
            maps[photo] = found.values
    return maps


def _figures(classifier: Classifier, photo: str, method: str) -> Trust:
    found = explain(classifier, photo, method)
    image = torch.from_numpy(classifier.preprocessing.normalise(found.crop[None]))
    target = torch.tensor([find_class(classifier, found.target.id)])
    values = torch.from_numpy(found.values.copy())[None]
    how = Perturbation.of(len(found.crop))
    own, flat = (
        float(faithfulness(classifier, image, target, v, how).probability.deletion_auc[0])
        for v in (values, torch.zeros_like(values))
    )
    return Trust(own, flat, half_area(found.values))


def drawn(classifier: Classifier, method: str, trusted: bool, photos: list[str]) -> Maps:  # noqa: FBT001
    """Explain as `florascope explain` does."""
    maps = {}
    with tempfile.TemporaryDirectory() as folder:
        names = {photo: Path(photo).stem for photo in photos}

        def finish(explained: Explained) -> None:
            _finish(explained, names=names, out=Path(folder), save_arrays=False)
            maps[explained.photo] = explained.explanation.values

        question = Question.of(classifier, method)
        for _ in explain_photos(classifier, question, photos, finish, trusted=trusted):
            pass
    return maps


def maps_alone(classifier: Classifier, method: str, photos: list[str]) -> Maps:
    """Read and explain, draw nothing."""
    maps: Maps = {}

    def finish(explained: Explained) -> None:
        maps[explained.photo] = explained.explanation.values

    question = Question.of(classifier, method)
    for _ in explain_photos(classifier, question, photos, finish, trusted=False):
        pass
    return maps


def peer(classifier: Classifier, explainer: Explainer, photos: list[str]) -> Maps:
    """Read and explain the answers in batches."""
    for at in range(0, len(photos), BATCH):
        images = torch.cat(list(_read(classifier, photos[at : at + BATCH])))
        with torch.no_grad():
            targets = classifier(images).argmax(1)
        explainer(classifier, images, targets)
    return {}


def _read(classifier: Classifier, photos: list[str]) -> Iterator[torch.Tensor]:
    how = classifier.preprocessing
    for photo in photos:
        yield torch.from_numpy(how.normalise(how.crop(read_photo(Path(photo)))[None]))


def engine(classifier: Classifier, photos: list[str]) -> Maps:
    """Pass the same picture as often as there are photos."""
    fast = FastClassifier(classifier, threads=1)
    image = next(_read(classifier, photos[:1]))
    with torch.no_grad(), one_core_each():
        for _ in in_order(lambda _: fast(image.clone()), photos):
            pass
    return {}


@dataclass
class Table:
    """Rows as they are measured.

    Attributes:
        classifier: the shipped model.
        photos: all that may be taken.
        bare: core milliseconds of a bare pass, in the same run.
        rows: by COLUMNS.
    """

    classifier: Classifier
    photos: list[str]
    bare: float
    rows: list[list[object]]

    def row(self, what: str, way: Way, count: int = 0, base: Timed | None = None) -> Timed:
        """Measure a way on some photos, or all, and hold it against another."""
        found = timed(way, self.photos[: count or len(self.photos)])
        memory = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        shown = [f"{found.per_s:.3g}", f"{found.core_ms:.3g}", f"{found.core_ms / self.bare:.3g}"]
        compared = (
            ["", ""] if base is None else [f"{found.per_s / base.per_s:.3g}", gap(found, base)]
        )
        self.rows.append([what, count or len(self.photos), *shown, *compared, memory])
        print(*self.rows[-1], flush=True)
        return found

    def drawn(self, method: str, *, trusted: bool) -> None:
        """Time a method as `florascope explain` does it, the former way and now."""
        what = f"{method}, drawn" + (", deletion" if trusted else "")
        old = self.row(f"{what}, former", partial(former, self.classifier, method, trusted), FEW)
        now = partial(drawn, self.classifier, method, trusted)
        self.row(what, now, 1, old)  # as a command with one photo: no graphs are made
        now(self.photos[:8])  # graphs are made and kept
        self.row(what, now, len(self.photos) // 4, old)  # the memory of a quarter and of all
        self.row(what, now, base=old)

    def peers(self) -> None:
        """Time maps alone, ours and other libraries'."""
        for method in ("sharp", "cam"):
            self.row(f"{method}, maps", partial(maps_alone, self.classifier, method))
        for other in (PytorchGradCam(), CaptumGradCam(), TorchCam()):
            peer(self.classifier, other, self.photos[:BATCH])  # finds its layer
            self.row(f"{other.name}, maps", partial(peer, self.classifier, other))


PARTS: dict[str, Callable[[Table], None]] = {
    "deletion": lambda table: table.drawn("sharp", trusted=True),
    "sharp": lambda table: table.drawn("sharp", trusted=False),
    "cam": lambda table: table.drawn("cam", trusted=False),
    "peers": Table.peers,
}


def main(part: str, *photos: str) -> None:
    """Measure one part, and write all that have been measured."""
    classifier = load_classifier(find_bundle("flowers102-mobilenetv2"))
    way = partial(engine, classifier)
    table = Table(classifier, list(photos), timed(way, list(photos)).core_ms, [])
    table.row(f"engine, one pass ({part})", way)
    PARTS[part](table)
    results = Path(__file__).parent / "results"
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *table.rows])
    write_text(results / f"speed-{part}.csv", text.getvalue())
    lines = [list(COLUMNS), ["---"] * len(COLUMNS)]
    for file in (results / f"speed-{name}.csv" for name in PARTS):
        if file.is_file():
            lines += list(csv.reader(file.read_text("utf-8").splitlines()))[1:]
    shown = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    write_text(results / "speed.md", f"# Photos explained a second\n\n{about()}\n\n{shown}\n")


def about() -> str:
    """The machine, and what the columns mean."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    name = next(line.partition(":")[2].strip() for line in info if line.startswith("model name"))
    return (
        f"Made by `benchmarks/explanations/speed.py` on {os.cpu_count()} cores of {name}, PyTorch"
        f" {torch.__version__}, ONNX Runtime {onnxruntime.__version__}. core_ms: of all cores, a"
        " photo; passes: the same in bare passes of the network; of_former: photos a second against"
        " the former way in the same run; gap: of the maps to that way's, relative to the maximum,"
        " in the middle and in the worst photo; memory_mb: the process's peak so far."
    )


def gap(found: Timed, base: Timed) -> str:
    """Largest difference of two ways' maps, relative to the maximum: median and worst photo."""
    gaps = [
        float(np.abs(base.maps[p] - found.maps[p]).max() / np.abs(base.maps[p]).max())
        for p in base.maps
        if p in found.maps
    ]
    return f"{np.median(gaps):.2g} to {max(gaps):.2g}"


if __name__ == "__main__":
    main(*sys.argv[1:])
