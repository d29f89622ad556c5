"""The figures as committed tables: CSV for programs, Markdown for people."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from costs import Completeness, Cost

from florascope.audit.report import AuditReport
from florascope.audit.verdict import disagreements, summary, verdict
from florascope.evaluation.intervals import Interval

Row = dict[str, Any]

QUALITY = ("pointing", "pointing_near", "auroc", "energy_ratio")
FAITHFUL = ("insertion", "deletion", "gain", "gain_logit", "gain_neighbours")
BEHAVIOUR = ("noise_correlation", "flip_correlation", "gini", "gap")

Reports = dict[str, list[AuditReport]]
"""Of each model by its name: the quick methods' audit, then the slow ones'."""


def quality_rows(reports: Reports) -> list[Row]:
    """One row a model, method and measure."""
    return [
        {"model": name, "method": method, "measure": m, **_numbers(report.interval(method, m))}
        for name, method, report in _methods(reports)
        for m in report[method].scores
    ]


def sanity_rows(reports: Reports) -> list[Row]:
    """One row a model, method, stage and kind of map."""
    return [
        {
            "model": name,
            "method": method,
            "stage": similarity.stage,
            "map": kind,
            **_numbers(report.bootstrapped(values)),
        }
        for name, method, report in _methods(reports)
        for similarity in report[method].sanity
        for kind, values in (("signed", similarity.signed), ("absolute", similarity.absolute))
    ]


def rows_of(records: Sequence[Cost | Completeness]) -> list[Row]:
    """One row a record, four significant digits."""
    return [
        {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in asdict(record).items()}
        for record in records
    ]


def as_csv(rows: Sequence[Row]) -> str:
    """A table with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def page(reports: Reports, costs: Sequence[Cost], gaps: Sequence[Completeness]) -> str:
    """Everything on one page of Markdown."""
    last = list(reports)[-1]
    parts = [
        "# Are the explanations true, and what do they cost?",
        "Made by `benchmarks/explanations/run.py`. Means over the masked photos with 95 %"
        " intervals (bootstrap; Wilson for the pointing game); n is the number of photos."
        " `random` and `centre` know nothing of the network.",
        measures(reports, QUALITY),
        measures(reports, FAITHFUL),
        orders(reports),
        measures(reports, BEHAVIOUR),
        "## Weights shuffled from the top downwards: rank correlation with the trained map",
        sanity(reports),
        f"## Cost ({last}), against one forward pass in the same run",
        _markdown(rows_of(costs)),
        f"## Integrated Gradients ({last}): forward passes and completeness gap",
        _markdown(rows_of(gaps)),
        "## Verdict",
        *(verdicts(name, report) for name, both in reports.items() for report in both),
    ]
    return "\n\n".join(parts) + "\n"


def _methods(reports: Reports) -> Iterator[tuple[str, str, AuditReport]]:
    """Yield model, method and report; the references once a model."""
    for name, both in reports.items():
        for number, report in enumerate(both):
            for scores in report.methods:
                if number == 0 or scores.method in report.explained:
                    yield name, scores.method, report


def verdicts(name: str, report: AuditReport) -> str:
    """What passes and what does not, in sentences."""
    findings = verdict(report)
    lines = [f"**{name}: {line}**" for line in summary(findings)]
    return "\n".join(f"- {line}" for line in [*lines, *(finding.text for finding in findings)])


def orders(reports: Reports) -> str:
    """Which methods change places by how photos are taken apart, in sentences."""
    found = [
        f"- {name}: {line}" for name, both in reports.items() for line in disagreements(both[0])
    ]
    return "\n".join(
        found or ["No two methods surely change places by how photos are taken apart."]
    )


def _numbers(interval: Interval) -> Row:
    values = interval.to_json().items()
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in values}


def measures(reports: Reports, names: Sequence[str]) -> str:
    """One row a model and method, with a column a measure."""
    return _markdown(
        [
            {
                "model": name,
                "method": method,
                "n": report.interval(method, names[0]).n,
                **{measure: _short(report.interval(method, measure)) for measure in names},
            }
            for name, method, report in _methods(reports)
        ]
    )


def sanity(reports: Reports) -> str:
    """One row a model, method and stage of the shuffling."""
    return _markdown(
        [
            {
                "model": name,
                "method": method,
                "n": len(s.signed),
                "shuffled down to": s.stage,
                "signed": _short(report.bootstrapped(s.signed)),
                "absolute": _short(report.bootstrapped(s.absolute)),
            }
            for name, method, report in _methods(reports)
            for s in report[method].sanity
        ]
    )


def _short(interval: Interval) -> str:
    return str(interval) if interval.n else ""


def _markdown(rows: Sequence[Row]) -> str:
    if not rows:
        return "(not measured)"
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)
