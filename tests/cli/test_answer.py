"""Answers in a terminal."""

import sys
from dataclasses import replace
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


def refused() -> Identification:
    """A photo that has the most of foxglove and resembles monkshood, too little."""
    found = foxglove()
    seen = replace(found.observation, alike=0.5, nearest=8)
    return replace(found, observation=seen, verdict=Verdict("none", (), "", 0.0))


def test_a_refusal_shows_no_share_and_no_caution(capsys: Any) -> None:
    print_answer("owl.jpg", refused(), "en", 5)
    out = capsys.readouterr().out
    assert "unlike anything I was shown" in out
    assert "monkshood (deadly to people; deadly to pets)" in " ".join(out.split())
    assert "%" not in out
    assert "Caution" not in out


def test_deadly_lookalikes_and_candidates_carry_their_harm(capsys: Any) -> None:
    """Foxglove alone is in the set; monkshood looks alike and, at 0 %, is a candidate too."""
    print_answer("foxglove.jpg", foxglove(), "en", 102)
    lines = capsys.readouterr().out.splitlines()
    (candidate,) = (line for line in lines if "monkshood" in line and "%" in line)
    assert "deadly to people" in candidate
    said = " ".join(" ".join(lines).split())
    assert "monkshood (deadly to people; deadly to pets)" in said.split("Looks alike: ")[1]


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


def test_sentences_keep_to_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    print_answer("photo", foxglove(), "en", 1)
    sentences = [line for line in capsys.readouterr().out.splitlines() if "%" not in line]
    assert len(sentences) > 2
    assert max(map(len, sentences)) <= 40


def test_everything_is_said_plainly_elsewhere(capsys: Any) -> None:
    print_answer("a very/long name of a photo" + 100 * "x", foxglove(), "es", 1)
    out = capsys.readouterr().out
    assert out.startswith("a very/long name of a photo" + 100 * "x" + "\n")
    assert "  Esto es dedalera (Digitalis purpurea).\n" in out
    assert "    100.00 %  " + 20 * "█" + "  dedalera (Digitalis purpurea)\n" in out
    assert "Precaución: Dedalera" in out
    assert "Se parecen: campanilla de Canterbury, acónito (mortal para las personas;" in out
    assert "▀" not in out


def test_a_terminal_sees_the_photo_and_the_evidence(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    as_terminal(monkeypatch)
    print_answer("photo.jpg", foxglove(), "en", 1)
    out = capsys.readouterr().out
    assert out.count("▀") == 36 // 2 * 36 * 2
    assert "\x1b[31m" in out  # cautions in red
