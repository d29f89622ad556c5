"""Trainings with parts exchanged: the part with the fault is the one that fails."""

import time
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from florascope.doctor import substitution
from florascope.doctor.loaders import Batch
from florascope.doctor.network import find_head
from florascope.doctor.substitution import (
    Material,
    affordable,
    fresh,
    like,
    of_head,
    of_network,
    reference,
    substitute,
)
from florascope.doctor.tail import find_tail
from florascope.doctor.trials import Exchange, Substitution

CLASSES, WIDTH = 4, 12


def features(each: int, seed: int) -> tuple[Tensor, Tensor]:
    """Gaussian classes that a linear layer tells apart."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.arange(CLASSES).repeat_interleave(each)
    means = 3 * torch.eye(CLASSES, WIDTH)
    return means[labels] + 0.3 * torch.randn(len(labels), WIDTH, generator=draw), labels


def material(*, ordered: bool = False) -> Material:
    train, val = features(20, 0), features(10, 1)
    order = (
        torch.arange(len(train[1]))
        if ordered
        else torch.randperm(len(train[1]), generator=torch.Generator().manual_seed(2))
    )
    return Material(train, val, [(train[0][i], train[1][i]) for i in order.split(20)])


def tried(
    optimizer: Any, *, loss: Any = None, tail: Any = None, ordered: bool = False
) -> Substitution:
    layer = nn.Linear(WIDTH, CLASSES)
    model = nn.Sequential(layer, *([tail] if tail else []))
    x = features(4, 3)[0]
    found = find_tail(model, find_head(model, x), x)
    suspect = of_head(layer, found, CLASSES)
    made = optimizer(layer.parameters())
    return substitute(suspect, material(ordered=ordered), loss, made, 0.9)


def seen(found: Substitution) -> Exchange:
    assert found.exchange is not None
    return found.exchange


class Mean(nn.Module):
    """Takes the mean of the outputs: no label has a say."""

    def forward(self, outputs: Tensor, labels: Tensor) -> Tensor:
        return outputs.mean()


def adam(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, 1e-2)


def test_sound_parts_all_reach() -> None:
    found = tried(adam, loss=nn.NLLLoss(), tail=nn.LogSoftmax(1))
    assert seen(found).sound > 0.9
    assert set(seen(found).own) == {"tail", "loss", "order", "optimizer"}
    assert min(seen(found).own.values()) > 0.9
    assert seen(found).whole > 0.9
    assert found.settings == {}
    assert found.tail == "log-softmax"


def test_weight_decay_is_the_setting_that_is_exchanged() -> None:
    found = tried(lambda p: torch.optim.AdamW(p, 1e-2, weight_decay=250.0))
    assert seen(found).own["optimizer"] < 0.6
    assert found.settings["weight_decay"] > 0.9
    assert found.optimizer == "AdamW, lr 0.01, weight_decay 250"


def test_a_rate_too_low_is_the_setting_that_is_exchanged() -> None:
    found = tried(lambda p: torch.optim.SGD(p, 1e-7))
    assert seen(found).own["optimizer"] < 0.6
    assert max(found.settings, key=lambda name: found.settings[name]) == "lr"
    assert found.rate == 1e-7


def test_a_loss_without_labels_fails_alone() -> None:
    found = tried(adam, loss=Mean())
    assert seen(found).own["loss"] < 0.7
    assert seen(found).own["optimizer"] > 0.9


def test_photos_sorted_by_class_fail_alone() -> None:
    found = tried(lambda p: torch.optim.SGD(p, 5.0), ordered=True)
    assert seen(found).own["order"] <= seen(found).sound


def test_augmentation_that_exchanges_classes_fails_alone() -> None:
    whole = material()
    turned = whole.train[0].roll(1, 1), whole.train[1]  # each class looks like the next
    layer = nn.Linear(WIDTH, CLASSES)
    suspect = of_head(layer, None, CLASSES)
    mixed = (torch.cat([whole.train[0], turned[0]]), torch.cat([whole.train[1], turned[1]]))
    spoiled = replace(whole, drawn=[], augmented=turned)
    found = seen(substitute(suspect, spoiled, None, adam(layer.parameters()), 0.9))
    assert found.own["augmentation"] < 0.5
    assert found.sound > 0.9
    half = replace(whole, drawn=[], augmented=mixed)
    assert seen(substitute(suspect, half, None, None, 0.9)).own["augmentation"] < 0.9


def test_parts_that_fail_together_are_repaired_one_at_a_time() -> None:
    class Small(nn.Module):
        def forward(self, outputs: Tensor) -> Tensor:
            return outputs * 1e-3

    found = tried(lambda p: torch.optim.SGD(p, 0.5), tail=Small())
    assert min(seen(found).own.values()) > 0.9
    assert seen(found).whole < 0.75
    assert seen(found).repaired[("tail",)] > 0.9


def test_the_schedules_first_rate_counts_not_the_last() -> None:
    layer = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(layer.parameters(), 0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 0.0)
    assert schedule.get_last_lr() == [0.0]
    names = {id(p): n for n, p in layer.named_parameters()}
    assert like(optimizer, names)(nn.Linear(2, 2)).param_groups[0]["lr"] == 0.1


def test_parameters_that_the_optimizer_lacks_stay_out() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    optimizer = torch.optim.SGD(model[1].parameters(), 0.1)
    names = {id(p): n for n, p in model.named_parameters()}
    (group,) = like(optimizer, names)(model).param_groups
    assert {id(p) for p in group["params"]} == {id(p) for p in model[1].parameters()}


def test_an_optimizer_of_other_parameters_moves_none() -> None:
    optimizer = torch.optim.Adam(nn.Linear(2, 2).parameters())
    model = nn.Linear(2, 2)
    held = like(optimizer, {})(model).param_groups[0]["params"]
    assert not {id(p) for p in held} & {id(p) for p in model.parameters()}


def test_a_fresh_network_keeps_what_is_frozen() -> None:
    model: Any = nn.Sequential(nn.Linear(3, 3).requires_grad_(False), nn.Linear(3, 3))  # noqa: FBT003
    twin: Any = fresh(model)
    assert torch.equal(twin[0].weight, model[0].weight)
    assert not torch.equal(twin[1].weight, model[1].weight)


def stripes(each: int, seed: int) -> tuple[Tensor, Tensor]:
    """Photos of two classes: stripes across or down, and noise."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.arange(2).repeat(each)
    phases = 6.3 * torch.rand(len(labels), 1, generator=draw)
    waves = torch.sin(torch.arange(16.0) * 1.57 + phases)
    clean = torch.stack(
        [
            (w[:, None] if k else w[None]).expand(3, 16, 16)
            for w, k in zip(waves, labels, strict=True)
        ]
    )
    return clean + 0.3 * torch.randn(clean.shape, generator=draw), labels


def test_the_reference_learns_stripes() -> None:
    data = Material(stripes(20, 0), stripes(10, 1), ())
    assert reference(data, 2) > 0.9


@pytest.mark.parametrize(("side", "steps"), [(8, 200), (28, 156), (40, 120)])
def test_the_reference_takes_its_steps_however_slow_the_machine(
    side: int, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours, taken = count(step=3600), list[Any]()
    monkeypatch.setattr(time, "process_time", lambda: float(next(hours)))
    monkeypatch.setattr(substitution, "take_step", lambda *step: taken.append(step))
    photos = (torch.zeros(4, 3, side, side), torch.arange(4))
    reference(Material(photos, photos, ()), 4)
    assert len(taken) == steps


def test_a_network_without_nonlinearity_cannot_learn_stripes() -> None:
    pooled = (nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = nn.Sequential(nn.Conv2d(3, 4, 3), *pooled, nn.Linear(4, 2))
    data = Material(stripes(20, 0), stripes(10, 1), ())
    head = find_head(model, data.val[0])
    suspect = of_network(model, head, find_tail(model, head, data.val[0]), 2)
    found = substitute(suspect, data, None, None, 0.95)
    assert found.what == "network"
    assert seen(found).sound < 0.8  # the mean of a linear map sees no stripes
    assert seen(found).own == {}


@pytest.mark.parametrize(("trains", "expected"), [(True, True), (False, False)])
def test_only_networks_that_train_are_tried(trains: bool, expected: bool) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(768, 2)).requires_grad_(trains)
    images, labels = stripes(4, 0)
    assert affordable(lambda: model, Batch(images, labels)) is expected
