"""florascope identify."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def refusing(trained: Path, tmp_path: Path) -> Path:
    """The trained bundle, made to refuse every photo."""
    config = json.loads((trained / "bundle" / "config.json").read_text())
    config["florascope"]["calibration"]["alike"] = 2.0
    (tmp_path / "refusing").mkdir()
    (tmp_path / "refusing" / "config.json").write_text(json.dumps(config))
    graph = (trained / "bundle" / "model.onnx").read_bytes()
    (tmp_path / "refusing" / "model.onnx").write_bytes(graph)
    return tmp_path / "refusing"


def test_candidates_are_probable_and_ordered(run: Any, trained: Path, photos: Path) -> None:
    images = [photos / label / f"photo-{label}-5.jpg" for label in ("1", "2", "10")]
    results = run("identify", *images, "--model", trained, "--json").json["results"]
    assert [r["file"] for r in results] == [str(i) for i in images]
    for result in results:
        probabilities = [c["probability"] for c in result["candidates"]]
        assert probabilities == sorted(probabilities, reverse=True)
        assert abs(sum(probabilities) - 1) < 1e-6  # three classes, five asked for
        assert result["verdict"]["level"] in {"species", "unsure"}
        assert result["candidates"][0]["class_id"] in result["prediction_set"]
        assert result["cautions"] == result["lookalikes"] == []  # colours have no facts


def test_a_folder_is_all_its_photos_in_natural_order(
    run: Any, trained: Path, photos: Path, tmp_path: Path
) -> None:
    for number in (10, 9, 1):
        source = photos / "2" / f"photo-2-{number % 10}.jpg"
        (tmp_path / f"{number}.JPG").write_bytes(source.read_bytes())
    (tmp_path / ".hidden.jpg").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("no photo")
    ended = run("identify", tmp_path, "--model", trained, "--json")
    assert [Path(r["file"]).name for r in ended.json["results"]] == ["1.JPG", "9.JPG", "10.JPG"]
    assert ended.json["ignored"] == {".txt": 1, "hidden or of the system": 1}
    assert "Left out: " in ended.err


def test_a_folder_without_photos(run: Any, trained: Path, tmp_path: Path) -> None:
    ended = run("identify", tmp_path, "--model", trained)
    assert ended.code == 1
    assert f"{tmp_path} holds no photos" in ended.err


def test_standard_input(
    run: Any, trained: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = photos / "2" / "photo-2-5.jpg"
    piped = io.TextIOWrapper(io.BytesIO(path.read_bytes()))
    monkeypatch.setattr(sys, "stdin", piped)
    (one,) = run("identify", "-", "--model", trained, "--json").json["results"]
    (other,) = run("identify", path, "--model", trained, "--json").json["results"]
    assert one == {**other, "file": "-"}


def test_text_says_verdict_candidates_and_advice(run: Any, trained: Path, photos: Path) -> None:
    path = photos / "2" / "photo-2-5.jpg"
    ended = run("identify", path, "--model", trained, "--top", "2")
    lines = ended.out.splitlines()
    assert lines[0] == str(path)
    assert lines[1].startswith(("  This is ", "  Not sure. It may be "))
    assert sum(" %  " in line for line in lines) == 2
    assert lines[-2].startswith("Percentages were calibrated on ")
    assert lines[-2].endswith(" photos only: treat them as rough.")
    assert lines[-1].startswith("A picture can mislead")
    assert "\x1b" not in ended.out  # no colours, no picture: this is no terminal


def test_spanish(run: Any, trained: Path, photos: Path) -> None:
    path = photos / "2" / "photo-2-5.jpg"
    ended = run("identify", path, "--model", trained, "--language", "es")
    assert "Los porcentajes se calibraron con solo " in ended.out
    assert "Una imagen puede engañar" in ended.out
    (result,) = run("identify", path, "--model", trained, "--language", "es", "--json").json[
        "results"
    ]
    assert result["verdict"]["statement"].startswith(("Esto es ", "No es seguro."))


def test_refusing_every_photo_exits_with_3(run: Any, refusing: Path, photos: Path) -> None:
    images = [photos / "1" / "photo-1-5.jpg", photos / "2" / "photo-2-5.jpg"]
    ended = run("identify", *images, "--model", refusing, "--json")
    assert ended.code == 3
    assert {r["verdict"]["level"] for r in ended.json["results"]} == {"none"}
    ended = run("identify", images[0], "--model", refusing)
    assert ended.code == 3
    assert "unlike anything I was shown" in ended.out
    assert " %" not in ended.out  # shares would contradict it


def test_an_overlay_is_the_crop_with_evidence(
    run: Any, trained: Path, photos: Path, tmp_path: Path
) -> None:
    path, out = photos / "2" / "photo-2-5.jpg", tmp_path / "why.png"
    assert run("identify", path, "--model", trained, "--overlay", out).code == 0
    from florascope.identify.identifier import Identifier

    with Image.open(out) as picture:
        drawn = np.asarray(picture)
    np.testing.assert_array_equal(drawn, Identifier(trained / "bundle")(path).picture())


def test_overlays_that_cannot_be(run: Any, trained: Path, photos: Path, tmp_path: Path) -> None:
    path = photos / "2" / "photo-2-5.jpg"
    ended = run("identify", path, path, "--model", trained, "--overlay", tmp_path / "a.png")
    assert ended.code == 1
    assert "--overlay with several photos. expected one photo" in ended.err
    ended = run("identify", path, "--model", trained, "--overlay", tmp_path / "a.docx")
    assert ended.code == 1
    assert "a.docx. expected a name in .png, .jpg" in ended.err
    assert not list(tmp_path.iterdir())


def test_a_broken_photo_among_others_is_skipped(run: Any, trained: Path, photos: Path) -> None:
    good, bad = photos / "1" / "photo-1-5.jpg", photos / "1" / "broken.jpg"
    ended = run("identify", good, bad, "--model", trained, "--json")
    assert ended.code == 0
    assert "damaged" in ended.json["results"][1]["error"]
    assert ended.json["results"][1]["candidates"] == []


def test_nothing_readable_is_an_error(run: Any, trained: Path, photos: Path) -> None:
    bad = photos / "1" / "broken.jpg"
    ended = run("identify", bad, bad, "--model", trained)
    assert ended.code == 1
    assert "none of the photos could be read" in ended.err
    told = run("identify", bad, bad, "--model", trained, "--json").json
    assert [set(result) for result in told["results"]] == [{"file", "error", "candidates"}] * 2
    assert told["error"]["found"] == "none of the photos could be read"


def test_a_missing_bundle_says_how_to_make_one(run: Any, photos: Path) -> None:
    ended = run("identify", photos / "1" / "photo-1-5.jpg", "--model", "nowhere")
    assert ended.code == 1
    assert "no bundle 'nowhere'" in ended.err
    assert "florascope train DATA" in ended.err


def test_the_light_install_suffices(trained: Path, photos: Path) -> None:
    program = (
        "import sys; from florascope.cli.main import cli;"
        f"cli.main(['identify', {str(photos / '2' / 'photo-2-5.jpg')!r},"
        f" '--model', {str(trained)!r}], standalone_mode=False);"
        "heavy = {'torch', 'timm', 'scipy', 'jaxtyping', 'rich', 'safetensors', 'onnx'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_views_of_one_thing_are_answered_once(
    run: Any, trained: Path, photos: Path, tmp_path: Path
) -> None:
    images = [photos / "2" / f"photo-2-{number}.jpg" for number in (1, 2, 3)]
    out = tmp_path / "why.png"
    asked = ("identify", *images, photos / "1" / "broken.jpg", "--together", "--model", trained)
    told = run(*asked, "--json", "--overlay", out).json
    assert [Path(r["file"]).name for r in told["results"][:3]] == [i.name for i in images]
    assert "error" in told["results"][3]
    together = told["together"]
    assert (together["photos"], together["candidates"][0]["class_id"]) == (3, "2")
    with Image.open(out) as picture:
        assert picture.width == 3 * picture.height
    ended = run(*asked)
    assert ended.out.splitlines()[0] == "3 photos"
    assert together["verdict"]["statement"] in " ".join(ended.out.split())
    assert ended.out.count("photo-2-") == 3


def test_too_many_views_of_one_thing(run: Any, trained: Path, photos: Path) -> None:
    ended = run("identify", photos, "--together", "--model", trained)
    assert ended.code == 1
    assert "more than 20 photos with --together. expected at most 20 views of one" in ended.err


def test_a_prior_weighs_and_says_so(run: Any, trained: Path, photos: Path, tmp_path: Path) -> None:
    table = tmp_path / "prior.csv"
    table.write_text("class,month,weight\n1,6,50\n")
    asked = ("identify", photos / "2" / "photo-2-1.jpg", "--model", trained)
    plain = run(*asked, "--json").json["results"][0]
    weighed = run(*asked, "--prior", table, "--month", "6", "--json").json["results"][0]
    odds = [{c["class_id"]: c["probability"] for c in r["candidates"]} for r in (plain, weighed)]
    before, after = (share["1"] / share["2"] for share in odds)
    assert after == pytest.approx(50 * before)
    assert weighed["prior"]["month"] == 6
    assert weighed["prior"]["alone"][0]["probability"] == plain["candidates"][0]["probability"]
    assert "By the photo alone: " in " ".join(
        run(*asked, "--prior", table, "--month", "6", "--place", "52.5,13.4").out.split()
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--month", "6"), "--month or --place without --prior"),
        (("--prior", "table.csv"), "--prior without --month or --place"),
        (("--prior", "table.csv", "--place", "here"), "--place here. expected latitude and"),
        (("--prior", "nowhere.csv", "--month", "6"), "nowhere.csv cannot be read"),
    ],
)
def test_a_prior_that_cannot_be_asked(
    run: Any, trained: Path, photos: Path, tmp_path: Path, arguments: Any, said: str
) -> None:
    (tmp_path / "table.csv").write_text("class,weight\n1,2\n")
    given = [str(tmp_path / a) if a.endswith(".csv") else a for a in arguments]
    ended = run("identify", photos / "2" / "photo-2-1.jpg", "--model", trained, *given)
    assert ended.code == 1
    assert said in ended.err
