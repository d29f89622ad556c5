"""What workers write, in this process."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from florascope.data.dataset import Dataset
from florascope.errors import PhotoError
from florascope.studio import worker
from florascope.studio.project import Edit, Project

Told = list[tuple[str, int, int]]


def test_an_inspection_names_what_is_wrong(
    trained: Project, monkeypatch: pytest.MonkeyPatch, photo: bytes
) -> None:
    """Two labels are planted wrong, one photo twice, one damaged."""

    def colours(_tell: object) -> object:
        """The mean colour, of every photo that can be read."""

        def features(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
            rows, readable = [], []
            for one in dataset.photos:
                try:
                    rows.append(one.read().mean((0, 1)))
                except PhotoError:
                    rows.append(np.zeros(3))
                readable.append(bool(rows[-1].any()))
            return np.array(rows, np.float32), np.array(readable)

        return features

    monkeypatch.setattr(worker, "_embedding", colours)
    trained.edit(Edit("label", ("rose/3.jpg",), "violet"))
    trained.add(photo, "rose", "copy.jpg")
    trained.add(b"\xff\xd8\xff no photo", "daisy", "damaged.jpg")
    told: Told = []
    worker.inspect(trained.folder, 0, lambda *step: told.append(step))
    health = json.loads((trained.folder / "health.json").read_text("utf-8"))
    assert list(health["broken"]) == ["added/daisy/damaged.jpg"]
    assert health["duplicates"] == [["rose/0.jpg", "added/rose/copy.jpg"]]
    assert health["suspects"][0][:3] == ["rose/3.jpg", "violet", "rose"]
    assert health["photos"] == 38
    assert ("Reading photos", 38, 38) in told
    assert told[-1] == ("Looking for parts of photos", 36, 36)  # the damaged one and the copy not


def test_an_error_is_a_line(
    trained: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_end_with_input", lambda: None)
    assert worker.main(["doctor", str(trained.folder), "9"]) == 1
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["error"]["found"] == "there is no run 9 in this project"


def test_the_doctor_writes_what_he_found(trained: Project) -> None:
    told: Told = []
    worker.doctor(trained.folder, 1, lambda *step: told.append(step))
    found = json.loads((trained.folder / "runs" / "1" / "doctor.json").read_text("utf-8"))
    assert set(found) == {"findings", "seconds"}
    assert {"cause", "found", "expected", "fix", "severity"} <= set(found["findings"][0])


def test_unsorted_photos_are_put_in_the_order_in_which_they_teach(
    trained: Project, photo: bytes
) -> None:
    """Linked and dropped ones; whoever has a label or is left out is not asked for."""
    trained.add(photo, "", "0.jpg")
    trained.add(photo, "", "another.jpg")
    trained.edit(Edit("label", ("rose/1.jpg", "violet/2.jpg"), ""))
    trained.edit(Edit("remove", ("rose/2.jpg",)))
    worker.suggest(trained.folder, 1, lambda *_: None)
    rows = json.loads((trained.folder / "runs" / "1" / "next.json").read_text("utf-8"))
    names = ["added/_/0.jpg", "added/_/another.jpg", "rose/1.jpg", "violet/2.jpg"]
    assert sorted(name for name, *_ in rows) == names
    assert all(looks_like in trained.classes() and 0 < p <= 1 for _, looks_like, p in rows)


def test_the_page_for_browsers_is_written(
    trained: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written(bundle: Path, out: Path) -> int:
        assert (bundle / "model.onnx").is_file()
        out.mkdir()
        return 0

    monkeypatch.setattr("florascope.export.web.export_web", written)
    worker.web(trained.folder, 1, lambda *_: None)
    assert (trained.folder / "runs" / "1" / "web").is_dir()


def test_progress_is_told_at_most_ten_times_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    tell = worker.Teller()
    for done in range(1001):
        tell("Reading photos", done, 1000)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"step": "Reading photos", "done": 0, "total": 1000}
    assert lines[-1]["done"] == 1000
    assert len(lines) < 20


def test_a_long_photo_is_odd_and_one_class_has_no_doubts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_embedding", lambda _tell: pytest.fail("nothing to tell apart"))
    project = Project.open(tmp_path / "mine")
    for name, size in (("1.png", (80, 70)), ("long.png", (90, 400))):
        drawn = io.BytesIO()
        Image.new("RGB", size).save(drawn, "PNG")
        project.add(drawn.getvalue(), "rose", name)
    worker.inspect(tmp_path / "mine", 0, lambda *_: None)
    health = json.loads((tmp_path / "mine" / "health.json").read_text("utf-8"))
    assert (health["broken"], health["odd"]) == ({}, ["added/rose/long.png"])
    assert (health["suspects"], health["noise"]) == ([], None)
