"""A training with the doctor beside it: told before, told after, never stopped."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from florascope.data.dataset import ClassName, Dataset, FilePhoto, Split
from florascope.doctor.finding import Finding
from florascope.doctor.training import train_diagnosed
from florascope.training.recipes import make_recipe

pytestmark = pytest.mark.usefixtures("cache")
PROBE = make_recipe("probe", backbone="test_resnet", weights="random", size=64, l2_steps=2)
SHARED = "train and validation share photos (equal bytes)"
TINY = "split is tiny"


@pytest.fixture
def twins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Reds and blues; photo 59 is photo 1 once more, under another name."""
    monkeypatch.setenv("FLORASCOPE_CACHE", str(tmp_path / "cache"))
    draw = np.random.default_rng(0)
    colours = np.array([[220, 50, 50], [50, 50, 220]])
    paths = [tmp_path / f"{n}.png" for n in range(60)]
    for n, path in enumerate(paths[:-1]):
        pixels = colours[n % 2] + draw.normal(0, 30, (70, 80, 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    paths[-1].write_bytes(paths[1].read_bytes())
    classes = (ClassName("1", "red"), ClassName("2", "blue"))
    return Dataset("two", [FilePhoto(p) for p in paths], np.arange(60) % 2, classes)


def test_what_is_wrong_with_the_data_is_said_before_the_training(twins: Dataset) -> None:
    order: list[str] = []

    def say(findings: Sequence[Finding]) -> None:
        order.extend(f.cause for f in findings)

    def progress(what: str, *_: int) -> None:
        if "training" not in order and what.startswith("Embedding"):
            order.append("training")

    split = Split("leaky", np.arange(30), np.arange(50, 60), np.arange(30, 50))
    experiment, findings = train_diagnosed(twins, split, PROBE, say, progress=progress)
    causes = [f.cause for f in findings]
    assert {SHARED, TINY} <= set(order[: order.index("training")])
    assert {SHARED, TINY} <= set(causes)
    assert len(causes) == len(set(causes))  # what was said before is not said again
    assert [f.weight for f in findings] == sorted((f.weight for f in findings), reverse=True)
    assert experiment.metrics["train"].n == 30  # it went on


def test_of_several_processes_only_the_first_speaks_and_returns(
    twins: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Sequence[Finding]] = []
    monkeypatch.setenv("RANK", "1")
    split = Split("leaky", np.arange(30), np.arange(50, 60), np.arange(30, 50))
    with pytest.raises(SystemExit) as stop:
        train_diagnosed(twins, split, PROBE, said.append)
    assert stop.value.code == 0
    assert said == [()]
