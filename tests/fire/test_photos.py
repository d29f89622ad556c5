"""Photos from anywhere: what comes of each kind that people have on their disks.

What a plain decoder does is in tests/test_images.py; here is what is rare or meant to harm.
"""

import io
import os
import struct
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from florascope.errors import PhotoError
from florascope.images import MAX_PIXELS, photo_header, read_photo

RED, WHITE = (255, 0, 0), (255, 255, 255)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def noise(width: int = 40, height: int = 30) -> Image.Image:
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *more: bytes) -> bytes:
    """Write a PNG by hand: what Pillow cannot write, or what lies about its size."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), *more, chunk(b"IDAT", zlib.compress(rows))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + check


def ycck() -> bytes:
    """A red JPEG in the colours of print shops: YCbCr of inverted CMY, and black.

    Red is C, M, Y, K = 0, 255, 255, 0; Adobe stores it inverted, 255, 0, 0, 255; and libjpeg's
    YCCK holds C = 255 - R and so on, hence R, G, B = 0, 255, 255, whose Y, Cb, Cr are
    0.587 * 255 + 0.114 * 255 = 179, 128 - 0.331 * 255 + 0.5 * 255 = 171 and, clipped, 0 (1 here).
    Pillow writes CMYK alone, inverted: so these numbers go in inverted, and the mark is changed.
    """
    data = bytearray(encoded(Image.new("CMYK", (16, 16), (76, 84, 254, 0)), "JPEG", quality=95))
    mark = data.index(b"Adobe") + 11
    assert data[mark] == 0
    data[mark] = 2
    return bytes(data)


class TestColours:
    def test_ycck(self) -> None:
        np.testing.assert_allclose(read_photo(ycck())[8, 8], RED, atol=4)

    @pytest.mark.parametrize(("colour", "channels"), [(2, 3), (6, 4)], ids=["rgb", "rgb and alpha"])
    def test_sixteen_bits_a_channel(self, colour: int, channels: int) -> None:
        values = [0, 200 * 257, 65535, 65535][:channels]
        data = png(1, 1, 16, colour, b"\0" + struct.pack(f">{channels}H", *values))
        np.testing.assert_allclose(read_photo(data), [[(0, 200, 255)]], atol=1)

    def test_sixteen_bit_grey_with_alpha(self) -> None:
        data = png(2, 1, 16, 4, b"\0" + struct.pack(">4H", 100 * 257, 65535, 0, 0))
        np.testing.assert_allclose(read_photo(data), [[(100,) * 3, WHITE]], atol=1)

    @pytest.mark.parametrize("depth", [1, 2, 4])
    def test_greys_of_few_bits(self, depth: int) -> None:
        data = png(2, 1, depth, 0, b"\0" + bytes([(2**depth - 1) << (8 - 2 * depth)]))
        assert read_photo(data).tolist() == [[[0] * 3, [255] * 3]]

    def test_a_premultiplied_tiff(self) -> None:
        data = bytearray(encoded(Image.new("RGBA", (2, 2), (128, 0, 0, 128)), "TIFF"))
        at = data.index(struct.pack("<HHI", 338, 3, 1)) + 8
        assert data[at] == 2, "alpha beside the colours"
        data[at] = 1  # alpha multiplied into the colours: a full red, half seen
        np.testing.assert_allclose(read_photo(bytes(data))[0, 0], (255, 127, 127), atol=2)

    def test_colours_without_a_conversion(self) -> None:
        with pytest.raises(PhotoError, match="has LAB colours") as info:
            read_photo(encoded(Image.new("LAB", (4, 4)), "TIFF"))
        assert info.value.fix == "Convert it to RGB first"


class TestNotes:
    """What lies beside the pixels does not spoil them."""

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
    def test_a_colour_profile_of_junk(self, kind: str) -> None:
        data = encoded(noise(), kind, icc_profile=os.urandom(5000))
        assert read_photo(data).shape == (30, 40, 3)

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
    def test_huge_exif_still_turns(self, kind: str) -> None:
        tags = Image.Exif()
        tags[0x0112] = 6
        tags[0x927C] = b"x" * 60_000  # a maker's note as large as a segment
        assert read_photo(encoded(noise(), kind, exif=tags)).shape == (40, 30, 3)

    @pytest.mark.filterwarnings("ignore:Truncated File Read:UserWarning")
    def test_orientation_counts_where_the_other_tags_are_garbage(self) -> None:
        tags = b"II*\0\x08\0\0\0" + struct.pack("<H", 3)
        tags += struct.pack("<HHII", 0x0112, 3, 1, 6)
        tags += struct.pack("<HHII", 0x829A, 5, 1, 0xFFFFFFF0)  # exposure, beyond the end
        tags += struct.pack("<HHII", 0x8769, 4, 1, 8)  # an inner table that is this one again
        data = encoded(noise(), "JPEG", exif=b"Exif\0\0" + tags + bytes(4))
        assert read_photo(data).shape == (40, 30, 3)
        assert photo_header(data) == ("RGB", 6)

    def test_texts_that_unpack_to_much(self) -> None:
        bomb = chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(10**8)))
        with pytest.raises(PhotoError, match="damaged or cut short .*too large"):
            read_photo(png(1, 1, 8, 2, b"\0" + bytes(RED), bomb))

    def test_stored_pixels_on_demand(self) -> None:
        tags = Image.Exif()
        tags[0x0112] = 6
        data = encoded(noise(), "PNG", exif=tags)
        np.testing.assert_array_equal(read_photo(data, upright=False), np.asarray(noise()))


def gif_bomb() -> bytes:
    """A GIF whose first frame is 65,535 x 65,535 in 30 bytes."""
    return b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x44\x01\0;"


def gif_screen_bomb() -> bytes:
    return b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0;"


def webp_bomb() -> bytes:
    """A WebP whose extended header says 16,384 x 16,384."""
    canvas = struct.pack("<I", 16383)[:3]
    data = bytearray(encoded(Image.new("RGBA", (2, 2)), "WEBP", lossless=True, icc_profile=b"junk"))
    at = data.index(b"VP8X") + 12
    data[at : at + 6] = canvas * 2
    return bytes(data)


def tiff_bomb() -> bytes:
    """A TIFF of 60,000 x 60,000 pixels, packed into almost nothing."""
    data = bytearray(encoded(Image.new("L", (600, 600)), "TIFF", compression="tiff_lzw"))
    for tag in (256, 257):
        at = next(
            i for i in range(len(data) - 12) if data[i : i + 4] == struct.pack("<HH", tag, 4)
            or data[i : i + 4] == struct.pack("<HH", tag, 3)
        )  # fmt: skip
        data[at + 2 : at + 12] = struct.pack("<HII", 4, 1, 60_000)
    return bytes(data)


def bmp_bomb() -> bytes:
    data = bytearray(encoded(Image.new("RGB", (2, 2)), "BMP"))
    data[18:26] = struct.pack("<ii", 50_000, 50_000)
    return bytes(data)


def jpeg_bomb() -> bytes:
    data = bytearray(encoded(Image.new("RGB", (16, 16)), "JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", 65_500, 65_500)
    return bytes(data)


BOMBS: dict[str, Callable[[], bytes]] = {
    "png": lambda: png(60_000, 60_000, 8, 2, b""),
    "gif": gif_bomb,
    "gif's screen": gif_screen_bomb,
    "webp": webp_bomb,
    "tiff": tiff_bomb,
    "bmp": bmp_bomb,
    "jpeg": jpeg_bomb,
}


class TestBombs:
    @pytest.mark.parametrize("kind", BOMBS)
    def test_a_few_bytes_that_unpack_to_gigabytes(self, kind: str) -> None:
        data = BOMBS[kind]()
        assert len(data) < 5000
        start = time.process_time()
        with pytest.raises(PhotoError) as info:
            read_photo(data)
        assert time.process_time() - start < 1
        # WebP's own library compares frame and canvas before anybody can ask for the size
        wanted = f"at most {MAX_PIXELS:,} pixels" if kind != "webp" else "pixels|complete photo|one"
        assert any(word in str(info.value) for word in wanted.split("|"))

    def test_a_jpeg_that_goes_over_its_pixels_for_hours(self) -> None:
        data = encoded(Image.new("RGB", (3000, 3000)), "JPEG", progressive=True)
        last = data[data.rindex(b"\xff\xda") : -2]
        bomb = data[:-2] + last * 100_000 + data[-2:]
        start = time.process_time()
        with pytest.raises(PhotoError, match=r"3000 x 3000 pixels in 100,010 scans") as info:
            read_photo(bomb)
        assert time.process_time() - start < 1
        assert info.value.fix == "Save it again as a plain JPEG"
        assert read_photo(data).shape == (3000, 3000, 3)

    def test_a_small_jpeg_may_have_many_scans(self) -> None:
        data = encoded(noise(), "JPEG", progressive=True)
        last = data[data.rindex(b"\xff\xda") : -2]
        assert read_photo(data[:-2] + last * 50 + data[-2:]).shape == (30, 40, 3)


class TestFiles:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
    @pytest.mark.filterwarnings("ignore:Truncated File Read:UserWarning")
    def test_cut_anywhere_it_is_refused_or_whole(self, kind: str) -> None:
        """Formats without a checksum may lose their last bytes unseen; never more than those."""
        data = encoded(noise(), kind)
        whole = read_photo(data)
        for length in range(0, len(data), max(1, len(data) // 40)):
            try:
                read = read_photo(data[:length])
            except PhotoError:
                continue
            assert read.shape == whole.shape, length
            assert length > 0.9 * len(data), length

    def test_a_pipe_does_not_hang(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "photo.jpg")
        found: list[str] = []

        def read() -> None:
            try:
                read_photo(tmp_path / "photo.jpg")
            except PhotoError as error:
                found.append(str(error))

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        thread.join(10)
        assert found == [f"{tmp_path / 'photo.jpg'} is a pipe or device. expected a photo file."]

    def test_a_device(self) -> None:
        with pytest.raises(PhotoError, match="is a pipe or device"):
            read_photo(Path("/dev/zero"))

    def test_a_name_with_a_zero_byte(self) -> None:
        with pytest.raises(PhotoError, match="cannot be read .*null"):
            read_photo(Path("photo\0.jpg"))

    def test_a_link_in_a_circle(self, tmp_path: Path) -> None:
        path = tmp_path / "photo.jpg"
        path.symlink_to(path)
        with pytest.raises(PhotoError, match="cannot be read .*symbolic links"):
            read_photo(path)
