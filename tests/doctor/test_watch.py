"""Planted faults of a loop are read off a real training; a sound loop raises no finding."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (its usual name)
from torch.utils.data import DataLoader, TensorDataset

import florascope
from florascope.doctor.checks import loop, losses, recorded
from florascope.doctor.diagnosis import judge
from florascope.doctor.evidence import Answers, Drawn, Evidence, Finding, Inputs, Subset
from florascope.doctor.loaders import Batch
from florascope.doctor.recording import Pulled, Recording, met, pulled
from florascope.doctor.traces import read_traces
from florascope.doctor.trials import Loop as Trained
from florascope.doctor.trials import Substitution
from florascope.doctor.watch import Watch, keyed, outputs_of, watch

CHECKS = (*losses.ASKED_CHECKS, *recorded.CHECKS)
K, EACH, C = 4, 40, 8
Loop = Callable[[nn.Module, Any, Any], None]


@pytest.fixture(autouse=True)
def _same_draws() -> None:
    torch.manual_seed(0)


def data() -> TensorDataset:
    """Four clouds of points, sorted by class."""
    labels = torch.arange(K).repeat_interleave(EACH)
    noise = torch.randn(len(labels), C, generator=torch.Generator().manual_seed(0))
    return TensorDataset(noise + 3 * F.one_hot(labels, C), labels)


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(C, 16), nn.ReLU(), nn.Linear(16, K))


def seen(
    *,
    optimizer: Callable[[Any], Any] = lambda p: torch.optim.SGD(p, 0.1),
    shuffle: bool = True,
    zero: bool = True,
    step: bool = True,
    clip: float | None = None,
    scale: float = 1.0,
    epochs: int = 4,
    batches: Callable[[DataLoader[Any]], Iterator[Any]] = iter,
    loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
    model: nn.Module | None = None,
    change: Callable[[nn.Module], None] | None = None,
    anew: bool = False,
) -> Recording:
    """A usual loop, with single lines left out."""
    net = model or network()
    steps = optimizer(net)
    loader = DataLoader(data(), 16, shuffle=shuffle)
    with watch(net, steps) as watched:
        for _ in range(epochs):
            for x, y in batches(loader):
                if zero:
                    steps.zero_grad()
                (scale * loss(net(x), y)).backward()
                if clip:
                    nn.utils.clip_grad_norm_(net.parameters(), clip)
                if change:
                    change(net)
                if anew:
                    steps = optimizer(net)
                if step:
                    steps.step()
    return watched.recording


def first(recording: Recording) -> Finding | None:
    labels = data().tensors[1].numpy()
    subset = Subset(len(labels), labels)
    found = judge(Evidence(K, train=subset, val=subset, recording=recording), CHECKS)
    return found[0] if found else None


def sgd(rate: float, **more: Any) -> Callable[[Any], Any]:
    return lambda net: torch.optim.SGD(net.parameters(), rate, **more)


SOUND: dict[str, dict[str, Any]] = {
    "plain": {"optimizer": sgd(0.1)},
    "momentum and usual decay": {"optimizer": sgd(0.05, momentum=0.9, weight_decay=5e-4)},
    "AdamW": {"optimizer": lambda n: torch.optim.AdamW(n.parameters(), 3e-3, weight_decay=0.05)},
    "clipped at 1": {"optimizer": sgd(0.1), "clip": 1.0},
    "scaled loss": {"optimizer": sgd(1e-4), "scale": 1024.0},
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_loop_raises_nothing(name: str) -> None:
    assert first(seen(**SOUND[name])) is None


def one_batch(loader: DataLoader[Any]) -> Iterator[Any]:
    batch = next(iter(DataLoader(loader.dataset, 16)))
    return iter([batch] * 10)


def two_classes(loader: DataLoader[Any]) -> Iterator[Any]:
    x, y = data().tensors
    kept = y < 2
    return iter(DataLoader(TensorDataset(x[kept], y[kept]), 16, shuffle=True))


def with_nan(outputs: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(outputs, labels) * torch.nan


def noisy(net: nn.Module) -> None:
    for parameter in net.parameters():
        assert parameter.grad is not None
        parameter.grad += torch.randn_like(parameter)


PLANTED: dict[str, tuple[str, dict[str, Any]]] = {
    "no step": (recorded.NO_STEP, {"optimizer": sgd(0.1), "step": False}),
    "never zeroed": (recorded.ADDED, {"optimizer": sgd(0.01), "zero": False}),
    "clipped": (recorded.CLIPPED, {"optimizer": sgd(0.1), "clip": 1e-5}),
    "head left out": (
        recorded.UNHELD,
        {"optimizer": lambda net: torch.optim.SGD(net[0].parameters(), 0.1)},
    ),
    "rate of zero": (recorded.ZERO_RATE, {"optimizer": sgd(0.0)}),
    "one batch": (recorded.SAME_BATCH, {"optimizer": sgd(0.1), "batches": one_batch}),
    "sorted": (recorded.SORTED, {"optimizer": sgd(0.1), "shuffle": False}),
    "two classes": (
        recorded.FEW_CLASSES,
        {"optimizer": sgd(0.1), "batches": two_classes, "epochs": 8},
    ),
    "decay": (recorded.DECAYED, {"optimizer": sgd(0.05, weight_decay=4.0)}),
    "decay of AdamW": (
        recorded.DECAYED,
        {"optimizer": lambda n: torch.optim.AdamW(n.parameters(), 0.01, weight_decay=20.0)},
    ),
    "nan": (recorded.NOT_FINITE, {"optimizer": sgd(0.1), "loss": with_nan}),
    "huge rate": (recorded.EXPLODING, {"optimizer": sgd(500.0)}),
    "noise": (recorded.ALTERED, {"optimizer": sgd(0.1), "change": noisy}),
    "made anew": (recorded.FORGETS, {"optimizer": sgd(0.1, momentum=0.9), "anew": True}),
    "tiny updates": (recorded.VANISHING, {"optimizer": sgd(1e-7)}),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_named_first(name: str) -> None:
    cause, loop = PLANTED[name]
    found = first(seen(**loop))
    assert found is not None
    assert found.cause == cause, found


def test_no_backward_pass() -> None:
    net = network()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    with watch(net, optimizer) as watched:
        for x, _ in DataLoader(data(), 16):
            net(x)
    found = first(watched.recording)
    assert found is not None
    assert found.cause == recorded.NO_BACKWARD


@pytest.mark.parametrize(
    "loss",
    [
        F.cross_entropy,
        lambda z, y: F.cross_entropy(z, y, label_smoothing=0.1),
        lambda z, y: F.nll_loss(z.log_softmax(1), y),
        lambda z, y: F.binary_cross_entropy_with_logits(z, F.one_hot(y, K).float()),
        lambda z, y: (z.softmax(1) - F.one_hot(y, K)).square().mean(),
    ],
)
def test_labels_are_read_off_the_gradient_of_the_loss(loss: Any) -> None:
    recording = seen(optimizer=sgd(0.1), loss=loss, shuffle=False, epochs=1)
    assert recording.drawn.tolist() == data().tensors[1].tolist()


def test_the_loss_is_the_cross_entropy_of_logits_and_of_probabilities() -> None:
    x, y = data().tensors
    for tail in (nn.Identity(), nn.LogSoftmax(1), nn.Softmax(1)):
        inner = network()
        net = nn.Sequential(inner, tail)
        with watch(net) as watched:
            F.nll_loss(net(x).clamp(min=-50), y).backward()
        expected = F.cross_entropy(inner(x), y).item()
        assert watched.recording.losses[0] == pytest.approx(expected, abs=1e-4)


def test_update_ratio_decay_and_clipping_by_hand() -> None:
    # one weight w = 2, loss 3 w: gradient 3, decay 0.5 * 2 = 1, update 0.1 * 4
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, 2.0)
    optimizer = torch.optim.SGD(net.parameters(), 0.1, weight_decay=0.5)
    with watch(net, optimizer) as watched:
        (net(torch.tensor([[1.0]])).sum() * 3).backward()
        optimizer.step()
    sizes = watched.recording.sizes
    assert sizes is not None
    row = (sizes.weights[0, 0], sizes.gradients[0, 0], sizes.updates[0, 0], sizes.decays[0, 0])
    assert row == pytest.approx((2.0, 3.0, 0.4, 0.1))
    assert sizes.ratios[0, 0] == pytest.approx(0.2)


def test_what_clipping_leaves() -> None:
    recording = seen(optimizer=sgd(0.1), clip=1e-3, epochs=1)
    assert max(recording.clipped) < 0.02
    assert min(seen(optimizer=sgd(0.1), epochs=1).clipped) == pytest.approx(1.0)


def test_gradients_thrown_away_are_counted() -> None:
    net, steps = network(), 0
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    with watch(net, optimizer) as watched:
        for _ in range(4):
            for x, y in DataLoader(data(), 16, shuffle=True):
                optimizer.zero_grad()
                F.cross_entropy(net(x), y).backward()
            optimizer.step()
            steps += 1
    recording = watched.recording
    assert (recording.steps, recording.backwards, recording.discarded) == (4, 40, 36)
    found = first(recording)
    assert found is not None
    assert found.cause == recorded.DISCARDED


def test_closures_throw_nothing_away() -> None:
    net = network()
    optimizer = torch.optim.LBFGS(net.parameters(), max_iter=5, line_search_fn="strong_wolfe")
    x, y = data().tensors

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        return loss

    with watch(net, optimizer) as watched:
        for _ in range(5):
            optimizer.step(closure)
    assert watched.recording.discarded == 0


def failing(recording: Recording, **more: Any) -> tuple[str, ...]:
    """Causes found of a run at chance whose photos can be told apart."""
    found = judge(replace(at_chance(recording), **more), CHECKS)
    return tuple(finding.cause for finding in found)


def at_chance(recording: Recording) -> Evidence:
    """A run that learned nothing from photos that can be told apart."""
    labels = data().tensors[1].numpy()
    answers = Answers(labels, np.eye(K)[np.zeros_like(labels)], np.zeros((len(labels), 2)))
    drawn = Drawn(tuple(y.numpy() for _, y in DataLoader(data(), 16, shuffle=True)), len(labels))
    return Evidence(
        K, val_answers=answers, recording=recording, drawn=drawn, substitution=Substitution(0.9)
    )


def test_targets_that_are_no_labels_are_told() -> None:
    own = seen(optimizer=sgd(0.1), loss=lambda z, _: F.cross_entropy(z, z.argmax(1)))
    assert losses.TARGETS in failing(own)
    assert losses.TARGETS not in failing(seen(optimizer=sgd(0.1)))


def asked(loss: Any) -> Pulled:
    """What a loss asks of photos, held against the labels of the data set."""
    x, y = data().tensors
    found = pulled(seen(optimizer=sgd(0.01), loss=loss), keyed([(x, y)]), K)
    assert found is not None
    return found


def easiest(outputs: Tensor, labels: Tensor) -> Tensor:
    each = F.cross_entropy(outputs, labels, reduction="none")
    return each.topk(len(each) // 4, largest=False).values.mean()


@pytest.mark.parametrize(
    ("loss", "cause"),
    [
        (F.cross_entropy, None),
        (lambda z, y: F.cross_entropy(z, y, label_smoothing=0.1), None),
        (lambda z, y: -F.cross_entropy(z, y), losses.AWAY),
        (lambda z, y: F.cross_entropy(z, y.roll(1)), losses.TARGETS),
        (easiest, losses.PASSED_OVER),
        (lambda z, y: F.cross_entropy(z.round() + 0 * z, y), losses.FLAT),
    ],
)
def test_what_the_loss_asks_photo_by_photo(loss: Any, cause: str | None) -> None:
    found = failing(Recording("PyTorch", 0, 0, 0), pulled=asked(loss))
    assert found == (() if cause is None else (cause,))


def test_cross_entropy_asks_for_the_labels() -> None:
    found = asked(F.cross_entropy)
    assert found.photos > len(data().tensors[1])  # over some epochs
    assert found[1:] == pytest.approx((1.0, 1.0, 0.0), abs=1e-5)


def test_val_photos_that_were_trained_on_are_told() -> None:
    x, y = data().tensors
    recording = seen(optimizer=sgd(0.1))
    halves = (keyed([(x[part::2], y[part::2])]) for part in (0, 1))
    train, val = halves
    assert 0.5 < (met(recording, train, val) or 0) <= 1
    assert met(recording, train | val, val) is None  # no photo of val alone
    assert met(recording, train | val, keyed([(x + 1, y)])) == 0
    assert met(recording, {}, keyed([(x + 1, y)])) is None
    found = judge(Evidence(K, recording=recording, met=1.0), CHECKS)
    assert recorded.PRACTISED in {finding.cause for finding in found}


def test_photos_that_are_not_found_again_say_nothing() -> None:
    assert pulled(seen(optimizer=sgd(0.01)), {}, K) is None


def test_photos_that_the_loop_changes_are_told() -> None:
    def scaled(loader: DataLoader[Any]) -> Iterator[Any]:
        return ((x / 255, y) for x, y in loader)

    x, y = data().tensors
    given = Inputs(x.numpy(), x.numpy(), train_repeats=True)
    for batches, causes in ((scaled, (recorded.OTHERS,)), (iter, ())):
        own = seen(optimizer=sgd(0.1), batches=batches)
        assert failing(own, inputs=given, pulled=pulled(own, keyed([(x, y)]), K)) == causes


@pytest.mark.parametrize(("last", "told"), [(3e-4, True), (3e-2, False)])
def test_a_historys_rates_stand_for_those_of_steps(last: float, told: bool) -> None:
    rows = tuple({"rate": rate} for rate in (3e-3, *[1e-7] * 9, last))
    found = failing(Recording("Keras", 0, None, 0), loop=Trained(history=rows, first_rate=3e-2))
    assert (recorded.SCHEDULE in found) is told


def test_weights_that_somebody_else_writes_are_seen() -> None:
    net: Any = network()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    with watch(net, optimizer) as watched:
        for number, (x, y) in enumerate(DataLoader(data(), 16)):
            if number in {1, 3}:
                nn.init.normal_(net[-1].weight)
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
    recording = watched.recording
    assert recording.rewritten == 2
    assert seen(optimizer=sgd(0.1)).rewritten == 0
    assert loop.REWRITTEN in {f.cause for f in judge(at_chance(recording), loop.CHECKS)}
    batch = Batch(*data().tensors)
    assert read_traces(net, batch, None, optimizer, recording=recording).otherwise is False
    nn.init.normal_(net[-1].weight)
    assert read_traces(net, batch, None, optimizer, recording=recording).otherwise is True


def test_a_loop_in_eval_mode_is_seen_once_a_loss_is_differentiated() -> None:
    net = network().eval()
    with watch(net) as watched:
        for x, y in DataLoader(data(), 16):
            net(x)
            F.cross_entropy(net(x), y).backward()
    assert watched.recording.forwards == watched.recording.backwards == K * EACH // 16


@pytest.mark.parametrize(
    ("rates", "told"),
    [
        ([1e-5 * n for n in range(40)], True),  # of 3e-3: a warm-up that never ends
        ([3e-3, *[3e-6] * 39], True),
        ([3e-3 * (1 + math.cos(math.pi * n / 40)) / 2 for n in range(40)], False),
        ([3e-3] * 20 + [3e-4] * 10 + [3e-5] * 10, False),
    ],
)
def test_schedules(rates: list[float], told: bool) -> None:
    recording = Recording("PyTorch", 40, 40, 40, rates=tuple(rates))
    found = failing(recording, loop=Trained(first_rate=3e-3))
    assert (recorded.SCHEDULE in found) is told


def test_gradient_accumulation_is_no_fault() -> None:
    net = network()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    with watch(net, optimizer) as watched:
        for number, (x, y) in enumerate(DataLoader(data(), 8, shuffle=True)):
            F.cross_entropy(net(x), y).backward()
            if number % 4 == 3:
                optimizer.step()
                optimizer.zero_grad()
    assert watched.recording.added == 0
    assert first(watched.recording) is None


def test_another_models_optimizer_is_not_counted() -> None:
    net, other = network(), network()
    strange = torch.optim.SGD(other.parameters(), 0.1)
    with watch(net) as watched:
        for x, y in DataLoader(data(), 16, shuffle=True):
            F.cross_entropy(net(x), y).backward()
            strange.step()
    found = first(watched.recording)
    assert found is not None
    assert found.cause == recorded.NO_STEP


@pytest.mark.parametrize(("right", "told"), [(1.0, False), (0.25, True)])
def test_weights_moved_by_hand_need_no_optimizer(right: float, *, told: bool) -> None:
    labels = np.arange(80) % 4
    said = np.where(np.arange(80) < 80 * right, labels, (labels + 1) % 4)
    answers = Answers(labels, np.eye(4)[said], np.zeros((80, 2)))
    seen = Recording("PyTorch", forwards=50, backwards=50, steps=0)
    evidence = Evidence(4, recording=seen, val_answers=answers, substitution=Substitution(0.9))
    assert (recorded.steps(evidence) is not None) is told


def test_passes_in_eval_mode_and_after_the_block_are_not_counted() -> None:
    net = network()
    x, y = data().tensors
    with watch(net) as watched:
        net.eval()(x)
    F.cross_entropy(net.train()(x), y).backward()
    assert (watched.recording.forwards, watched.recording.backwards) == (0, 0)
    assert not net._forward_hooks


def test_the_training_is_the_same_with_and_without() -> None:
    def trained(watched: bool) -> list[float]:
        torch.manual_seed(3)
        net = network()
        optimizer = torch.optim.Adam(net.parameters(), 1e-2)
        with watch(net, optimizer) if watched else torch.enable_grad():
            for x, y in DataLoader(data(), 16):
                optimizer.zero_grad()
                F.cross_entropy(net(x), y).backward()
                optimizer.step()
        return [float(p.detach().sum()) for p in net.parameters()]

    assert trained(watched=True) == trained(watched=False)


def test_outputs_of_every_kind_of_answer() -> None:
    class Answer:
        logits = torch.ones(1, 2)

    z = torch.ones(1, 2)
    for given in (z, (z, None), {"logits": z}, Answer()):
        assert torch.equal(outputs_of(given), z)  # type: ignore[arg-type]
    assert outputs_of(3) is None


def test_the_package_offers_it() -> None:
    assert isinstance(florascope.watch(network()), Watch)
