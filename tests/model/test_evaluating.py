"""Eval mode, and the way back from it."""

import pytest
from torch import nn

from florascope.model.evaluating import evaluating


@pytest.mark.parametrize("mode", [True, False])
def test_the_mode_comes_back(mode: bool) -> None:
    net = nn.Sequential(nn.Dropout()).train(mode)
    with evaluating(net):
        assert not net.training
        assert not net[0].training
    assert net.training is net[0].training is mode


def test_the_mode_comes_back_after_an_error() -> None:
    net = nn.Dropout().train()
    with pytest.raises(ZeroDivisionError), evaluating(net):
        _ = 1 / 0
    assert net.training
