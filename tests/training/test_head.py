"""A head by hand."""

import math

import numpy as np
import pytest
import torch

from florascope.training.head import LinearHead, Samples, score


def test_logits_by_hand() -> None:
    head = LinearHead(
        torch.tensor([[1.0, 2.0], [0.0, -1.0], [3.0, 0.0]]), torch.tensor([0, 1, 2.0])
    )
    logits = head.logits(np.array([[1, 1], [2, -1]], np.float32))
    assert logits.tolist() == [[3, 0, 5], [0, 2, 8]]
    assert head.history == []


def test_score_by_hand() -> None:
    logits = torch.tensor([[0.7, 0.2, 0.1], [0.2, 0.3, 0.5]]).log()
    loss, top1 = score(logits, torch.tensor([0, 1]))
    assert loss == pytest.approx(-(math.log(0.7) + math.log(0.3)) / 2)
    assert top1 == 0.5


def test_samples_keep_their_parts() -> None:
    samples = Samples(torch.zeros(2, 3), torch.tensor([0, 4]), classes=5)
    assert samples.classes == 5
    assert samples.features.shape[0] == samples.targets.shape[0]
