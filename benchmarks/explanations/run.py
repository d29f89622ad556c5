"""Are the explanations true, and what do they cost? Makes the committed tables.

    florascope train oxford102 --recipe probe --weights torchvision \
        --split $FLORASCOPE_DATA/flowers-102/split_80_10_10_udacity.csv --out runs/frozen
    python benchmarks/explanations/run.py --cache audits \
        frozen=runs/frozen/bundle shipped=flowers102-mobilenetv2

Needs FLORASCOPE_DATA with oxford-17-masks/{jpg,masks}. The masked photos are of Oxford-17: they
were chosen for no network here, and what is explained is the class that it answers. Every method
of the registry is measured, other libraries are timed beside; Integrated Gradients and occlusion, a
hundred times as dear, on fewer photos. Each method's audit is kept in --cache, so that a run that
was stopped goes on. Costs and completeness are those of the last model. Writes
results/{explanations.md, quality.csv, sanity.csv, costs.csv, completeness.csv} beside this file, or
to --out.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from costs import completeness, costs
from kept import joined, kept
from peers import PEERS
from tables import as_csv, page, quality_rows, rows_of, sanity_rows

from florascope.audit.audit import audit
from florascope.audit.faithfulness import Perturbation
from florascope.audit.localisation import MaskFolder
from florascope.audit.photos import AuditPhotos, evenly, prepare_photos
from florascope.audit.report import AuditReport, AuditSettings
from florascope.bundle.config import find_bundle
from florascope.data.dataset import FilePhoto
from florascope.explanation.attribution import Explainer, fitting_methods
from florascope.explanation.explanation import METHODS, explainer
from florascope.files import write_text
from florascope.nets.classifier import Classifier
from florascope.nets.saving import load_classifier

SLOW = {"ig", "occlusion"}
TIMED = 8  # photos, for the costs and for completeness


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the tables."""
    options = parse(arguments)
    torch.set_num_threads(options.threads)
    models = dict(text.split("=", 1) for text in options.models)
    reports = {}
    for name, path in models.items():
        classifier = load_classifier(find_bundle(path))
        reports[name] = audits(name, classifier, options)
    few = masked(classifier, TIMED).picked(TIMED)
    fitting = [m for m in options.methods if m in fitting_methods(classifier.backbone)]
    quick = [explainer(method) for method in fitting if method not in SLOW]
    timed = costs(classifier, [*quick, *PEERS], few)
    gaps = completeness(classifier, [explainer("ig")], few) if "ig" in fitting else []
    write_text(options.out / "explanations.md", page(reports, timed, gaps))
    write_text(options.out / "quality.csv", as_csv(quality_rows(reports)))
    write_text(options.out / "sanity.csv", as_csv(sanity_rows(reports)))
    write_text(options.out / "costs.csv", as_csv(rows_of(timed)))
    if gaps:
        write_text(options.out / "completeness.csv", as_csv(rows_of(gaps)))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "models", nargs="+", metavar="NAME=BUNDLE", help="bundles, each with a name"
    )
    parser.add_argument("--photos", type=int, default=105, help="masked photos, evenly picked")
    parser.add_argument("--slow-photos", type=int, default=16, help="the same for slow methods")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    # one thread alone would have PyTorch compute 1 x 1 convolutions by other, slower kernels
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--cache", type=Path, required=True, help="folder of audits")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args(arguments)
    if "FLORASCOPE_DATA" not in os.environ:
        parser.error("FLORASCOPE_DATA is not set: the folder that holds oxford-17-masks/")
    if strange := [text for text in options.models if "=" not in text]:
        parser.error(f"{strange[0]} is not NAME=BUNDLE")
    return options


def masked(classifier: Classifier, photos: int) -> AuditPhotos:
    """Oxford-17's masked photos, evenly picked."""
    folder = Path(os.environ["FLORASCOPE_DATA"]) / "oxford-17-masks"
    files = [FilePhoto(file) for file in sorted((folder / "jpg").glob("*.jpg"))]
    chosen = [files[row] for row in evenly(len(files), photos)]
    return prepare_photos(classifier, chosen, MaskFolder(folder / "masks"), show)


def audits(name: str, classifier: Classifier, options: argparse.Namespace) -> list[AuditReport]:
    """Audit the quick methods on all photos, and the slow ones on fewer."""
    how = AuditSettings(Perturbation.of(classifier.preprocessing.size))
    fitting = [m for m in options.methods if m in fitting_methods(classifier.backbone)]
    slow = [explainer(m) for m in fitting if m in SLOW]
    quick = [explainer(m) for m in fitting if m not in SLOW]
    parts: list[tuple[list[Explainer], int, AuditSettings]] = [
        (quick, options.photos, how),
        (slow, options.slow_photos, replace(how, few=4, stages=3)),
    ]

    def one(explainer: Explainer, photos: int, settings: AuditSettings) -> AuditReport:
        file = options.cache / f"{name}-{explainer.name}-{photos}.npz"
        return kept(
            file,
            settings,
            lambda: audit(classifier, masked(classifier, photos), [explainer], settings, show),
        )

    return [
        joined([one(explainer, photos, settings) for explainer in explainers])
        for explainers, photos, settings in parts
        if explainers
    ]


def show(what: str, done: int, total: int) -> None:
    """Print progress on one line."""
    print(
        f"\r{what}: {done}/{total}", end="\n" if done == total else "", file=sys.stderr, flush=True
    )


if __name__ == "__main__":
    main()
