"""What files tell: planted cameras, sizes and qualities, and files that tell nothing."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from florascope.doctor.checks.pictures import SOURCES, provenance
from florascope.doctor.evidence import Evidence, Subset
from florascope.doctor.provenance import UNKNOWN, Origin, Origins, origin_of, origins, telling


def save(
    path: Path, *, side: int = 20, camera: str = "", taken: str = "", quality: int = 90
) -> str:
    image = Image.fromarray(np.random.default_rng(side).integers(0, 255, (side, 16, 3), np.uint8))
    exif = Image.Exif()
    if camera:
        exif[ExifTags.Base.Make] = camera
        exif[ExifTags.Base.Model] = "X1\0"
    if taken:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken
    image.save(path, quality=quality, exif=exif)
    return str(path)


def test_a_header_is_read(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", side=30, camera="Acme", taken="2024:05:01 12:00:00")
    found = origin_of(Path(path))
    assert (found.size, found.file_format, found.mode) == ("16 x 30", "JPEG", "RGB")
    assert (found.camera, found.software) == ("Acme X1", UNKNOWN)
    assert found.density == pytest.approx(Path(path).stat().st_size / 480)
    later = origin_of(Path(save(tmp_path / "b.jpg", taken="2024:05:01 12:00:30", quality=40)))
    assert later.taken - found.taken == 30
    assert later.compression != found.compression != UNKNOWN


def test_what_cannot_be_read_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no photo")
    os.mkfifo(tmp_path / "pipe.jpg")  # to open it would wait for ever
    for path in (*tmp_path.iterdir(), tmp_path / "none.jpg", tmp_path):
        assert origin_of(path)[:6] == Origin()[:6]
    odd = origin_of(Path(save(tmp_path / "odd.jpg", taken="0000:00:00 00:00:00")))
    assert np.isnan(odd.taken)


def test_only_files_with_their_labels_are_opened(tmp_path: Path) -> None:
    labels = np.array([0, 1])
    assert origins((), labels) is None
    assert origins(("a", "b", "c"), labels) is None
    paths = tuple(save(tmp_path / f"{i}.png") for i in range(2))
    found = origins(paths, labels)
    assert found is not None
    assert [file.file_format for file in found.files] == ["PNG", "PNG"]


def side(labels: np.ndarray, **facts: Sequence[object]) -> Origins:
    rows = [dict(zip(facts, values, strict=True)) for values in zip(*facts.values(), strict=True)]
    return Origins(tuple(Origin()._replace(**row) for row in rows), labels)


@pytest.mark.parametrize(
    ("fact", "values"),
    [
        ("camera", ["Acme", "Other", "Third"]),
        ("size", ["500 x 333", "333 x 500", "640 x 480"]),
        ("compression", ["a1", "b2", "c3"]),
        ("density", [0.2, 0.4, 0.6]),
        ("taken", [1e9, 2e9, 3e9]),
    ],
)
def test_one_fact_that_tells_the_class(fact: str, values: list[object]) -> None:
    labels = np.tile([0, 1, 2], 40)
    told = side(labels, **{fact: [values[k] for k in labels]})
    assert telling(told, told) == {fact: 1.0}
    subset = Subset(len(labels), labels, origins=told)
    found = provenance(Evidence(3, train=subset, val=subset))
    assert found is not None
    assert found.cause == SOURCES
    assert "alone names the class of 100% of the val photos" in found.found


def test_facts_that_tell_nothing_or_little() -> None:
    labels = np.tile([0, 1, 2], 40)
    rng = np.random.default_rng(0)
    cameras = rng.choice(["Acme", "Other", "Third"], len(labels)).tolist()
    some = side(labels, camera=cameras, density=rng.random(len(labels)).tolist())
    assert max(telling(some, some).values()) < 0.6
    subset = Subset(len(labels), labels, origins=some)
    assert provenance(Evidence(3, train=subset, val=subset)) is None
    few = Subset(len(labels), labels, origins=side(labels, camera=["", "", "Acme"] * 40))
    assert provenance(Evidence(3, train=few, val=few)) is None  # most files lack it
    assert provenance(Evidence(3, train=subset)) is None


def test_a_class_that_is_nearly_all_is_no_shortcut() -> None:
    labels = np.array([0] * 110 + [1] * 10)
    told = side(labels, camera=["Acme"] * 60 + ["Other"] * 60)
    subset = Subset(len(labels), labels, origins=told)
    assert provenance(Evidence(2, train=subset, val=subset)) is None
