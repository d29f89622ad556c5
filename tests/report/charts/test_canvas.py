"""Charts become clean inline SVG in the page's colours."""

import xml.etree.ElementTree as ET

import matplotlib as mpl
import pytest

from florascope.report.charts.canvas import INK, LEAF, STYLE, canvas


def _draw(name: str) -> str:
    with canvas(name) as drawing:
        drawing.axes.plot([0, 1], [0, 1], "o-", color=LEAF)
        drawing.axes.set_title('<b> & "$5$" 花')
        drawing.finish('a "line" & more')
    return str(drawing.svg)


def test_it_is_xml_with_an_alternative_text() -> None:
    root = ET.fromstring(_draw("a").replace("xlink:href", "href"))
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == 'a "line" & more'
    assert root.attrib["viewBox"].startswith("0 0 331")  # 4.6 inches of 72 points
    assert "width" not in root.attrib


def test_text_stays_text_and_is_not_mathematics() -> None:
    root = ET.fromstring(_draw("a").replace("xlink:href", "href"))
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert '<b> & "$5$" 花' in texts


def test_colours_are_the_pages_variables() -> None:
    svg = _draw("a")
    assert "var(--leaf)" in svg
    assert "var(--ink)" in svg
    assert LEAF not in svg
    assert INK not in svg


def test_nothing_points_outside() -> None:
    svg = _draw("a")
    assert "http" not in svg
    assert "<metadata" not in svg


def test_two_charts_share_no_identifier() -> None:
    ids = []
    for name in ("a", "b"):
        root = ET.fromstring(_draw(name).replace("xlink:href", "href"))
        ids.append({e.attrib["id"] for e in root.iter() if "id" in e.attrib})
    assert ids[0]
    assert not ids[0] & ids[1]


def test_the_same_drawing_gives_the_same_bytes() -> None:
    assert _draw("a") == _draw("a")


@pytest.mark.parametrize("setting", [*STYLE, "svg.hashsalt"])
def test_matplotlibs_own_settings_are_left_alone(setting: str) -> None:
    before = mpl.rcParams[setting]
    _draw("a")
    assert mpl.rcParams[setting] == before
