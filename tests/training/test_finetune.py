"""Whole fine-tuning runs on painted photos, some of them killed."""

import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm

from florascope.data.dataset import Dataset, Split
from florascope.errors import TrainingError
from florascope.features.embedding import FeatureBank
from florascope.nets.classifier import Classifier, LinearHead, Samples, input_of
from florascope.nets.weights import load_backbone
from florascope.preprocessing import Preprocessing
from florascope.training.batches import Batch, LabelledPhotos, Transform
from florascope.training.experiment import train
from florascope.training.finetune import (
    Candidate,
    Learned,
    Tuned,
    average,
    blend,
    choose_candidate,
    finetune,
    re_estimated,
    training_transform,
)
from florascope.training.logbook import Logbook, Row
from florascope.training.recipes import Finetune
from florascope.training.student import Student

RECIPE = Finetune(backbone="test_resnet", weights="random", epochs=3, batch_size=8, train_size=64)
STILL = replace(RECIPE, unfreeze=2, crop_area=1.0, flip=False, colour=0.0)  # maps are kept


class Ended(NamedTuple):
    """A classifier after its run."""

    classifier: Classifier
    history: list[Row]
    epochs: tuple[Learned, ...]

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        return dict(self.classifier.state_dict())


Tune = Callable[..., Ended]


@pytest.fixture
def tune(dataset: Dataset) -> Tune:
    """Fine-tune the same untrained classifier on painted photos."""

    def run(recipe: Finetune = RECIPE, book: Logbook | None = None, **rest: Any) -> Ended:
        backbone = load_backbone("test_resnet", "random")
        backbone.preprocessing = Preprocessing(size=64)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            classifier = Classifier(backbone, dataset.classes).eval()
        transform = training_transform(classifier, recipe)
        photos, labels = list(dataset.photos), dataset.labels
        train = LabelledPhotos(photos[:27], labels[:27], 3, transform, recipe.batch_size)
        plain = Transform(backbone.preprocessing)
        val = LabelledPhotos(photos[27:36], labels[27:36], 3, plain, recipe.batch_size)
        tuned = finetune(classifier, train, val, recipe, book or Logbook(), **rest)
        return Ended(classifier, tuned.history, tuned.epochs)

    return run


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def test_a_run_learns_and_is_the_same_twice(tune: Tune) -> None:
    first, second = tune(), tune()
    assert same(first.weights, second.weights)
    assert first.history == second.history
    assert [row["epoch"] for row in first.history] == [1, 2, 3]
    assert first.history[-1]["train_loss"] < first.history[0]["train_loss"]
    assert not first.classifier.training


def test_another_seed_gives_another_run(tune: Tune) -> None:
    assert not same(tune().weights, tune(replace(RECIPE, seed=1)).weights)


def test_figures_and_bank_are_those_of_the_tuned_network(dataset: Dataset, split: Split) -> None:
    experiment = train(dataset, split, RECIPE)
    pre = experiment.classifier.preprocessing
    batch = np.stack([pre(dataset.photos[i].read()) for i in split.test])
    with torch.no_grad():
        answer = experiment.classifier.answer(torch.from_numpy(batch))
    assert np.abs(experiment.logits[split.test] - answer.logits.numpy()).max() < 1e-3
    assert np.abs(experiment.bank.values[0, split.test] - answer.features.numpy()).max() < 1e-3
    assert len(experiment.history) == 3


def learned(value: float, count: int = 3) -> Learned:
    body = {"w": torch.tensor([value, 1.0]), "num_batches_tracked": torch.tensor(count)}
    return Learned(body, torch.full((2, 2), value), torch.tensor([0.0, -value]))


def test_an_average_by_hand() -> None:
    found = average([learned(1.0), learned(2.0, count=9), learned(6.0)])
    assert found.body["w"].tolist() == [3.0, 1.0]
    assert found.body["w"].dtype == torch.float32
    assert found.body["num_batches_tracked"].item() == 3
    assert found.weight.tolist() == [[3.0, 3.0], [3.0, 3.0]]
    assert found.bias.tolist() == [0.0, -3.0]


def test_the_average_of_one_is_itself() -> None:
    one = learned(0.1)
    found = average([one])
    assert torch.equal(found.body["w"], one.body["w"])
    assert torch.equal(found.weight, one.weight)


def test_best_and_last_epochs_are_averaged_each_for_itself() -> None:
    history: list[Row] = [{"epoch": 1.0}]
    both, alone = (learned(1.0), learned(2.0)), (learned(5.0),)
    found = blend([Tuned(history, both), Tuned([], alone)])
    assert [epoch.weight[0, 0].item() for epoch in found.epochs] == [3.0, 3.5]
    assert found.history is history
    assert len(blend([Tuned(history, alone), Tuned([], alone)]).epochs) == 1


def test_statistics_are_those_of_the_training_photos(
    make_classifier: Callable[..., Classifier], dataset: Dataset
) -> None:
    classifier = make_classifier("test_resnet", K=3)
    classifier.backbone.preprocessing = Preprocessing(size=64)
    plain = Transform(classifier.preprocessing)
    train = LabelledPhotos(list(dataset.photos[:12]), dataset.labels[:12], 3, plain, 12)
    first = next(m for m in classifier.backbone.net.modules() if isinstance(m, BatchNorm))
    (batch,) = train.batches(0)
    with torch.no_grad():
        reached, _ = input_of(classifier.backbone.net, first, batch.images)
    found = re_estimated(Learned.of(classifier), classifier, train)
    assert first.running_mean is not None
    assert first.running_var is not None
    assert torch.allclose(first.running_mean, reached.mean((0, 2, 3)), atol=1e-4)
    assert torch.allclose(first.running_var, reached.var((0, 2, 3)), rtol=1e-3)
    assert same(found.body, dict(classifier.backbone.net.state_dict()))
    assert not classifier.training


def test_a_soup_is_the_average_of_its_runs_and_goes_on_from_their_checkpoints(
    dataset: Dataset, split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[tuple[int, Tuned]] = []

    def watched(*args: Any, **options: Any) -> Tuned:
        runs.append((args[3].seed, finetune(*args, **options)))
        return runs[-1][1]

    monkeypatch.setattr("florascope.training.finetune.finetune", watched)
    recipe = replace(RECIPE, epochs=1, soup=2)
    found = train(dataset, split, recipe, logbook=Logbook(tmp_path)).classifier
    assert [seed for seed, _ in runs] == [0, 1]
    assert not same(*(run.epochs[-1].body for _, run in runs))
    means = [
        {name: (one[name] + other[name]) / 2 for name in one}
        for one, other in ([run.epochs[at].body for _, run in runs] for at in (0, -1))
    ]
    ours = found.backbone.net.state_dict()
    gaps = [max((ours[n] - m[n]).abs().max().item() for n in ours) for m in means]
    assert min(gaps) < 1e-6
    monkeypatch.setattr(Student, "learn", lambda *_: pytest.fail("what has ended begins again"))
    again = train(dataset, split, recipe, logbook=Logbook(tmp_path)).classifier
    assert same(dict(again.state_dict()), dict(found.state_dict()))


def test_frozen_stages_keep_their_weights(tune: Tune) -> None:
    start = load_backbone("test_resnet", "random").net.state_dict()
    tuned = tune(replace(RECIPE, unfreeze=1)).classifier.backbone.net.state_dict()
    name = "layer3.0.conv1.weight"
    ratio = tuned[name] / start[name]  # folding scales it by BatchNorm's factor, training does not
    assert torch.allclose(ratio, ratio[:, :1, :1, :1].expand_as(ratio), rtol=1e-3)
    moved = tuned["layer4.0.conv1.weight"] / start["layer4.0.conv1.weight"]
    assert not torch.allclose(moved, moved[:, :1, :1, :1].expand_as(moved), rtol=1e-2)


def test_batchnorm_learns_where_it_is_asked_to(tune: Tune) -> None:
    start = load_backbone("test_resnet", "random").net.state_dict()
    tuned = tune(replace(RECIPE, train_batchnorm=True)).classifier.backbone.net.state_dict()
    assert not torch.equal(tuned["layer4.0.bn1.running_mean"], start["layer4.0.bn1.running_mean"])


@pytest.mark.parametrize("recipe", [RECIPE, STILL])
def test_an_interrupted_run_goes_on_to_the_same_weights(
    tune: Tune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: Finetune
) -> None:
    whole = tune(recipe)
    learn, seen = Student.learn, []

    def interrupted(student: Student, batch: Batch) -> None:
        seen.append(1)
        if len(seen) in {3, 7}:
            raise KeyboardInterrupt
        learn(student, batch)

    monkeypatch.setattr(Student, "learn", interrupted)
    book = Logbook(tmp_path, interval=0.0)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            tune(recipe, book)
    resumed = tune(recipe, book)
    assert same(resumed.weights, whole.weights)
    assert resumed.history == whole.history


def test_a_resume_with_other_settings_or_data_is_refused(
    dataset: Dataset, split: Split, tmp_path: Path
) -> None:
    train(dataset, split, replace(RECIPE, epochs=1), logbook=Logbook(tmp_path))
    with pytest.raises(TrainingError, match=r"epochs=1, and this run has epochs=2"):
        train(dataset, split, replace(RECIPE, epochs=2), logbook=Logbook(tmp_path))
    moved = Split(split.name, split.val, split.train, split.test)
    with pytest.raises(TrainingError, match=r"begun with split=planted \(\w+\), and this run has"):
        train(dataset, moved, replace(RECIPE, epochs=1), logbook=Logbook(tmp_path))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"),
    ],
)
def test_out_of_memory_names_the_batch_size_to_try(
    tune: Tune, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Student, "learn", fail)
    with pytest.raises(TrainingError, match="memory ran out with 8 photos a step.*batch_size=4"):
        tune()


def test_other_errors_are_not_taken_for_memory(tune: Tune, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr(Student, "learn", fail)
    with pytest.raises(RuntimeError, match="something else"):
        tune()


def test_the_transform_is_what_the_recipe_asks_for(tune: Tune) -> None:
    classifier = tune(replace(RECIPE, epochs=1)).classifier
    full = training_transform(classifier, Finetune(train_size=32, rotation=5, seed=3))
    assert full.preprocessing.size == 32
    assert None not in {full.crop, full.augmentation, full.colour}
    assert full.seed == 3
    still = training_transform(classifier, Finetune(crop_area=1.0, flip=False, colour=0.0))
    assert (still.crop, still.augmentation, still.colour) == (None, None, None)
    assert still.preprocessing == classifier.preprocessing


def test_progress_tells_loss_accuracy_and_speed(tune: Tune) -> None:
    told: list[tuple[str, int, int]] = []
    tune(progress=lambda *what: told.append(what))
    assert [done for _, done, _ in told] == list(range(1, 13))
    assert {total for _, _, total in told} == {12}
    assert all(what.startswith("Fine-tuning: loss ") for what, _, _ in told)
    assert all("top-1" in what and what.endswith("photos/s") for what, _, _ in told)


WORKERS = """
import os, sys
from pathlib import Path
import numpy as np, torch
from safetensors.torch import save_file
from florascope.data.dataset import ClassName
from florascope.nets.classifier import Classifier
from florascope.preprocessing import Preprocessing
from florascope.nets.weights import load_backbone
from florascope.training.batches import LabelledPhotos, Transform
from florascope.training.finetune import finetune, training_transform
from florascope.training.logbook import Logbook
from florascope.training.recipes import make_recipe

class Painted:
    def __init__(self, seed):
        self.pixels = np.random.default_rng(seed).integers(0, 256, (40, 50, 3), dtype=np.uint8)
        self.name = str(seed)
    def read(self):
        return self.pixels

def work(folder):
    torch.manual_seed(0)
    network = {"backbone": "test_resnet", "weights": "random"}
    recipe = make_recipe("finetune", **network, epochs=4, batch_size=4)
    backbone = load_backbone(*network.values())
    backbone.preprocessing = Preprocessing(size=64)
    classifier = Classifier(backbone, tuple(ClassName(str(k), str(k)) for k in range(3))).eval()
    photos, labels = [Painted(i) for i in range(24)], np.arange(24) % 3
    train = LabelledPhotos(photos, labels, 3, training_transform(classifier, recipe), 4)
    val = LabelledPhotos(photos[:6], labels[:6], 3, Transform(backbone.preprocessing), 4)
    finetune(classifier, train, val, recipe, Logbook(folder, {"seed": 0}, interval=0.0))
    save_file({k: v.contiguous() for k, v in classifier.state_dict().items()}, folder / "final")

torch.set_num_threads(1)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work(Path(line.strip()))
            code = 0
        finally:
            os._exit(code)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def workers() -> "Iterator[subprocess.Popen[str]]":
    """A process that has imported everything and, for each folder it is told, forks a worker."""
    command, pipe = [sys.executable, "-c", WORKERS], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def run_worker(
    workers: "subprocess.Popen[str]", folder: Path, writes: int | None = None, pause: float = 0.0
) -> int:
    """Run a worker; kill it a moment after it has written some checkpoints.

    Args:
        workers: what starts it.
        folder: of the run.
        writes: checkpoints after which it is killed; None lets it end.
        pause: seconds from the last of these to the kill, which may fall into the next save.
    """
    assert workers.stdin is not None
    assert workers.stdout is not None
    folder.mkdir(exist_ok=True)
    workers.stdin.write(f"{folder}\n")
    workers.stdin.flush()
    worker = int(workers.stdout.readline())
    if writes is not None:
        _wait_for(folder / "checkpoint.safetensors", writes)
        time.sleep(pause)
        os.kill(worker, signal.SIGKILL)
    return int(workers.stdout.readline())


def _wait_for(path: Path, writes: int) -> None:
    """Wait until a file has been replaced that often."""
    deadline = time.monotonic() + 60
    seen = {path.stat().st_mtime_ns} if path.exists() else set()
    wanted = len(seen) + writes
    while len(seen) < wanted:
        assert time.monotonic() < deadline
        if path.exists():
            seen.add(path.stat().st_mtime_ns)
        time.sleep(0.001)


def test_a_run_killed_at_random_instants_ends_with_the_same_weights(
    workers: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    """A checkpoint is written after every step, so that many kills fall into a save."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run_worker(workers, whole) == 0
    draw = random.Random(0)
    ends = [run_worker(workers, killed, draw.randint(1, 4), draw.uniform(0, 0.05)) for _ in "12345"]
    assert ends == [-signal.SIGKILL] * 5
    assert run_worker(workers, killed) == 0
    assert same(load_file(whole / "final"), load_file(killed / "final"))


HEAD = LinearHead(torch.zeros(2, 2), torch.zeros(2))
EPOCH = Learned({}, HEAD.weight, HEAD.bias)
BANK = FeatureBank(np.zeros((1, 2, 2), np.float32))


def candidate(*losses: float) -> Candidate:
    return Candidate(EPOCH, HEAD, BANK, torch.tensor(losses))


def test_a_learned_head_that_is_surely_better_is_taken() -> None:
    probe, learned = candidate(1.0, 1.0, 1.0, 1.0), candidate(0.5, 0.4, 0.6, 0.5)
    assert choose_candidate([probe], [learned]) is learned


def test_one_that_may_be_better_by_chance_is_not() -> None:
    # Gains 1.2, -0.8, 1.2, -0.8: mean 0.2, standard deviation 2 / sqrt(3), error 0.577.
    probe, learned = candidate(1.2, 0.0, 1.2, 0.0), candidate(0.0, 0.8, 0.0, 0.8)
    assert choose_candidate([probe], [learned]) is probe


def test_the_border_is_one_standard_error() -> None:
    # Gains m + 1 and m - 1: standard deviation sqrt(2), error 1.
    for mean, taken in ((1.01, True), (0.99, False)):
        probe, learned = candidate(mean + 1, mean - 1), candidate(0.0, 0.0)
        assert (choose_candidate([probe], [learned]) is learned) == taken


def test_one_photo_proves_nothing() -> None:
    probe, learned = candidate(5.0), candidate(0.0)
    assert choose_candidate([probe], [learned]) is probe


def test_the_better_epoch_is_taken() -> None:
    worse, better = candidate(1.0, 1.0), candidate(0.5, 0.9)
    assert choose_candidate([worse, better], [candidate(2.0, 2.0)]) is better
    assert choose_candidate([candidate(2.0, 2.0)], [worse, better]) is better


def test_losses_are_those_at_the_best_temperature() -> None:
    # Two classes, three photos right and one wrong, all at the same margin: the best probability
    # of the answer is 3/4.
    features = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    val = Samples(features, torch.tensor([0, 0, 1, 0]), 2)
    head = LinearHead(0.5 * torch.eye(2), torch.zeros(2))
    losses = Candidate.of(EPOCH, head, BANK, val).losses
    expected = [-math.log(0.75)] * 3 + [-math.log(0.25)]
    assert losses.tolist() == pytest.approx(expected, abs=0.1)
