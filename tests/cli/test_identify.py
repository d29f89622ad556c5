"""florascope identify."""

import subprocess
import sys
from pathlib import Path
from typing import Any


def test_candidates_are_probable_and_ordered(run: Any, trained: Path, photos: Path) -> None:
    images = [photos / label / f"photo-{label}-5.jpg" for label in ("1", "2", "10")]
    results = run("identify", *images, "--model", trained, "--json").json["results"]
    assert [r["file"] for r in results] == [str(i) for i in images]
    for result in results:
        probabilities = [c["probability"] for c in result["candidates"]]
        assert probabilities == sorted(probabilities, reverse=True)
        assert abs(sum(probabilities) - 1) < 1e-6  # three classes, five asked for


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
    assert "none of the 2 photos could be read" in ended.err


def test_a_missing_bundle_says_how_to_make_one(run: Any, photos: Path) -> None:
    ended = run("identify", photos / "1" / "photo-1-5.jpg", "--model", "nowhere")
    assert ended.code == 1
    assert "no bundle 'nowhere'" in ended.err
    assert "florascope train DATA" in ended.err


def test_torch_is_not_imported(trained: Path, photos: Path) -> None:
    program = (
        "import sys; from florascope.cli.main import cli;"
        f"cli.main(['identify', {str(photos / '2' / 'photo-2-5.jpg')!r},"
        f" '--model', {str(trained)!r}], standalone_mode=False);"
        "sys.exit('torch' in sys.modules or 'timm' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
