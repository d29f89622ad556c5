"""Few levels a value: by hand, and within the error that the docstring promises."""

import re
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from florascope.data.dataset import Dataset, Split
from florascope.data.oxford102 import oxford102, oxford102_classes
from florascope.data.oxford102_features import (
    CSV_SPLIT,
    FILE,
    AbsentPhoto,
    QuantisedFeatures,
    embedded_oxford102,
    read_features,
    write_features,
)
from florascope.data.splits import choose_split
from florascope.errors import DataError, PhotoError
from florascope.nets.weights import load_backbone, with_preprocessing
from florascope.training.class_report import class_report_recipes

FEATURES = arrays(
    np.float32, st.tuples(st.integers(1, 9), st.integers(1, 4)), elements=st.floats(0, 6, width=32)
)


def test_by_hand() -> None:
    # In 5 levels the shares of the top that can be stored are 0, 1/16, 4/16, 9/16 and 1.
    stored = QuantisedFeatures.of(np.array([[0.0, 2.0], [1.1, 0.0], [4.0, 0.1]], np.float32), 5)
    assert stored.codes.tolist() == [[0, 2, 4], [4, 0, 1]]
    assert stored.top.tolist() == [4.0, 2.0]
    assert stored.expand().tolist() == [[0.0, 2.0], [1.0, 0.0], [4.0, 0.125]]


@given(features=FEATURES, levels=st.integers(2, 256))
def test_what_is_restored_is_within_the_promised_error(features: np.ndarray, levels: int) -> None:
    stored = QuantisedFeatures.of(features, levels)
    steps, top = levels - 1, stored.top.astype(np.float64)
    share = (features / top).clip(0, 1)
    bound = top * (np.sqrt(share) / steps + 1 / (4 * steps**2))
    rounding = features.max(0) * 2.0**-11 + 1e-4  # of top, in half precision
    assert (np.abs(stored.expand() - features) <= bound + rounding).all()


def test_a_silent_channel_stays_silent() -> None:
    assert (QuantisedFeatures.of(np.zeros((3, 2), np.float32), 16).expand() == 0).all()


@pytest.mark.parametrize("odd", [-0.1, np.nan, np.inf])
def test_what_no_relu_gives_is_refused(odd: float) -> None:
    with pytest.raises(DataError, match="expected pooled ReLU activations"):
        QuantisedFeatures.of(np.array([[1.0], [odd]], np.float32), 16)


@pytest.mark.parametrize(("levels", "highest"), [(16, 16), (1, 0), (257, 0)])
def test_codes_outside_the_levels_are_refused(levels: int, highest: int) -> None:
    codes, top = np.full((1, 2), highest, np.uint8), np.ones(1, np.float16)
    message = f"codes up to {highest} in {levels} levels"
    with pytest.raises(DataError, match=re.escape(message)):
        QuantisedFeatures(codes, top, levels)


SPLIT = Split("half", np.array([0, 3, 4]), np.array([1]), np.array([5]))


@pytest.fixture
def small() -> tuple[Dataset, dict[str, QuantisedFeatures]]:
    """Six photos, one of them in no subset, with features of two networks."""
    photos = [AbsentPhoto(f"image_{n:05d}.jpg") for n in range(1, 7)]
    labels = np.array([0, 101, 5, 5, 7, 0], dtype=np.int64)
    dataset = Dataset("small", photos, labels, oxford102_classes(), {"half": SPLIT})
    draw = np.random.default_rng(0)
    values = {name: draw.uniform(0, 6, (6, 4)).astype(np.float32) for name in ("one", "other")}
    return dataset, {name: QuantisedFeatures.of(value, 16) for name, value in values.items()}


def test_what_is_written_is_read_back(
    small: tuple[Dataset, dict[str, QuantisedFeatures]], tmp_path: Path
) -> None:
    dataset, stored = small
    write_features(tmp_path / "six.npz", dataset, stored, {"one": {"sha256": "a"}, "other": {}})
    found = read_features(tmp_path / "six.npz")
    assert found.dataset.labels.tolist() == dataset.labels.tolist()
    assert [photo.name for photo in found.dataset.photos] == [p.name for p in dataset.photos]
    assert found.about["weights"]["one"] == {"sha256": "a"}
    assert {s: i.tolist() for s, i in found.dataset.own_splits["half"].items()} == {
        "train": [0, 3, 4],
        "val": [1],
        "test": [5],
    }
    for name, features in stored.items():
        assert (found.features(name) == features.expand()).all()


def test_the_same_content_gives_the_same_bytes(
    small: tuple[Dataset, dict[str, QuantisedFeatures]], tmp_path: Path
) -> None:
    for name in ("a", "b"):
        write_features(tmp_path / name, *small, {"one": {}, "other": {}})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut short"])
def test_a_damaged_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "broken.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.npz holds no features .* Install florascope"):
        read_features(tmp_path / "broken.npz")


def test_an_archive_of_something_else(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", numbers=np.arange(3))
    with pytest.raises(DataError, match=r"other\.npz holds no features"):
        read_features(tmp_path / "other.npz")


def test_a_photo_that_is_not_there_says_so() -> None:
    photo = embedded_oxford102().dataset.photos[41]
    with pytest.raises(PhotoError, match=r"image_00042\.jpg is not in the package.*oxford102"):
        photo.read()
    assert photo.digest() != AbsentPhoto("image_00043.jpg").digest()


def test_weights_without_features() -> None:
    with pytest.raises(DataError, match="no features of weights 'flowers'.*google, torchvision"):
        embedded_oxford102().features("flowers")


def test_the_package_holds_every_photo_in_12_megabytes() -> None:
    assert (resources.files("florascope.data") / FILE).stat().st_size <= 12e6  # type: ignore[attr-defined]
    embedded = embedded_oxford102()
    assert len(embedded.dataset) == 8189
    sizes = {n: [len(i) for _, i in s.items()] for n, s in embedded.dataset.own_splits.items()}
    assert sizes == {"official": [1020, 1020, 6149], CSV_SPLIT: [6552, 818, 819]}
    for weights in ("google", "torchvision"):
        features = embedded.features(weights)
        assert features.shape == (8189, 1280)
        assert 0 <= features.min() < features.max() <= 6  # means of ReLU6


@pytest.mark.real_data
def test_labels_and_splits_are_the_published_ones(real_data: Path) -> None:
    real, embedded = oxford102(real_data), embedded_oxford102().dataset
    assert (embedded.labels == real.labels).all()
    assert [p.name for p in embedded.photos] == [p.name for p in real.photos]
    csv_file = str(real_data / "flowers-102" / "split_80_10_10_udacity.csv")
    pairs = {"official": real.own_splits["official"], CSV_SPLIT: choose_split(real, csv_file)}
    for name, published in pairs.items():
        for subset, indexes in published.items():
            assert (embedded.own_splits[name][subset] == indexes).all()


@pytest.mark.real_data
@pytest.mark.real_weights
def test_features_are_those_of_the_networks_on_the_photos(
    real_data: Path, real_weights: Path
) -> None:
    import torch

    photos = [oxford102(real_data).photos[i] for i in (0, 4000, 8188)]
    for recipe in class_report_recipes():
        backbone = load_backbone(recipe.backbone, recipe.weights)
        pre = with_preprocessing(backbone, **recipe.preprocessing).preprocessing
        batch = torch.from_numpy(np.stack([pre(photo.read()) for photo in photos]))
        with torch.no_grad():
            exact = backbone(batch)[1].numpy()
        stored = embedded_oxford102().stored[str(recipe.weights)]
        top, steps = stored.top.astype(np.float32), stored.levels - 1
        error = np.abs(stored.expand()[[0, 4000, 8188]] - exact)
        bound = np.sqrt(exact * top) / steps + top / (4 * steps**2)
        assert (error <= bound + 2e-3 * top).all()
