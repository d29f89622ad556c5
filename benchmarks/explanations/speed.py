"""Photos explained a second: batches in ONNX Runtime against one photo at a time in PyTorch.

    python benchmarks/explanations/speed.py PHOTOS... >> benchmarks/explanations/results/speed.csv

Both ways read, explain, measure deletion and draw the same photos with the shipped model, in turn
in one process, so that whatever else the machine does slows both. The former way is written out
below: forty eager passes a photo for the deletion figures.
"""

import csv
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from florascope.audit.card import Trust, half_area
from florascope.audit.faithfulness import Perturbation, faithfulness
from florascope.audit.photo_by_photo import Explained, explain_photos
from florascope.bundle.config import find_bundle
from florascope.cli.explain import _finish
from florascope.explanation.explanation import Question, explain, find_class
from florascope.nets.classifier import Classifier
from florascope.nets.saving import load_classifier

Maps = dict[str, np.ndarray]
COLUMNS = (
    *("method", "trust", "photos", "former_per_s", "now_per_s"),
    *("clock_ratio", "core_ratio", "gap", "memory_mb"),
)


def former(classifier: Classifier, method: str, photos: list[str], *, trusted: bool) -> Maps:
    """Explain one photo at a time, every pass in eager PyTorch."""
    maps = {}
    with tempfile.TemporaryDirectory() as folder:
        names = {photo: Path(photo).stem for photo in photos}
        for photo in photos:
            found = explain(classifier, photo, method)
            figures = None
            if trusted:
                image = torch.from_numpy(classifier.preprocessing.normalise(found.crop[None]))
                target = torch.tensor([find_class(classifier, found.target.id)])
                values = torch.from_numpy(found.values.copy())[None]
                how = Perturbation.of(len(found.crop))
                curves = (
                    faithfulness(classifier, image, target, v, how).probability.deletion_auc[0]
                    for v in (values, torch.zeros_like(values))
                )
                figures = Trust(*map(float, curves), half_area(found.values))
            _finish(
                Explained(photo, found, figures), names=names, out=Path(folder), save_arrays=False
            )
            maps[photo] = found.values
    return maps


def now(classifier: Classifier, method: str, photos: list[str], *, trusted: bool) -> Maps:
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


def timed(work: Callable[[], Maps]) -> tuple[Maps, float, float]:
    """Return what work gives, its seconds on the clock and of all cores."""
    clock, cores = time.perf_counter(), time.process_time()
    found = work()
    return found, time.perf_counter() - clock, time.process_time() - cores


def main(photos: list[str]) -> None:
    """Print a row for each method, with and without deletion figures."""
    classifier = load_classifier(find_bundle("flowers102-mobilenetv2"))
    rows = csv.writer(sys.stdout)
    rows.writerow(COLUMNS)
    for method, trusted in (("sharp", True), ("sharp", False), ("cam", False)):
        now(classifier, method, photos[:8], trusted=trusted)  # graphs are made and kept
        few = photos[:12]  # the former way takes a second a photo
        old, old_clock, old_cores = timed(partial(former, classifier, method, few, trusted=trusted))
        new, new_clock, new_cores = timed(partial(now, classifier, method, photos, trusted=trusted))
        before, after = len(few) / old_clock, len(photos) / new_clock
        gap = max(float(np.abs(old[p] - new[p]).max() / np.abs(old[p]).max()) for p in few)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        cores = old_cores / len(few) / (new_cores / len(photos))
        figures = (before, after, after / before, cores, gap)
        shown = [f"{figure:.3g}" for figure in figures]
        rows.writerow([method, "yes" if trusted else "no", len(photos), *shown, round(memory)])
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
