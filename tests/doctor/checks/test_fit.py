"""Loss, layers and history held against each other, on evidence written by hand."""

import numpy as np
import pytest

from florascope.doctor.anatomy import Layer, Modes, Network
from florascope.doctor.checks import layers, losses, optimisation
from florascope.doctor.evidence import Answers, Evidence, Finding
from florascope.doctor.trials import Loop


def asked(outputs: np.ndarray, loop: Loop, *parts: Layer) -> Evidence:
    labels = np.zeros(len(outputs), np.int64)
    one = outputs.astype(np.float32)
    modes = Modes(training=False, labels=labels, given=one, evaluated=one, trained=one)
    seen = Network(("head/kernel",), head=("head/kernel",), layers=parts)
    return Evidence(outputs.shape[1], modes=modes, loop=loop, network=seen)


def cause(found: Finding | None) -> str:
    return found.cause if found else ""


SOFTMAX = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
SIGMOID = np.array([[0.9, 0.8, 0.1], [0.1, 0.2, 0.2]])
LOGITS = np.array([[3.0, -1.0, 0.0], [0.0, 5.0, 1.0]])


@pytest.mark.parametrize(
    ("outputs", "name", "takes", "expected"),
    [
        (SOFTMAX, "categorical_crossentropy", "probabilities", ""),
        (LOGITS, "categorical_crossentropy", "probabilities", losses.LOGITS),
        (LOGITS, "CategoricalCrossentropy(from_logits=True)", "logits", ""),
        (SIGMOID, "categorical_crossentropy", "probabilities", losses.SIGMOIDS),
        (SIGMOID, "binary_crossentropy", "probabilities", ""),
        (LOGITS, "own", None, ""),
    ],
)
def test_outputs_fit_the_loss(
    outputs: np.ndarray, name: str, takes: str | None, expected: str
) -> None:
    evidence = asked(outputs, Loop(name, takes=takes))  # type: ignore[arg-type]
    assert cause(losses.activation(evidence)) == expected


@pytest.mark.parametrize(
    ("takes", "targets", "given", "expected"),
    [
        ("probabilities", "one-hot", "integers", losses.BROADCAST),
        ("numbers", "one-hot", "integers", losses.REGRESSION),
        ("numbers", "one-hot", "one-hot", ""),
        ("probabilities", "integers", "integers", ""),
    ],
)
def test_labels_fit_the_loss(takes: str, targets: str, given: str, expected: str) -> None:
    loop = Loop("own", takes=takes, targets=targets, given=given)  # type: ignore[arg-type]
    assert cause(losses.targets(asked(SOFTMAX, loop))) == expected


def test_two_dense_layers_without_an_activation_between() -> None:
    last = Layer("last", "Dense", "softmax", 3)
    plain, bent = Layer("hidden", "Dense", "linear", 8), Layer("hidden", "Dense", "relu", 8)
    drop, own = Layer("drop", "Dropout"), Layer("act", "ReLU", units=8)
    for between in ((plain, last), (plain, drop, last)):
        assert cause(layers.linear(asked(SOFTMAX, Loop(), *between))) == layers.LINEAR
    for between in ((bent, last), (plain, own, last)):
        assert layers.linear(asked(SOFTMAX, Loop(), *between)) is None


def test_usual_dropout_and_some_dead_units_are_no_faults() -> None:
    parts = (Layer("drop", "Dropout", dropped=0.5), Layer("relu", "ReLU", units=9, dead=0.5))
    evidence = asked(SOFTMAX, Loop(), *parts)
    assert [check(evidence) for check in layers.CHECKS] == [None] * len(layers.CHECKS)


def after(now: float, *epochs: float) -> Finding | None:
    """A model that has a share of 100 val photos right, after epochs that had others."""
    labels = (np.arange(100) >= round(100 * now)).astype(np.int64)
    outputs = np.tile(np.array([[1.0, 0.0]], np.float32), (100, 1))
    answers = Answers(labels, outputs, outputs)
    rows = tuple({"val_top1": top1} for top1 in epochs)
    return optimisation.best(Evidence(2, val_answers=answers, loop=Loop(history=rows)))


def test_the_epoch_whose_weights_were_kept() -> None:
    assert after(0.9, 0.5, 0.9) is None
    assert after(0.85, 0.5, 0.9) is None
    worst, last, none = after(0.3, 0.3, 0.9), after(0.5, 0.9, 0.5), after(0.3, 0.6, 0.9)
    assert worst is not None
    assert (worst.cause, worst.severity) == (optimisation.WORSE, "error")
    assert "those of epoch 1" in worst.found
    assert last is not None
    assert (last.cause, last.severity) == (optimisation.WORSE, "warning")
    assert none is not None
    assert none.cause == optimisation.UNRELATED
