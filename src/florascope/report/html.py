"""The pages' templates: one environment, and the findings that more than one page shows."""

from collections.abc import Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from florascope.doctor.evidence import Finding


@cache
def environment() -> Environment:
    """Return the templates' environment: it escapes text, and a missing value is an error."""
    return Environment(
        loader=PackageLoader("florascope.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def findings_html(findings: Sequence[Finding]) -> str:
    """Render findings as a list for the report, in its classes ("findings", "alarm", "advice").

    Args:
        findings: most likely cause first; none gives a sentence that says so.
    """
    return environment().get_template("findings.html.jinja2").render(findings=findings)
