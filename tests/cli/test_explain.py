"""florascope explain."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image


@pytest.mark.parametrize("method", ["cam", "gradcam", "ig"])
def test_writes_pictures_and_arrays(
    run: Any, trained: Path, photos: Path, tmp_path: Path, method: str
) -> None:
    image = photos / "2" / "photo-2-3.jpg"
    ended = run(
        "explain", trained, image, "--method", method, "--out", tmp_path, "--save-arrays", "--json"
    )
    (result,) = ended.json["results"]
    picture, array = (tmp_path / f"photo-2-3.{method}.{kind}" for kind in ("png", "npy"))
    assert result["files"] == [str(picture), str(array)]
    values = np.load(array, allow_pickle=False)
    with Image.open(picture) as drawn:
        assert values.shape == drawn.size[::-1]
    assert values.dtype == np.float32
    assert 0 < result["probability"] <= 1
    gap = result["completeness_gap"]
    assert gap is None if method == "gradcam" else gap <= 0.01


def test_the_map_sums_to_the_logit_less_the_bias(
    run: Any, trained: Path, photos: Path, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file

    image = photos / "10" / "photo-10-1.jpg"
    ended = run(
        "explain", trained, image, "--target", "10", "--out", tmp_path, "--save-arrays", "--json"
    )
    (result,) = ended.json["results"]
    assert result["target"] == {"class_id": "10", "name": "10"}
    bias = load_file(trained / "bundle" / "model.safetensors")["fc.bias"][2]
    total = float(np.load(result["files"][1], allow_pickle=False).sum(dtype=np.float64))
    assert total + bias == pytest.approx(result["logit"], rel=1e-4)


def test_an_unknown_class(run: Any, trained: Path, photos: Path, tmp_path: Path) -> None:
    image = photos / "1" / "photo-1-1.jpg"
    ended = run("explain", trained, image, "--target", "rose", "--out", tmp_path)
    assert ended.code == 1
    assert "no class 'rose'" in ended.err


def test_an_unknown_method(run: Any, trained: Path, photos: Path, tmp_path: Path) -> None:
    image = photos / "1" / "photo-1-1.jpg"
    ended = run("explain", trained, image, "--method", "guess", "--out", tmp_path)
    assert ended.code == 1
    assert "no method 'guess'" in ended.err


def test_photos_of_one_name_are_refused(
    run: Any, trained: Path, photos: Path, tmp_path: Path
) -> None:
    image = photos / "1" / "photo-1-1.jpg"
    ended = run("explain", trained, image, image, "--out", tmp_path)
    assert ended.code == 1
    assert "names occur more than once (first: photo-1-1)" in ended.err


def test_a_broken_photo_leaves_nothing_behind(
    run: Any, trained: Path, photos: Path, tmp_path: Path
) -> None:
    ended = run("explain", trained, photos / "1" / "broken.jpg", "--out", tmp_path / "out")
    assert ended.code == 1
    assert "damaged or cut short" in ended.err
    assert not (tmp_path / "out").exists()
