"""A quick audit of the maps that the report shows: can they be believed?"""

from dataclasses import dataclass

from markupsafe import Markup

from florascope.audit.audit import audit
from florascope.audit.faithfulness import Perturbation
from florascope.audit.localisation import own_mask
from florascope.audit.photos import evenly, prepare_photos
from florascope.audit.report import AuditReport, AuditSettings
from florascope.audit.verdict import Finding, verdict
from florascope.evaluation.intervals import Interval
from florascope.explanation.attribution import Explainer
from florascope.explanation.inference import FastClassifier
from florascope.progress import Progress
from florascope.report.charts.curves import faithfulness_chart
from florascope.report.words import Words
from florascope.training.experiment import Experiment

PHOTOS = 12  # test photos, evenly picked
FEW, STAGES = 4, 3  # of them with other weights, in as many steps: some seconds in all


@dataclass(frozen=True)
class Row:
    """One map's figures, each with its interval.

    Attributes:
        name: of the method, or of the map that knows nothing.
        cells: deletion, insertion and gain.
    """

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """One criterion in the page's language.

    Attributes:
        passed: whether the method passed it.
        text: what was measured and what follows.
    """

    passed: bool
    text: str


@dataclass(frozen=True)
class Audited:
    """What the quick audit found.

    Attributes:
        photos: how many were audited.
        method: the method's name.
        verdict: how many criteria it passes, and which it does not.
        charts: deletion and insertion curves.
        rows: the method and the maps that know nothing.
        checks: every criterion.
    """

    photos: int
    method: str
    verdict: str
    charts: tuple[Markup, ...]
    rows: tuple[Row, ...]
    checks: tuple[Check, ...]


def audit_section(
    experiment: Experiment,
    explainer: Explainer,
    words: Words,
    progress: Progress,
    fast: FastClassifier | None = None,
) -> Audited:
    """Audit one method on a few test photos; `fast` as in `audit`.

    Raises:
        DataError: no test photo can be read any more.
    """
    classifier, test = experiment.classifier, experiment.split.test
    photos = [experiment.dataset.photos[test[i]] for i in evenly(len(test), PHOTOS)]
    audit_photos = prepare_photos(classifier, photos, own_mask, progress, fast)
    seed = experiment.recipe.seed
    order = Perturbation.of(classifier.preprocessing.size, seed=seed)
    # No criterion asks for the gain by another fill, and the page has no table of it.
    how = AuditSettings(order, few=FEW, refill=False, stages=STAGES, seed=seed)
    report = audit(classifier, audit_photos, [explainer], how, progress, fast)
    return _told(report, words)


def _told(report: AuditReport, words: Words) -> Audited:
    (method,) = report.explained
    findings, name = verdict(report), words(f"method.{method}")
    return Audited(
        photos=len(report.targets),
        method=name,
        verdict=_verdict(findings, name, words),
        charts=tuple(
            faithfulness_chart(report, which, words) for which in ("deletion", "insertion")
        ),
        rows=tuple(_row(report, scores.method, words) for scores in report.methods),
        checks=tuple(Check(f.passed, _text(f, report, words)) for f in findings),
    )


def _verdict(findings: tuple[Finding, ...], name: str, words: Words) -> str:
    failed = [words(f"audited.{f.criterion}") for f in findings if not f.passed]
    total = words.integer(len(findings))
    if not failed:
        return words("audited.verdict.all", method=name, n=total)
    passed = words.integer(len(findings) - len(failed))
    which = words.listed(failed)
    return words("audited.verdict.some", method=name, passed=passed, n=total, failed=which)


def _row(report: AuditReport, method: str, words: Words) -> Row:
    name = words(f"audited.{method}" if method not in report.explained else f"method.{method}")
    measures = ("deletion", "insertion", "gain")
    return Row(name, tuple(_written(report.interval(method, m), words) for m in measures))


def _text(finding: Finding, report: AuditReport, words: Words) -> str:
    """Say what was measured; only where the flower's place is known is there a blob to name."""
    centre = words.number(report.interval("centre", "auroc").mean, 2) if report.masked else ""
    exact = finding.criterion == "complete"
    found = finding.measured
    return words(
        f"audited.{finding.criterion}.{'passes' if finding.passed else 'fails'}",
        found=words.percent(found.mean, 2) if exact else _written(found, words),
        centre=centre,
    )


def _written(interval: Interval, words: Words) -> str:
    mean, low, high = (
        words.number(round(v, 2) + 0.0, 2) for v in (interval.mean, interval.low, interval.high)
    )
    return words("audited.interval", mean=mean, low=low, high=high) if interval.n > 1 else mean
