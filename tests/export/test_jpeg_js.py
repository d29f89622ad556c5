"""JPEGs at a share of their size: which share Pillow takes, and the mean of squares elsewhere."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def jpeg(size: tuple[int, int], **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size).save(file, "JPEG", **options)
    return file.getvalue()


def test_the_share_is_pillows(engine: Any) -> None:
    """Told by the size that Pillow would decode to; thumbnails within EXIF do not count."""
    told = Image.Exif()
    told[270] = "x" * 40_000 + "\xff\xd8\xff\xc0"
    sizes = [(640, 480), (2048, 2047), (2047, 3000), (511, 900), (512, 512), (4000, 3000)]
    photos = [jpeg(size, exif=told, progressive=size[0] == 2048) for size in sizes]
    calls = [{"what": "reduction", "bytes": [*photo], "shorter": 256} for photo in photos]
    found = engine([*calls, {"what": "reduction", "bytes": [*b"\x89PNG no JPEG"], "shorter": 256}])
    for size, photo, answer in zip(sizes, photos, found, strict=False):
        with Image.open(io.BytesIO(photo)) as image:
            image.draft(None, (256, 256))
            expected = tuple(-(-side // answer["share"]) for side in size)
            assert image.size == expected
        assert (answer["width"], answer["height"]) == size
    assert {answer["share"] for answer in found} == {1, 2, 4, 8}
    assert found[-1] == {"share": 1}


def test_squares_are_averaged(engine: Any, tmp_path: Path) -> None:
    """Those at the right and lower border over the pixels that there are."""
    pixels = np.random.default_rng(0).integers(0, 256, (21, 30, 4), dtype=np.uint8)
    pixels.tofile(tmp_path / "photo.rgba")
    raw = {"file": str(tmp_path / "photo.rgba"), "width": 30, "height": 21}
    windows = {8: (0, 0, 4, 3), 4: (2, 1, 6, 5), 2: (3, 3, 12, 8)}
    calls = [
        {"what": "averaged", "share": share, "window": window, **raw}
        for share, window in windows.items()
    ]
    for answer, (share, (left, top, columns, rows)) in zip(
        engine(calls), windows.items(), strict=True
    ):
        found = np.array(answer).reshape(rows, columns, 4)[..., :3]
        for y in range(rows):
            for x in range(columns):
                at = slice((top + y) * share, (top + y + 1) * share)
                along = slice((left + x) * share, (left + x + 1) * share)
                mean = pixels[at, along, :3].astype(float).mean((0, 1))
                assert np.abs(found[y, x] - mean).max() <= 0.5 + 1e-9
