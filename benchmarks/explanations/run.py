"""Are the explanations true, and what do they cost? Makes the committed tables.

    python benchmarks/explanations/run.py runs/flowers/bundle
    python benchmarks/explanations/run.py --probe --photos 12 --methods cam sharp

Needs FLORASCOPE_DATA with oxford-17-masks/{jpg,masks} and, for --probe, flowers-102, and
FLORASCOPE_WEIGHTS. The masked photos are of Oxford-17: they were not chosen for this network, and
what is explained is the class that it answers. Writes results/{explanations.md, quality.csv,
sanity.csv, costs.csv, completeness.csv} beside this file, or to --out.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from costs import BATCH, completeness, costs
from peers import PEERS
from quick_probe import quick_probe
from tables import as_csv, cost_rows, page, quality_rows, sanity_rows

from florascope.audit.audit import audit
from florascope.audit.exhibits import Photos, answers, normalised
from florascope.audit.faithfulness import Perturbation
from florascope.audit.masks import Mask, read_masks
from florascope.audit.report import AuditSettings
from florascope.audit.specimens import Specimens
from florascope.data.dataset import FilePhoto
from florascope.errors import DataError
from florascope.explanation.attribution import Explainer
from florascope.files import write_json, write_text
from florascope.model.classifier import Classifier
from florascope.model.saving import load_classifier

METHODS = ("cam", "sharp", "gradcam", "ig")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the tables."""
    options = parse(arguments)
    torch.set_num_threads(options.threads)
    classifier = quick_probe(show) if options.probe else load_classifier(options.bundle)
    explainers = [named(method) for method in options.methods]
    photos, masks = masked_photos(options.photos)
    settings = AuditSettings(Perturbation(fill=options.fill))
    report = audit(classifier, photos, None, explainers, masks, show, settings=settings)
    specimens = sample(classifier, photos)
    timed = costs(classifier, [*explainers, *PEERS], specimens)
    gradients = [explainer for explainer in explainers if explainer.name == "ig"]
    gaps = [gap for ours in gradients for gap in completeness(classifier, ours, specimens)]
    title = "quick probe" if options.probe else options.bundle.name
    options.out.mkdir(parents=True, exist_ok=True)
    write_text(options.out / "explanations.md", page(title, report, timed, gaps))
    write_text(options.out / "quality.csv", as_csv(quality_rows(report)))
    write_text(options.out / "sanity.csv", as_csv(sanity_rows(report)))
    write_text(options.out / "costs.csv", as_csv(cost_rows(timed)))
    if gaps:
        write_text(options.out / "completeness.csv", as_csv(cost_rows(gaps)))
    write_json(options.out / "explanations.json", report.to_json())


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("bundle", nargs="?", type=Path, help="folder of a bundle")
    parser.add_argument("--probe", action="store_true", help="fit a quick probe instead")
    parser.add_argument("--photos", type=int, default=105, help="masked photos, evenly picked")
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--fill", choices=("blur", "mean"), default="blur")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args(arguments)
    if options.probe == (options.bundle is not None):
        parser.error("give either a bundle or --probe")
    return options


def named(method: str) -> Explainer:
    """Make an explainer by its name on the command line."""
    from florascope.explanation.methods import explainer

    return explainer(method)


def masked_photos(count: int) -> tuple[Photos, list[Mask | None]]:
    """Read Oxford-17's masked photos, evenly picked.

    Raises:
        DataError: FLORASCOPE_DATA is not set or holds no oxford-17-masks.
    """
    folder = Path(os.environ.get("FLORASCOPE_DATA", "")) / "oxford-17-masks"
    files = sorted((folder / "jpg").glob("*.jpg"))
    if not files:
        raise DataError(f"no photos in {folder / 'jpg'}", fix="Set FLORASCOPE_DATA")
    places = np.unique(np.linspace(0, len(files) - 1, count).round().astype(int))
    photos = [FilePhoto(files[place]) for place in places]
    return [photo.read() for photo in photos], read_masks(folder / "masks", photos)


def sample(classifier: Classifier, photos: Photos) -> Specimens:
    """The first photos with the classes answered: enough for the costs."""
    few = photos[: 2 * BATCH]
    images = normalised(classifier.preprocessing, few)
    return Specimens(images, torch.from_numpy(answers(classifier, few)))


def show(what: str, done: int, total: int) -> None:
    """Print progress on one line."""
    print(f"\r{what}: {done}/{total}", end="\n" if done == total else "", flush=True)


if __name__ == "__main__":
    main()
