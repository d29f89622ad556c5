"""Checks of answers, labels and layers on planted evidence: each names its fault, and it alone."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from florascope.doctor.anatomy import Layer, Modes, Network, Norm, Paired, Traces
from florascope.doctor.checks import (
    labels,
    layers,
    loop,
    losses,
    network,
    optimisation,
    recorded,
    skill,
)
from florascope.doctor.evidence import Answers, Drawn, Evidence, Subset
from florascope.doctor.recording import Pull, Recording
from florascope.doctor.trials import Exchange, Loop, Substitution

K = 6
LABELS = np.arange(240) % K
POINTS = 4.0 * np.eye(K)[LABELS] + np.random.default_rng(0).normal(size=(240, K))
"""Features that a probe learns."""


def said(answers: Any, **more: Any) -> Evidence:
    """A run that gives these answers on good features, for train as for val."""
    given = Answers(LABELS, np.eye(K)[answers], POINTS)
    whole = Subset(240, LABELS)
    told = {"train": whole, "val": whole, "train_answers": given, "val_answers": given}
    return Evidence(K, **{**told, **more})


def test_right_answers_are_sound() -> None:
    for check in (skill.reversed_answers, skill.inseparable, skill.favoured):
        assert check(said(LABELS)) is None


def test_answers_below_chance_have_a_sign_wrong() -> None:
    found = skill.reversed_answers(said((LABELS + 1) % K))
    assert found is not None
    assert found.cause == skill.REVERSED
    guesses = np.random.default_rng(1).integers(0, K, 240)
    assert skill.reversed_answers(said(guesses)) is None


def test_one_thing_in_two_folders() -> None:
    coin = np.random.default_rng(2).integers(0, 2, 240)
    found = skill.inseparable(said(2 * (LABELS // 2) + coin))
    assert found is not None
    assert "classes 0 and 1, 2 and 3, 4 and 5" in found.found
    assert skill.inseparable(said(np.random.default_rng(3).integers(0, K, 240))) is None


def test_a_class_that_is_never_answered() -> None:
    said_of_two = np.where(LABELS == 2, 3, LABELS)
    assert skill.favoured(said(said_of_two)) is None  # nothing makes classes count unequally
    uneven: list[dict[str, Any]] = [
        {"loop": Loop(weights=(1.0, 1.0, 0.1, 1.0, 1.0, 1.0))},
        {"drawn": Drawn((LABELS[LABELS != 2],), 200)},
        {"train": Subset(200, LABELS[LABELS != 2])},
        {"substitution": Substitution(0.9, "head", Exchange(0.9, {"loss": 0.6}, 0.6, {}))},
    ]
    sound = Substitution(0.9, "head", Exchange(0.9, {"loss": 0.9, "optimizer": 0.5}, 0.5, {}))
    assert skill.favoured(said(said_of_two, substitution=sound)) is None
    for given in uneven[1:]:
        assert skill.favoured(said(said_of_two, **given)) is not None
    found = skill.favoured(said(said_of_two, **uneven[0]))
    assert found is not None
    assert found.found.startswith("classes 2 are hardly ever answered")
    assert skill.favoured(said(np.zeros(240, int))) is None  # all is bad: no class in particular


def test_logits_that_cannot_go_below_zero() -> None:
    logits = POINTS - 1.0
    for cut, where in ((np.maximum(logits, 0), "exactly 0"), (np.minimum(logits, 2), "exactly 2")):
        given = Answers(LABELS, cut, POINTS)
        found = network.clipped(Evidence(K, val_answers=given))
        assert found is not None
        assert found.cause == network.CLIPPED
        assert where in found.found
        numbers = Loop("MSELoss", takes="numbers")
        assert network.clipped(Evidence(K, val_answers=given, loop=numbers)) is None
    odds = np.exp(200 * logits - 200 * logits.max(1, keepdims=True))
    shares = odds / odds.sum(1, keepdims=True)
    for sound in (logits, shares, np.log(shares + 1e-30), np.zeros_like(logits)):
        assert network.clipped(Evidence(K, val_answers=Answers(LABELS, sound, POINTS))) is None


def test_copies_of_a_photo_are_not_cut_off() -> None:
    """Three photos, ten times each, whose lowest output comes ten times for that."""
    outputs = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32).repeat(10, 0)
    given = Answers(np.arange(3).repeat(10), outputs, outputs)
    assert (outputs == outputs.min()).mean() > network.CUT
    assert network.clipped(Evidence(3, val_answers=given)) is None


def test_rare_classes_that_hardly_count() -> None:
    many = Subset(240, np.concatenate([np.repeat([0, 1, 2], 60), np.repeat([3, 4, 5], 10)]))
    half = np.where((LABELS > 2) & (np.arange(240) % 12 > 5), 0, LABELS)
    found = skill.favoured(said(half, train=many))
    assert found is not None
    assert "the rare ones hardly count" in found.found


def test_loss_settings() -> None:
    uneven = Subset(60, np.repeat(np.arange(K), [20, 20, 5, 5, 5, 5]))
    upside_down = Loop(weights=(2.0, 2.0, 0.5, 0.5, 0.5, 0.5))
    found = losses.upside_down(Evidence(K, train=uneven, loop=upside_down))
    assert found is not None
    assert found.cause == losses.WEIGHTS
    right = Loop(weights=(0.5, 0.5, 2.0, 2.0, 2.0, 2.0))
    assert losses.upside_down(Evidence(K, train=uneven, loop=right)) is None
    ignored = losses.ignored(Evidence(K, loop=Loop(ignored=0)))
    assert ignored is not None
    assert ignored.found.startswith("ignore_index=0")
    assert losses.ignored(Evidence(K, loop=Loop())) is None


def modes(evaluated: Any, trained: Any, again: Any = None) -> Evidence:
    hot = np.eye(K)[LABELS[:32]]
    shown = [hot if x is None else x for x in (evaluated, trained, again)]
    answered = Modes(
        training=False,
        labels=LABELS[:32],
        given=shown[0],
        evaluated=shown[0],
        trained=shown[1],
        again=shown[2],
    )
    return Evidence(K, modes=answered)


def test_modes() -> None:
    hot, wrong = np.eye(K)[LABELS[:32]], np.eye(K)[(LABELS[:32] + 1) % K]
    assert network.steady(modes(hot, hot)) is None
    assert network.lagging(modes(hot, hot)) is None
    unsteady = network.steady(modes(hot, hot, wrong))
    assert unsteady is not None
    assert unsteady.cause == network.RANDOM
    lagging = network.lagging(modes(wrong, hot, wrong))
    assert lagging is not None
    assert "of 32 val photos 100% are right with the batch's own mean" in lagging.found


def learned(trained: float, evaluated: float, **more: Any) -> Evidence:
    """A run whose train photos are right by so much in either mode, val's in train mode alone."""
    hot = np.eye(K)[LABELS[:32]]
    shares = [np.arange(96) < 96 * share for share in (trained, evaluated)]
    wrong = np.roll(hot, 1, 1)
    asked: Any = modes(wrong, hot, wrong).modes
    asked = replace(asked, learned=Paired(*shares))
    return said(np.zeros(240, int), modes=asked, network=Network((), **more))


def test_statistics_that_lag_show_on_train_photos() -> None:
    norms = tuple(Norm(n, frozen=False, moves=True, share=1e-4) for n in "ab")
    found = network.lagging(learned(1.0, 0.25, norms=norms))
    assert found is not None
    assert (found.cause, found.severity, found.confidence) == (network.LAGGING, "error", 0.95)
    assert "of 96 train photos 100% are right" in found.found
    assert "a batch makes up 0.0001 of them (the momentum)" in found.found
    assert network.unlike(learned(1.0, 0.25, norms=norms)) is None
    made = (replace(norms[0], as_made=True), norms[1])
    found = network.lagging(learned(1.0, 0.25, norms=made))
    assert found is not None
    assert "those of 1 of 2 layers are as made (mean 0, variance 1)" in found.found
    none = network.lagging(learned(1.0, 0.25))
    assert none is not None
    assert none.cause == network.UNALIKE  # a branch of its own for evaluation, say
    assert none.explains is None  # val photos lose as much
    same: Any = learned(1.0, 0.25, norms=norms).modes
    less = replace(learned(1.0, 0.25, norms=norms), modes=replace(same, trained=same.evaluated))
    little = network.lagging(less)
    assert little is not None
    assert little.explains == 0.0  # val photos lose nothing by them: something else is wrong, too
    for sound in (learned(0.9, 1.0, norms=norms), learned(1.0, 0.98, norms=norms)):
        assert network.lagging(sound) is None


def test_val_photos_that_the_statistics_of_train_do_not_fit() -> None:
    norms = (Norm("a", frozen=False, moves=True, share=0.1),)
    found = network.unlike(learned(1.0, 1.0, norms=norms))
    assert found is not None
    assert found.cause == network.UNLIKE
    assert "(100% of 32 in train mode)" in found.found
    alike = learned(1.0, 1.0, norms=norms)
    hot = np.eye(K)[LABELS[:32]]
    both: Any = replace(alike.modes, evaluated=hot, again=hot) if alike.modes else None
    assert network.unlike(replace(alike, modes=both)) is None


def test_statistics_that_lag_show_in_a_run_that_falls_behind() -> None:
    """Of 32 photos 6 more are right in train mode: little, but none the other way round."""
    hot = np.eye(K)[LABELS[:32]]
    some = np.where(np.arange(32)[:, None] < 6, np.roll(hot, 1, 1), hot)
    normed = Network((), norms=(Norm("bn", frozen=False, moves=True),))
    failed = said(np.where(np.arange(240) % 7 < 2, -1, LABELS), network=normed)
    behind = replace(failed, modes=modes(some, hot, some).modes)
    found = network.lagging(behind)
    assert found is not None
    assert found.confidence < 0.9
    assert network.lagging(replace(behind, network=Network(()))) is None  # without BatchNorm
    assert network.lagging(replace(said(LABELS, network=normed), modes=behind.modes)) is None
    both = np.where(np.arange(32)[:, None] > 27, np.roll(hot, 1, 1), hot)  # 4 the other way
    assert network.lagging(replace(behind, modes=modes(some, both, some).modes)) is None


@pytest.mark.parametrize(
    ("shown", "check", "cause"),
    [
        ([Layer("a", "Linear", units=1), Layer("b", "Linear", units=K)], "narrow", layers.NARROW),
        (
            [
                Layer("a", "Conv2D", channels="channels_last"),
                Layer("b", "MaxPooling2D", channels="channels_last"),
                Layer("c", "GlobalAveragePooling2D", channels="channels_first"),
            ],
            "formats",
            layers.FORMATS,
        ),
    ],
)
def test_layers(shown: list[Layer], check: str, cause: str) -> None:
    found = getattr(layers, check)(Evidence(K, network=Network((), layers=tuple(shown))))
    assert found is not None
    assert found.cause == cause
    sound = (Layer("a", "Linear", units=64), Layer("b", "Linear", units=K))
    assert getattr(layers, check)(Evidence(K, network=Network((), layers=sound))) is None


def test_one_label_for_all() -> None:
    zeros, every = Subset(240, np.zeros(240, int)), Subset(240, LABELS)
    found = labels.single(Evidence(K, train=zeros, val=every))
    assert found is not None
    assert found.found == "all 240 train labels are 0; the network has 6 classes, val 6"
    assert labels.absent(Evidence(K, train=zeros, val=every)) is None
    assert labels.single(Evidence(K, train=every, val=every)) is None


@pytest.mark.parametrize(
    ("within", "cause"),
    [
        ((0.15, 0.7), labels.UNRELATED),
        ((0.7, 0.15), labels.VAL_UNRELATED),
        ((0.7, 0.7), labels.MISMATCH),
        ((0.2, 0.2), None),
        (None, None),
    ],
)
def test_labels_that_say_nothing_of_their_photos(
    within: tuple[float, float] | None, cause: str | None
) -> None:
    found = labels.unrelated(said(LABELS, substitution=Substitution(0.17, within=within)))
    assert (found.cause if found else None) == cause


def test_another_network_than_the_trained_one() -> None:
    found = optimisation.missing(Evidence(K, network=Network(("a", "b"), optimised=())))
    assert found is not None
    assert found.cause == optimisation.OTHER
    one = optimisation.missing(Evidence(K, network=Network(("a", "b"), optimised=("a",))))
    assert one is not None
    assert one.cause == optimisation.NOT_OPTIMISED


def test_weights_drawn_anew_after_many_steps() -> None:
    sound = Exchange(0.9, {"optimizer": 0.9}, 0.9, {})
    told = {"substitution": Substitution(0.9, "head", sound)}
    found = loop.restored(said((LABELS + 1) % K, traces=Traces(steps=90, as_made=True), **told))
    assert found is not None
    assert found.cause == loop.ANEW
    assert loop.restored(said(LABELS, traces=Traces(steps=90, as_made=True), **told)) is None
    slow = {"substitution": Substitution(0.9, "head", Exchange(0.9, {"optimizer": 0.2}, 0.2, {}))}
    assert loop.restored(said((LABELS + 1) % K, traces=Traces(90, as_made=True), **slow)) is None


def test_a_generator_without_an_end_is_sound() -> None:
    batches = [LABELS[:32]] * 12
    round_and_round = Drawn.of(batches, [i % 96 for i in range(384)])
    assert (round_and_round.distinct, round_and_round.once) == (96, 96)
    assert loop.different(Evidence(K, drawn=round_and_round)) is None
    one_batch = Drawn.of(batches, [i % 32 for i in range(384)])
    assert loop.different(Evidence(K, drawn=one_batch)) is not None


def test_a_recording_is_no_other_network() -> None:
    watched = Recording("PyTorch", 10, 10, 10)
    evidence = Evidence(K, network=Network(("a",), optimised=()), recording=watched)
    found = optimisation.missing(evidence)
    assert found is not None
    assert found.cause == optimisation.NOT_OPTIMISED


def drawn_by(*labels: int, sign: float = 1.0) -> Evidence:
    """A loop whose loss pulls to these labels, or pushes away from them where sign is -1."""
    shares = np.full((240, K), 1 / K)
    asked = sign * (shares - np.eye(K)[np.resize(labels, 240)])
    pull = Pull(tuple(range(240)), np.zeros((240, K)), asked)
    seen = Recording("PyTorch", 30, 30, 30, labels=[asked.argmin(1)], pulls=[pull])
    return Evidence(K, val=Subset(240, LABELS), recording=seen)


def test_classes_are_counted_where_the_loss_tells_them() -> None:
    found = recorded.drawn(drawn_by(0, 1))
    assert found is not None
    assert found.cause == recorded.FEW_CLASSES
    assert recorded.drawn(drawn_by(*range(K))) is None
    assert recorded.drawn(drawn_by(*range(K), sign=-1.0)) is None  # the lowest is always class 0


def test_labels_by_chance_are_no_renaming() -> None:
    """Half of val fits a renaming that a probe of chance labels learned: train says nothing."""
    mixed = np.random.default_rng(0).permutation(240)
    truth, points = LABELS[mixed], POINTS[mixed]
    renamed = np.where(truth < 3, (truth + 1) % 3, 3)
    train, val = (Answers(own, np.eye(K)[renamed], points) for own in (renamed, truth))
    for within, cause in (((0.95, 0.95), labels.SHUFFLED), ((0.15, 0.95), None)):
        tried = Substitution(0.2, within=within)
        evidence = Evidence(K, train_answers=train, val_answers=val, substitution=tried)
        found = labels.permuted(evidence)
        assert (found and found.cause) == cause
        assert labels.unrelated(evidence) is not None
