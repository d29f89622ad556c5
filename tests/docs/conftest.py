"""What the tests of the documentation share: a reader's folder."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from florascope.cli.main import main

COLOURS = {"iris": (70, 60, 190), "lily": (225, 215, 90), "rose": (200, 30, 60)}


def paint(path: Path, colour: tuple[int, int, int], seed: int) -> None:
    """Save a noisy photo of one colour."""
    noise = np.random.default_rng(seed).normal(0, 25, (60, 80, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8)).save(path)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all pages: the same photos are embedded once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def folder(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of a reader with no weights or data, who has photos/ and new.jpg."""
    for seed in range(30):
        name = sorted(COLOURS)[seed % 3]
        paint(tmp_path / "photos" / name / f"{seed}.jpg", COLOURS[name], seed)
    paint(tmp_path / "new.jpg", COLOURS["rose"], 99)
    for variable in ("FLORASCOPE_DATA", "FLORASCOPE_WEIGHTS", "FLORASCOPE_ENGINE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("FLORASCOPE_CACHE", str(cache))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run_command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the command line in this process, as the entry point does; return the exit status."""

    def call(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["florascope", *arguments])
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0)
        return 0

    return call
