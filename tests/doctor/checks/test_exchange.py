"""What trials with parts exchanged say, on planted accuracies."""

from typing import Any

import numpy as np
import pytest

from florascope.doctor.anatomy import Network
from florascope.doctor.checks import exchange
from florascope.doctor.evidence import AS_IT_IS, Answers, Evidence
from florascope.doctor.retouching import ANEW, AS_TRAIN
from florascope.doctor.trials import Exchange, FromFiles, Loop, Substitution

K = 10


def judged(check: Any = exchange.exchanged, run: float = 0.1, **tried: Any) -> Any:
    labels = np.arange(200) % K
    said = np.where(np.arange(200) < 200 * run, labels, (labels + 1) % K)
    answers = Answers(labels, np.eye(K)[said], np.zeros((200, 2)))
    seen = {"sound": 0.9, "own": {}, "whole": 0.9, "repaired": {}}
    trained = Exchange(**{key: tried.pop(key, value) for key, value in seen.items()})
    seen_too = {key: tried.pop(key, None) for key in ("network", "loop")}
    known = {"reference": 0.6, "what": "head", "rate": 3e-3, "exchange": trained, **tried}
    return check(Evidence(K, val_answers=answers, substitution=Substitution(**known), **seen_too))


@pytest.mark.parametrize(
    ("tried", "cause"),
    [
        ({"own": {"tail": 0.1}, "tail": "ReLU"}, exchange.TAIL),
        ({"own": {"tail": 0.9, "loss": 0.1}}, exchange.LOSS),
        ({"own": {"order": 0.2}}, exchange.ORDER),
        ({"own": {"optimizer": 0.1}}, exchange.OPTIMIZER),
        (
            {"own": {"optimizer": 0.1}, "settings": {"weight_decay": 0.9, "lr": 0.1}},
            exchange.DECAY,
        ),
        ({"own": {"optimizer": 0.1}, "settings": {"lr": 0.9}, "rate": 1e-7}, exchange.LOW),
        ({"own": {"optimizer": 0.1}, "settings": {"lr": 0.9}, "rate": 9.0}, exchange.HIGH),
        ({"own": {"optimizer": 0.1}, "settings": {"lr": 0.2}}, exchange.OPTIMIZER),
        (
            {"own": {"tail": 0.9, "optimizer": 0.9}, "whole": 0.2, "repaired": {("tail",): 0.9}},
            exchange.TAIL,
        ),
        (
            {
                "own": {"loss": 0.9, "optimizer": 0.9},
                "whole": 0.2,
                "repaired": {("loss",): 0.3, ("optimizer",): 0.2, ("loss", "optimizer"): 0.9},
            },
            f"{exchange.LOSS}; {exchange.OPTIMIZER}",
        ),
        (
            {
                "own": {"step": 0.9, "optimizer": 0.9},
                "whole": 0.2,
                "repaired": {("step",): 0.88, ("optimizer",): 0.9},  # Adam hides gradients' sizes
            },
            exchange.STEP,
        ),
        ({"what": "network", "own": {"optimizer": 0.9}, "whole": 0.9}, exchange.LOOP),
        ({"own": {"optimizer": 0.9}, "whole": 0.9}, exchange.UNFIT),
        ({"own": {"augmentation": 0.2, "order": 0.1}}, exchange.AUGMENTATION),
        ({"own": {"loss": 0.9, "weights": 0.1}}, exchange.COUNTED),
        ({"own": {"loss": 0.9, "step": 0.1}}, exchange.STEP),
        ({"own": {"loss": 0.2, "step": 0.1}}, exchange.LOSS),  # it was tried with that loss
        ({"reference": 0.3, "plain": 0.9}, exchange.AUGMENTATION),
        ({"what": "network", "sound": 0.2}, exchange.NETWORK),
        ({"what": "head", "sound": 0.2}, exchange.FEATURES),
    ],
)
def test_the_part_that_makes_a_sound_training_fail(tried: Any, cause: str) -> None:
    found = judged(**tried)
    assert found is not None
    assert found.cause == cause


def test_without_a_trial_the_small_network_tells_of_augmentation() -> None:
    labels = np.arange(200) % K
    said = np.where(np.arange(200) < 40, labels, (labels + 1) % K)
    answers = Answers(labels, np.eye(K)[said], np.zeros((200, 2)))
    for plain, cause in ((0.8, exchange.AUGMENTATION), (0.3, None), (None, None)):
        tried = Substitution(0.25, plain=plain)
        found = exchange.exchanged(Evidence(K, val_answers=answers, substitution=tried))
        assert (found.cause if found else None) == cause


def test_a_tail_with_its_own_loss_is_sound() -> None:
    found = judged(own={"tail": 0.1, "loss": 0.9, "optimizer": 0.9}, whole=0.9)
    assert found.cause == exchange.UNFIT


def test_a_second_part_that_fails_is_named_too() -> None:
    two: dict[str, Any] = {"own": {"loss": 0.1, "optimizer": 0.4}}
    assert judged(**two).cause == exchange.LOSS
    assert judged(exchange.another, **two).cause == exchange.OPTIMIZER
    assert judged(exchange.another, own={"loss": 0.1, "optimizer": 0.9}) is None


def test_features_worse_than_a_small_networks_were_spoilt_by_what_trained_them() -> None:
    trains = Network(("below", "last"), ("below", "last"), head=("last",))
    for network, cause in ((trains, exchange.SPOILT), (None, exchange.FEATURES)):
        loop = Loop(rates=(0.02,))
        assert judged(sound=0.2, network=network, loop=loop).cause == cause


def test_the_evidence_is_in_the_text() -> None:
    found = judged(own={"optimizer": 0.12}, optimizer="SGD, lr 100")
    assert "everything sound: 90%" in found.found
    assert "with your optimizer (SGD, lr 100) alone 12%; the run 10%" in found.found


def test_the_more_of_the_gap_the_surer() -> None:
    assert judged(own={"order": 0.1}).confidence == pytest.approx(0.9)
    assert judged(own={"order": 0.5}).confidence == pytest.approx(0.7)


@pytest.mark.parametrize("tried", [{"run": 0.88}, {"exchange": None}])
def test_no_gap_no_finding(tried: Any) -> None:
    assert judged(own={"order": 0.1}, **tried) is None


def test_who_has_come_half_of_the_way_is_warned() -> None:
    assert judged(run=0.65, own={"optimizer": 0.9}, whole=0.9).severity == "warning"
    assert judged(run=0.2, own={"optimizer": 0.9}, whole=0.9).severity == "error"


def test_a_cause_that_leaves_open_what_is_wrong_is_less_sure() -> None:
    assert judged(what="network", own={"optimizer": 0.9}, whole=0.9).confidence <= 0.7


@pytest.mark.parametrize(
    ("loaded", "top1", "severity"), [(0.6, 0.65, None), (0.6, 0.76, "warning"), (0.3, 0.9, "error")]
)
def test_photos_that_teach_more_from_their_files(
    loaded: float, top1: float, severity: str | None
) -> None:
    found = judged(exchange.inputs, files=FromFiles(loaded, top1, 32, 96))
    assert (found and found.severity) == severity
    if found:
        assert f"{loaded:.0%} can be learned from photos as they are loaded (32" in found.found


@pytest.mark.parametrize(
    ("shares", "how"),
    [
        ({AS_IT_IS: 0.3, AS_TRAIN: 0.8}, AS_TRAIN),
        ({AS_IT_IS: 0.3, AS_TRAIN: 0.5, ANEW: 0.8}, ANEW),
        ({AS_IT_IS: 0.7, AS_TRAIN: 0.6, ANEW: 0.75}, None),
        ({AS_IT_IS: 0.3, "red and blue exchanged": 0.8}, None),
    ],
)
def test_val_photos_that_are_answered_better_once_prepared_otherwise(
    shares: dict[str, float], how: str | None
) -> None:
    answers = Answers(np.arange(100) % K, np.zeros((100, K)), np.zeros((100, 2)))
    found = exchange.prepared(Evidence(K, val_answers=answers, exchanged=shares))
    assert (found and found.cause) == (how and exchange.PREPARED)
    if found:
        assert f"names 30% as their loader prepares them, 80% once they are {how}" in found.found
