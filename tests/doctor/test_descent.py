"""Steps are made by whatever optimizer there is."""

from typing import Any

import pytest
import torch
from torch import nn

from florascope.doctor.descent import take_step


@pytest.mark.parametrize("kind", [torch.optim.LBFGS, torch.optim.SGD, torch.optim.Adam])
def test_every_kind_of_optimizer_steps(kind: Any) -> None:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.ones_(layer.weight)
    optimizer = kind(layer.parameters(), lr=0.1)
    with torch.no_grad():  # as the doctor's passes are
        first = take_step(optimizer, lambda: layer(torch.ones(1, 1)).square().sum())
    assert first == 1.0
    assert abs(layer.weight.item()) < 1.0
