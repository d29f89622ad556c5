"""The Dense head against Adam written out in NumPy (Kingma & Ba 2015, algorithm 1)."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from florascope.data.dataset import Dataset, Split
from florascope.errors import TrainingError
from florascope.metrics import measure
from florascope.nets.classifier import LinearHead, Samples
from florascope.training.experiment import train
from florascope.training.heads import fit_dense, fit_frozen, samples_of
from florascope.training.probe import fit_to_end
from florascope.training.recipes import ClassReport, Probe, Recipe

MakeSamples = Callable[..., Samples]
WHOLE = ClassReport(batch_size=1000)  # one step an epoch: the order does not matter


def start(samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """The head before its first step, as a step of no length leaves it."""
    head = fit_dense([samples], samples, replace(WHOLE, learning_rate=1e-30))
    return head.weight.numpy().astype(np.float64), head.bias.numpy().astype(np.float64)


def gradient(
    weight: np.ndarray, bias: np.ndarray, samples: Samples
) -> tuple[np.ndarray, np.ndarray, float]:
    """Of the mean cross-entropy, and its value."""
    f, y = samples.features.numpy().astype(np.float64), samples.targets.numpy()
    logits = f @ weight.T + bias
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    loss = -np.log(p[np.arange(len(y)), y]).mean()
    error = (p - np.eye(p.shape[1])[y]) / len(y)
    return error.T @ f, error.sum(0), float(loss)


def numpy_adam(
    epochs: list[Samples], rate: float, eps: float
) -> tuple[np.ndarray, np.ndarray, list[float]]:
    values = list(start(epochs[0]))
    first, second = ([np.zeros_like(value) for value in values] for _ in "12")
    losses = []
    for t, samples in enumerate(epochs, start=1):
        *slopes, loss = gradient(values[0], values[1], samples)
        losses.append(loss)
        for i, g in enumerate(slopes):
            first[i] = 0.9 * first[i] + 0.1 * g
            second[i] = 0.999 * second[i] + 0.001 * g**2
            m, v = first[i] / (1 - 0.9**t), second[i] / (1 - 0.999**t)
            values[i] = values[i] - rate * m / (np.sqrt(v) + eps)
    return values[0], values[1], losses


def test_steps_are_adams(make_samples: MakeSamples) -> None:
    epochs = [make_samples(50, seed=s) for s in range(8)]  # every epoch has features of its own
    head = fit_dense(epochs, epochs[0], replace(WHOLE, learning_rate=0.01))
    weight, bias, losses = numpy_adam(epochs, rate=0.01, eps=1e-7)
    assert np.allclose(head.weight.numpy(), weight, atol=2e-5)
    assert np.allclose(head.bias.numpy(), bias, atol=2e-5)
    assert [row["train_loss"] for row in head.history] == pytest.approx(losses, rel=1e-5)


def test_epsilon_is_keras_1e_7(make_samples: MakeSamples) -> None:
    faint = make_samples(40)
    faint = replace(faint, features=faint.features * 1e-6)  # gradients near epsilon
    weight, bias = start(faint)
    slope = gradient(weight, bias, faint)[0]
    assert 1e-8 < np.median(np.abs(slope)) < 1e-6
    head = fit_dense([faint], faint, replace(WHOLE, learning_rate=1.0))
    step = weight - head.weight.numpy()
    assert np.allclose(step, slope / (np.abs(slope) + 1e-7), atol=1e-3)


def test_the_start_is_glorots(make_samples: MakeSamples) -> None:
    weight, bias = start(make_samples(10, c=400, K=100))
    limit = np.sqrt(6 / 500)
    assert 0.999 * limit < np.abs(weight).max() <= limit
    assert weight.mean() == pytest.approx(0, abs=4 * limit / np.sqrt(3 * weight.size))
    assert weight.std() == pytest.approx(limit / np.sqrt(3), rel=0.01)
    assert np.abs(bias).max() <= 1e-30  # the step of no length


def test_a_step_is_a_batch_and_the_last_is_smaller(make_samples: MakeSamples) -> None:
    samples = make_samples(70)
    recipe = ClassReport(batch_size=32, learning_rate=1e-30)
    row = fit_dense([samples], samples, recipe).history[0]
    # without learning, the loss met on the way is the mean over photos, whatever the batches
    assert row["train_loss"] == pytest.approx(row["val_loss"], rel=1e-6)
    assert row["train_top1"] == pytest.approx(row["val_top1"])
    steps: list[int] = []
    adam = torch.optim.Adam.step

    def count(optimiser: torch.optim.Adam) -> None:
        steps.append(1)
        adam(optimiser)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.Adam, "step", count)
        fit_dense([samples] * 2, samples, recipe)
    assert len(steps) == 2 * 3


def test_history_is_measured_on_val(make_samples: MakeSamples) -> None:
    train, val = make_samples(60), make_samples(30, seed=1)
    head = fit_dense([train] * 5, val, ClassReport(learning_rate=0.05))
    assert [row["epoch"] for row in head.history] == [1, 2, 3, 4, 5]
    loss = gradient(head.weight.numpy(), head.bias.numpy(), val)[2]
    logits = head.logits(val.features.numpy())
    last = head.history[-1]
    assert last["val_loss"] == pytest.approx(loss, rel=1e-5)
    assert last["val_top1"] == pytest.approx((logits.argmax(1) == val.targets.numpy()).mean())


def test_separate_classes_are_learnt(make_samples: MakeSamples) -> None:
    train, val = make_samples(80, overlap=0.1), make_samples(40, seed=1, overlap=0.1)
    head = fit_dense([train] * 60, val, ClassReport(learning_rate=0.02))
    assert head.history[-1]["val_top1"] == 1.0
    assert head.history[-1]["val_loss"] < 0.1 < head.history[0]["val_loss"]


def fit(samples: Samples, seed: int) -> LinearHead:
    return fit_dense([samples] * 3, samples, ClassReport(seed=seed, batch_size=16))


def test_the_seed_decides_everything(make_samples: MakeSamples) -> None:
    samples = make_samples(50)
    torch.manual_seed(1)
    one = fit(samples, seed=0)
    torch.manual_seed(2)
    two = fit(samples, seed=0)
    assert torch.equal(one.weight, two.weight)
    assert torch.equal(one.bias, two.bias)
    assert one.history == two.history
    assert not torch.equal(one.weight, fit(samples, seed=1).weight)


def test_photos_come_in_another_order_every_epoch(make_samples: MakeSamples) -> None:
    samples, orders = make_samples(40), []
    randperm = torch.randperm

    def spy(n: int, *, generator: torch.Generator) -> torch.Tensor:
        orders.append(randperm(n, generator=generator))
        return orders[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "randperm", spy)
        fit(samples, seed=0)
    assert [sorted(order.tolist()) for order in orders] == [list(range(40))] * 3
    assert len({tuple(order.tolist()) for order in orders}) == 3


def test_infinite_features_are_an_error(make_samples: MakeSamples) -> None:
    samples = make_samples(20)
    samples.features[3, 2] = float("inf")
    with pytest.raises(TrainingError) as raised:
        fit_dense([samples], samples, ClassReport())
    assert raised.value.found == (
        "the loss became nan (train) and nan (val) at learning rate 0.001"
    )
    assert raised.value.fix == "Lower it: `learning_rate=0.0001`"


def test_a_last_step_into_nothing_is_an_error(make_samples: MakeSamples) -> None:
    samples = make_samples(20)
    with pytest.raises(TrainingError, match=r"the loss became 2\.\d+ \(train\) and (nan|inf)"):
        fit_dense([samples], samples, replace(WHOLE, learning_rate=3e37))


def test_progress_counts_epochs(make_samples: MakeSamples) -> None:
    samples, reports = make_samples(20), []
    fit_dense([samples] * 2, samples, ClassReport(), progress=lambda *r: reports.append(r))
    assert reports == [("Training the head", done, 2) for done in range(3)]


PROBE = Probe(backbone="test_resnet", weights="random")
HEAD = ClassReport(backbone="test_resnet", weights="random", size=160, epochs=2, augment=False)


@pytest.mark.parametrize("recipe", [PROBE, HEAD], ids=["probe", "seed"])
def test_gives_the_figures_of_a_run_on_the_photos(
    recipe: Recipe, dataset: Dataset, split: Split
) -> None:
    run = train(dataset, split, recipe)
    fit = fit_frozen(dataset, run.bank.values[0].copy(), split, recipe)
    assert fit.metrics == run.metrics
    assert fit.history == run.history
    assert fit.split == "planted"


def test_the_head_is_scikit_learns(dataset: Dataset, split: Split) -> None:
    draw = np.random.default_rng(3)
    centres = draw.normal(0, 1, (3, 5))
    features = (centres[dataset.labels] + draw.normal(0, 1, (45, 5))).astype(np.float32)
    # so large a ridge leaves the features as they are
    recipe = replace(PROBE, ridge=1e9, l2=1e-2, max_iterations=500)
    train = samples_of(dataset, features, split.train)
    logits = fit_to_end(train, recipe).logits(features)
    # C = 1 / (l2 n), on features scaled as the probe scales them.
    centred = features - features[split.train].mean(0)
    scaled = centred / np.sqrt(np.square(centred[split.train]).mean())
    peer = LogisticRegression(C=1 / (1e-2 * 27), tol=1e-9, max_iter=5000)
    peer.fit(scaled[split.train], dataset.labels[split.train])
    for indexes in (split.train, split.val, split.test):
        share = peer.predict_proba(scaled[indexes])[
            np.arange(len(indexes)), dataset.labels[indexes]
        ]
        found = measure(logits[indexes], dataset.labels[indexes])
        assert found.loss == pytest.approx(-np.log(share).mean(), abs=1e-3)
        assert found.top1 == peer.score(scaled[indexes], dataset.labels[indexes])


def test_json_names_split_recipe_and_figures(dataset: Dataset, split: Split) -> None:
    features = np.random.default_rng(0).uniform(0, 1, (45, 4)).astype(np.float32)
    found = fit_frozen(dataset, features, split, HEAD).to_json()
    assert found["split"] == "planted"
    assert (found["recipe"], found["epochs"], found["augment"]) == ("class-report", 2, False)
    assert found["test"]["n"] == 9
    assert found["seconds"] > 0


def test_augmentation_needs_photos(dataset: Dataset, split: Split) -> None:
    features = np.zeros((45, 4), np.float32)
    with pytest.raises(TrainingError, match="augmentation is on, but there are only features"):
        fit_frozen(dataset, features, split, replace(HEAD, augment=True))
