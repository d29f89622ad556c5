"""Sound trainings of a real network raise no error; each planted failure is named first."""

import copy
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
import torch
from tests.support.references import learned_from, remembered
from torch import Tensor, nn

import florascope
from florascope.doctor import dispatch, properties, retraining, script, substitution
from florascope.doctor.checks import exchange, network
from florascope.doctor.evidence import AS_IT_IS
from florascope.doctor.retouching import ANEW, AS_TRAIN
from florascope.doctor.script import diagnose
from florascope.errors import DataError, FlorascopeError

failures: Any = import_module("failures")
TOO_SMALL = {"noisy_labels"}  # this world has too few photos to tell noise from chance
PLANTED = [
    f for f in failures.FAILURES if f not in failures.BY_CANARY and f.__name__ not in TOO_SMALL
]


@pytest.fixture(scope="module", autouse=True)
def _photos_are_looked_at_once() -> Iterator[None]:
    """Most see the very same photos, of shapes that 16 pixels show well and 100 steps teach."""
    reference = remembered(substitution.reference, learned_from)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(substitution, "SIDE", 16)
        patch.setattr(substitution, "WORK", 100 * 16**2)
        patch.setattr(substitution, "reference", reference)
        patch.setattr(retraining, "reference", reference)
        patch.setattr(script, "measure", remembered(properties.measure, lambda *arrays: arrays))
        yield


@pytest.mark.parametrize("failure", PLANTED, ids=lambda f: f.__name__)
def test_a_planted_failure_is_named_first(failure: Callable[[Any], Any], world: Any) -> None:
    findings = failure(world).diagnosis().findings
    assert [f.cause for f in findings][:1] == [failures.FAILURES[failure]], findings


@pytest.mark.parametrize("sound", failures.HEALTHY, ids=lambda f: f.__name__)
def test_a_sound_training_raises_no_error(sound: Callable[[Any], Any], world: Any) -> None:
    assert sound(world).diagnosis().of("error") == ()


def learned_in_train_mode(world: Any, momentum: float | None) -> Any:
    """A head that learned with each batch's own statistics, and what the running ones became."""
    ill = failures.patient(world)
    for layer in ill.model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = momentum
            layer.reset_running_stats()
    ill.model.train()
    failures.learn(ill)
    ill.model.eval()
    ill.told = {"contract": world.contract, "loss": nn.CrossEntropyLoss()}
    return ill


@pytest.mark.parametrize(("momentum", "found"), [(0.0, "as made"), (1e-3, "makes up 0.001")])
def test_statistics_that_never_arrived(momentum: float, found: str, world: Any) -> None:
    findings = learned_in_train_mode(world, momentum).diagnosis().findings
    first = findings[0]
    assert (first.cause, first.severity) == (network.LAGGING, "error"), findings
    assert found in first.found


def test_statistics_that_arrived(world: Any) -> None:
    findings = learned_in_train_mode(world, None).diagnosis().findings  # the mean over all batches
    assert not any(f.check.startswith("batchnorm") for f in findings), findings


def tiles(x: Tensor) -> Tensor:
    """Sixteen tiles of a photo, in another order."""
    order = torch.randperm(16, generator=torch.Generator().manual_seed(1))
    cut = x.unfold(1, 14, 14).unfold(2, 14, 14).reshape(3, 16, 14, 14)[:, order]
    return cut.reshape(3, 4, 4, 14, 14).permute(0, 1, 3, 2, 4).reshape(3, 56, 56)


def turned(x: Tensor) -> Tensor:
    """Channels as if they were others, of other strengths."""
    return x.abs().roll(1, 0).square()


class FromPaths(torch.utils.data.Dataset[Any]):
    """Photos by path, prepared by a method that train's data set does not have."""

    def __init__(self, folder: Any, change: Callable[[Tensor], Tensor]) -> None:
        self.paths, self.labels = zip(*folder.samples, strict=True)
        self.folder, self.change = folder, change

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.change(self.folder[index][0]), self.labels[index]


@pytest.mark.parametrize("change", [tiles, turned], ids=lambda f: f.__name__)
@pytest.mark.parametrize("how", [AS_TRAIN, ANEW])
def test_val_photos_prepared_otherwise(how: str, change: Any, world: Any) -> None:
    """Whatever was done to them: what it costs is measured, with train's own way or the files."""
    plain = failures.patient(world)
    twisted = torch.utils.data.DataLoader(FromPaths(plain.val.dataset, change), 16)
    if how == AS_TRAIN:
        changed = failures.Standard(world.contract, after=change)
        twisted = failures.patient(world, val=changed).val
    evidence = script.gather(plain.model, plain.train, twisted, script.Script(**plain.told))
    assert evidence.exchanged[how] > evidence.exchanged[AS_IT_IS] + 0.1
    sound = script.gather(plain.model, plain.train, plain.val, script.Script(**plain.told))
    assert exchange.prepared(sound) is None


def test_the_model_is_left_as_it_was(world: Any) -> None:
    ill = failures.patient(world)
    before = copy.deepcopy(ill.model.state_dict())
    weights = [p.detach().clone() for p in ill.told["optimizer"].param_groups[0]["params"]]
    ill.diagnosis()
    after = ill.model.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    group = ill.told["optimizer"].param_groups[0]["params"]
    assert all(torch.equal(a, b) for a, b in zip(weights, group, strict=True))
    assert not ill.model.training


def test_the_package_offers_it_without_importing_torch_first() -> None:
    assert florascope.diagnose is dispatch.diagnose
    with pytest.raises(AttributeError, match="no attribute 'diagnosis'"):
        _ = florascope.diagnosis


def test_an_empty_loader(world: Any) -> None:
    ill = failures.patient(world)
    with pytest.raises(DataError, match="the loader gives no batch"):
        diagnose(ill.model, [], ill.val)


def test_a_loader_without_labels(world: Any) -> None:
    ill = failures.patient(world)
    with pytest.raises(DataError, match=r"the loader gives int. expected batches of"):
        diagnose(ill.model, [3], ill.val)


def test_a_network_that_does_not_take_the_batches(world: Any) -> None:
    ill = failures.patient(world)
    ill.model.head = nn.Linear(world.width + 1, 12)
    with pytest.raises(FlorascopeError, match="the network fails on a batch of shape"):
        diagnose(ill.model, ill.train, ill.val)


def test_a_network_that_gives_no_logits(world: Any) -> None:
    class Map(nn.Module):
        def forward(self, images: Any) -> Any:
            return images

    ill = failures.patient(world)
    with pytest.raises(FlorascopeError, match=r"expected outputs of shape \(b, K\)"):
        diagnose(Map(), ill.train, ill.val)


def test_an_unknown_word(world: Any) -> None:
    ill = failures.patient(world)
    with pytest.raises(DataError, match="'optimiser'. expected .*Type help"):
        diagnose(ill.model, ill.train, ill.val, optimiser=None)


def test_one_hot_labels_are_understood(world: Any) -> None:
    ill = failures.patient(world)
    K = len(ill.val.dataset.classes)
    one_hot = [(x, nn.functional.one_hot(y, K).float()) for x, y in ill.val]
    diagnosis = diagnose(ill.model, ill.train, one_hot, **ill.told)
    assert diagnosis.of("error") == ()


def test_failures_are_as_many_as_causes_need() -> None:
    assert len(set(failures.FAILURES.values())) >= 30
    assert len({f.__name__ for f in failures.FAILURES}) == len(failures.FAILURES)
