"""Many photos, many explanations: everything that can be measured of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from florascope.audit.exhibits import Batch, Exhibits, Labels, Masks, Photos, exhibit
from florascope.audit.faithfulness import Faithfulness, faithfulness
from florascope.audit.localisation import Localisation, localise
from florascope.audit.references import CentreBlob, RandomMap
from florascope.audit.report import AuditReport, AuditSettings, MethodScores, joined
from florascope.audit.sanity import sanity
from florascope.audit.similarity import Maps, Scores
from florascope.audit.sparsity import gini, top_share
from florascope.audit.specimens import as_array, attribute
from florascope.audit.stability import Noise, under_flip, under_noise
from florascope.errors import ExplanationError
from florascope.explanation.attribution import Attribution, Explainer
from florascope.model.classifier import Classifier
from florascope.progress import Progress, silent, track


def audit(
    classifier: Classifier,
    images: Photos,
    targets: Labels | None,
    explainers: Sequence[Explainer],
    masks: Masks | None = None,
    progress: Progress = silent,
    *,
    settings: AuditSettings | None = None,
) -> AuditReport:
    """Measure explanations of a classifier on many photos.

    Two references, "random" and "centre" (see `florascope.audit.references`), are measured beside.
    A photo costs 2 * steps forward passes a method and three explanations (as it is, with noise,
    mirrored), and each of the few photos of the sanity check one more a stage.

    Args:
        classifier: the network, in eval mode; it is left as it was.
        images: n photos of any size, 8-bit RGB; the classifier's own preprocessing crops them.
        targets: (n,) the class to explain in each; None for the one that the classifier answers.
        explainers: the methods.
        masks: n masks of the photos' sizes (see `florascope.audit.masks`), which are cropped as
            the photos are; None for a photo, or for all, without one.
        progress: told after each batch and method.
        settings: how.

    Raises:
        DataError: there are no photos, or targets or masks do not fit them.
        ExplanationError: the classifier is in training mode, two explainers share a name, or one
            cannot explain this network.
    """
    how = settings or AuditSettings()
    cast: list[Explainer] = [*explainers, RandomMap(how.seed), CentreBlob()]
    _check(classifier, cast)
    exhibits = exhibit(classifier, images, targets, masks)
    measured = _measured(classifier, cast, exhibits, how, progress)
    followed = exhibits.picked(how.sanity_photos)
    methods = [
        replace(
            scores,
            sanity=tuple(sanity(classifier, e, followed, how.sanity_stages, how.seed)),
        )
        for e, scores in zip(
            track(cast, len(cast), "Randomising the weights", progress), measured, strict=True
        )
    ]
    return AuditReport(how, exhibits.targets, tuple(methods))


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
    classifier: Classifier,
    cast: Sequence[Explainer],
    exhibits: Exhibits,
    how: AuditSettings,
    progress: Progress,
) -> list[MethodScores]:
    """Measure each explainer, in the order of the cast, streaming the photos once."""
    parts: dict[str, list[MethodScores]] = {explainer.name: [] for explainer in cast}
    pairs = ((batch, e) for batch in exhibits.batches(how.batch_size) for e in cast)
    total = len(cast) * -(-len(exhibits.photos) // how.batch_size)
    for batch, explainer in track(pairs, total, "Auditing explanations", progress):
        parts[explainer.name].append(_examined(classifier, explainer, batch, how))
    return [joined(batches) for batches in parts.values()]


def _examined(
    classifier: Classifier, explainer: Explainer, batch: Batch, how: AuditSettings
) -> MethodScores:
    """Measure one explainer on one batch."""
    attribution = attribute(classifier, explainer, batch.specimens)
    maps = as_array(attribution)
    order = replace(how.perturbation, seed=how.perturbation.seed + batch.start)
    curves = faithfulness(classifier, *batch.specimens, attribution.values.detach(), order)
    noise = Noise(how.noise, how.seed + batch.start)
    noisy = under_noise(classifier, explainer, batch.specimens, maps, noise)
    mirrored = under_flip(classifier, explainer, batch.specimens, maps)
    scores = {
        **_faithfulness_scores(curves),
        **dict(_localisation_scores(maps, batch)),
        "noise_correlation": noisy.correlation,
        "noise_l2": noisy.relative_l2,
        "flip_correlation": mirrored.correlation,
        "flip_l2": mirrored.relative_l2,
        "gini": gini(maps),
        "top_share": top_share(maps),
        "gap": _gap(attribution),
    }
    return MethodScores(explainer.name, scores, curves.probability)


def _faithfulness_scores(curves: Faithfulness) -> dict[str, Scores]:
    probability, logit = curves
    return {
        "deletion": probability.deletion_auc,
        "insertion": probability.insertion_auc,
        "gain": probability.gain,
        "deletion_logit": logit.deletion_auc,
        "insertion_logit": logit.insertion_auc,
        "gain_logit": logit.gain,
    }


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
