"""Which photos are read to learn what lies on both sides of a split."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from florascope.data.dataset import ClassName, Dataset, FilePhoto, Split
from florascope.data.folder import folder
from florascope.data.splits import stratified
from florascope.doctor.evidence import Finding
from florascope.doctor.own import (
    after_training,
    before_training,
    diagnose_run,
    evidence_of,
    shared_digests,
    train_diagnosed,
)
from florascope.doctor.target import Question, examine
from florascope.errors import PhotoError
from florascope.garden import garden
from florascope.nets.weights import load_backbone
from florascope.run_folder import write_run
from florascope.training.experiment import Experiment, train
from florascope.training.recipes import make_recipe

CLASSES = (ClassName("1", "rose"), ClassName("2", "iris"))
SIDES = (16, 24, 32, 16)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Four photos: 0 and 3 are the same bytes, the others of other sizes."""
    paths = [tmp_path / f"{n}.bmp" for n in range(4)]
    for path, side in zip(paths, SIDES, strict=True):
        Image.new("RGB", (side, side), (9, 8, 7)).save(path)
    photos = [FilePhoto(path) for path in paths]
    return Dataset("four", photos, np.array([0, 1, 0, 1]), CLASSES)


SPLIT = Split("mine", np.array([0, 1]), np.array([2]), np.array([3]))


def test_equal_files_on_both_sides_have_one_digest(dataset: Dataset) -> None:
    found = shared_digests(dataset, SPLIT)
    assert found["train"][0] == found["test"][0] == dataset.photos[0].digest()
    assert set(found["train"]) & {*found["val"], *found["test"]} == {found["train"][0]}


def test_files_whose_size_is_not_met_on_the_other_side_are_not_read(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    digest = FilePhoto.digest

    def noted(photo: FilePhoto) -> str:
        read.append(photo.name)
        return digest(photo)

    monkeypatch.setattr(FilePhoto, "digest", noted)
    shared_digests(dataset, SPLIT)
    assert read == ["0.bmp", "3.bmp"]


def test_a_file_that_is_gone_is_like_no_other(dataset: Dataset) -> None:
    (dataset.photos[3].path).unlink()  # type: ignore[attr-defined]
    found = shared_digests(dataset, SPLIT)
    assert not set(found["train"]) & set(found["test"])
    assert found["test"] == ("unreadable 3",)


NETWORK = {"backbone": "test_resnet", "weights": "random"}


class Painted:
    """A photo in memory."""

    def __init__(self, name: str, pixels: np.ndarray) -> None:
        self.name, self.pixels = name, pixels

    def read(self) -> np.ndarray:
        return self.pixels

    def digest(self) -> str:
        return f"{self.name} {int(self.pixels.sum())}"


class Broken(Painted):
    """One that cannot be read."""

    def read(self) -> np.ndarray:
        raise PhotoError("it is damaged")

    def digest(self) -> str:
        raise PhotoError("it is damaged")


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLORASCOPE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def own_dataset() -> Dataset:
    draw = np.random.default_rng(0)
    colours = np.array([[225, 60, 60], [60, 200, 60], [70, 70, 230]])
    photos = [
        Painted(
            f"photo {i}",
            (colours[i % 3] + draw.normal(0, 40, (70, 80, 3))).clip(0, 255).astype(np.uint8),
        )
        for i in range(210)
    ]
    classes = tuple(ClassName(name, name) for name in ("red", "green", "blue"))
    return Dataset("painted", photos, np.arange(210) % 3, classes)


@pytest.fixture(scope="module")
def split(own_dataset: Dataset) -> Split:
    return stratified(own_dataset.labels, 0)


@pytest.fixture(scope="module")
def run(own_dataset: Dataset, split: Split) -> Experiment:
    return train(own_dataset, split, make_recipe("probe", **NETWORK, size=64, max_iterations=20))


def test_a_sound_start(own_dataset: Dataset, split: Split) -> None:
    backbone = load_backbone("test_resnet", "random")
    assert [f for f in before_training(own_dataset, split, backbone) if f.severity == "error"] == []


OWN: dict[str, dict[str, Any]] = {
    "probe": {"max_iterations": 20},
    "class-report": {"epochs": 4},
    "finetune": {"epochs": 2, "train_size": 64, "precision": "32"},
}


@pytest.mark.parametrize("name", OWN)
def test_a_sound_run(name: str, own_dataset: Dataset, split: Split) -> None:
    recipe = make_recipe(name, **NETWORK, size=64, **OWN[name])
    experiment = train(own_dataset, split, recipe)
    diagnosis = diagnose_run(experiment)
    assert diagnosis.of("error") == (), diagnosis
    assert diagnosis.seconds > 0


def test_a_tiny_split_is_named_before_training(own_dataset: Dataset, split: Split) -> None:
    few = Split("tiny", split.train, split.val[:3], split.test)
    findings = before_training(own_dataset, few, load_backbone("test_resnet", "random"))
    assert findings[0].cause == "split is tiny"


def test_copies_in_val_are_named_before_training(own_dataset: Dataset, split: Split) -> None:
    doubled = [own_dataset.photos[int(split.train[0])]] * len(own_dataset)
    twice = replace(own_dataset, photos=[*own_dataset.photos[:-1], doubled[0]])
    val = np.append(split.val, len(own_dataset) - 1)
    rest = np.setdiff1d(split.train, val)
    leaky = Split("leaky", rest, val, np.setdiff1d(split.test, val))
    findings = before_training(twice, leaky, load_backbone("test_resnet", "random"))
    assert findings[0].cause == "train and validation share photos (equal bytes)"


def test_unreadable_photos_are_passed_over(own_dataset: Dataset, split: Split) -> None:
    broken = [Broken(p.name, np.zeros((1, 1, 3), np.uint8)) for p in own_dataset.photos]
    sick = replace(own_dataset, photos=broken)
    findings = before_training(sick, split, load_backbone("test_resnet", "random"))
    assert findings == ()


def test_a_backbone_that_moved_is_named(run: Experiment) -> None:
    convolution = next(p for p in run.classifier.backbone.parameters() if p.ndim == 4)
    before = convolution.detach().clone()
    with torch.no_grad():
        convolution.mul_(1.5)
    causes = [f.cause for f in after_training(run)]
    with torch.no_grad():
        convolution.copy_(before)
    assert "parameters meant frozen are trained" in causes
    assert "device or precision gives other logits" in causes


def test_logits_that_are_dealt_to_other_photos_are_named(run: Experiment) -> None:
    labels = run.dataset.labels
    by_class = run.split.val[np.argsort(labels[run.split.val], kind="stable")]
    logits = run.logits.copy()  # each photo gets the answer for a photo of the next class
    logits[by_class] = np.roll(logits[by_class], len(by_class) // 3, axis=0)
    causes = [f.cause for f in after_training(replace(run, logits=logits))]
    assert causes[0] == "device or precision gives other logits"
    assert "training loop broken" in causes


def test_the_page_of_a_run_is_whole(tmp_path: Path, run: Experiment) -> None:
    json = diagnose_run(run).to_json()
    assert set(json) == {"findings", "seconds"}


def test_fine_tuned_weights_are_held_against_folded_pretrained_ones(
    own_dataset: Dataset, split: Split
) -> None:
    """A backbone that learned at a rate of nearly 0 is the pretrained one, in folded form."""
    still = make_recipe("finetune", **NETWORK, size=64, epochs=1, learning_rate=1e-9, ema=0)
    experiment = train(own_dataset, split, still)
    network = evidence_of(experiment).network
    assert network is not None
    assert network.meant_frozen == ()
    assert min(network.similarity.values()) > 0.999
    logits = experiment.classifier.head(torch.from_numpy(experiment.bank.values[0].copy()))
    assert np.allclose(logits.detach().numpy(), experiment.logits, atol=1e-4)


pytestmark = pytest.mark.usefixtures("cache")
PROBE = make_recipe("probe", backbone="test_resnet", weights="random", size=64, max_iterations=20)
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


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Garden photos of two species, with crops of four train photos among the test photos."""
    root = tmp_path_factory.mktemp("leaking") / "photos"
    drawn = garden(60).photos
    sides = {"train": range(40), "val": range(40, 50), "test": range(50, 60)}
    for k, name in enumerate(("five", "six")):
        for side, numbers in sides.items():
            (root / side / name).mkdir(parents=True)
            for i in numbers:
                Image.fromarray(drawn[60 * k + i].read()).save(root / side / name / f"{i}.png")
        for i in (3, 4):
            crop = Image.fromarray(drawn[60 * k + i].read()).crop((12, 20, 192, 205))
            crop.save(root / "test" / name / f"crop{i}.png")
    return root


@pytest.fixture(scope="module")
def leaked(leaking: Path) -> Experiment:
    dataset = folder(leaking)
    recipe = make_recipe("probe", **NETWORK, size=64, max_iterations=20)
    return train(dataset, dataset.own_splits["folder"], recipe)


def test_crops_of_train_photos_among_those_that_measure(leaked: Experiment) -> None:
    (found,) = [f for f in after_training(leaked) if f.check == "split.train_test_derived"]
    assert found.severity == "error"
    assert found.cause == "train and test share photos (crops or edits)"
    assert found.found.startswith("4 of 24 test photos share their picture")
    pairs = evidence_of(leaked).derived["train", "test"]
    assert {Path(one.photo).name.removeprefix("crop") for one in pairs} == {"3.png", "4.png"}
    assert {Path(one.source).name for one in pairs} == {"3.png", "4.png"}


def test_without_keypoints_nobody_looks_for_crops(leaked: Experiment) -> None:
    assert leaked.bank.photos is not None
    unmarked = replace(leaked.bank, photos=replace(leaked.bank.photos, marks=None))
    assert evidence_of(replace(leaked, bank=unmarked)).derived == {}


def test_crops_are_named_by_a_saved_run_and_its_photos(
    leaked: Experiment, leaking: Path, tmp_path: Path
) -> None:
    write_run(leaked, tmp_path / "run")
    question = Question(str(tmp_path / "run"), source=str(leaking))
    checks = {finding.check: finding.found for finding in examine(question).findings}
    assert "crop3.png ~ " in checks["split.train_test_derived"]
    quick = examine(replace(question, quick=True)).findings
    assert "split.train_test_derived" not in {finding.check for finding in quick}
