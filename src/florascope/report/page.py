"""The report: one HTML page that needs nothing but a browser."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from florascope.data.dataset import Dataset
from florascope.doctor.evidence import Finding
from florascope.explanation.attribution import Explainer
from florascope.explanation.explanation import default_method, explainer
from florascope.explanation.inference import FastClassifier, hastened, one_core_each
from florascope.metrics import confusion_matrix, wilson_share
from florascope.nets.classifier import Classifier
from florascope.parallel import in_order
from florascope.progress import Progress, silent, track
from florascope.report.analysis import analyse
from florascope.report.audited import audit_section
from florascope.report.charts.classes import (
    MOST,
    counts_chart,
    matrix_chart,
    ranking_chart,
    recall_chart,
)
from florascope.report.charts.curves import accuracy_curve, loss_curve
from florascope.report.explained import choose_examples, explain
from florascope.report.figures import (
    Figures,
    ResultRow,
    chance_rows,
    class_report_rows,
    class_rows,
    figures_of,
    grouped,
    own_rows,
)
from florascope.report.pair import Pair, worst_pair
from florascope.report.pictures import augmented_samples, sample_photos
from florascope.report.words import Words, environment
from florascope.training.experiment import Experiment
from florascope.training.recipes import describe

PAIRS = 12  # most confused pairs in the table
PROBLEMS = 20  # skipped photos that are named


def report_html(
    experiment: Experiment,
    *,
    rivals: Sequence[ResultRow] = (),
    findings: Sequence[Finding] | None = None,
    language: str = "en",
    progress: Progress = silent,
) -> str:
    """Render a finished run as one self-contained page (inline styles, charts and pictures).

    Args:
        experiment: the finished run.
        rivals: further rows for the results table, such as another recipe's.
        findings: the doctor's; None where nobody asked it, which leaves its section out.
        language: of the page, "en" or "es".
        progress: told of every explained photo, and of the quick audit.

    Raises:
        PhotoError: a photo that was readable during the run no longer is.
    """
    words, figures = Words.of(language), figures_of(experiment)
    errors = [finding for finding in findings or () if finding.severity == "error"]
    classifier = experiment.classifier
    plain, fast = explainers_for(classifier), FastClassifier(classifier, threads=1)
    quick = [hastened(how, classifier, fast).how for how in plain]
    return (
        environment()
        .get_template("page.html.jinja2")
        .render(
            t=words,
            experiment=experiment,
            figures=figures,
            wilson=wilson_share,
            version=version("florascope"),
            errors=errors,
            statements=analyse(figures, words, trusted=not errors),
            data=_data(experiment, words),
            findings=findings,
            settings=describe(experiment.recipe),
            results=_results(experiment.dataset, figures, rivals, words),
            curves=[loss_curve(figures, words), accuracy_curve(figures, words)],
            confusions=_confusions(experiment, figures, words),
            explained=_explained(experiment, quick, words, progress),
            method=default_method(classifier),
            audited=audit_section(experiment, plain[0], words, progress, fast),
            pair=_pair(experiment, figures, quick[0], words),
        )
    )


def _pair(experiment: Experiment, figures: Figures, how: Explainer, words: Words) -> Pair | None:
    if not figures.confusions:
        return None
    return worst_pair(experiment, figures.confusions[0], how, words)


def explainers_for(classifier: Classifier) -> list[Explainer]:
    """Return the map that suits the network best, and Integrated Gradients."""
    names = dict.fromkeys([default_method(classifier), "ig"])
    return [explainer(name) for name in names]


def _data(experiment: Experiment, words: Words) -> dict[str, Any]:
    problems = experiment.bank.problems
    shown = sorted(problems)[:PROBLEMS]
    return {
        "chart": counts_chart(experiment, words),
        "samples": sample_photos(experiment, words),
        "augmented": augmented_samples(experiment, words),
        "problems": [
            (experiment.dataset.photos[i].name, words.problem(problems[i])) for i in shown
        ],
        "unnamed": len(problems) - len(shown),
    }


def _results(
    dataset: Dataset, figures: Figures, rivals: Sequence[ResultRow], words: Words
) -> dict[str, Any]:
    original = class_report_rows(dataset, words)
    rows = [*own_rows(figures, words), *rivals, *original]
    ranked = [row for row in rows if row.subset == "test" and row.top1 is not None]
    return {
        "groups": list(grouped([*rows, *chance_rows(figures, words)])),
        "original": bool(original),
        "chart": ranking_chart(ranked, figures.chance, words),
    }


def _confusions(experiment: Experiment, figures: Figures, words: Words) -> dict[str, Any]:
    test, labels = experiment.split.test, experiment.dataset.labels
    matrix = confusion_matrix(experiment.logits[test], labels[test])
    names = list(figures.names)
    return {
        "pairs": figures.confusions[:PAIRS],
        "matrix": matrix_chart(matrix, names, words) if len(names) <= MOST else None,
        "recall": recall_chart(figures, words),
        "classes": class_rows(figures, [c.id for c in experiment.dataset.classes]),
    }


def _explained(
    experiment: Experiment, explainers: Sequence[Explainer], words: Words, progress: Progress
) -> list[Any]:
    choices = choose_examples(experiment)
    with one_core_each():
        made = in_order(lambda choice: explain(experiment, choice, explainers, words), choices)
        return list(track(made, len(choices), words("progress"), progress))
