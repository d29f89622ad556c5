"""The decoder, against pictures whose pixels are known."""

import base64
import io
import struct
import subprocess
import sys
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.support.surroundings import full_disk

from florascope import images
from florascope.errors import FlorascopeError, PhotoError
from florascope.images import (
    MAX_BYTES,
    MAX_PIXELS,
    SUFFIXES,
    as_rgb,
    read_bytes,
    read_photo,
    readable_formats,
    write_picture,
)

RED, WHITE, BLACK = (255, 0, 0), (255, 255, 255), (0, 0, 0)
# 3 wide, 2 high, all six pixels different: any wrong turn shows.
SCENE = np.array(
    [
        [[255, 0, 0], [0, 255, 0], [0, 0, 255]],
        [[255, 255, 0], [0, 255, 255], [90, 90, 90]],
    ],
    dtype=np.uint8,
)
# What a camera must have stored so that orientation k shows SCENE (EXIF 2.3, tag 0x0112), by
# where row 0 and column 0 of the stored picture lie in the scene.
STORED = {
    1: SCENE,  # top, left
    2: SCENE[:, ::-1],  # top, right
    3: SCENE[::-1, ::-1],  # bottom, right
    4: SCENE[::-1],  # bottom, left
    5: SCENE.transpose(1, 0, 2),  # left, top
    6: SCENE.transpose(1, 0, 2)[::-1],  # right, top
    7: SCENE.transpose(1, 0, 2)[::-1, ::-1],  # right, bottom
    8: SCENE.transpose(1, 0, 2)[:, ::-1],  # left, bottom
}


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(width: int, height: int, rows: bytes = b"") -> bytes:
    """Write an 8-bit RGB PNG by hand, with a header that may lie about its size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


class TestFormats:
    @pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
    def test_lossless_formats_give_the_very_pixels(self, kind: str) -> None:
        np.testing.assert_array_equal(read_photo(encoded(Image.fromarray(SCENE), kind)), SCENE)

    def test_webp_lossless_gives_the_very_pixels(self) -> None:
        data = encoded(Image.fromarray(SCENE), "WEBP", lossless=True)
        np.testing.assert_array_equal(read_photo(data), SCENE)

    def test_jpeg_gives_nearly_the_pixels(self) -> None:
        data = encoded(Image.new("RGB", (16, 8), (200, 30, 60)), "JPEG", quality=95)
        np.testing.assert_allclose(read_photo(data), np.full((8, 16, 3), (200, 30, 60)), atol=3)

    def test_a_hand_written_png(self) -> None:
        rows = b"\x00" + bytes(RED) + bytes(WHITE)  # filter byte 0, two pixels
        np.testing.assert_array_equal(read_photo(png(2, 1, rows)), [[RED, WHITE]])

    def test_a_phones_multi_picture_jpeg_gives_its_first_picture(self) -> None:
        second = Image.new("RGB", (8, 8), (0, 0, 255))
        first = Image.new("RGB", (8, 8), (200, 30, 60))
        data = encoded(first, "MPO", save_all=True, append_images=[second])
        np.testing.assert_allclose(read_photo(data)[0, 0], (200, 30, 60), atol=3)

    @pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
    def test_an_animation_gives_its_first_frame(self, kind: str) -> None:
        frames = [Image.new("RGB", (4, 3), colour) for colour in (RED, (0, 0, 255))]
        options = {"lossless": True} if kind == "WEBP" else {}
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        np.testing.assert_array_equal(read_photo(data), np.full((3, 4, 3), RED))

    def test_a_wrong_extension_does_not_matter(self, tmp_path: Path) -> None:
        path = tmp_path / "really-a-png.jpg"
        path.write_bytes(encoded(Image.fromarray(SCENE), "PNG"))
        np.testing.assert_array_equal(read_photo(path), SCENE)

    @pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1)])
    def test_pictures_one_pixel_wide_or_high(self, size: tuple[int, int]) -> None:
        photo = read_photo(encoded(Image.new("RGB", size, RED), "PNG"))
        np.testing.assert_array_equal(photo, np.full((size[1], size[0], 3), RED))

    def test_the_array_may_be_written_to(self) -> None:
        photo = read_photo(encoded(Image.fromarray(SCENE), "PNG"))
        photo[0, 0] = 7
        assert photo.flags.c_contiguous
        assert photo[0, 0].tolist() == [7, 7, 7]

    def test_suffixes_are_lower_case_with_a_dot(self) -> None:
        assert all(s.startswith(".") and s == s.lower() for s in SUFFIXES)
        assert {".jpg", ".jpeg", ".png"} <= SUFFIXES


class TestOrientation:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("kind", ["PNG", "TIFF"])
    def test_the_photo_comes_upright(self, orientation: int, kind: str) -> None:
        stored = Image.fromarray(np.ascontiguousarray(STORED[orientation]))
        data = encoded(stored, kind, exif=exif(orientation))
        np.testing.assert_array_equal(read_photo(data), SCENE)

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_in_a_jpeg(self, orientation: int) -> None:
        # blocks of 16 pixels, so that the compression blurs no edge between them
        stored = Image.fromarray(np.ascontiguousarray(STORED[orientation]))
        large = stored.resize((stored.width * 16, stored.height * 16), Image.Resampling.NEAREST)
        data = encoded(large, "JPEG", quality=95, subsampling=0, exif=exif(orientation))
        np.testing.assert_allclose(read_photo(data)[8::16, 8::16], SCENE, atol=4)

    def test_sixteen_bit_greys_turn_too(self) -> None:
        stored = Image.fromarray(np.array([[0, 257 * 9]], dtype=np.uint16))
        photo = read_photo(encoded(stored, "PNG", exif=exif(6)))
        assert photo[..., 0].tolist() == [[0], [9]]

    @pytest.mark.parametrize("orientation", [0, 9, 99])
    def test_a_meaningless_value_turns_nothing(self, orientation: int) -> None:
        data = encoded(Image.fromarray(SCENE), "PNG", exif=exif(orientation))
        np.testing.assert_array_equal(read_photo(data), SCENE)

    @pytest.mark.parametrize(
        "broken",
        [b"garbage!", b"", b"II*\0\xff\xff\xff\x7f", b"II*\0\x08\0\0\0\xff\xff\x12\x01"],
    )
    @pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")
    def test_broken_exif_does_not_spoil_the_photo(self, broken: bytes) -> None:
        data = encoded(Image.new("RGB", (6, 4), RED), "JPEG", exif=b"Exif\0\0" + broken)
        assert read_photo(data).shape == (4, 6, 3)


class TestModes:
    def test_grey_becomes_three_equal_channels(self) -> None:
        data = encoded(Image.fromarray(np.array([[0, 128, 255]], dtype=np.uint8)), "PNG")
        np.testing.assert_array_equal(read_photo(data), [[[0] * 3, [128] * 3, [255] * 3]])

    def test_black_and_white(self) -> None:
        bits = Image.fromarray(np.array([[True, False]]))
        np.testing.assert_array_equal(read_photo(encoded(bits, "PNG")), [[WHITE, BLACK]])

    @pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
    def test_cmyk(self, kind: str) -> None:
        # no cyan, all magenta, all yellow, no black: red
        data = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), kind)
        np.testing.assert_allclose(read_photo(data)[8, 8], RED, atol=3)

    def test_transparency_is_laid_on_white(self) -> None:
        pixels = np.array([[[255, 0, 0, 255], [255, 0, 0, 0], [0, 0, 0, 128]]], dtype=np.uint8)
        photo = read_photo(encoded(Image.fromarray(pixels), "PNG"))
        # black at 128/255 on white: 255 * (1 - 128/255) = 127
        np.testing.assert_allclose(photo, [[RED, WHITE, (127, 127, 127)]], atol=1)

    def test_grey_with_alpha(self) -> None:
        pixels = np.array([[[40, 255], [40, 0]]], dtype=np.uint8)
        photo = read_photo(encoded(Image.fromarray(pixels), "PNG"))
        np.testing.assert_array_equal(photo, [[(40, 40, 40), WHITE]])

    def test_a_palette(self) -> None:
        data = encoded(Image.fromarray(SCENE).quantize(6), "PNG")
        np.testing.assert_allclose(read_photo(data), SCENE, atol=1)

    def test_a_palette_with_alpha_of_its_own(self) -> None:
        image = Image.new("P", (3, 1))
        image.putpalette([*RED, 0, 0, 255, *BLACK])
        image.putdata([0, 1, 2])
        data = encoded(image, "PNG", transparency=bytes([255, 0, 128]))
        np.testing.assert_allclose(read_photo(data), [[RED, WHITE, (127, 127, 127)]], atol=1)

    def test_a_transparent_palette_entry_of_a_gif(self) -> None:
        image = Image.new("P", (2, 1))
        image.putpalette([*RED, *BLACK])
        image.putdata([0, 1])
        np.testing.assert_array_equal(
            read_photo(encoded(image, "GIF", transparency=1)), [[RED, WHITE]]
        )

    def test_a_transparent_colour(self) -> None:
        data = encoded(Image.fromarray(SCENE), "PNG", transparency=RED)
        expected = SCENE.copy()
        expected[0, 0] = WHITE
        np.testing.assert_array_equal(read_photo(data), expected)

    @pytest.mark.parametrize("kind", ["PNG", "TIFF"])
    def test_sixteen_bit_greys_are_scaled_not_clipped(self, kind: str) -> None:
        greys = np.array([[0, 1 * 257, 128 * 257, 65535]], dtype=np.uint16)
        photo = read_photo(encoded(Image.fromarray(greys), kind))
        assert photo[..., 0].tolist() == [[0, 1, 128, 255]]
        assert (photo == photo[..., :1]).all()

    def test_sixteen_bits_the_other_way_round(self) -> None:
        greys = np.array([[0, 30 * 257, 65535]], dtype=">u2")
        image = Image.frombytes("I;16B", (3, 1), greys.tobytes())
        assert read_photo(encoded(image, "TIFF"))[..., 0].tolist() == [[0, 30, 255]]

    @given(st.integers(0, 65535))
    def test_sixteen_bits_round_to_the_nearest_eight(self, grey: int) -> None:
        photo = read_photo(encoded(Image.fromarray(np.array([[grey]], dtype=np.uint16)), "PNG"))
        assert abs(int(photo[0, 0, 0]) - grey / 257) <= 0.5

    def test_thirty_two_bits_beyond_sixteen_are_clipped(self) -> None:
        values = np.array([[-5, 0, 257, 65535, 2**31 - 1]], dtype=np.int32)
        photo = read_photo(encoded(Image.fromarray(values), "TIFF"))
        assert photo[..., 0].tolist() == [[0, 0, 1, 255, 255]]

    def test_floats_up_to_one_are_scaled(self) -> None:
        values = np.array([[0.0, 0.2, 1.0]], dtype=np.float32)
        photo = read_photo(encoded(Image.fromarray(values), "TIFF"))
        assert photo[..., 0].tolist() == [[0, 51, 255]]

    def test_floats_beyond_one_are_scaled_by_the_greatest(self) -> None:
        values = np.array([[-3.0, 100.0, 500.0, np.nan]], dtype=np.float32)
        photo = read_photo(encoded(Image.fromarray(values), "TIFF"))
        assert photo[..., 0].tolist() == [[0, 51, 255, 0]]


class TestRefusals:
    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(PhotoError, match=r"gone\.jpg cannot be read \(No such file") as info:
            read_photo(tmp_path / "gone.jpg")
        assert info.value.expected == "a photo file"

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(PhotoError, match=r"cannot be read \(Is a directory\)"):
            read_photo(tmp_path)

    def test_an_empty_file_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "rose" / "1.jpg"
        path.parent.mkdir()
        path.touch()
        with pytest.raises(PhotoError, match=r"rose/1\.jpg is empty \(0 bytes\)"):
            read_photo(path)

    def test_no_bytes(self) -> None:
        with pytest.raises(PhotoError, match=r"^the photo is empty"):
            read_photo(b"")

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
    @pytest.mark.filterwarnings("ignore:Truncated File Read:UserWarning")
    def test_a_truncated_photo(self, kind: str) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        data = encoded(Image.fromarray(noise), kind)
        with pytest.raises(PhotoError, match=r"is damaged or cut short|is not a photo"):
            read_photo(data[: len(data) // 2])

    @pytest.mark.parametrize("kind", ["JPEG", "PNG"])
    def test_cut_short_is_called_so(self, kind: str) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        data = encoded(Image.fromarray(noise), kind)
        with pytest.raises(PhotoError, match=r"damaged or cut short .*expected a complete photo"):
            read_photo(data[: len(data) // 2])

    @pytest.mark.parametrize(
        "text",
        [
            b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
            b"<!doctype html><title>404 Not Found</title>",
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
            b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(64),
        ],
        ids=["svg", "html", "postscript", "heic"],
    )
    def test_other_formats_under_a_photos_name(self, text: bytes, tmp_path: Path) -> None:
        path = tmp_path / "photo.jpg"
        path.write_bytes(text)
        with pytest.raises(PhotoError, match=r"photo\.jpg is not a photo that can be read") as info:
            read_photo(path)
        assert info.value.expected.startswith("one of JPEG, PNG")
        assert "Convert it to JPEG" in info.value.fix

    @pytest.mark.parametrize("kind", ["PPM", "ICO", "TGA"])
    def test_formats_that_pillow_knows_but_are_not_allowed(self, kind: str) -> None:
        with pytest.raises(PhotoError, match="not a photo that can be read"):
            read_photo(encoded(Image.fromarray(SCENE), kind))

    @pytest.mark.parametrize("side", [9_500, 12_000, 60_000])
    @pytest.mark.parametrize("action", ["error", "ignore"])
    def test_a_decompression_bomb_is_refused_before_decoding(
        self, side: int, action: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def decode(*_: object) -> None:
            raise AssertionError("the pixels were asked for")

        monkeypatch.setattr(Image.Image, "load", decode)
        monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decode)
        data = png(side, side)
        assert len(data) < 100
        with warnings.catch_warnings():
            warnings.simplefilter(action)  # type: ignore[arg-type]  # one of the two above
            with pytest.raises(PhotoError, match=rf"at most {MAX_PIXELS:,} pixels") as info:
                read_photo(data)
        assert info.value.fix == "Make it smaller first"

    def test_it_is_refused_without_pillows_warning(self, tmp_path: Path) -> None:
        path = tmp_path / "wide.png"
        path.write_bytes(png(9_500, 9_500))
        program = (
            "import sys; from pathlib import Path; from florascope.images import read_photo\n"
            "try: read_photo(Path(sys.argv[1]))\nexcept Exception as error: print(error)"
        )
        command = [sys.executable, "-c", program, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.startswith(f"{path} has 9500 x 9500 pixels")
        assert done.stderr == ""

    def test_the_largest_allowed_picture_is_not_a_bomb(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(images, "MAX_PIXELS", 6)
        assert read_photo(encoded(Image.fromarray(SCENE), "PNG")).shape == (2, 3, 3)
        monkeypatch.setattr(images, "MAX_PIXELS", 5)
        with pytest.raises(PhotoError, match="3 x 2 pixels"):
            read_photo(encoded(Image.fromarray(SCENE), "PNG"))

    def test_pillow_does_not_warn_about_what_is_allowed(self) -> None:
        assert Image.MAX_IMAGE_PIXELS is not None
        assert MAX_PIXELS < Image.MAX_IMAGE_PIXELS

    def test_a_file_of_too_many_bytes(self, tmp_path: Path) -> None:
        path = tmp_path / "huge.jpg"
        with path.open("wb") as file:
            file.truncate(MAX_BYTES * 4)  # sparse: takes no room on the disk
        assert len(read_bytes(path)) == MAX_BYTES + 1
        with pytest.raises(PhotoError, match=r"huge\.jpg has 67,108,865 bytes") as info:
            read_photo(path)
        assert info.value.expected == "at most 67,108,864"

    @given(st.binary(max_size=200))
    def test_random_bytes_never_raise_anything_else(self, data: bytes) -> None:
        with pytest.raises(PhotoError):
            read_photo(data)

    @given(st.integers(0, 400), st.binary(min_size=1, max_size=8))
    @pytest.mark.filterwarnings("ignore::UserWarning")
    def test_a_damaged_jpeg_gives_pixels_or_a_photo_error(self, at: int, damage: bytes) -> None:
        data = bytearray(encoded(Image.fromarray(SCENE), "JPEG"))
        data[at : at + len(damage)] = damage
        try:
            assert read_photo(bytes(data)).ndim == 3
        except PhotoError as error:
            assert "the photo" in str(error)  # noqa: PT017 (either outcome is right)


@pytest.mark.parametrize(
    ("shorter", "sides"), [(0, 600), (301, 600), (300, 300), (80, 150), (1, 75)]
)
def test_a_jpeg_is_decoded_no_smaller_than_will_do(shorter: int, sides: int) -> None:
    ramp = np.linspace(0, 255, 800).astype(np.uint8)
    pixels = np.broadcast_to(ramp[None, :, None], (600, 800, 3))
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=95)
    small = read_photo(data.getvalue(), shorter=shorter)
    assert small.shape == (sides, sides * 4 // 3, 3)
    assert np.abs(small[0, :, 0].astype(float) - np.linspace(0, 255, small.shape[1])).max() < 4


def test_other_formats_are_decoded_whole() -> None:
    data = io.BytesIO()
    Image.new("RGB", (64, 48)).save(data, "PNG")
    assert read_photo(data.getvalue(), shorter=8).shape == (48, 64, 3)


def test_a_small_decoding_refuses_what_a_whole_one_does() -> None:
    data = io.BytesIO()
    Image.new("RGB", (9_900, 9_000)).save(data, "JPEG")
    with pytest.raises(PhotoError, match="has 9900 x 9000 pixels"):
        read_photo(data.getvalue(), shorter=16)
    whole = io.BytesIO()
    Image.fromarray(SCENE.repeat(200, 0).repeat(200, 1)).save(whole, "JPEG")
    with pytest.raises(PhotoError, match="damaged or cut short"):
        read_photo(whole.getvalue()[:-500], shorter=16)


# A picture of one colour, (200, 30, 60) and 64 x 48, drawn for this test and saved by libheif.
HEIC = (
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAA"
    "AAAAAAAAAAAAACJpbG9jAAAAAERAAAEAAQAAAAABoQABAAAAAAAAAB0AAAAjaWluZgAAAAAAAQAAABVpbmZlAgAA"
    "AAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/WlwcnAAAADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34"
    "+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5"
    "uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAA"
    "AAAoY2xhcAAAAEAAAAABAAAAMAAAAAEAAAAAAAAAAv////AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAA"
    "AAAAAAEAAQWBAgMFhAAAACVtZGF0AAAAGSgBrxOA+BDhp//7yKP/uDzw+/Yy/OikM+A="
)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_half_a_picture_never_takes_a_pictures_place(kind: str, tmp_path: Path) -> None:
    """Pillow takes the short write of a full disk for a whole one."""
    path, pixels = tmp_path / "x", np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    write_picture(path, pixels, kind)
    whole = path.read_bytes()
    assert read_photo(path).shape == (64, 64, 3)
    with full_disk(1000), pytest.raises(FlorascopeError, match="x cannot be written"):
        write_picture(path, pixels[::-1], kind)
    assert path.read_bytes() == whole
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


class TestPhonesFormats:
    @pytest.fixture(autouse=True)
    def anew(self) -> Iterator[None]:
        """Ask again which formats can be read."""
        readable_formats.cache_clear()
        yield
        readable_formats.cache_clear()

    def test_avif_gives_nearly_the_pixels(self) -> None:
        data = encoded(Image.new("RGB", (16, 8), (200, 30, 60)), "AVIF", quality=95)
        np.testing.assert_allclose(read_photo(data), np.full((8, 16, 3), (200, 30, 60)), atol=3)

    def test_heic_with_the_extra(self) -> None:
        pytest.importorskip("pi_heif")
        pixels = read_photo(base64.b64decode(HEIC))
        np.testing.assert_allclose(pixels, np.full((48, 64, 3), (200, 30, 60)), atol=6)

    def test_heic_without_the_extra_says_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "pi_heif", None)
        with pytest.raises(PhotoError, match="is a HEIC photo") as info:
            read_photo(base64.b64decode(HEIC))
        assert info.value.fix.startswith("Install it with: pip install 'florascope[heic]'")

    def test_a_file_that_only_begins_like_heic(self) -> None:
        with pytest.raises(PhotoError):
            read_photo(base64.b64decode(HEIC)[:40] + b"\x01" * 400)


@pytest.mark.parametrize(
    ("values", "fix"),
    [
        (np.full((4, 4, 3), 200, np.int64), r"array\.astype\(numpy\.uint8\)"),
        (np.full((4, 4, 3), 200.0), r"array\.astype\(numpy\.uint8\)"),
        (np.full((4, 4), 40_000, np.uint16), r"\(array // 256\)\.astype\(numpy\.uint8\)"),
        (np.full((4, 4, 3), -1.5), "Undo its normalisation"),
        (np.full((4, 4, 3), -3, np.int16), "Scale it to 0 to 255"),
    ],
)
def test_pixels_in_other_numbers_are_told_their_own_way(
    values: "np.ndarray[Any, Any]", fix: str
) -> None:
    with pytest.raises(PhotoError, match=f"an array of {values.dtype} with values .*{fix}"):
        as_rgb(values)
