"""The choice between a probe and a learned head, on losses written by hand."""

import math

import numpy as np
import pytest
import torch

from florascope.training.candidate import Candidate, choose
from florascope.training.features import FeatureBank
from florascope.training.finetune import Learned
from florascope.training.head import LinearHead, Samples

HEAD = LinearHead(torch.zeros(2, 2), torch.zeros(2))
EPOCH = Learned({}, HEAD.weight, HEAD.bias)
BANK = FeatureBank(np.zeros((1, 2, 2), np.float32))


def candidate(*losses: float) -> Candidate:
    return Candidate(EPOCH, HEAD, BANK, torch.tensor(losses))


def test_a_learned_head_that_is_surely_better_is_taken() -> None:
    probe, learned = candidate(1.0, 1.0, 1.0, 1.0), candidate(0.5, 0.4, 0.6, 0.5)
    assert choose([probe], [learned]) is learned


def test_one_that_may_be_better_by_chance_is_not() -> None:
    # Gains 1.2, -0.8, 1.2, -0.8: mean 0.2, standard deviation 2 / sqrt(3), error 0.577.
    probe, learned = candidate(1.2, 0.0, 1.2, 0.0), candidate(0.0, 0.8, 0.0, 0.8)
    assert choose([probe], [learned]) is probe


def test_the_border_is_one_standard_error() -> None:
    # Gains m + 1 and m - 1: standard deviation sqrt(2), error 1.
    for mean, taken in ((1.01, True), (0.99, False)):
        probe, learned = candidate(mean + 1, mean - 1), candidate(0.0, 0.0)
        assert (choose([probe], [learned]) is learned) == taken


def test_one_photo_proves_nothing() -> None:
    probe, learned = candidate(5.0), candidate(0.0)
    assert choose([probe], [learned]) is probe


def test_the_better_epoch_is_taken() -> None:
    worse, better = candidate(1.0, 1.0), candidate(0.5, 0.9)
    assert choose([worse, better], [candidate(2.0, 2.0)]) is better
    assert choose([candidate(2.0, 2.0)], [worse, better]) is better


def test_losses_are_those_at_the_best_temperature() -> None:
    # Two classes, three photos right and one wrong, all at the same margin: the best probability
    # of the answer is 3/4.
    features = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    val = Samples(features, torch.tensor([0, 0, 1, 0]), 2)
    head = LinearHead(0.5 * torch.eye(2), torch.zeros(2))
    losses = Candidate.of(EPOCH, head, BANK, val).losses
    expected = [-math.log(0.75)] * 3 + [-math.log(0.25)]
    assert losses.tolist() == pytest.approx(expected, abs=0.1)
