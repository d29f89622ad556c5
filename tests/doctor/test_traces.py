"""What training left behind, planted and read."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from florascope.doctor.loaders import Batch
from florascope.doctor.traces import as_loss, modes, overfit_head, read_traces, take_step

IMAGES = torch.randn(16, 3, 4, 4, generator=torch.Generator().manual_seed(0))
BATCH = Batch(IMAGES, torch.arange(16) % 4)


def network() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(48, 32), nn.ReLU(), nn.Linear(32, 4))


def trained(steps: int, *, step: bool = True, zero: bool = True, clip: float = 1e9) -> Any:
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(steps):
        if zero:
            optimizer.zero_grad()
        nn.functional.cross_entropy(model(IMAGES), BATCH.labels).backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        if step:
            optimizer.step()
    return read_traces(model, BATCH, None, optimizer, model[-1])


def test_a_sound_loop() -> None:
    traces = trained(5)
    assert traces.steps == 5
    assert 0.3 < traces.gradient_left / traces.gradient_fresh < 3
    assert (traces.unreached, traces.dead, traces.not_finite) == ((), (), ())
    assert traces.as_made is False


def test_a_step_forgotten() -> None:
    traces = trained(5, step=False)
    assert traces.steps == 0
    assert traces.gradient_left == pytest.approx(traces.gradient_fresh)
    assert traces.as_made is True


def test_gradients_never_zeroed_pile_up() -> None:
    traces = trained(30, step=False, zero=False)
    assert traces.gradient_left == pytest.approx(30 * traces.gradient_fresh, rel=1e-3)


def test_gradients_clipped() -> None:
    assert trained(3, clip=1e-4).gradient_left == pytest.approx(1e-4, rel=1e-3)


def test_features_cut_from_the_graph() -> None:
    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.Linear(48, 8), nn.Linear(8, 4)

        def forward(self, images: Tensor) -> Tensor:
            logits: Tensor = self.head(self.body(images.flatten(1)).detach())
            return logits

    assert read_traces(Cut(), BATCH, None, None).unreached == ("body.weight", "body.bias")


def test_dead_units() -> None:
    model = network()
    with torch.no_grad():
        model[1].bias.fill_(-1e3)
    assert read_traces(model, BATCH, None, None).dead == ("1.weight", "1.bias", "3.weight")


def test_weights_that_are_not_finite() -> None:
    model = network()
    with torch.no_grad():
        model[3].bias[0] = torch.nan
    assert read_traces(model, BATCH, None, None).not_finite == ("3.bias",)


def test_the_network_keeps_its_gradients() -> None:
    model = network()
    model(IMAGES).sum().backward()
    before = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    read_traces(model, BATCH, None, None)
    after = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_sgd_without_momentum_remembers_nothing() -> None:
    model = network()
    plain = torch.optim.SGD(model.parameters(), 0.1)
    assert read_traces(model, BATCH, None, plain).steps is None


def test_few_weights_show_nothing() -> None:
    assert read_traces(network(), BATCH, None, None, nn.Linear(4, 4)).as_made is None


@pytest.mark.parametrize(
    "loss", [nn.BCEWithLogitsLoss(), nn.MSELoss(), nn.CrossEntropyLoss(reduction="none"), None]
)
def test_every_usual_loss_gives_one_number(loss: Any) -> None:
    outputs = torch.randn(16, 4)
    found = as_loss(loss)(outputs, BATCH.labels)
    assert found.shape == ()
    if isinstance(loss, nn.MSELoss):
        one_hot = nn.functional.one_hot(BATCH.labels, 4)
        assert found == pytest.approx(float((outputs - one_hot).square().mean()))


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


class Narrow(nn.Module):
    """A network in bfloat16 that casts its input itself."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2).bfloat16()

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.bfloat16())


def test_a_network_that_casts_its_input_has_no_wider_answers() -> None:
    images, labels = torch.ones(3, 4), torch.zeros(3, dtype=torch.long)
    assert modes(Narrow(), images, labels).single is None
    plain = modes(nn.Linear(4, 2).bfloat16(), images, labels).single
    assert plain is not None
    assert plain.shape == (3, 2)


def test_train_mode_is_asked_in_the_trainings_own_batches() -> None:
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Flatten())
    images = torch.randn(8, 3, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.zeros(8, dtype=torch.int64)
    one = nn.functional.instance_norm(images, eps=1e-5).flatten(1)
    single = [Batch(images[:1], labels[:1])]
    asked = modes(net, images, labels, drawn=single)
    assert asked.trained == pytest.approx(one.numpy(), abs=1e-5)
    whole = copy.deepcopy(net).train()(images).detach().numpy()
    for drawn in ([], [Batch(images[:7], labels[:7])]):  # a rest of one photo is no batch
        asked = modes(net, images, labels, drawn=drawn)
        assert asked.trained == pytest.approx(whole, abs=1e-5)


def standardised(batches: int) -> tuple[list[Batch], Any]:
    """Batches of two classes that lie below and above 100, and a network of BatchNorm alone.

    Its second output is the mean of the photo once standardised, its first the opposite: in train
    mode all is right, whatever the running statistics are.
    """
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(batches * 8) % 2
    photos = 100 + 4.0 * labels[:, None] - 2 + 0.1 * torch.randn(len(labels), 1, generator=draw)
    drawn = [Batch(x, y) for x, y in zip(photos.split(8), labels.split(8), strict=True)]
    last = nn.Linear(1, 2, bias=False)
    with torch.no_grad():
        last.weight.copy_(torch.tensor([[-1.0], [1.0]]))
    return drawn, nn.Sequential(nn.BatchNorm1d(1), nn.Dropout(0.2), last)


def test_train_photos_are_asked_in_both_modes() -> None:
    drawn, net = standardised(20)
    state, generator = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    learned = modes(net.eval(), *drawn[0][:2], drawn=drawn).learned
    assert learned is not None
    assert len(learned.trained) == 96  # of 160
    assert learned.shares[1] == 0.5  # of mean 0 and variance 1 all photos are far above
    assert learned.shares[0] > 0.8  # dropout leaves some without an answer: a guess is the first
    again = modes(net, *drawn[0][:2], drawn=drawn).learned
    assert again is not None
    assert np.array_equal(learned.trained, again.trained)  # the same draws
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), generator)
    assert not any(part.training for part in net.modules())


def test_modes_that_answer_alike_are_not_asked_twice() -> None:
    drawn, _ = standardised(2)
    assert modes(nn.Linear(1, 2), *drawn[0][:2], drawn=drawn).learned is None
