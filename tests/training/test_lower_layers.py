"""Layers that stand still, taken out of networks of several families."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.support.painted import Paint, read_all

from florascope.data.dataset import Dataset
from florascope.errors import FlorascopeError
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.preprocessing import Preprocessing
from florascope.training.batches import LabelledPhotos, Transform
from florascope.training.devices import fabric_for
from florascope.training.finetune import finetune
from florascope.training.logbook import Logbook
from florascope.training.lower_layers import Cut, cut, keep
from florascope.training.recipes import Finetune

STILL = Finetune(
    backbone="test_resnet",
    epochs=2,
    batch_size=8,
    unfreeze=2,
    crop_area=1.0,
    flip=False,
    colour=0.0,
    precision="32",
)


def network(dataset: Dataset, name: str = "test_resnet") -> Classifier:
    torch.manual_seed(0)
    return Classifier(Backbone(name, Preprocessing(size=64)), dataset.classes).eval()


def example(size: int = 64) -> torch.Tensor:
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("name", "count", "first", "shape"),
    [
        ("mobilenetv2_050", 1, "blocks.6", (80, 2, 2)),
        ("mobilenetv2_050", 3, "blocks.4", (32, 4, 4)),
        ("efficientnet_b0", 2, "blocks.5", (112, 4, 4)),
        ("resnet18", 1, "layer4", (256, 4, 4)),
        ("resnet18", 2, "layer3", (128, 8, 8)),
        ("convnext_atto", 2, "stages.3", (160, 4, 4)),
    ],
)
def test_each_family_is_cut_where_its_layers_learn(
    dataset: Dataset, name: str, count: int, first: str, shape: tuple[int, ...]
) -> None:
    classifier = network(dataset, name)
    found = cut(classifier, count, example())
    assert found is not None
    assert found.first is classifier.backbone.net.get_submodule(first)
    seen: list[torch.Tensor] = []
    with found.first.register_forward_pre_hook(lambda _, given: seen.append(given[0])):
        logits = classifier(example())
    assert seen[0].shape[1:] == shape
    torch.testing.assert_close(found.upper(seen[0]), logits, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("name", "count"), [("test_resnet", 0), ("test_resnet", 9)])
def test_where_no_stage_or_every_stage_learns_there_is_no_cut(
    dataset: Dataset, name: str, count: int
) -> None:
    assert cut(network(dataset, name), count, example()) is None


def test_maps_larger_than_the_photos_are_not_kept(dataset: Dataset) -> None:
    """Before layer2 there are 64 x 16 x 16 values, before layer3 128 x 8 x 8, of 3 x 64 x 64."""
    classifier = network(dataset, "resnet18")
    assert cut(classifier, 3, example()) is None
    assert cut(classifier, 2, example()) is not None


def test_a_transformer_is_not_cut(dataset: Dataset) -> None:
    """It adds positions between its modules."""
    torch.manual_seed(0)
    backbone = Backbone("vit_tiny_patch16_224", Preprocessing(size=64))
    classifier = Classifier(backbone, dataset.classes).eval()
    assert cut(classifier, 1, example()) is None


def test_kept_maps_are_what_the_module_is_given(dataset: Dataset) -> None:
    classifier = network(dataset)
    first = classifier.backbone.net.layer3
    labelled = photos(dataset, slice(0, 11))
    kept = keep(labelled, classifier, first, fabric_for("32"))
    net = classifier.backbone.net
    with torch.no_grad():
        images = labelled.shown(0, [10, 3])
        below = net.maxpool(net.act1(net.bn1(net.conv1(images))))
        expected = net.layer2(net.layer1(below))
    torch.testing.assert_close(kept.shown(5, [10, 3]), expected, rtol=1e-4, atol=1e-5)
    assert [b.images.shape[0] for b in kept.batches(0)] == [8, 3]
    assert np.array_equal(kept.order(1), labelled.order(1))


def test_a_full_disk_is_named(
    dataset: Dataset, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("florascope.training.lower_layers.tempfile.TemporaryFile", full)
    classifier = network(dataset)
    with pytest.raises(FlorascopeError, match="cannot be written .No space left on device"):
        keep(photos(dataset, slice(0, 4)), classifier, classifier.backbone.net, fabric_for("32"))


def test_training_with_kept_maps_is_training_without(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuts: list[Cut | None] = []

    def noted(classifier: Classifier, unfreeze: int, seen: torch.Tensor) -> Cut | None:
        cuts.append(cut(classifier, unfreeze, seen))
        return cuts[-1]

    monkeypatch.setattr("florascope.training.finetune.cut", noted)
    quick = tuned(dataset, STILL)
    assert cuts.pop() is not None
    whole = tuned(dataset, replace(STILL, colour=1e-9))  # changes no pixel, but is no longer still
    assert cuts == []
    assert quick.keys() == whole.keys()
    for name, weights in whole.items():
        torch.testing.assert_close(quick[name], weights, rtol=1e-3, atol=1e-5)


def test_photos_are_read_once(dataset: Dataset, paint: Paint) -> None:
    painted = paint(36)
    tuned(replace(dataset, photos=painted, labels=dataset.labels[:36]), STILL)
    assert read_all(painted) == 36


def photos(dataset: Dataset, part: slice) -> LabelledPhotos:
    transform = Transform(Preprocessing(size=64))
    return LabelledPhotos(dataset.photos[part], dataset.labels[part], 3, transform, 8)


def tuned(dataset: Dataset, recipe: Finetune) -> dict[str, torch.Tensor]:
    """Weights after a run."""
    classifier = network(dataset)
    start = {k: v.clone() for k, v in classifier.state_dict().items()}
    train, val = photos(dataset, slice(0, 27)), photos(dataset, slice(27, 36))
    finetune(classifier, train, val, recipe, Logbook())
    assert not torch.equal(classifier.head.weight, start["head.weight"])
    return dict(classifier.state_dict())
