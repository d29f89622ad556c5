"""Steps are made by whatever optimizer there is."""

from typing import Any

import pytest
import torch
from torch import nn

from florascope.doctor.descent import overfit_head, take_step


@pytest.mark.parametrize("kind", [torch.optim.LBFGS, torch.optim.SGD, torch.optim.Adam])
def test_every_kind_of_optimizer_steps(kind: Any) -> None:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.ones_(layer.weight)
    optimizer = kind(layer.parameters(), lr=0.1)
    with torch.no_grad():  # as the doctor's passes are
        first = take_step(optimizer, lambda: layer(torch.ones(1, 1)).square().sum())
    assert first == 1.0
    assert abs(layer.weight.item()) < 1.0


@pytest.mark.parametrize("maximize", [False, True])
def test_a_rate_is_judged_going_down_whatever_sign_the_script_gives_its_loss(
    maximize: bool,
) -> None:
    layer, features = nn.Linear(2, 2), torch.eye(2)
    optimizer = torch.optim.Adam(layer.parameters(), 0.1, maximize=maximize)
    tried = overfit_head(features, torch.tensor([0, 1]), layer, optimizer)
    assert tried.losses[-1] < 0.5 * tried.losses[0]
    assert optimizer.param_groups[0]["maximize"] is maximize, "the script's own is not touched"
