"""Findings on a page."""

from florascope.doctor.evidence import Finding
from florascope.report.html import findings_html


def test_each_finding_is_an_item_and_text_is_escaped() -> None:
    finding = Finding("a.b", "x < y", "error", "3", "4", "Add 1", 0.9)
    page = findings_html([finding, finding])
    assert page.count('<li class="alarm">') == 2
    assert "x &lt; y" in page
    assert "90 % sure" in page


def test_none_is_said() -> None:
    assert "nothing wrong" in findings_html([])
