"""A small trained run that the command-line tests share."""

import io
import json
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from florascope.cli.main import main

COLOURS = {"1": (200, 40, 40), "2": (40, 200, 40), "10": (40, 40, 200)}


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.out)
        return value


Run = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line in this process, as the entry point does."""

    def call(*arguments: str | Path) -> Ended:
        monkeypatch.setattr(sys, "argv", ["florascope", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        found = capsys.readouterr()
        return Ended(code, found.out, found.err)

    return call


def paint(path: Path, colour: tuple[int, int, int], seed: int) -> None:
    """Save a noisy photo of one colour."""
    noise = np.random.default_rng(seed).integers(-30, 30, (48, 64, 3))
    pixels = (np.array(colour) + noise).clip(0, 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three classes, ten photos each, plus one that is cut short."""
    root = tmp_path_factory.mktemp("photos")
    for label, colour in COLOURS.items():
        for number in range(10):
            paint(root / label / f"photo-{label}-{number}.jpg", colour, number)
    whole = (root / "1" / "photo-1-0.jpg").read_bytes()
    (root / "1" / "broken.jpg").write_bytes(whole[: len(whole) // 3])
    return root


@pytest.fixture(scope="session", autouse=True)
def cache(session_cache: Path) -> Path:
    """Keep graphs and features of these tests away from the user's own."""
    return session_cache


TRAIN = ("--backbone", "test_resnet", "--weights", "random", "--split", "80-10-10")


class Training(NamedTuple):
    """A run's folder, and how the command that made it ended."""

    out: Path
    ended: Ended


def typed(*arguments: str | Path) -> Ended:
    """Run a command that succeeds, where `run` cannot be had: in fixtures of a wider scope."""
    told, said = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(told), redirect_stderr(said):
        patch.setattr(sys, "argv", ["florascope", *map(str, arguments)])
        main()
    return Ended(0, _text(told), _text(said))


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


@pytest.fixture(scope="session")
def training(photos: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Training:
    """`train --json`; the network's body is random, which suffices for three colours."""
    out = tmp_path_factory.mktemp("run") / "colours"
    return Training(out, typed("train", photos, *TRAIN, "--out", out, "--json"))


@pytest.fixture(scope="session")
def trained(training: Training) -> Path:
    """The run's folder."""
    return training.out


@pytest.fixture(scope="session")
def seeded(photos: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A run whose seed is not the one that the commands draw with unless told."""
    out = tmp_path_factory.mktemp("seeded") / "run"
    typed("train", photos, *TRAIN, "--seed", "4", "--no-report", "--out", out)
    return out
