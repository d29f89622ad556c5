"""The figures as committed tables: CSV for programs, Markdown for people."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from costs import Completeness, Cost

from florascope.audit.interval import Interval
from florascope.audit.report import AuditReport
from florascope.audit.verdict import summary, verdict

Row = dict[str, Any]

QUALITY = ("pointing", "auroc", "energy", "energy_ratio", "insertion", "deletion", "gain")
BEHAVIOUR = ("noise_correlation", "flip_correlation", "gini", "top_share", "gap")


def quality_rows(report: AuditReport) -> list[Row]:
    """One row a method and measure."""
    return [
        {"method": scores.method, "measure": measure, **_numbers(report.bootstrapped(values))}
        for scores in report.methods
        for measure, values in scores.scores.items()
    ]


def sanity_rows(report: AuditReport) -> list[Row]:
    """One row a method, stage and kind of map."""
    return [
        {
            "method": scores.method,
            "stage": similarity.stage,
            "map": kind,
            **_numbers(report.bootstrapped(values)),
        }
        for scores in report.methods
        for similarity in scores.sanity
        for kind, values in (("signed", similarity.signed), ("absolute", similarity.absolute))
    ]


def cost_rows(records: Sequence[Cost | Completeness]) -> list[Row]:
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


def page(
    title: str, report: AuditReport, costs: Sequence[Cost], gaps: Sequence[Completeness]
) -> str:
    """Everything on one page of Markdown."""
    findings = verdict(report)
    about = (
        f"{len(report.targets)} photos, {report.masked} with a usable mask; means with 95 %"
        " bootstrap intervals over photos. `random` and `centre` know nothing of the network."
    )
    parts = [
        f"# Explanations: {title}",
        about,
        _measures(report, QUALITY),
        _measures(report, BEHAVIOUR),
        "## Weights shuffled from the top downwards: rank correlation of the signed maps",
        _sanity(report),
        "## Cost against one forward pass in the same run",
        _markdown(cost_rows(costs)),
        "## Integrated Gradients: gap and forward passes",
        _markdown(cost_rows(gaps)),
        "## Verdict",
        "\n".join(f"- **{line}**" for line in summary(findings)),
        "\n".join(f"- {finding.text}" for finding in findings),
    ]
    return "\n\n".join(parts) + "\n"


def _numbers(interval: Interval) -> Row:
    values = interval.to_json().items()
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in values}


def _measures(report: AuditReport, measures: Iterable[str]) -> str:
    return _markdown(
        [
            {
                "method": scores.method,
                **{name: _short(report.interval(scores.method, name)) for name in measures},
            }
            for scores in report.methods
        ]
    )


def _sanity(report: AuditReport) -> str:
    return _markdown(
        [
            {
                "method": scores.method,
                **{s.stage: _short(report.bootstrapped(s.signed)) for s in scores.sanity},
            }
            for scores in report.methods
        ]
    )


def _short(interval: Interval) -> str:
    return str(interval) if interval.n else ""


def _markdown(rows: Sequence[Row]) -> str:
    if not rows:
        return "(not measured)"
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)
