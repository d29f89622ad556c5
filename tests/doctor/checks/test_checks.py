"""Checks on planted evidence: each side of each bound."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from florascope.doctor.anatomy import Layer, Modes, Network, Norm
from florascope.doctor.checks import (
    augmentation,
    claims,
    inputs,
    labels,
    layers,
    optimisation,
    skill,
    split,
)
from florascope.doctor.checks import network as batchnorm
from florascope.doctor.checks import network as head
from florascope.doctor.checks import network as weights
from florascope.doctor.checks import split as features
from florascope.doctor.diagnosis import judge
from florascope.doctor.evidence import Answers, Claims, Evidence, Finding, Inputs, Subset
from florascope.doctor.trials import Loop, Overfit, Substitution
from florascope.preprocessing import Preprocessing

CONTRACT = Preprocessing(size=16)


def photos(low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """A batch of noise photos that reach both ends, standardised as the contract says."""
    unit = np.random.default_rng(0).uniform(low, high, (4, 3, 16, 16))
    unit[:, :, 0, 0], unit[:, :, 0, 1] = low, high
    return standardised(unit, CONTRACT.mean, CONTRACT.std)


def standardised(unit: np.ndarray, mean: tuple[float, ...], std: tuple[float, ...]) -> np.ndarray:
    scaled = (unit - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    return scaled.astype(np.float32)


def given(val: np.ndarray, **more: Any) -> Evidence:
    return Evidence(5, inputs=Inputs(more.pop("train", val), val, CONTRACT, **more))


def answered(truth: list[int], said: list[int], K: int = 3) -> Answers:
    outputs = np.eye(K, dtype=np.float32)[said] * 8
    spread = np.random.default_rng(0).normal(0, 1, (len(truth), 6)).astype(np.float32)
    return Answers(np.array(truth), outputs, spread)


def test_sound_input_passes() -> None:
    evidence = given(photos())
    assert [check(evidence) for check in inputs.INPUT_CHECKS] == [None] * len(inputs.INPUT_CHECKS)


@pytest.mark.parametrize(
    ("mean", "std", "cause"),
    [
        ((0.0,) * 3, (1 / 255,) * 3, "input range wrong for the weights"),
        ((0.0,) * 3, (1.0,) * 3, "wrong mean or standard deviation"),
        ((0.5,) * 3, (0.5,) * 3, "wrong mean or standard deviation"),
        ((0.0,) * 3, (255.0,) * 3, "input rescaled twice"),
    ],
)
def test_scalings_are_known_from_a_batch_alone(
    mean: tuple[float, ...], std: tuple[float, ...], cause: str
) -> None:
    unit = np.random.default_rng(0).uniform(0, 1, (4, 3, 16, 16))
    unit[:, :, 0, 0], unit[:, :, 0, 1] = 0, 1
    evidence = given(standardised(unit, mean, std))
    found = [f.cause for check in inputs.INPUT_CHECKS if (f := check(evidence))]
    assert found == [cause]


def test_dark_photos_are_not_rescaled_ones() -> None:
    assert inputs.scale(given(photos(0.0, 0.4))) is None


def test_weights_that_have_moved_are_still_the_pretrained_ones() -> None:
    tuned = Network((), similarity={"a": 0.9, "b": 0.99})
    assert weights.loaded(Evidence(2, network=tuned)) is None
    lost = Network((), similarity={"a": 0.02, "b": 0.99})
    found = weights.loaded(Evidence(2, network=lost))
    assert found is not None
    assert found.cause == weights.PARTLY


def test_training_from_scratch_is_no_error() -> None:
    network = Network(("body.w", "head.w"), head=("head.w",), untouched=1.0)
    found = weights.loaded(Evidence(2, network=network))
    assert found is not None
    assert found.severity == "note"


def test_drift_needs_a_frozen_layer() -> None:
    moved, free = (Norm("n", frozen=f, moves=True, drift=0.4) for f in (True, False))
    assert batchnorm.drift(Evidence(2, network=Network((), norms=(moved,)))) is not None
    assert batchnorm.drift(Evidence(2, network=Network((), norms=(free,)))) is None


def modes_of(given: np.ndarray, evaluated: np.ndarray, **more: Any) -> Evidence:
    said = Modes(
        training=True,
        labels=np.zeros(len(given), np.int64),
        given=given,
        evaluated=evaluated,
        trained=given,
        **more,
    )
    return Evidence(given.shape[1], modes=said)


def test_train_mode_that_changes_nothing_is_none() -> None:
    logits = np.random.default_rng(0).normal(0, 1, (6, 3)).astype(np.float32)
    assert batchnorm.mode(modes_of(logits, logits)) is None
    assert batchnorm.mode(modes_of(logits + 0.5, logits)) is not None


def test_a_warning_before_the_statistics_have_moved() -> None:
    logits = np.ones((2, 3), np.float32)
    network = Network((), norms=(Norm("n", frozen=True, moves=True),))
    found = batchnorm.drift(replace(modes_of(logits, logits), network=network))
    assert found is not None
    assert found.severity == "warning"


@pytest.mark.parametrize(
    ("losses", "cause"),
    [
        ((2.0, 1.0, 0.1), None),
        ((2.0, 1.999, 1.998), optimisation.LOW),
        ((2.0, 30.0, 1.0), optimisation.HIGH),
        ((2.0, math.nan, math.nan), optimisation.HIGH),
    ],
)
def test_rates_by_one_batch(losses: tuple[float, ...], cause: str | None) -> None:
    loop = Loop(rates=(0.1,), overfit=Overfit(losses, 0.05))
    found = optimisation.rate(Evidence(5, loop=loop))
    assert (found.cause if found else None) == cause


@pytest.mark.parametrize(
    ("losses", "cause"),
    [
        ((1.6, 0.9, 0.4), None),
        ((1.6, 9.0, 40.0), optimisation.HIGH),
        ((1.61, 1.609, 1.608), optimisation.LOW),
        ((1.6,), None),
    ],
)
def test_rates_by_history(losses: tuple[float, ...], cause: str | None) -> None:
    loop = Loop(history=tuple({"train_loss": loss} for loss in losses))
    found = optimisation.rate(Evidence(5, loop=loop))
    assert (found.cause if found else None) == cause


def test_softmax_is_fine_with_another_loss() -> None:
    probabilities = np.full((4, 4), 0.25, np.float32)
    evidence = modes_of(probabilities, probabilities)
    assert head.softmax(evidence) is not None
    assert head.softmax(replace(evidence, loop=Loop("NLLLoss"))) is None


def test_a_wide_val_set_is_no_leak_of_augmentation() -> None:
    assert augmentation.bounds(given(photos(), train=photos(0.1, 0.9))) is None
    val = photos()
    clipped = np.where(val > 0, val.max(), val.min()).astype(np.float32)
    found = augmentation.bounds(given(val, train=clipped))
    assert found is not None
    assert "clipped" in found.found


@pytest.mark.parametrize(
    ("rows", "severity"), [(2, None), (5, "warning"), (12, "error"), (16, "error")]
)
def test_photos_whose_content_augmentation_removes(rows: int, severity: str | None) -> None:
    """Of 16 rows, some are black: no value leaves the range, and no label is to blame."""
    filled = photos()
    filled[:, :, :rows] = standardised(np.zeros((1, 3, 1, 1)), CONTRACT.mean, CONTRACT.std)
    evidence = given(photos(), train=filled)
    found = augmentation.removed(evidence)
    assert (found.severity if found else None) == severity
    if found is not None:
        assert found.found.startswith(f"{rows / 16:.0%} of the pixels of train photos")
        assert augmentation.bounds(evidence) is None
    far = filled.copy()
    far[0] += 100  # half are too bright, the other half black: the range is at fault
    assert augmentation.removed(given(photos(), train=far)) is None
    assert augmentation.bounds(given(photos(), train=far)) is not None
    noise = Finding("labels.noise", labels.NOISE, "error", "", "", "", 0.88)
    last = judge(evidence, [augmentation.removed, lambda _: noise])[-1]
    assert (last.check == "labels.noise" and last.severity == "note") == (severity == "error")


@pytest.mark.parametrize(("right", "severity"), [(90, "warning"), (30, "error")])
def test_a_run_that_reaches_what_it_can_has_enough_left(right: int, severity: str) -> None:
    """Half of every photo is cut out: of a small network's 90 % the run has so many."""
    cut = photos()
    cut[:, :, :8] = standardised(np.zeros((1, 3, 1, 1)), CONTRACT.mean, CONTRACT.std)
    truth = [n % 5 for n in range(100)]
    said = answered(truth, [(t + (n >= right)) % 5 for n, t in enumerate(truth)], 5)
    evidence = replace(given(photos(), train=cut), val_answers=said, substitution=Substitution(0.9))
    found = augmentation.removed(evidence)
    assert found is not None
    assert found.severity == severity


def test_repeats_are_wanted_where_nothing_is_random() -> None:
    assert augmentation.fresh(given(photos(), train_repeats=True)) is None
    assert augmentation.fresh(given(photos(), train_repeats=True, augments=True)) is not None
    assert augmentation.validation(given(photos(), val_repeats=True)) is None


def test_a_few_leaks_are_a_warning() -> None:
    subset = Subset(200, np.arange(200) % 5, digests=tuple(map(str, range(200))))
    other = replace(subset, digests=("0", *(f"x{n}" for n in range(199))))
    found = split.TRAIN_VAL.contents(Evidence(5, train=subset, val=other))
    assert found is not None
    assert found.severity == "warning"
    assert "1 of 200" in found.found


def test_a_sample_of_labels_says_nothing_of_missing_classes() -> None:
    whole = Subset(500, np.arange(500) % 50)
    sample = Subset(500, np.zeros(40, np.int64))
    assert split.tiny(Evidence(50, train=whole, val=sample)) is None


def test_outputs_that_no_photo_asks_for_are_no_missing_classes() -> None:
    """Labels may have gaps: six classes of a network with forty outputs."""
    labels_of = np.repeat([3, 9, 14, 22, 30, 39], 10)
    subset = Subset(60, labels_of)
    assert split.tiny(Evidence(40, train=subset, val=subset)) is None
    half = Subset(60, np.repeat([3, 9], 30))
    found = split.tiny(Evidence(40, train=half, val=subset))
    assert found is not None
    assert "4 of 6 classes have none" in found.found


@pytest.mark.parametrize(("labels", "fix"), [([0, 1], "Add photos"), ([0], "Split by classes")])
def test_a_small_split_by_class_wants_photos(labels: list[int], fix: str) -> None:
    train, val = (Subset(len(one), np.array(one)) for one in ([0, 1] * 10, labels))
    found = split.tiny(Evidence(2, train=train, val=val))
    assert found is not None
    assert found.fix.startswith(fix)


def test_official_oxford_is_not_swapped() -> None:
    """1,020 train and 1,020 val photos."""
    subset = Subset(1020, np.arange(1020) % 102)
    assert split.swapped(Evidence(102, train=subset, val=subset)) is None


@pytest.mark.parametrize(
    ("low", "high", "severity"), [(0, 4, None), (1, 4, "warning"), (1, 5, "error")]
)
def test_first_label(low: int, high: int, severity: str | None) -> None:
    subset = Subset(2, np.array([low, high]))
    found = labels.one_based(Evidence(5, train=subset))
    assert (found.severity if found else None) == severity


@pytest.mark.parametrize("name", [".ipynb_checkpoints", "__MACOSX", "train", "Images", "tmp"])
def test_stray_folders(name: str) -> None:
    subset = Subset(9, np.zeros(9, np.int64), ("rose", "daisy", name))
    found = labels.stray(Evidence(3, train=subset))
    assert found is not None
    assert name in found.found


def test_flowers_are_no_strays() -> None:
    subset = Subset(9, np.zeros(9, np.int64), ("testudinaria", "traintree", "imagella"))
    assert labels.stray(Evidence(3, train=subset)) is None


def test_a_reported_figure_that_is_measured_is_believed() -> None:
    truth = [0, 1, 2] * 20
    said = Evidence(3, val_answers=answered(truth, truth), claims=Claims({"val_top1": 1.0}))
    assert claims.shuffled(said) is None
    assert claims.metric(said) is None


def test_shuffled_answers_give_the_dealt_accuracy() -> None:
    truth = [0, 1, 2] * 20
    said = Evidence(3, val_answers=answered(truth, truth), claims=Claims({"val_top1": 0.35}))
    found = claims.shuffled(said)
    assert found is not None
    assert "33.3%" in found.found


def test_precision_changes_answers() -> None:
    logits = np.eye(4, dtype=np.float32)
    assert inputs.precision(modes_of(logits, logits, deployed=logits)) is None
    assert inputs.precision(modes_of(logits, logits, deployed=logits[::-1].copy())) is not None
    assert inputs.precision(modes_of(logits, logits, single=logits + 1)) is not None


def test_exif_is_ignored_where_the_lying_photo_fits() -> None:
    assert inputs.exif(given(photos(), rotated=(0.1, 0.99))) is not None
    assert inputs.exif(given(photos(), rotated=(0.99, 0.1))) is None


def test_effective_rank_of_equal_directions() -> None:
    values = np.vstack([np.eye(4), -np.eye(4)]).astype(np.float32)
    assert features.effective_rank(values) == pytest.approx(4)
    assert features.relative_spread(values) == pytest.approx(1)
    assert features.effective_rank(np.ones((3, 2), np.float32)) == 0


def test_majority_is_no_skill() -> None:
    truth = [0] * 80 + [1] * 10 + [2] * 10
    said = Evidence(3, val_answers=answered(truth, [0] * 100))
    found = skill.imbalance(said)
    assert found is not None
    assert "80.0%" in found.found
    assert skill.imbalance(Evidence(3, val_answers=answered(truth, truth))) is None
    assert skill.imbalance(replace(said, trained=False)) is None


def test_a_loss_above_that_of_a_uniform_guess() -> None:
    said = Evidence(102, claims=Claims({"val_loss": 4.6937}))
    found = skill.chance_loss(said)
    assert found is not None
    assert "4.625" in found.expected
    assert skill.chance_loss(Evidence(102, claims=Claims({"val_loss": 4.6}))) is None


def test_a_sum_of_losses_is_held_against_no_guess() -> None:
    told = Claims({"val_loss": 35.0})
    right = answered([0, 1, 2] * 20, [0, 1, 2] * 20)
    assert skill.chance_loss(Evidence(3, val_answers=right, claims=told)) is None
    wrong = answered([0, 1, 2] * 20, [1, 2, 0] * 20)  # a cross-entropy of 8
    assert skill.chance_loss(Evidence(3, val_answers=wrong, claims=told)) is not None


@pytest.mark.parametrize(
    ("bias", "moved", "check"),
    [
        (1e4, 1.0, "features.outweighed"),
        (9.0, 1.0, "features.constant"),  # as a loss that diverged leaves it
        (1e4, 0.0, "features.constant"),  # photos move nothing: the features are at fault
    ],
)
def test_a_bias_that_outweighs_all_photos(bias: float, moved: float, check: str) -> None:
    truth = np.arange(60) % 3
    outputs = moved * np.random.default_rng(0).normal(size=(60, 3))
    outputs[:, 1] += bias
    found = features.constant(Evidence(3, val_answers=Answers(truth, outputs, np.eye(3)[truth])))
    assert found is not None
    assert (found.check, found.cause) == (check, "constant predictions")


def test_label_noise_by_planted_features() -> None:
    """Well separated classes; 30 % of the train labels are another class's."""
    draw = np.random.default_rng(0)
    truth = np.arange(600) % 5
    features_of = np.eye(5, dtype=np.float32)[truth] * 6
    features_of = features_of + draw.normal(0, 1, features_of.shape).astype(np.float32)
    wrong = draw.random(600) < 0.3
    said = np.where(wrong, (truth + draw.integers(1, 5, 600)) % 5, truth)
    outputs = np.zeros((600, 5), np.float32)
    sound = Answers(truth, outputs, features_of)
    noisy = Evidence(5, train_answers=Answers(said, outputs, features_of), val_answers=sound)
    found = labels.noise(noisy)
    assert found is not None
    assert found.cause == labels.NOISE
    assert found.severity == "warning"
    assert labels.noise(Evidence(5, train_answers=sound, val_answers=sound)) is None


def separated(each: int, seed: int) -> Answers:
    """Photos of ten classes in directions of their own, as far from each other as they scatter."""
    draw, labels_of = np.random.default_rng(seed), np.repeat(np.arange(10), each)
    features_of = 4 * np.eye(10, 400, dtype=np.float32)[labels_of]
    features_of = features_of + draw.normal(0, 1, features_of.shape).astype(np.float32)
    return Answers(labels_of, np.zeros((len(labels_of), 10), np.float32), features_of)


@pytest.mark.parametrize("each", [1, 2])
def test_few_photos_of_each_class_are_no_label_noise(each: int) -> None:
    """From one photo of each class nothing is learned about the others, whatever their labels."""
    few, many = separated(each, 0), separated(20, 1)
    probe = Evidence(10, train_answers=few, val_answers=many).probe
    assert probe is not None
    assert probe.own_val_top1 > probe.train_top1 + 0.3
    assert labels.noise(Evidence(10, train_answers=few, val_answers=many)) is None


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        (photos() * 255 * 255, inputs.RANGE),
        (photos() / 255, inputs.TWICE),
        (photos().clip(0, 1) * 255, None),  # raw pixels are a usual size, too
        (2 * photos() - 1, None),
    ],
)
def test_numbers_of_an_unusual_size(values: np.ndarray, cause: str | None) -> None:
    lost = Answers(np.arange(60) % 3, np.eye(3)[np.zeros(60, int)], np.zeros((60, 2)))
    photo = Inputs(values.astype(np.float32), values.astype(np.float32))
    evidence = Evidence(3, inputs=photo, val_answers=lost, substitution=Substitution(0.9))
    found = inputs.extent(evidence)
    assert (found and found.cause) == cause
    learned = replace(lost, outputs=np.eye(3)[lost.labels])
    assert inputs.extent(replace(evidence, val_answers=learned)) is None


def test_a_contract_that_the_features_do_not_ask_for() -> None:
    unit = np.random.default_rng(0).uniform(size=(4, 3, 16, 16))
    seen = given(standardised(unit, (0.5,) * 3, (0.5,) * 3))
    assert inputs.standardisation(seen) is not None
    draw = np.random.default_rng(0)
    truth = np.arange(60) % 3
    clouds = (np.eye(3)[truth] + draw.normal(0, 0.1, (60, 3))).astype(np.float32)
    known = Answers(truth, np.eye(3)[truth], clouds)
    both = replace(seen, classes=3, train_answers=known, val_answers=known)
    assert both.inputs is not None
    tried = replace(both, inputs=replace(both.inputs, standardised=1.0))
    assert inputs.standardisation(both) is not None
    assert inputs.standardisation(tried) is None  # the probe is right of all as it is


def test_features_of_an_early_layer() -> None:
    def frozen(count: int, *, trainable: bool = False) -> Evidence:
        made = [Layer(f"c{n}", "Conv2D", units=24, trainable=trainable) for n in range(count)]
        return Evidence(3, network=Network((), layers=tuple(made)))

    found = layers.early(frozen(5))
    assert found is not None
    assert found.found.startswith("the frozen part has 5 convolutions (c4 last, with 24 channels)")
    assert layers.early(frozen(50)) is None
    assert layers.early(frozen(5, trainable=True)) is None


def test_dropout_behind_the_last_layer_is_seen_where_it_stands() -> None:
    made = (Layer("d", "Dense", units=3), Layer("drop", "Dropout", units=3, dropped=0.3))
    found = head.dropout(Evidence(3, network=Network((), layers=made)))
    assert found is not None
    assert found.found.startswith("drop drops answers")
    assert head.dropout(Evidence(3, network=Network((), layers=made[::-1]))) is None
