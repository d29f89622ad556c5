"""Whole fine-tuning runs on painted photos, some of them killed."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from florascope.data.dataset import Dataset
from florascope.data.splits import Split
from florascope.errors import TrainingError
from florascope.model.classifier import Classifier
from florascope.training.experiment import train
from florascope.training.finetune import training_transform
from florascope.training.logbook import Logbook
from florascope.training.recipe import FinetuneRecipe, Recipe, make_recipe
from florascope.training.student import Student

RECIPE = make_recipe(
    "finetune", backbone="test_resnet", weights="random", epochs=3, batch_size=8, train_size=96
)


def weights(classifier: Classifier) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in classifier.state_dict().items()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def test_a_run_learns_and_is_the_same_twice(dataset: Dataset, split: Split) -> None:
    first, second = (train(dataset, split, RECIPE) for _ in range(2))
    assert same(weights(first.classifier), weights(second.classifier))
    assert first.history == second.history
    assert [row["epoch"] for row in first.history] == [1, 2, 3]
    assert first.history[-1]["train_loss"] < first.history[0]["train_loss"]
    assert first.metrics == second.metrics
    assert not first.classifier.training


def test_figures_and_bank_are_those_of_the_tuned_network(dataset: Dataset, split: Split) -> None:
    experiment = train(dataset, split, RECIPE)
    pre = experiment.classifier.preprocessing
    batch = np.stack([pre(dataset.photos[i].read()) for i in split.test])
    with torch.no_grad():
        answer = experiment.classifier.answer(torch.from_numpy(batch))
    assert np.abs(experiment.logits[split.test] - answer.logits.numpy()).max() < 1e-3
    assert np.abs(experiment.bank.values[0, split.test] - answer.features.numpy()).max() < 1e-3


def test_frozen_stages_keep_their_weights(dataset: Dataset, split: Split) -> None:
    recipe = make_recipe("finetune", **{**settings(RECIPE), "unfreeze": 1})
    tuned = train(dataset, split, recipe).classifier.backbone.net.state_dict()
    start = train(dataset, split, make_recipe("probe", backbone="test_resnet", weights="random"))
    for name, before in start.classifier.backbone.net.state_dict().items():
        if name.startswith("layer3.0.conv1") and name.endswith("weight") and before.ndim == 4:
            # folding scales it by BatchNorm's factor, training does not
            direction = tuned[name] / before
            assert torch.allclose(
                direction, direction[:, :1, :1, :1].expand_as(direction), rtol=1e-3
            )


def settings(recipe: Recipe) -> dict[str, object]:
    return {name: getattr(recipe, name) for name in recipe.__dataclass_fields__}


def test_an_interrupted_run_goes_on_to_the_same_weights(
    dataset: Dataset, split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(dataset, split, RECIPE)
    learn, seen = Student.learn, []

    def interrupted(student: Student, batch: object) -> None:
        seen.append(1)
        if len(seen) in {3, 7}:
            raise KeyboardInterrupt
        learn(student, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(Student, "learn", interrupted)
    book = Logbook(tmp_path, interval=0.0)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            train(dataset, split, RECIPE, logbook=book)
    resumed = train(dataset, split, RECIPE, logbook=book)
    assert same(weights(resumed.classifier), weights(whole.classifier))
    assert resumed.history == whole.history


def test_a_resume_with_other_settings_or_data_is_refused(
    dataset: Dataset, split: Split, tmp_path: Path
) -> None:
    train(dataset, split, RECIPE, logbook=Logbook(tmp_path))
    other = make_recipe("finetune", **{**settings(RECIPE), "learning_rate": 0.1})
    with pytest.raises(TrainingError, match=r"=0.0005, and this run has learning_rate=0.1"):
        train(dataset, split, other, logbook=Logbook(tmp_path))
    moved = Split(split.name, split.val, split.train, split.test)
    with pytest.raises(TrainingError, match=r"begun with split=planted \(\w+\), and this run has"):
        train(dataset, moved, RECIPE, logbook=Logbook(tmp_path))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"),
    ],
)
def test_out_of_memory_names_the_batch_size_to_try(
    dataset: Dataset, split: Split, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Student, "learn", fail)
    with pytest.raises(TrainingError, match="memory ran out with 8 photos a step.*batch_size=4"):
        train(dataset, split, RECIPE)


def test_other_errors_are_not_taken_for_memory(
    dataset: Dataset, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr(Student, "learn", fail)
    with pytest.raises(RuntimeError, match="something else"):
        train(dataset, split, RECIPE)


def test_the_transform_is_what_the_recipe_asks_for(dataset: Dataset, split: Split) -> None:
    classifier = train(
        dataset, split, make_recipe("probe", backbone="test_resnet", weights="random")
    ).classifier
    full = training_transform(classifier, FinetuneRecipe(train_size=64, rotation=5, seed=3))
    assert full.preprocessing.size == 64
    assert (full.crop, full.augmentation, full.colour) != (None, None, None)
    assert full.seed == 3
    bare = FinetuneRecipe(crop_area=1.0, flip=False, colour=0.0)
    still = training_transform(classifier, bare)
    assert (still.crop, still.augmentation, still.colour) == (None, None, None)
    assert still.preprocessing == classifier.preprocessing


def test_progress_tells_loss_accuracy_and_speed(dataset: Dataset, split: Split) -> None:
    told: list[tuple[str, int, int]] = []
    train(dataset, split, RECIPE, progress=lambda *what: told.append(what))
    steps = [t for t in told if t[0].startswith("Fine-tuning: loss ")]
    assert [done for _, done, _ in steps] == list(range(1, 13))
    assert {total for _, _, total in steps} == {12}
    assert all("top-1" in what and what.endswith("photos/s") for what, _, _ in steps)


WORKER = """
import sys
from pathlib import Path
import numpy as np, torch
from safetensors.torch import save_file
from florascope.data.dataset import ClassName
from florascope.model.classifier import Classifier
from florascope.model.preprocessing import Preprocessing
from florascope.model.weights import load_backbone
from florascope.training.batches import LabelledPhotos, Transform
from florascope.training.finetune import finetune, training_transform
from florascope.training.logbook import Logbook
from florascope.training.recipe import make_recipe

class Painted:
    def __init__(self, seed):
        self.pixels = np.random.default_rng(seed).integers(0, 256, (40, 50, 3), dtype=np.uint8)
        self.name = str(seed)
    def read(self):
        return self.pixels

torch.set_num_threads(1)
torch.manual_seed(0)
folder = Path(sys.argv[1])
recipe = make_recipe("finetune", backbone="test_resnet", weights="random", epochs=4, batch_size=4)
backbone = load_backbone("test_resnet", "random")
backbone.preprocessing = Preprocessing(size=64)
classifier = Classifier(backbone, tuple(ClassName(str(k), str(k)) for k in range(3))).eval()
photos, labels = [Painted(i) for i in range(24)], np.arange(24) % 3
train = LabelledPhotos(photos, labels, 3, training_transform(classifier, recipe), 4)
val = LabelledPhotos(photos[:6], labels[:6], 3, Transform(backbone.preprocessing), 4)
print("ready", flush=True)
finetune(classifier, train, val, recipe, Logbook(folder, {"seed": 0}, interval=0.0))
save_file({k: v.contiguous() for k, v in classifier.state_dict().items()}, folder / "final")
"""


def start(folder: Path) -> "subprocess.Popen[str]":
    folder.mkdir(exist_ok=True)
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    return worker


def test_a_run_killed_at_random_instants_ends_with_the_same_weights(tmp_path: Path) -> None:
    """A checkpoint is written after every step, so that many kills fall into a save."""
    whole = start(tmp_path / "whole")
    began = time.monotonic()
    assert whole.wait() == 0
    duration = time.monotonic() - began
    draw, killed = random.Random(0), 0
    while not (tmp_path / "killed" / "final").exists():
        worker = start(tmp_path / "killed")
        try:
            worker.wait(draw.uniform(0.05, 0.5) * duration if killed < 5 else None)
        except subprocess.TimeoutExpired:
            worker.send_signal(signal.SIGKILL)
            assert worker.wait() == -signal.SIGKILL
            killed += 1
    assert killed >= 3
    assert same(load_file(tmp_path / "whole" / "final"), load_file(tmp_path / "killed" / "final"))
