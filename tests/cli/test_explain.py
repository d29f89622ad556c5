"""florascope explain."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image


@pytest.mark.parametrize("method", ["sharp", "cam", "gradcam", "ig"])
def test_writes_pictures_and_arrays(
    run: Any, trained: Path, photos: Path, tmp_path: Path, method: str
) -> None:
    image = photos / "2" / "photo-2-3.jpg"
    ended = run(
        "explain", trained, image, "--method", method, "--out", tmp_path, "--save-arrays", "--json"
    )
    (result,) = ended.json["results"]
    picture, card, array = (
        tmp_path / f"photo-2-3.{method}.{kind}" for kind in ("png", "card.png", "npy")
    )
    assert result["files"] == [str(picture), str(card), str(array)]
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
    assert result["method"] == "sharp"
    bias = load_file(trained / "bundle" / "model.safetensors")["fc.bias"][2]
    total = float(np.load(result["files"][2], allow_pickle=False).sum(dtype=np.float64))
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


def test_why_this_class_and_not_that(run: Any, trained: Path, photos: Path, tmp_path: Path) -> None:
    image = photos / "10" / "photo-10-1.jpg"
    asked = ("explain", trained, image, "--method", "cam", "--out", tmp_path, "--save-arrays")

    def values(*options: str) -> Any:
        (result,) = run(*asked, *options, "--json").json["results"]
        return result, np.load(result["files"][2], allow_pickle=False)

    result, difference = values("--target", "10", "--against", "2")
    assert result["against"] == {"class_id": "2", "name": "2"}
    (ten, of_ten), (two, of_two) = values("--target", "10"), values("--target", "2")
    assert result["logit"] == pytest.approx(ten["logit"] - two["logit"], rel=1e-4)
    np.testing.assert_allclose(difference, of_ten - of_two, atol=1e-6)
    assert ten["against"] is None
    said = run(*asked, "--target", "10", "--against", "2").out
    assert "more than of 2 (2)" in said


def test_a_class_against_itself(run: Any, trained: Path, photos: Path, tmp_path: Path) -> None:
    image = photos / "1" / "photo-1-1.jpg"
    asked = ("--target", "1", "--against", "1", "--out", tmp_path)
    ended = run("explain", trained, image, *asked)
    assert ended.code == 1
    assert "1 is the class that is explained" in ended.err
