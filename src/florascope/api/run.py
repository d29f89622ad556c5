"""A finished training: what it measured, why it answers as it does, and its folder."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from florascope.api.results import Audit, ConfusionMatrix, MetricsTable, Mistake, Mistakes
from florascope.audit.audit import audit, methods_for
from florascope.audit.faithfulness import Perturbation
from florascope.audit.localisation import own_mask
from florascope.audit.photos import evenly, prepare_photos
from florascope.audit.report import AuditSettings
from florascope.audit.verdict import verdict
from florascope.data.dataset import ClassName, Dataset, Photo
from florascope.doctor.diagnosis import Diagnosis
from florascope.errors import DataError, ExplanationError, check_arguments
from florascope.evaluation.evaluator import Evaluation, evaluate
from florascope.evaluation.held_out import Asked, Origin, Subset, choose_photos
from florascope.explanation.attribution import Explainer
from florascope.explanation.explanation import Explanation, explain, explainer
from florascope.files import write_text
from florascope.metrics import confusion_matrix, softmax
from florascope.nets.classifier import Classifier
from florascope.nets.library import torch_defaults
from florascope.progress import Progress, shown
from florascope.report.figures import ResultRow
from florascope.run_folder import write_run
from florascope.source import load
from florascope.training.experiment import Experiment
from florascope.training.recipes import Recipe


class Run:
    """A finished training, fresh or opened from its folder.

    Args:
        classifier: the network, in eval mode.
        recipe: how it was made.
        metrics: figures of "train", "val" and "test", as the training measured them.
        diagnosis: what the doctor found.
        experiment: everything that was at hand when the training ended; of an opened run a
            function that gathers it again from the photos, called when it is first needed.
        origin: which photos made the classifier.
    """

    def __init__(
        self,
        classifier: Classifier,
        recipe: Recipe,
        metrics: MetricsTable,
        diagnosis: Diagnosis,
        experiment: Experiment | Callable[[], Experiment],
        origin: Origin,
    ) -> None:
        self.classifier = classifier
        self.recipe = recipe
        self.metrics = metrics
        self.diagnosis = diagnosis
        self.origin = origin
        self._experiment = experiment

    @cached_property
    def experiment(self) -> Experiment:
        """Photos, split, features and logits; of an opened run, its photos are read again.

        Raises:
            DataError: the photos are no longer where they were, or are others.
        """
        return self._experiment() if callable(self._experiment) else self._experiment

    @property
    def data(self) -> Dataset:
        """All photos of the run; errors as `experiment`."""
        return self.experiment.dataset

    @property
    def classes(self) -> tuple[ClassName, ...]:
        """The K classes, in the order of the logits."""
        return self.classifier.classes

    @property
    def history(self) -> list[dict[str, float]]:
        """One row a step of the fit; errors as `experiment`."""
        return self.experiment.history

    @check_arguments(DataError)
    @torch_defaults()
    def evaluate(
        self,
        data: Any,  # noqa: ANN401 (see `florascope.load`)
        *,
        subset: Subset | None = None,
        split: str | None = None,
        seed: int | None = None,
        progress: Progress | None = None,
    ) -> Evaluation:
        """Measure the classifier on photos that did not train it.

            run.evaluate("more photos/").metrics.top1

        Args:
            data: what `florascope.load` takes or gives. Its classes are matched by id or name.
            subset: None measures the run's own test photos, found by content, and photos that took
                no part; or "train", "val", "test" or "all".
            split: another split of the data; None takes the run's own.
            seed: of a split that is drawn.
            progress: told of each step; None draws a bar where somebody can see one.

        Returns:
            Its `metrics`, and in `statement` what the photos did in the training.

        Raises:
            DataError: photos that trained or selected would be called test, there is nothing to
                measure, or a class is unknown to the classifier.
        """
        with shown(progress) as told:
            dataset = load(data, progress=told)
            chosen = choose_photos(self.origin, dataset, Asked(subset, split, seed), told)
            found = evaluate(self.classifier, dataset, chosen.indexes, progress=told)
        return replace(found, statement=chosen.statement)

    @check_arguments(DataError)
    def confusion(self, subset: str = "test") -> ConfusionMatrix:
        """Count a subset's photos by true class and answer; errors as `experiment`."""
        done = self.experiment
        at = done.split[subset]
        return ConfusionMatrix(
            confusion_matrix(done.logits[at], done.dataset.labels[at]), self.classes
        )

    @property
    def confusions(self) -> ConfusionMatrix:
        """The same of the test photos."""
        return self.confusion()

    @property
    def errors(self) -> Mistakes:
        """All test photos that were answered wrong, the surest first; errors as `experiment`."""
        return self.mistakes(None)

    @check_arguments(DataError)
    def mistakes(self, limit: int | None = 9, subset: str = "test") -> Mistakes:
        """Return photos that were answered wrong, the surest first.

        Args:
            limit: how many at the most; None for all.
            subset: "train", "val" or "test".

        Raises:
            DataError: as `experiment`.
        """
        done = self.experiment
        at, labels = done.split[subset], done.dataset.labels
        shares = softmax(done.logits[at])
        answers = shares.argmax(1)
        wrong = np.flatnonzero(answers != labels[at])
        surest = wrong[np.argsort(-shares[wrong, answers[wrong]], kind="stable")][:limit]
        items = (
            Mistake(
                done.dataset.photos[int(at[n])],
                self.classes[int(labels[at[n]])],
                self.classes[int(answers[n])],
                float(shares[n, answers[n]]),
                float(shares[n, labels[at[n]]]),
            )
            for n in surest
        )
        return Mistakes(tuple(items), self._explain_class)

    @torch_defaults()
    def _explain_class(self, photo: Photo, method: str, target: ClassName) -> Explanation:
        return explain(self.classifier, photo, method, target.id)

    @check_arguments(ExplanationError)
    @torch_defaults()
    def explain(
        self,
        photo: Any,  # noqa: ANN401 (see `florascope.images.as_rgb`)
        target: int | str | None = None,
        *,
        against: int | str | None = None,
        method: Explainer | str | None = None,
    ) -> Explanation:
        """Explain the answer to one photo; see `florascope.explanation.explanation.explain`."""
        return explain(self.classifier, photo, method, target, against)

    @check_arguments(ExplanationError)
    @torch_defaults()
    def audit(
        self,
        limit: int = 100,
        *,
        methods: Sequence[str] = (),
        subset: str = "test",
        progress: Progress | None = None,
    ) -> Audit:
        """Measure on the run's own photos whether its explanations are true.

        Args:
            limit: photos at the most, evenly picked.
            methods: names of methods; none for all that fit the network but the slow "ig".
            subset: whose photos.
            progress: told of each step; None draws a bar where somebody can see one.

        Raises:
            DataError: as `experiment`.
            ExplanationError: a method is unknown or does not exist for this network.
        """
        done, seed = self.experiment, self.recipe.seed
        at = done.split[subset]
        photos = [done.dataset.photos[int(at[i])] for i in evenly(len(at), limit)]
        explainers = [explainer(name) for name in methods or methods_for(self.classifier)]
        perturbation = Perturbation.of(self.classifier.preprocessing.size, seed=seed)
        with shown(progress) as told:
            ready = prepare_photos(self.classifier, photos, own_mask, told)
            how = AuditSettings(perturbation, seed=seed)
            found = audit(self.classifier, ready, explainers, how, told)
        return Audit(found, verdict(found))

    @check_arguments()
    @torch_defaults()
    def report(
        self,
        path: str | PathLike[str] | None = None,
        *,
        language: str = "en",
        rivals: Sequence[ResultRow] = (),
        progress: Progress | None = None,
    ) -> str:
        """Render the run as one self-contained HTML page.

        Args:
            path: a file to write it to; None only returns it.
            language: "en" or "es".
            rivals: further rows for the results table, such as another recipe's.
            progress: told of each step; None draws a bar where somebody can see one.

        Raises:
            DataError: as `experiment`.
            FlorascopeError: the report is not written in that language.
        """
        # here, so that a training does not need what only pages do
        from florascope.report.page import report_html

        with shown(progress) as told:
            page = report_html(
                self.experiment,
                rivals=rivals,
                findings=self.diagnosis.findings,
                language=language,
                progress=told,
            )
        if path is not None:
            write_text(Path(path), page)
        return page

    @check_arguments()
    @torch_defaults()
    def save(
        self, path: str | PathLike[str], *, half: bool = False, overwrite: bool = False
    ) -> dict[str, str]:
        """Write the run's folder: bundle/, metrics.json and history.csv.

        Args:
            path: a new or empty folder, or an earlier run's.
            half: store the bundle's weights in half precision.
            overwrite: replace a run of other data, too.

        Returns:
            The path of each part, by name.

        Raises:
            DataError: as `experiment`.
            FlorascopeError: the folder holds something else or a run of other data, or cannot be
                written.
        """
        found = self.diagnosis.findings
        return write_run(
            self.experiment, Path(path), findings=found, half=half, overwrite=overwrite
        )

    def to_json(self) -> dict[str, Any]:
        """Return figures and findings as JSON values; errors as `experiment`."""
        findings = [finding.to_json() for finding in self.diagnosis.findings]
        return {**self.experiment.to_json(), "findings": findings}

    def __repr__(self) -> str:
        found, test = len(self.diagnosis.findings), self.metrics["test"]
        low, high = test.top1_interval
        return (
            f"<Run {self.recipe.name} on {self.recipe.backbone}, {len(self.classes)} classes,"
            f" test top-1 {test.top1:.2%} ({low:.0%} to {high:.0%}), {found} findings>"
        )

    def _repr_html_(self) -> str:
        title = f"{self.recipe.name} on {self.recipe.backbone}, {len(self.classes)} classes"
        tables = (part._repr_html_() for part in (self.metrics, self.diagnosis))
        return f"<p><b>{escape(title)}</b></p>{''.join(tables)}"
