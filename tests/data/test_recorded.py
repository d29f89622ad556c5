"""Photos recorded and looked for again: planted derivations are found, other photos are not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from PIL.Image import Image as Picture
from tests.support.textured import textured

from florascope.data.dataset import FilePhoto
from florascope.data.local_features import marks_of, no_marks
from florascope.data.recorded import (
    SAME,
    Placement,
    RecordedPhotos,
    correlation,
    record,
    related_photos,
    sources_of,
)

COUNT = 12


@pytest.fixture(scope="module")
def recorded() -> RecordedPhotos:
    return RecordedPhotos(np.stack([marks_of(textured(seed)) for seed in range(COUNT)]))


def middle(image: Picture, share: float) -> Picture:
    width, height = image.size
    left, top = (round(side * (1 - share) / 2) for side in image.size)
    return image.crop((left, top, width - left, height - top))


def screenshot(image: Picture) -> Picture:
    page = Image.new("RGB", (400, 500), "white")
    page.paste(image, (60, 150))
    return page


DERIVED: dict[str, Callable[[Picture], Picture]] = {
    "the middle three quarters": lambda i: middle(i, 0.75),
    "a corner": lambda i: i.crop((60, 60, 240, 200)),
    "border": lambda i: ImageOps.expand(i, (50, 10, 20, 30), "navy"),
    "screenshot": screenshot,
    "mirrored": ImageOps.mirror,
    "upside down": ImageOps.flip,
    "turned": lambda i: i.transpose(Image.Transpose.ROTATE_90),
    "tilted": lambda i: middle(i.rotate(12, Image.Resampling.BICUBIC), 0.8),
    "darker": lambda i: ImageEnhance.Brightness(i).enhance(0.5),
    "grey": lambda i: i.convert("L").convert("RGB"),
    "mirrored crop, darker": lambda i: ImageEnhance.Brightness(
        ImageOps.mirror(middle(i, 0.75))
    ).enhance(0.6),
}


@pytest.mark.parametrize("how", DERIVED)
def test_a_derived_photo_is_traced_to_its_source(recorded: RecordedPhotos, how: str) -> None:
    image = DERIVED[how](Image.fromarray(textured(5)))
    assert recorded.source_of(np.asarray(image)) == 5


def test_other_photos_derive_from_none(recorded: RecordedPhotos) -> None:
    assert [recorded.source_of(textured(seed)) for seed in range(100, 120)] == [-1] * 20


def test_the_same_parts_in_another_arrangement_are_another_photo(recorded: RecordedPhotos) -> None:
    """Small tiles of a photo, shuffled: its keypoints are there, but not as they lie in it."""
    tiles = textured(5).reshape(5, 40, 6, 40, 3).swapaxes(1, 2).reshape(30, 40, 40, 3)
    shuffled = tiles[np.random.default_rng(0).permutation(30)].reshape(5, 6, 40, 40, 3)
    assert recorded.source_of(shuffled.swapaxes(1, 2).reshape(200, 240, 3)) == -1


def test_more_recorded_photos_ask_for_more_evidence() -> None:
    photo, marks = textured(5), marks_of(textured(5))
    few, many = (RecordedPhotos(np.concatenate([marks[None], no_marks(n)])) for n in (9, 99_999))
    assert few.likeliest(photo) == many.likeliest(photo)


def test_nothing_is_found_among_photos_without_marks() -> None:
    assert RecordedPhotos(no_marks(3)).likeliest(textured(0)) == (-1, 0.0, 0)
    assert RecordedPhotos(no_marks(0)).source_of(textured(0)) == -1


def test_files_that_cannot_be_read_derive_from_none(tmp_path: Path) -> None:
    Image.fromarray(textured(3)[:150]).save(tmp_path / "part.png")
    (tmp_path / "broken.png").write_bytes(b"no photo")
    photos = [FilePhoto(tmp_path / name) for name in ("broken.png", "part.png")]
    told: list[tuple[str, int, int]] = []
    marks = np.stack([marks_of(textured(seed)) for seed in (2, 3)])
    found = sources_of(photos, marks, lambda *report: told.append(report))
    assert found.tolist() == [-1, 1]
    assert told[-1] == ("Looking for parts of photos", 2, 2)


def saved(root: Path, name: str, pixels: np.ndarray) -> FilePhoto:
    Image.fromarray(pixels).save(root / name)
    return FilePhoto(root / name)


def test_pairs_of_one_picture_are_found_whichever_was_first(tmp_path: Path) -> None:
    whole = [saved(tmp_path, f"{seed}.png", textured(seed)) for seed in range(6)]
    part = saved(tmp_path, "part.png", textured(3)[20:180, 30:230])
    (tmp_path / "broken.png").write_bytes(b"no photo")
    broken = FilePhoto(tmp_path / "broken.png")
    sources = [*whole, broken]
    found = related_photos([broken, part, whole[4]], sources, record(sources))
    assert found.tolist() == [[1, 3], [2, 4]]
    assert related_photos(whole, [part], record([part])).tolist() == [[3, 0]]


def test_photos_that_cannot_be_read_are_recorded_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no photo")
    assert not record([FilePhoto(tmp_path / "broken.png")]).any()
    assert record([]).shape == (0, 16, 16)


def test_of_a_camera_that_does_not_move_few_photos_are_proposed() -> None:
    recorded = RecordedPhotos(np.stack([marks_of(textured(5))] * 30))
    assert len(recorded.related_to(textured(5))) == 8


@pytest.mark.parametrize("mirrored", [False, True])
def test_placed_photos_are_laid_over_each_other(mirrored: bool) -> None:
    """A part of 120 x 120 pixels whose middle lies 20 right of and 10 above a photo's middle."""
    photo = textured(5)
    part = photo[30:150, 80:200]
    part = np.ascontiguousarray(part[:, ::-1]) if mirrored else part
    side = np.sqrt(photo.shape[0] * photo.shape[1])
    placed = Placement(complex(120 / side), complex(20, -10) / side, mirrored)
    assert correlation(photo, part, placed) > 0.98
    assert correlation(photo, part, placed._replace(mirrored=not mirrored)) < SAME
    assert correlation(photo, part, placed._replace(shift=complex(-0.1, 0.1))) < SAME
    assert correlation(photo, part, placed._replace(shift=complex(9, 9))) == 0


def test_a_photo_of_one_colour_agrees_with_nothing() -> None:
    flat = np.full((200, 240, 3), 90, np.uint8)
    assert correlation(flat, textured(5), Placement(complex(1), complex(0), mirrored=False)) == 0


def test_a_turned_photo_is_placed_as_it_was_turned() -> None:
    """By 90 degrees counterclockwise: x becomes -y, so places turn by -i."""
    turned = np.rot90(textured(5))
    ((source, how),) = RecordedPhotos(marks_of(textured(5))[None]).related_to(turned)
    assert source == 0
    assert abs(how.turn - -1j) < 0.02
    assert abs(how.shift) < 0.01
    assert correlation(turned, textured(5), how) > 0.98
