"""What is seen of a network's parameters."""

import math
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from florascope.doctor.checks.network import HIDDEN, known
from florascope.doctor.evidence import Evidence
from florascope.doctor.loaders import Batch
from florascope.doctor.network import (
    Head,
    answers,
    examine,
    find_head,
    first_inputs,
    run,
)


class Blocks(nn.Module):
    def __init__(self, *, listed: bool, teaches: bool = False) -> None:
        super().__init__()
        made = [nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)]
        self.blocks = nn.ModuleList(made) if listed else made
        self.teacher = [nn.Linear(2, 2).requires_grad_(requires_grad=teaches)]
        self.inner = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return self.inner(x)


def hidden(model: nn.Module) -> tuple[str, ...]:
    return examine(model, torch.zeros(2, 3, 2, 2), Head("", None)).hidden


def test_layers_in_a_plain_list_are_found() -> None:
    found = hidden(Blocks(listed=False))
    assert found == ("blocks[0].weight", "blocks[0].bias", "blocks[1].weight", "blocks[1].bias")
    nested = nn.Sequential(Blocks(listed=False))
    assert hidden(nested)[0] == "0.blocks[0].weight"
    network = examine(nested, torch.zeros(2, 3, 2, 2), Head("", None))
    told = known(Evidence(2, network=network))
    assert told is not None
    assert (told.cause, told.severity) == (HIDDEN, "error")
    assert "4 parameters of layers in a plain list" in told.found


def test_what_the_network_knows_or_nobody_trains_is_sound() -> None:
    model = Blocks(listed=True)
    assert hidden(model) == ()
    vars(model)["again"] = [model.inner]  # kept twice, known once
    assert hidden(model) == ()
    assert hidden(Blocks(listed=True, teaches=True))[0] == "teacher[0].weight"


class Views(nn.Module):
    """Answers for a photo and others of its views, one after the other or in one pass."""

    def __init__(self, *, stacked: bool, views: float = 2) -> None:
        super().__init__()
        self.head, self.stacked, self.views = nn.Linear(3, 2), stacked, views

    def forward(self, x: Tensor) -> Tensor:
        rows = torch.cat([x, x.flip(1)])[: round(self.views * len(x))]
        found = self.head(rows) if self.stacked else torch.cat(list(map(self.head, rows.split(2))))
        return found[: len(x)]


@pytest.mark.parametrize("stacked", [True, False])
def test_views_of_a_photo_are_one_row_of_features(*, stacked: bool) -> None:
    model = Views(stacked=stacked)
    data = [Batch(torch.rand(2, 3), torch.tensor([0, 1])) for _ in range(2)]
    found = answers(model, Head("head", model.head), data)
    photos = torch.cat([batch.images for batch in data])
    np.testing.assert_allclose(found.features, (photos + photos.flip(1)) / 2, rtol=1e-6)


def test_where_rows_are_not_photos_the_outputs_are_the_features() -> None:
    model = Views(stacked=True, views=1.5)
    found = answers(
        model, Head("head", model.head), [Batch(torch.rand(2, 3), torch.zeros(2).long())]
    )
    np.testing.assert_array_equal(found.features, found.outputs)


def test_a_pretrained_weight_is_held_against_the_layer_of_its_name_not_of_its_end() -> None:
    inner = nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 4, 1), bn2=nn.BatchNorm2d(4)))
    net = nn.Sequential(OrderedDict(blocks=inner, bn2=nn.BatchNorm2d(4), flat=nn.Flatten()))
    reference = {name: value.clone() + 1 for name, value in net.state_dict().items()}
    model = nn.Sequential(OrderedDict(net=net, fc=nn.Linear(16, 2)))
    norms = examine(model, torch.zeros(2, 3, 2, 2), Head("fc", None), reference=reference).norms
    one_deviation = pytest.approx(1 / math.sqrt(2), abs=1e-3)  # variance 1 + 1
    assert {norm.name: norm.drift for norm in norms} == {
        "net.blocks.bn2": one_deviation,
        "net.bn2": one_deviation,
    }


class Squeezed(nn.Module):
    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm, self.fc = norm, nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.norm(x.mean((2, 3), keepdim=True)).squeeze())


@pytest.mark.parametrize("norm", [nn.Identity(), nn.GroupNorm(3, 3), nn.BatchNorm2d(3)])
def test_a_photo_alone_is_answered_by_networks_that_take_several(norm: nn.Module) -> None:
    net = Squeezed(norm).train()
    images = torch.arange(12.0).view(1, 3, 2, 2)
    pooled = images.mean((2, 3)) if isinstance(norm, nn.Identity) else torch.zeros(1, 3)
    assert torch.allclose(run(net, images), net.fc(pooled), atol=1e-3)
    assert find_head(net, images).name == "fc"


def test_what_the_first_convolution_sees_of_a_photo_alone() -> None:
    net = nn.Sequential(nn.Hardtanh(), nn.Conv2d(3, 1, 1), nn.Flatten())
    images = torch.arange(12.0).view(1, 3, 2, 2)
    assert torch.equal(first_inputs(net, images), images.clamp(-1, 1))
