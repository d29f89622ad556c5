"""A bundle in fewer bits, with its measured cost."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import onnx

from florascope.bundle.config import CARD, CONFIG, GRAPH, BundleConfig, read_config
from florascope.bundle.facts import carry_facts
from florascope.bundle.participation import copy_participation
from florascope.calibration.calibration import Calibration
from florascope.calibration.fitting import HeldOut, fit_figures
from florascope.data.dataset import Dataset, Indexes, Split
from florascope.errors import DataError, PhotoError
from florascope.evaluation.evaluator import own_labels
from florascope.export.graph import card_with, describe, graph_lines, table
from florascope.export.packing import pack
from florascope.export.quantisation import quantise
from florascope.files import new_folder, write_json
from florascope.identify.identification import Observation
from florascope.identify.identifier import Identifier
from florascope.images import RGB
from florascope.metrics import Labels
from florascope.preprocessing import Preprocessing
from florascope.progress import Progress, silent, track
from florascope.shapes import Float, Int64

CELLS = 2  # a map of fewer places has no correlation


@dataclass(frozen=True, slots=True)
class Fidelity:
    """One form beside the bundle on the same n photos.

    Attributes:
        n: photos.
        top1_before: share of right answers of the bundle.
        top1_after: the same of the other form.
        agreement: share of photos that both answer alike.
        logit_gap: largest absolute difference of a logit.
        mean_logit_gap: mean absolute difference of the logits.
        map_correlation: mean over photos of Pearson's r between the two maps of the bundle's first
            class; NaN without maps.
        least_map_correlation: the smallest of them.
    """

    n: int
    top1_before: float
    top1_after: float
    agreement: float
    logit_gap: float
    mean_logit_gap: float
    map_correlation: float
    least_map_correlation: float

    def to_json(self) -> dict[str, float | int | None]:
        """Return the figures as JSON values; None where there is none."""
        return {k: None if np.isnan(v) else v for k, v in asdict(self).items()}


def fidelity(
    before: Sequence[Observation], after: Sequence[Observation], labels: Int64[np.ndarray, "n"]
) -> Fidelity:
    """Compare two forms of one classifier.

    Args:
        before: what the bundle gave for n >= 1 photos.
        after: what the other form gave for the same ones.
        labels: (n,) their classes.
    """
    plain, other = (np.stack([seen.logits for seen in many]) for many in (before, after))
    first = plain.argmax(1)
    gaps = np.abs(other - plain)
    alike = [_correlation(*pair) for pair in zip(before, after, first, strict=True)]
    return Fidelity(
        n=len(labels),
        top1_before=float((first == labels).mean()),
        top1_after=float((other.argmax(1) == labels).mean()),
        agreement=float((other.argmax(1) == first).mean()),
        logit_gap=float(gaps.max()),
        mean_logit_gap=float(gaps.mean()),
        map_correlation=float(np.mean(alike)),
        least_map_correlation=float(np.min(alike)),
    )


def _correlation(before: Observation, after: Observation, index: np.int64) -> float:
    if before.maps is None or after.maps is None:
        return float("nan")
    return correlation(before.maps[index], after.maps[index])


def correlation(one: Float[np.ndarray, "h w"], other: Float[np.ndarray, "h w"]) -> float:
    """Pearson's r of two maps; NaN where one is constant."""
    flat = np.stack([one.ravel(), other.ravel()]).astype(np.float64)
    if flat.shape[1] < CELLS or not (flat.max(1) > flat.min(1)).all():
        return float("nan")
    return float(np.asarray(np.corrcoef(flat))[0, 1])


PHOTOS = 128  # that ranges are measured on


@dataclass(frozen=True, eq=False)
class Subset:
    """What both forms gave for the readable photos of a subset."""

    before: Sequence[Observation]
    after: Sequence[Observation]
    labels: Labels


def export_int8(
    bundle: Path,
    out: Path,
    dataset: Dataset,
    split: Split,
    *,
    photos: int = PHOTOS,
    seed: int = 0,
    progress: Progress = silent,
) -> Fidelity:
    """Write the bundle quantised, and measure it.

    Activations' ranges are those of some training photos. A calibrated bundle's figures are
    adapted on the validation photos, since its logits have moved; the cost is measured on the
    test photos, which nothing else looks at. The folder is a bundle: `florascope identify
    --model OUT` answers from it.

    Args:
        bundle: the bundle's folder.
        out: the folder to write, wholly or not at all.
        dataset: labelled photos of the bundle's classes.
        split: the split that the bundle was trained on, by content (`choose_division`).
        photos: training photos to measure ranges on.
        seed: of their choice.
        progress: told after each photo.

    Returns:
        The cost on the test photos.

    Raises:
        BundleError: the folder is no bundle.
        DataError: a class is unknown to the bundle, or a subset holds no readable photo.
        FlorascopeError: ONNX Runtime cannot quantise this network.
    """
    preprocessing = read_config(bundle).preprocessing
    chosen = np.random.default_rng(seed).permutation(split.train)[:photos]
    images = track(
        _images(dataset, chosen, preprocessing), len(chosen), "Measuring ranges", progress
    )
    told = (
        f"Weights and activations of its convolutions are now 8-bit integers (ranges from"
        f" {len(chosen)} training photos of {dataset.name}); the head and its maps are not."
    )
    form = Form("In 8-bit integers", told, lambda: quantise(bundle / GRAPH, images))
    return _write(bundle, out, form, dataset, split, progress)


def export_small(
    bundle: Path,
    out: Path,
    dataset: Dataset,
    split: Split,
    *,
    megabytes: float | None = None,
    progress: Progress = silent,
) -> Fidelity:
    """Write the bundle with its weights packed (see `packing`), and measure it like `export_int8`.

    Args:
        bundle: the bundle's folder.
        out: the folder to write, wholly or not at all.
        dataset: labelled photos of the bundle's classes.
        split: the split that the bundle was trained on, by content (`choose_division`).
        megabytes: what the graph may take; the largest weights have 4 bits then. None: 8 for all.
        progress: told after each photo.

    Returns:
        The cost on the test photos.

    Raises:
        BundleError: the folder is no bundle.
        DataError: a class is unknown to the bundle, or a subset holds no readable photo.
        FlorascopeError: the graph cannot be as small as that.
    """
    told = "Its weights are now kept in 8 or 4 bits, and it computes in float32 as before."
    form = Form("Packed weights", told, lambda: pack(bundle / GRAPH, megabytes))
    return _write(bundle, out, form, dataset, split, progress)


@dataclass(frozen=True, eq=False)
class Form:
    """A bundle's other form.

    Attributes:
        title: its heading in the card.
        told: what is said of it there.
        make: gives its graph.
    """

    title: str
    told: str
    make: Callable[[], onnx.ModelProto]


def _write(
    bundle: Path, out: Path, form: Form, dataset: Dataset, split: Split, progress: Progress
) -> Fidelity:
    """Write another form as a bundle, adapt its calibration on val and measure it on test."""
    config = read_config(bundle)
    labels = own_labels(config.classes, dataset, np.arange(len(dataset)))
    graph = describe(form.make(), config)
    with new_folder(out) as draft:
        (draft / GRAPH).write_bytes(graph.SerializeToString())
        write_json(draft / CONFIG, config.to_json())
        carry_facts(bundle, draft)
        forms = (Identifier(bundle), Identifier(draft))
        subsets = {
            name: _seen(forms, dataset, split[name], labels, name, progress)
            for name in ("val", "test")
        }
        config = replace(config, calibration=_figures(config, subsets["val"]))
        graph = describe(graph, config)
        costs = {k: fidelity(s.before, s.after, s.labels) for k, s in subsets.items()}
        (draft / GRAPH).write_bytes(graph.SerializeToString())
        write_json(draft / CONFIG, config.to_json())
        copy_participation(bundle, draft)
        sizes = tuple((folder / GRAPH).stat().st_size for folder in (bundle, draft))
        lines = [*_cost_lines(costs, form.told, sizes), "", *graph_lines(graph, config)]
        (draft / CARD).write_text(card_with(bundle, form.title, lines), encoding="utf-8")
    return costs["test"]


def _images(
    dataset: Dataset, indexes: Indexes, preprocessing: Preprocessing
) -> Iterator[np.ndarray]:
    for _, rgb in _read(dataset, indexes):
        yield preprocessing(rgb)[None]


def _read(dataset: Dataset, indexes: Indexes) -> Iterator[tuple[int, RGB]]:
    """Yield the photos that can be read, with their index."""
    for index in indexes.tolist():
        try:
            yield index, dataset.photos[index].read()
        except PhotoError:
            continue  # training has named it


def _seen(
    forms: tuple[Identifier, Identifier],
    dataset: Dataset,
    indexes: Indexes,
    labels: Labels,
    name: str,
    progress: Progress,
) -> Subset:
    kept: list[int] = []
    pairs: list[tuple[Observation, Observation]] = []
    photos = _read(dataset, indexes)
    for index, rgb in track(photos, len(indexes), f"Comparing on {name}", progress):
        kept.append(index)
        pairs.append((forms[0].observe(rgb), forms[1].observe(rgb)))
    if not kept:
        raise DataError(
            f"{dataset.name} has no readable {name} photos", expected="photos to measure the cost"
        )
    before, after = zip(*pairs, strict=True)
    return Subset(before, after, labels[kept])


def _figures(config: BundleConfig, val: Subset) -> Calibration | None:
    """Adapt a calibration to the quantised graph, as far as val's photos can tell.

    They replace it, unless it rests on more photos than they are (out of fold): then the
    threshold of similarity moves as far as theirs did, and the rest stays.
    """
    old, alike = config.calibration, [seen.alike for seen in val.after]
    if old is None or None in alike:
        return old
    after = np.array(alike, dtype=np.float64)
    if old.photos > len(val.labels):
        moved = after - np.array([seen.alike for seen in val.before], dtype=np.float64)
        return replace(old, alike=old.alike + float(np.median(moved)))
    logits = np.stack([seen.logits for seen in val.after])
    ratios = [seen.ratios for seen in val.after if seen.ratios is not None]
    told = np.stack(ratios) if len(ratios) == len(logits) else None
    return fit_figures(HeldOut(logits, after, val.labels, ratios=told))


def _cost_lines(costs: dict[str, Fidelity], told: str, sizes: tuple[int, ...]) -> list[str]:
    headers = ("photos", "n", "top-1 before", "top-1 now", "same answer", "largest logit change")
    rows = [_cost_row(name, cost) for name, cost in costs.items()]
    before, now = (f"{size / 1e6:.1f} MB" for size in sizes)
    return [
        f"The figures above are those of the bundle that this one was made from. {told} The graph"
        f" has {now} instead of {before}. The calibration of its verdicts was adapted on val.",
        "",
        *table((*headers, "map correlation, mean", "least"), rows),
    ]


def _cost_row(name: str, cost: Fidelity) -> tuple[str, ...]:
    shares = (cost.top1_before, cost.top1_after, cost.agreement)
    maps = (cost.map_correlation, cost.least_map_correlation)
    return (
        name,
        str(cost.n),
        *(f"{share:.4f}" for share in shares),
        f"{cost.logit_gap:.2f}",
        *("-" if np.isnan(r) else f"{r:.4f}" for r in maps),
    )
