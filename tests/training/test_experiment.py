"""Whole runs on painted photos, measured again from the photos by other means."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, log_loss

from florascope.bundle.participation import Participation
from florascope.data.dataset import Dataset, Split
from florascope.errors import DataError, TrainingError, WeightsError
from florascope.features.embedding import Views, embed
from florascope.features.engines import choose_runtime
from florascope.nets.classifier import Classifier
from florascope.nets.weights import NAMED
from florascope.parallel import CPU_BATCH
from florascope.training import experiment as experiment_module
from florascope.training.batches import LabelledPhotos
from florascope.training.experiment import Experiment, train
from florascope.training.finetune import Learned, Tuned
from florascope.training.recipes import ClassReport, Recipe, make_recipe

NETWORK = {"backbone": "test_resnet", "weights": "random"}
PROBE = make_recipe("probe", **NETWORK)
SEED = make_recipe("seed", **NETWORK, size=160, epochs=3, batch_size=3, learning_rate=0.03)
TUNED = make_recipe("finetune", **NETWORK, epochs=1)
RECIPES = pytest.mark.parametrize("recipe", [PROBE, SEED], ids=["probe", "seed"])


def spoil(dataset: Dataset, indexes: Iterable[int]) -> None:
    """Make photos unreadable."""
    for index in indexes:
        photo: Any = dataset.photos[index]
        photo.broken = True


def answers(experiment: Experiment, indexes: np.ndarray) -> np.ndarray:
    """Logits of photos, straight through the network."""
    pre = experiment.classifier.preprocessing
    photos = [experiment.dataset.photos[i] for i in indexes]
    batch = torch.from_numpy(np.stack([pre(photo.read()) for photo in photos]))
    with torch.no_grad():
        logits: np.ndarray = experiment.classifier(batch).numpy()
    return logits


@RECIPES
def test_figures_are_those_of_the_network_on_the_photos(
    recipe: Recipe, dataset: Dataset, split: Split
) -> None:
    experiment = train(dataset, split, recipe)
    assert not experiment.classifier.training
    assert list(experiment.metrics) == ["train", "val", "test"]
    for subset, indexes in split.items():
        found, labels = experiment.metrics[subset], dataset.labels[indexes]
        logits = answers(experiment, indexes)
        assert np.abs(experiment.logits[indexes] - logits).max() < 1e-3
        probabilities = torch.from_numpy(logits).double().softmax(1).numpy()
        assert found.n == len(indexes)
        assert found.top1 == pytest.approx((logits.argmax(1) == labels).mean())
        assert found.mean_class == pytest.approx(balanced_accuracy_score(labels, logits.argmax(1)))
        assert found.loss == pytest.approx(
            log_loss(labels, probabilities, labels=[0, 1, 2]), abs=1e-3
        )
    assert experiment.metrics["test"].top1 > 0.8, "three colours are easily told apart"


@RECIPES
def test_the_same_recipe_gives_the_same_figures_in_an_empty_cache(
    recipe: Recipe,
    dataset: Dataset,
    split: Split,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(1)
    one = train(dataset, split, recipe)
    (cache / "new").mkdir()
    (cache / "new" / "graphs").symlink_to(cache / "graphs")
    monkeypatch.setenv("FLORASCOPE_CACHE", str(cache / "new"))
    torch.manual_seed(2)
    two = train(dataset, split, recipe)
    assert (cache / "new" / "features").is_dir()
    assert {**one.to_json(), "seconds": 0} == {**two.to_json(), "seconds": 0}
    assert one.history == two.history
    assert torch.equal(one.classifier.head.weight, two.classifier.head.weight)


def test_the_engine_is_told_of(dataset: Dataset, split: Split) -> None:
    names = ("onnxruntime", "torch-bf16")
    exact, other = (train(dataset, split, PROBE, engine=choose_runtime(wanted=n)) for n in names)
    assert exact.to_json()["engine"] == "onnxruntime"
    assert other.to_json()["engine"] == "torch-bf16"
    gap = np.abs(exact.bank.values - other.bank.values).max() / exact.bank.values.max()
    assert 1e-4 < gap < 0.1, "bfloat16 keeps 8 bits of each number"


def test_keypoints_are_recorded_of_few_photos_or_where_asked(
    dataset: Dataset, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    def record(*, asked: bool | None = None) -> Participation:
        found = train(dataset, split, PROBE, keypoints=asked).participation
        assert found is not None
        return found

    few, never = record(), record(asked=False)
    monkeypatch.setattr(experiment_module, "RECORDED", len(dataset) - 1)
    many, always = record(), record(asked=True)
    assert few.marks is not None
    assert always.marks is not None
    np.testing.assert_array_equal(few.marks, always.marks)
    assert never.marks is None
    assert many.marks is None


def test_validation_and_test_photos_do_not_touch_the_fit(dataset: Dataset, split: Split) -> None:
    one = train(dataset, split, SEED)
    for index in (*split.val, *split.test):
        photo: Any = dataset.photos[index]
        photo.pixels = 255 - photo.pixels
    two = train(dataset, split, SEED)
    assert torch.equal(one.classifier.head.weight, two.classifier.head.weight)
    assert one.metrics["train"] == two.metrics["train"]
    assert one.metrics["test"] != two.metrics["test"]


def test_the_seed_recipe_sees_augmented_train_photos_alone(
    dataset: Dataset, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(SEED, ClassReport)
    asked: list[tuple[list[str], Views | None]] = []

    def spy(photos: Any, engine: Any, *, views: Views | None = None, **others: Any) -> Any:
        asked.append(([photo.name for photo in photos], views))
        return embed(photos, engine, views=views, **others)

    monkeypatch.setattr(experiment_module, "embed", spy)
    train(dataset, split, SEED)
    assert asked == [
        ([photo.name for photo in dataset.photos], None),
        (
            [dataset.photos[i].name for i in split.train],
            Views(SEED.augmentation, count=3, seed=0),
        ),
    ]


def test_without_augmentation_photos_are_embedded_once(dataset: Dataset, split: Split) -> None:
    recipe = make_recipe("seed", **NETWORK, size=160, augment=False)
    experiment = train(dataset, split, recipe)
    assert {len(photo.readings) for photo in dataset.photos} == {1}  # type: ignore[attr-defined]
    assert len(experiment.history) == 6


def test_the_recipes_preprocessing_is_the_classifiers(dataset: Dataset, split: Split) -> None:
    pre = train(dataset, split, SEED).classifier.preprocessing
    assert (pre.size, pre.crop_mode, pre.crop_pct) == (160, "squash", 1.0)
    assert (pre.mean, pre.std) == ((0, 0, 0), (1, 1, 1))


def test_json_says_what_was_done(dataset: Dataset, split: Split) -> None:
    experiment = train(dataset, split, PROBE)
    found = experiment.to_json()
    subsets = {"train", "val", "test"}
    assert {key: found[key] for key in found.keys() - subsets - {"seconds"}} == {
        "data": "painted",
        "photos": 45,
        "classes": 3,
        "skipped": 0,
        "ignored": {},
        "remarks": [],
        "split": "planted",
        "engine": "onnxruntime",
        "recipe": "probe",
        **NETWORK,
        "size": None,
        "crop_pct": None,
        "ridge": 2.0,
        "l2": 1e-5,
        "max_iterations": 100,
        "patience": 5,
        "views": 0,
        "seed": 0,
    }
    assert {found[s]["n"] for s in subsets} == {27, 9}
    assert 0 < found["seconds"] < 60


def test_chosen_weights_are_named(
    dataset: Dataset, split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLORASCOPE_WEIGHTS", str(tmp_path))
    (tmp_path / NAMED["google"].file).touch()
    with pytest.raises(WeightsError, match=r"google_tf_folded.safetensors is not a safetensors"):
        train(dataset, split, make_recipe("probe"))
    monkeypatch.setattr(experiment_module, "default_weights", lambda _: "random")
    experiment = train(dataset, split, make_recipe("probe", backbone="test_resnet"))
    assert experiment.recipe.weights == "random"
    assert experiment.to_json()["weights"] == "random"


def test_unreadable_photos_are_left_out(dataset: Dataset, split: Split) -> None:
    spoil(dataset, [split.train[0], split.test[2]])
    experiment = train(dataset, split, SEED)
    assert np.array_equal(experiment.split.train, split.train[1:])
    assert np.array_equal(experiment.split.test, np.delete(split.test, 2))
    assert experiment.metrics["train"].n == 26
    assert experiment.metrics["test"].n == 8
    assert experiment.to_json()["skipped"] == 2


def test_strict_refuses_unreadable_photos(dataset: Dataset, split: Split) -> None:
    spoil(dataset, [30, 7])
    with pytest.raises(DataError) as raised:
        train(dataset, split, PROBE, strict=True)
    assert raised.value.found == (
        "2 of 45 photos cannot be read; the first: photo 7 is damaged. expected a complete photo."
    )
    assert raised.value.fix == "Mend or remove them, or leave out `strict` to skip them"


def test_strict_lets_whole_photos_pass(dataset: Dataset, split: Split) -> None:
    assert train(dataset, split, PROBE, strict=True).bank.problems == {}


@pytest.mark.parametrize("subset", ["train", "val", "test"])
def test_a_subset_without_a_readable_photo(subset: str, dataset: Dataset, split: Split) -> None:
    spoil(dataset, split[subset])
    with pytest.raises(DataError) as raised:
        train(dataset, split, PROBE)
    lost = len(split[subset])
    told = f"has no {subset} photos that can be read ({lost} of 45 photos cannot be read; "
    assert told in raised.value.found
    assert raised.value.fix == "Mend or replace them"


def test_a_class_none_of_whose_photos_can_be_read(dataset: Dataset, split: Split) -> None:
    lost = np.flatnonzero(dataset.labels == 1)
    spoil(dataset, [0, *lost])
    with pytest.raises(DataError) as raised:
        train(dataset, split, PROBE)
    assert raised.value.found == (
        f"split planted has no train photo of lawn that can be read ({len(lost) + 1} of 45 photos"
        f" cannot be read; none of the {len(lost)} of lawn can; photo {lost[0]} is damaged."
        " expected a complete photo.)"
    )
    assert raised.value.fix == "Add photos of it, or leave the class out"


def test_a_network_that_gives_no_numbers(
    dataset: Dataset, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:

    def ruined(*args: Any, **kwargs: Any) -> Any:
        bank = embed(*args, **kwargs)
        return type(bank)(np.full_like(bank.values, np.nan), bank.problems)

    monkeypatch.setattr(experiment_module, "embed", ruined)
    for recipe in (PROBE, SEED):
        with pytest.raises(TrainingError, match=r"loss (is|became) nan"):
            train(dataset, split, recipe)


def test_progress_tells_of_every_longer_step(dataset: Dataset, split: Split) -> None:
    steps: dict[str, list[int]] = {}
    train(
        dataset, split, SEED, progress=lambda what, done, _: steps.setdefault(what, []).append(done)
    )
    assert list(steps) == ["Embedding photos", "Training the head"]
    batches = (-(-len(photos) // CPU_BATCH) for photos in (dataset.photos, split.train))
    assert steps["Embedding photos"] == [n for count in batches for n in range(count + 1)]
    assert steps["Training the head"] == [0, 1, 2, 3]


def learned(classifier: Classifier, weight: torch.Tensor, bias: torch.Tensor) -> Learned:
    body = {k: v.clone() for k, v in classifier.backbone.net.state_dict().items()}
    return Learned(body, weight, bias)


def blank(classifier: Classifier) -> Learned:
    """A head that has learned nothing."""
    return learned(classifier, torch.zeros(3, classifier.head.in_features), torch.zeros(3))


def test_a_probe_takes_the_place_of_a_worse_head(
    dataset: Dataset, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ruin(classifier: Classifier, *_: object, **__: object) -> Tuned:
        return Tuned([], (blank(classifier),))

    monkeypatch.setattr("florascope.training.finetune.finetune", ruin)
    found = train(dataset, split, TUNED)
    frozen = train(dataset, split, PROBE)
    assert torch.allclose(found.classifier.head.weight, frozen.classifier.head.weight, atol=1e-4)
    assert np.abs(found.logits - frozen.logits).max() < 1e-3


@pytest.mark.parametrize("sound", [0, 1])
def test_the_epoch_with_the_better_features_wins(
    sound: int, dataset: Dataset, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the best epoch and the last, by their heads: here one has lost its first layer."""

    def ruin_one(classifier: Classifier, *_: object, **__: object) -> Tuned:
        epochs = [blank(classifier), blank(classifier)]
        epochs[1 - sound].body["conv1.0.weight"].zero_()
        return Tuned([], tuple(epochs))

    monkeypatch.setattr("florascope.training.finetune.finetune", ruin_one)
    found = train(dataset, split, TUNED)
    frozen = train(dataset, split, PROBE)
    assert found.classifier.backbone.net.state_dict()["conv1.0.weight"].any()
    assert np.abs(found.bank.values - frozen.bank.values).max() < 1e-3
    assert np.abs(found.logits - frozen.logits).max() < 1e-3


def test_a_better_head_than_the_probe_stays(
    dataset: Dataset, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that knows by heart what train does not teach, as unsure as label smoothing leaves it."""
    labels = dataset.labels.copy()
    labels[split.val] = (labels[split.val] + 1) % 3
    heads: list[torch.Tensor] = []

    def learn(
        classifier: Classifier, _: object, val: LabelledPhotos, *__: object, **___: object
    ) -> Tuned:
        batch = val.shown(0, range(len(val.photos)))
        with torch.no_grad():
            features = classifier.backbone(batch).features.double()
        wanted = torch.nn.functional.one_hot(torch.from_numpy(val.targets), 3).double()
        weight = (torch.linalg.pinv(features - features.mean(0)) @ (wanted - wanted.mean(0))).T
        bias = -weight @ features.mean(0)
        heads.append(2 * weight.float())
        return Tuned([], (learned(classifier, heads[0], 2 * bias.float()),))

    monkeypatch.setattr("florascope.training.finetune.finetune", learn)
    found = train(replace(dataset, labels=labels), split, TUNED)
    centred = heads[0] - heads[0].mean(0)
    torch.testing.assert_close(found.classifier.head.weight.detach(), centred)
