"""Findings as a section of an HTML page."""

from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from florascope.doctor.finding import Finding


def findings_html(findings: Sequence[Finding]) -> str:
    """Render findings as a list for the report, in its classes ("findings", "alarm", "advice").

    Args:
        findings: most likely cause first; none gives a sentence that says so.
    """
    environment = Environment(
        loader=PackageLoader("florascope.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("findings.html.jinja2").render(findings=findings)
