"""Answers in a terminal."""

import sys
from typing import Any

import numpy as np
import pytest

from florascope.calibration.calibration import Calibration
from florascope.cli.answer import colourful, half_blocks, print_answer
from florascope.data.oxford102 import oxford102_classes
from florascope.identify.catalogue import Catalogue
from florascope.identify.identification import Identification, Observation
from florascope.identify.verdict import Verdict


def foxglove() -> Identification:
    probabilities = np.zeros(102)
    probabilities[93] = 1.0
    maps = np.ones((102, 2, 2), np.float32)
    crop = np.full((16, 16, 3), 200, np.uint8)
    seen = Observation(crop, np.zeros(102, np.float32), maps, 0.9)
    figures = Calibration(818, 1.0, 0.02, 0.01, 0.9, (0.8,) * 102, 0.8, 0.9)
    catalogue, verdict = Catalogue.of(oxford102_classes()), Verdict("species", (93,), "", 1.0)
    return Identification(catalogue, seen, probabilities, (93,), (93,), verdict, figures)


def as_terminal(patch: pytest.MonkeyPatch) -> None:
    """Make standard output a terminal; in the test itself, since pytest changes stdout before."""
    patch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    patch.delenv("NO_COLOR", raising=False)
    patch.setenv("TERM", "xterm-256color")
    patch.setenv("COLUMNS", "80")


def test_half_blocks_are_means_of_the_pixels_they_cover() -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[:2, :2] = (255, 0, 0)
    picture[2:, 2:] = (0, 0, 255)
    assert half_blocks(picture, 2) == [[("#ff0000", "#000000"), ("#000000", "#0000ff")]]


def test_colours_need_a_terminal_that_wants_them(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    assert not colourful()
    as_terminal(monkeypatch)
    assert colourful()
    monkeypatch.setenv("NO_COLOR", "")
    assert not colourful()
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not colourful()


def test_everything_is_said_plainly_elsewhere(capsys: Any) -> None:
    print_answer("a very/long name of a photo" + 100 * "x", foxglove(), "es", 1)
    out = capsys.readouterr().out
    assert out.startswith("a very/long name of a photo" + 100 * "x" + "\n")
    assert "  Esto es dedalera (Digitalis purpurea).\n" in out
    assert "    100.00 %  " + 20 * "█" + "  dedalera (Digitalis purpurea)\n" in out
    assert "Precaución: Dedalera" in out
    assert "Se parecen: campanilla de Canterbury, acónito, boca de dragón" in out
    assert "▀" not in out


def test_a_terminal_sees_the_photo_and_the_evidence(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    as_terminal(monkeypatch)
    print_answer("photo.jpg", foxglove(), "en", 1)
    out = capsys.readouterr().out
    assert out.count("▀") == 36 // 2 * 36 * 2
    assert "\x1b[31m" in out  # cautions in red
