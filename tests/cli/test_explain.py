"""florascope explain."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image
from tests.support.graphs import BIAS, WEIGHT, body

from florascope.cli.explain import picture_names


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


def test_a_folder_is_all_its_photos(run: Any, trained: Path, photos: Path, tmp_path: Path) -> None:
    below = tmp_path / "in" / "below"
    below.mkdir(parents=True)
    for name in ("in/9.jpg", "in/10.jpg", "in/below/9.jpg"):
        (tmp_path / name).write_bytes((photos / "2" / "photo-2-3.jpg").read_bytes())
    (tmp_path / "in" / "notes.txt").touch()
    (tmp_path / "in" / "broken.jpg").touch()
    asked = ("--method", "cam", "--out", tmp_path / "out", "--json")
    told = run("explain", trained, tmp_path / "in", *asked).json
    assert [Path(r["file"]).name for r in told["results"]] == ["9.jpg", "10.jpg", "9.jpg"]
    assert [Path(r["files"][0]).name for r in told["results"]] == [
        "9.cam.png",
        "10.cam.png",
        "9.jpg.cam.png",
    ]
    assert all(Path(file).is_file() for r in told["results"] for file in r["files"])
    assert told["ignored"] == {".txt": 1}
    assert len(told["skipped"]) == 1


@pytest.mark.parametrize(
    ("images", "names"),
    [
        (("a/p.jpg", "a/q.jpg"), ["p", "q"]),
        (("a/p.jpg", "a/p.png"), ["p", "p.png"]),
        (("a/p.jpg", "b/p.jpg", "b/P.jpg"), ["p", "p.jpg", "b-P.jpg"]),
        (("x/a/p.jpg", "y/a/p.jpg", "z/a/p.jpg"), ["p", "p.jpg", "a-p.jpg"]),
        (("a/p.jpg", "a/p.jpg"), ["p"]),
    ],
)
def test_pictures_of_equal_names_are_told_apart(images: tuple[str, ...], names: list[str]) -> None:
    assert list(picture_names(images).values()) == names


def test_a_folder_without_photos(run: Any, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    ended = run("explain", trained, tmp_path, "--out", tmp_path / "out")
    assert ended.code == 1
    assert f"{tmp_path} holds no photos but 1 .txt. expected files that end in" in ended.err


def test_an_address_is_refused_as_one(run: Any, trained: Path, tmp_path: Path) -> None:
    for command in (("explain", trained), ("identify",)):
        out = ("--out", tmp_path / "out") if command[0] == "explain" else ()
        ended = run(*command, "https://example.com/rose.jpg", *out)
        assert ended.code == 1
        assert "https://example.com/rose.jpg is a web address" in ended.err


def test_pictures_do_not_go_among_the_photos(run: Any, trained: Path, photos: Path) -> None:
    ended = run("explain", trained, photos, "--out", photos / "maps", "--json")
    assert ended.code == 1
    assert "maps lies in" in ended.err
    assert "maps beside it" in ended.err
    assert not (photos / "maps").exists()


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


def test_a_model_file_is_explained(run: Any, photos: Path, tmp_path: Path) -> None:
    chain = body().then("GlobalAveragePool").then("Flatten").then("Gemm", WEIGHT, BIAS, transB=1)
    onnx.save(chain.model(), tmp_path / "m.onnx")
    photo = photos / "2" / "photo-2-3.jpg"
    asked = ("explain", tmp_path / "m.onnx", photo, "--out", tmp_path / "out")
    ended = run(*asked)
    assert ended.code == 1
    assert "does not say how the pixels" in ended.err
    (tmp_path / "names.txt").write_text("daisy\nrose\nlily\n")
    (result,) = run(
        *asked, "--scaling", "torch", "--classes", tmp_path / "names.txt", "--json"
    ).json["results"]
    assert result["method"] == "cam"
    assert result["target"]["name"] in {"daisy", "rose", "lily"}
    assert result["completeness_gap"] < 1e-5


def test_what_occlusion_costs_is_said(run: Any, photos: Path, tmp_path: Path) -> None:
    chain = body().then("GlobalMaxPool").then("Flatten").then("Gemm", WEIGHT, BIAS, transB=1)
    onnx.save(chain.model(), tmp_path / "m.onnx")
    asked = ("explain", tmp_path / "m.onnx", photos / "2" / "photo-2-3.jpg", "--out", tmp_path)
    ended = run(*asked, "--scaling", "unit")
    assert "GlobalMaxPool" in ended.err
    assert "asks the network 169 times a photo" in ended.err
    assert (tmp_path / "photo-2-3.occlusion.png").is_file()


def test_a_bundle_says_its_scaling_itself(
    run: Any, trained: Path, photos: Path, tmp_path: Path
) -> None:
    ended = run("explain", trained, photos / "2", "--out", tmp_path, "--scaling", "unit")
    assert ended.code == 2
    assert "--scaling with a bundle" in ended.err
