"""`florascope suggest` on a folder of photos."""

from pathlib import Path
from typing import Any


def test_photos_to_label_as_a_table_and_as_json(run: Any, trained: Path, photos: Path) -> None:
    ended = run("suggest", trained, photos / "2", "-n", "3")
    assert ended.code == 0, ended.err
    assert "Photos to label next" in ended.out
    assert ended.out.count("photo-2-") >= 3
    found = run("suggest", trained, photos / "2", "-n", "3", "--json").json
    assert [set(one) for one in found["label"]] == [{"photo", "looks_like", "probability"}] * 3
    assert all(one["photo"] in ended.out for one in found["label"])


def test_photos_that_cannot_be_read_are_told(run: Any, trained: Path, photos: Path) -> None:
    ended = run("suggest", trained, photos / "1", "-n", "1")
    assert ended.code == 0
    assert "Skipped" in ended.err
    assert "broken.jpg" in ended.err


def test_what_is_no_run_is_refused(run: Any, photos: Path) -> None:
    ended = run("suggest", photos, photos)
    assert ended.code != 0
    assert "is no finished run" in ended.err
