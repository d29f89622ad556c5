"""Many photos, many explanations: everything that can be measured of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Int64

from florascope.audit.faithfulness import (
    REFERENCES,
    CentreBlob,
    Faithfulness,
    Perturbation,
    RandomMap,
    ends_of,
    faithfulness,
)
from florascope.audit.localisation import Localisation, in_grids, localise
from florascope.audit.photo_by_photo import MANY
from florascope.audit.photos import (
    AuditPhotos,
    Batch,
    Network,
    TargetedImages,
    as_array,
    attribute,
    evenly,
    maps_of,
)
from florascope.audit.report import AuditReport, AuditSettings, MethodScores, join_scores
from florascope.audit.sanity import (
    Maps,
    Noise,
    Scores,
    Similarity,
    gini,
    sanity,
    under_flip,
    under_noise,
)
from florascope.errors import ExplanationError
from florascope.explanation.attribution import Attribution, Explainer, fitting_methods
from florascope.explanation.inference import Abreast, FastClassifier, hastened, spread
from florascope.nets.classifier import Classifier, Logits
from florascope.nets.extractor import Images
from florascope.parallel import CPU_BATCH
from florascope.progress import Progress, silent, track

DISTURBING = "Disturbing photos and weights"


def audit(
    classifier: Classifier,
    audit_photos: AuditPhotos,
    explainers: Sequence[Explainer],
    settings: AuditSettings | None = None,
    progress: Progress = silent,
    fast: FastClassifier | None = None,
) -> AuditReport:
    """Measure explanations of a classifier on many photos.

    Two references, "random" and "centre" (see `audit.faithfulness`), are measured beside.
    A photo costs two forward passes (in ONNX Runtime), and for each method 2 * (steps - 1) more and
    one explanation; each of the few photos that are followed costs 3 + stages explanations more,
    and 2 * steps passes by another fill.

    Args:
        classifier: the network, in eval mode; it is left as it was.
        audit_photos: the photos, see `florascope.audit.photos.exhibit`.
        explainers: the methods.
        settings: how.
        progress: told after each batch and method.
        fast: the network at inference speed, one thread a pass, where that has been made already.

    Raises:
        ExplanationError: the classifier is in training mode, two explainers share a name, or one
            cannot explain this network.
    """
    how = settings or AuditSettings()
    cast: list[Explainer] = [*explainers, RandomMap(how.seed), CentreBlob()]
    _check(classifier, cast)
    fast = fast or FastClassifier(classifier, threads=1)
    quick = cast
    if len(audit_photos) >= MANY:
        quick = [_quick(explainer, classifier, fast) for explainer in cast]
    measured = _measured(_in_fours(fast), classifier, quick, audit_photos, how, progress)
    few = audit_photos.picked(how.few)
    tracked = track(zip(cast, quick, measured, strict=True), len(cast), DISTURBING, progress)
    methods = tuple(
        replace(
            _followed(classifier, hasty, few, maps, how, scores),
            sanity=_randomised(classifier, explainer, few, maps, how),
        )
        for explainer, hasty, scores in tracked
        for maps in [maps_of(classifier, hasty, few)]
    )
    return AuditReport(how, audit_photos.targets, methods)


def _quick(explainer: Explainer, classifier: Classifier, fast: FastClassifier) -> Explainer:
    """The same maps by all cores; an explainer that cannot be hastened stays in its thread."""
    found = hastened(explainer, classifier, fast).how
    return explainer if found is explainer else Abreast(found)


def _in_fours(network: Network) -> Network:
    def logits(images: Images) -> Logits:
        return torch.cat([network(part) for part in images.split(CPU_BATCH)])

    return logits


def methods_for(classifier: Classifier) -> list[str]:
    """Return the names of the methods that fit the network, without slow ones if others do.

    Where pooling and head are linear, Grad-CAM and LayerCAM are the class activation map once more,
    LayerCAM less what speaks against.
    """
    found = fitting_methods(classifier.backbone)
    slow = {"ig", "occlusion"}
    left_out = slow | {"gradcam", "layercam"} if "cam" in found else slow
    return [name for name in found if name not in left_out] or list(found[:1])


def _check(classifier: Classifier, cast: Sequence[Explainer]) -> None:
    if classifier.training:
        raise ExplanationError(
            "the classifier is in training mode", expected="eval mode", fix="Call .eval() first"
        )
    names = [explainer.name for explainer in cast]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ExplanationError(
            f"more than one explainer is called {', '.join(twice)}", expected="different names"
        )


def _measured(
    network: Network,
    classifier: Classifier,
    cast: Sequence[Explainer],
    audit_photos: AuditPhotos,
    how: AuditSettings,
    progress: Progress,
) -> list[MethodScores]:
    """Measure each explainer, in the order of the cast, streaming the photos once."""
    few = evenly(len(audit_photos), how.few if how.refill else 0)
    parts: dict[str, list[MethodScores]] = {explainer.name: [] for explainer in cast}
    pairs = (
        (batch, ends, explainer)
        for batch in audit_photos.batches(how.batch_size)
        for ends in [ends_of(network, *batch.targeted, how.perturbation.fill, spread)]
        for explainer in cast
    )
    total = len(cast) * -(-len(audit_photos) // how.batch_size)
    for batch, ends, explainer in track(pairs, total, "Auditing explanations", progress):
        attribution = attribute(classifier, explainer, batch.targeted)
        order = replace(how.perturbation, seed=how.perturbation.seed + batch.start)
        values = attribution.values.detach()
        curves = faithfulness(network, *batch.targeted, values, order, spread, ends)
        refilled = _refilled(network, attribution, batch, few, order)
        scores = _scores(attribution, curves, batch) | {"gain_neighbours": refilled}
        parts[explainer.name].append(MethodScores(explainer.name, scores, curves.probability))
    return [join_scores(batches) for batches in parts.values()]


def _scores(attribution: Attribution, curves: Faithfulness, batch: Batch) -> dict[str, Scores]:
    maps = as_array(attribution)
    return {
        "deletion": curves.probability.deletion_auc,
        "insertion": curves.probability.insertion_auc,
        "gain": curves.probability.gain,
        "gain_logit": curves.logit.gain,
        **dict(_localisation_scores(maps, batch)),
        "gini": gini(maps),
        "gap": _gap(attribution),
    }


def _refilled(
    network: Network,
    attribution: Attribution,
    batch: Batch,
    chosen: Int64[np.ndarray, "_"],
    how: Perturbation,
) -> Scores:
    """Gain of the chosen photos of a batch where what is left is continued into the holes."""
    gains = np.full(len(batch.masks), np.nan)
    rows = np.intersect1d(chosen - batch.start, np.arange(len(gains)))
    if len(rows):
        images, targets = (part[rows] for part in batch.targeted)
        values, how = attribution.values.detach()[rows], replace(how, fill="neighbours")
        gains[rows] = faithfulness(network, images, targets, values, how, spread).probability.gain
    return gains


def _followed(
    classifier: Classifier,
    explainer: Explainer,
    few: TargetedImages,
    maps: Maps,
    how: AuditSettings,
    scores: MethodScores,
) -> MethodScores:
    """Add what explains a few photos again: with noise, mirrored, and four in one."""
    noise = Noise(how.noise, how.seed)
    again = {
        "noise_correlation": under_noise(classifier, explainer, few, maps, noise),
        "flip_correlation": under_flip(classifier, explainer, few, maps),
        "grid": in_grids(lambda *grid: maps_of(classifier, explainer, TargetedImages(*grid)), *few),
    }
    return replace(scores, scores=scores.scores | again)


def _randomised(
    classifier: Classifier,
    explainer: Explainer,
    few: TargetedImages,
    maps: Maps,
    how: AuditSettings,
) -> tuple[Similarity, ...]:
    """Explain a few photos again with other weights; a reference knows none."""
    if explainer.name in REFERENCES:
        return ()
    return tuple(sanity(classifier, explainer, few, maps, how.stages, how.seed))


def _localisation_scores(maps: Maps, batch: Batch) -> Iterator[tuple[str, Scores]]:
    nowhere = Localisation(*[np.nan] * len(Localisation._fields))
    rows = [
        nowhere if mask is None else localise(values, mask)
        for values, mask in zip(maps, batch.masks, strict=True)
    ]
    return zip(Localisation._fields, np.array(rows, dtype=np.float64).T, strict=True)


def _gap(attribution: Attribution) -> Scores:
    gap = attribution.gap.detach().double().numpy()
    return gap if attribution.complete else np.full_like(gap, np.nan)
