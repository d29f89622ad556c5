"""Audits kept on disk, so that a run that was stopped goes on."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from florascope.audit.faithfulness import REFERENCES, Curves
from florascope.audit.report import AuditReport, AuditSettings, MethodScores
from florascope.audit.sanity import Similarity

Arrays = dict[str, np.ndarray]
BETWEEN = "|"


def kept(file: Path, settings: AuditSettings, make: Callable[[], AuditReport]) -> AuditReport:
    """Return the audit that a file holds; make it, and the file, where there is none."""
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, **flat(make()))
    with np.load(file) as held:
        return whole(dict(held), settings)


def joined(reports: Sequence[AuditReport]) -> AuditReport:
    """Put audits of the same photos together: their references are the same."""
    methods = {scores.method: scores for report in reports for scores in report.methods}
    ordered = sorted(methods.values(), key=lambda scores: scores.method in REFERENCES)
    return replace(reports[0], methods=tuple(ordered))


def flat(report: AuditReport) -> dict[str, Any]:
    """Lay an audit out as arrays: METHOD|scores|NAME, METHOD|curves|NAME, METHOD|STAGE|NAME."""
    arrays = {"targets": report.targets}
    for scores in report.methods:
        curves = scores.curves
        parts = {"at": curves.at, "deletion": curves.deletion, "insertion": curves.insertion}
        arrays |= _named(scores.method, "scores", scores.scores)
        arrays |= _named(scores.method, "curves", parts)
        for s in scores.sanity:
            arrays |= _named(scores.method, s.stage, {"signed": s.signed, "absolute": s.absolute})
    return arrays


def whole(arrays: Arrays, settings: AuditSettings) -> AuditReport:
    """Put an audit together again."""
    methods: dict[str, dict[str, Arrays]] = {}
    for name, values in arrays.items():
        if name != "targets":
            method, part, figure = name.split(BETWEEN)
            methods.setdefault(method, {}).setdefault(part, {})[figure] = values
    scores = tuple(_scores(name, parts) for name, parts in methods.items())
    return AuditReport(settings, arrays["targets"], scores)


def _named(method: str, part: str, arrays: Arrays) -> Arrays:
    return {BETWEEN.join((method, part, name)): values for name, values in arrays.items()}


def _scores(method: str, parts: dict[str, Arrays]) -> MethodScores:
    scores, curves = parts.pop("scores"), Curves(**parts.pop("curves"))
    stages = tuple(Similarity(stage, **maps) for stage, maps in parts.items())
    return MethodScores(method, scores, curves, stages)
