"""Where weights come from, and every way in which they may not fit."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from scipy.io import loadmat

from florascope.data.dataset import ClassName
from florascope.errors import BundleError, WeightsError
from florascope.images import read_photo
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.nets.weights import (
    NAMED,
    default_weights,
    load_backbone,
    load_state,
    read_state,
    weights_dir,
    with_preprocessing,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty weights folder."""
    monkeypatch.setenv("FLORASCOPE_WEIGHTS", str(tmp_path))
    return tmp_path


@pytest.fixture
def no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLORASCOPE_WEIGHTS", raising=False)


def state_of(name: str, classes: int = 0) -> dict[str, torch.Tensor]:
    return dict(timm.create_model(name, num_classes=classes).state_dict())


@pytest.mark.usefixtures("no_folder")
def test_without_a_folder_timms_weights_are_the_default() -> None:
    assert weights_dir() is None
    assert default_weights("mobilenetv2_100") == "timm"


def test_the_default_is_a_file_at_hand(folder: Path) -> None:
    assert weights_dir() == folder
    assert default_weights("mobilenetv2_100") == "timm"
    (folder / NAMED["google"].file).touch()
    assert default_weights("mobilenetv2_100") == "google"
    (folder / NAMED["torchvision"].file).touch()
    assert default_weights("mobilenetv2_100") == "torchvision"
    assert default_weights("resnet18") == "timm"


@pytest.mark.parametrize("name", [n for n in NAMED if not NAMED[n].embedded])
def test_a_named_file_brings_its_contract(name: str, folder: Path) -> None:
    known = NAMED[name]
    torch.manual_seed(3)
    save_file(state_of(known.backbone), folder / known.file)
    backbone = load_backbone(known.backbone, name)
    assert backbone.preprocessing == known.preprocessing
    assert backbone.model_args == known.model_args
    assert not backbone.training
    torch.manual_seed(3)
    stem = timm.create_model(known.backbone, num_classes=0).conv_stem.weight
    assert torch.equal(backbone.net.conv_stem.weight, stem)


def test_a_named_file_that_is_not_in_the_folder(folder: Path) -> None:
    with pytest.raises(WeightsError) as raised:
        load_backbone("mobilenetv2_100", "google")
    assert raised.value.found == f"no weights at {folder / NAMED['google'].file}"
    assert raised.value.expected == (
        "a safetensors file, or one of torchvision, google, flowers, timm, random"
    )


@pytest.mark.usefixtures("no_folder")
def test_named_weights_without_a_folder() -> None:
    with pytest.raises(WeightsError, match="FLORASCOPE_WEIGHTS is not set") as raised:
        load_backbone("mobilenetv2_100", "torchvision")
    assert NAMED["torchvision"].file in raised.value.fix
    assert "`weights='timm'`" in raised.value.fix


def test_named_weights_of_another_backbone() -> None:
    with pytest.raises(WeightsError) as raised:
        load_backbone("resnet18", "google")
    assert raised.value.found == "weights 'google' are for mobilenetv2_100, not resnet18"
    assert raised.value.fix == "Use `backbone='mobilenetv2_100'`, or `weights='timm'`"


def test_a_file_by_its_path_without_its_classifier(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    state = state_of("test_resnet", classes=5)
    assert "fc.weight" in state
    save_file(state, path)
    backbone = load_backbone("test_resnet", str(path))
    assert not backbone.training
    for key, value in backbone.net.state_dict().items():
        assert torch.equal(value, state[key]), key


def test_a_path_without_a_file() -> None:
    with pytest.raises(WeightsError, match=r"no weights at imagenet.* one of torchvision, google"):
        load_backbone("test_resnet", "imagenet")


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"\xff" * 64])
def test_a_file_that_is_not_safetensors(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"is not a safetensors file.* never loaded"):
        read_state(path)


def test_a_file_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({"a": torch.zeros(100)}, path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(WeightsError, match="is not a safetensors file"):
        read_state(path)


def misfit(key: str, change: str) -> dict[str, torch.Tensor]:
    state = state_of("test_resnet")
    if change == "missing":
        del state[key]
    elif change == "left over":
        state[key] = torch.zeros(1)
    else:
        state[key] = state[key][:-1]
    return state


@pytest.mark.parametrize(
    ("key", "change", "counts"),
    [
        ("conv1.0.weight", "missing", "1 weights missing, 0 left over, 0 of another shape"),
        ("petals.weight", "left over", "0 weights missing, 1 left over, 0 of another shape"),
        ("bn1.bias", "misshapen", "0 weights missing, 0 left over, 1 of another shape"),
    ],
)
def test_weights_that_do_not_fit_are_named(key: str, change: str, counts: str) -> None:
    backbone = Backbone("test_resnet")
    before = backbone.digest()
    with pytest.raises(WeightsError) as raised:
        load_state(backbone, misfit(key, change), "mine")
    assert raised.value.found == f"mine does not fit test_resnet: {counts} (first: {key})"
    assert raised.value.expected == f"all {len(state_of('test_resnet'))} weights in timm's names"
    assert backbone.digest() == before


def test_random_is_always_the_same_draw_and_leaves_torchs_alone() -> None:
    torch.manual_seed(1)
    first = torch.rand(1)
    torch.manual_seed(1)
    one = load_backbone("test_resnet", "random")
    assert torch.equal(torch.rand(1), first)
    assert one.digest() == load_backbone("test_resnet", "random").digest()
    assert not one.training


@pytest.mark.parametrize(
    ("name", "weights", "end"),
    [
        ("test_resnet", "timm", "(safetensors in timm's names)"),
        ("test_resnet", None, "(safetensors in timm's names)"),
        ("mobilenetv2_100", None, ", or `weights='flowers'`, which come with the package"),
    ],
)
@pytest.mark.usefixtures("no_folder")
def test_timms_weights_offline(
    name: str, weights: str | None, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = timm.create_model

    def offline(name: str, *, pretrained: bool = False, **rest: object) -> object:
        if pretrained:
            raise ConnectionError("Name or service not known")
        return create(name, **rest)

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(WeightsError) as raised:
        load_backbone(name, weights)
    assert raised.value.found == (
        f"timm could not load pretrained weights for {name}"
        " (ConnectionError: Name or service not known)"
    )
    assert raised.value.fix.startswith("Check the network, or give `weights='FILE'`")
    assert raised.value.fix.endswith(end)


def test_timms_weights_online(monkeypatch: pytest.MonkeyPatch) -> None:
    create = timm.create_model

    def online(name: str, *, pretrained: bool = False, **rest: object) -> torch.nn.Module:
        net: torch.nn.Module = create(name, **rest)
        if pretrained:
            for parameter in net.parameters():
                torch.nn.init.constant_(parameter, 0.25)
        return net

    monkeypatch.setattr(timm, "create_model", online)
    backbone = load_backbone("test_resnet", "timm")
    assert all((p == 0.25).all() for p in backbone.parameters())
    assert not backbone.training


def test_with_preprocessing_changes_what_it_is_told() -> None:
    backbone = Backbone("test_resnet")
    before = backbone.preprocessing
    assert with_preprocessing(backbone, size=96, mean=(0.0, 0.0, 0.0)) is backbone
    assert backbone.preprocessing.size == 96
    assert backbone.preprocessing.mean == (0.0, 0.0, 0.0)
    assert backbone.preprocessing.std == before.std


def test_with_preprocessing_refuses_what_cannot_be_meant() -> None:
    backbone = Backbone("test_resnet")
    before = backbone.preprocessing
    with pytest.raises(BundleError, match="settings out of range"):
        with_preprocessing(backbone, size=4)
    assert backbone.preprocessing == before


def test_with_preprocessing_refuses_a_size_that_the_network_cannot_take() -> None:
    with pytest.raises(WeightsError) as raised:
        with_preprocessing(Backbone("test_vit3"), size=224)
    assert raised.value.found == "test_vit3 takes photos of 160 x 160 pixels, not 224"
    assert raised.value.fix == "Use `size=160`, or another backbone"


DAISY = 49  # "oxeye daisy" in Oxford Flowers 102
SUNFLOWER = 54


def oxford_photos(folder: Path, label: int, count: int) -> Iterator[np.ndarray]:
    root = folder / "flowers-102"
    labels = loadmat(root / "imagelabels.mat")["labels"][0]
    for number in np.flatnonzero(labels == label)[:count] + 1:
        yield read_photo(root / "jpg" / f"image_{number:05d}.jpg")


@pytest.mark.real_data
@pytest.mark.real_weights
def test_googles_classifier_knows_a_daisy(real_data: Path, real_weights: Path) -> None:
    backbone = load_backbone("mobilenetv2_100", "google")
    state = load_file(real_weights / NAMED["google"].file)
    names = (real_weights / "imagenet1000_labels.txt").read_text(encoding="utf-8").splitlines()
    classes = tuple(ClassName(str(k), name) for k, name in enumerate(["background", *names]))
    classifier = Classifier(backbone, classes).eval()
    classifier.set_head(state["classifier.weight"], state["classifier.bias"])
    photos = oxford_photos(real_data, DAISY, 20)
    batch = torch.from_numpy(np.stack([backbone.preprocessing(photo) for photo in photos]))
    with torch.no_grad():
        answers = [classes[int(k)].name for k in classifier(batch).argmax(1)]
    assert sum("daisy" in answer for answer in answers) >= 18, answers


@pytest.mark.real_data
@pytest.mark.real_weights
@pytest.mark.parametrize("weights", NAMED)
@pytest.mark.usefixtures("real_weights")
def test_pretrained_features_tell_flowers_apart(weights: str, real_data: Path) -> None:
    backbone = load_backbone("mobilenetv2_100", weights)
    features = []
    for label in (DAISY, SUNFLOWER):
        photos = oxford_photos(real_data, label, 20)
        batch = np.stack([backbone.preprocessing(photo) for photo in photos])
        with torch.no_grad():
            features.append(backbone(torch.from_numpy(batch)).features)
    centres = torch.stack([f[:8].mean(0) for f in features])
    right = [
        int(torch.cosine_similarity(centres, f).argmax()) == kind
        for kind, rest in enumerate(features)
        for f in rest[8:]
    ]
    assert sum(right) >= 20, f"{sum(right)} of 24"
