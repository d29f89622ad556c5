"""florascope data inspect."""

import shutil
from pathlib import Path
from typing import Any


def test_counts_and_broken_photos(run: Any, photos: Path) -> None:
    found = run("data", "inspect", photos, "--json").json
    assert found["schema"] == "florascope/1"
    assert found["counts"] == {"1": 11, "2": 10, "10": 10}
    assert [Path(text.partition(":")[0]).name for text in found["broken"]] == ["broken.jpg"]
    assert found["smallest"] == [64, 48]
    assert found["duplicates"] == []


def test_doubled_photos_and_their_labels(run: Any, photos: Path, tmp_path: Path) -> None:
    root = tmp_path / "photos"
    shutil.copytree(photos, root)
    shutil.copy(root / "2" / "photo-2-1.jpg", root / "2" / "again.jpg")
    shutil.copy(root / "2" / "photo-2-2.jpg", root / "10" / "elsewhere.jpg")
    found = run("data", "inspect", root, "--json").json
    assert len(found["duplicates"]) == 2
    conflicts = [{Path(name).name for name in pair} for pair in found["conflicts"]]
    assert conflicts[0] == {"photo-2-2.jpg", "elsewhere.jpg"}
    # Painted photos of one number share their noise over the classes: near-duplicates, rightly.
    numbers = [{name.split("-")[-1].replace("elsewhere", "2") for name in c} for c in conflicts]
    assert all(len(shared - {"again.jpg"}) == 1 for shared in numbers)


def test_a_table_for_people(run: Any, photos: Path) -> None:
    ended = run("data", "inspect", photos)
    assert ended.code == 0
    assert "31 photos of 3 classes" in ended.out
    assert "Broken photos: 1" in ended.out


def test_crops_are_looked_for_unless_somebody_says_no(run: Any, photos: Path) -> None:
    assert "Crops and edits: " in run("data", "inspect", photos).out
    assert "Crops and edits" not in run("data", "inspect", photos, "--no-keypoints").out
    assert run("data", "inspect", photos, "--no-keypoints", "--json").json["derived"] is None


def test_the_page_in_spanish(run: Any, photos: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    ended = run(
        "data", "inspect", photos, "--weights", "flowers", "--report", page, "--language", "es"
    )
    assert f"Report: {page}" in ended.out
    html = page.read_text("utf-8")
    assert '<html lang="es">' in html
    assert "31 fotos de 3 clases" in html
    assert "Archivos ilegibles" in html


def test_the_page_speaks_no_other_language(run: Any, photos: Path, tmp_path: Path) -> None:
    ended = run("data", "inspect", photos, "--report", tmp_path / "page.html", "--language", "fr")
    assert ended.code == 2
    assert "'fr' is not one of 'en', 'es'" in ended.err
