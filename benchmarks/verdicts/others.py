"""How often is something that is no flower named as a species? Makes the committed table.

    python benchmarks/verdicts/others.py BUNDLE FOLDER

Every answer comes from the light runtime. FOLDER holds what some Debian packages unpack to
(`apt-get download NAME; dpkg -x NAME_*.deb FOLDER`), none of it in the project: photos of animals,
people, food and things cut out (tuxpaint-stamps-default), scenes, faces and textures
(python3-skimage, opencv-doc, gimp-data), figures and diagrams (python-skimage-doc, opencv-doc).
What is cut out stands on white and before leaves, by turns. Noise, gratings, plain cards and pages
of text are drawn; backgrounds are cut out of Oxford-17's masked photos, so that FLORASCOPE_DATA
must hold oxford-17-masks. Whatever shows a flower is left out.
"""

import re
import struct
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import numpy as np
from PIL import Image, ImageDraw
from strangers import backgrounds, placed, textures

from florascope.errors import PhotoError
from florascope.files import write_json, write_text
from florascope.identify.identifier import Identifier
from florascope.images import RGB, read_photo

STAMPS = {
    "animals": "animals",
    "birds": "animals/birds",
    "insects": "animals/insects",
    "people": "people|symbols/faces",
    "food": "food",
    "trees and mushrooms": "plants/(trees|mushrooms)",
    "things": "household|clothes|hobbies|medical|military|seasonal|sports|symbols/money",
    "places and vehicles": "town|vehicles|space|naturalforces",
    "signs": "symbols/(alphabets|math|music|shapes|chess)",
}
FLOWERS = re.compile(
    "flower|rose|tulip|lily|daisy|bouquet|poinsettia|wreath|aloe|blossom", re.IGNORECASE
)
SCENES, GRAINS, FIGURES = "scenes, parts of", "textures", "figures and screens"
FILES = (
    (SCENES, "**/skimage/data/*"),
    (SCENES, "**/opencv-doc/examples/data/*"),
    (GRAINS, "**/gimp/2.0/patterns/**/*.pat"),
    (FIGURES, "**/python-skimage-doc/html/_images/*"),
    (FIGURES, "**/opencv4/html/*"),
)
MOST = 200  # of a kind
SIDE, SMALLEST = 224, 48


def pictures(folder: Path) -> dict[str, list[tuple[str, RGB]]]:
    """Return what shows no flower by its kind, with names."""
    found: dict[str, list[tuple[str, RGB]]] = defaultdict(list)
    for kind, name, picture in _every(folder):
        found[kind].append((name, picture))
    return {kind: _some(rows) for kind, rows in found.items()}


def _some(rows: list[tuple[str, RGB]]) -> list[tuple[str, RGB]]:
    """Take at most MOST in an order that has nothing to do with names."""
    return sorted(rows, key=lambda row: crc32(row[0].encode()))[:MOST]


def _every(folder: Path) -> Iterator[tuple[str, str, RGB]]:
    grounds = backgrounds()
    stamps = next(folder.rglob("tuxpaint/stamps"))
    for number, file in enumerate(sorted(stamps.rglob("*.png"))):
        kind = _kind(file.relative_to(stamps).as_posix())
        if kind:
            yield kind, file.name, _placed(file, grounds, number)
    for kind, pattern in FILES:
        for name, photo in _photos(folder, pattern):
            for number, part in enumerate(_parts(photo) if kind == SCENES else [photo]):
                yield kind, f"{name}#{number}", part
    yield from (("backgrounds", f"{n}", one) for n, one in enumerate(grounds))
    yield from (("noise and cards", f"{n}", one) for n, one in enumerate(textures(100)))
    yield from (("pages of text", f"{n}", _page(n)) for n in range(60))
    yield from (("faces, small", f"{n}", one) for n, one in enumerate(_faces(folder)))


def _kind(name: str) -> str:
    if FLOWERS.search(name) or name.endswith("_mirror.png"):
        return ""
    if "cartoon" in name:
        return "drawings"
    return next((k for k, p in reversed(STAMPS.items()) if re.match(p, name)), "")


def _placed(file: Path, grounds: list[RGB], number: int) -> RGB:
    white = np.full((SIDE, SIDE, 3), 255, np.uint8)
    return placed(file, grounds[number // 2 % len(grounds)] if number % 2 else white)


def _photos(folder: Path, pattern: str) -> Iterator[tuple[str, RGB]]:
    for file in sorted(folder.glob(pattern)):
        if FLOWERS.search(file.name):
            continue
        try:
            photo = _pattern(file.read_bytes()) if file.suffix == ".pat" else read_photo(file)
        except PhotoError:
            continue
        if min(photo.shape[:2]) >= SMALLEST:
            yield file.name, photo


def _pattern(data: bytes) -> RGB:
    """Read GIMP's pattern file (developer.gimp.org, "GIMP pattern file format"), repeated."""
    start, _, width, height, channels = struct.unpack(">5I", data[:20])
    values = np.frombuffer(data, np.uint8, width * height * channels, start)
    pixels = np.broadcast_to(values.reshape(height, width, channels)[..., :3], (height, width, 3))
    times = (-(-SIDE // height), -(-SIDE // width), 1)
    return np.tile(pixels, times)[:SIDE, :SIDE]


def _parts(photo: RGB) -> Iterator[RGB]:
    """The whole, and five windows of half its sides where these have 96 pixels."""
    yield photo
    height, width = photo.shape[0] // 2, photo.shape[1] // 2
    if min(height, width) >= 96:
        for top, left in ((0, 0), (0, 2), (2, 0), (2, 2), (1, 1)):
            y, x = top * height // 2, left * width // 2
            yield photo[y : y + height, x : x + width]


def _page(number: int) -> RGB:
    """Lines of random words under a bar, dark on light or light on dark, as a screen shows them."""
    rng = np.random.default_rng(number)
    ink, paper, bar = (
        tuple(rng.integers(*span, 3).tolist()) for span in ((0, 90), (190, 256), (0, 256))
    )
    if number % 3 == 0:
        ink, paper = paper, ink
    image = Image.new("RGB", (480, 480), paper)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 480, 40), bar)
    for y in range(60, 470, int(rng.integers(14, 30))):
        words = ("".join(map(chr, rng.integers(97, 123, rng.integers(2, 9)))) for _ in range(9))
        draw.text((20, y), " ".join(words), ink)
    return np.asarray(image)


def _faces(folder: Path) -> Iterator[RGB]:
    """Labelled Faces in the Wild as scikit-image keeps a hundred: 25 x 25, grey."""
    for face in np.load(next(folder.rglob("lfw_subset.npy")))[:100]:
        grey = Image.fromarray((255 * face / face.max()).astype(np.uint8))
        yield np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BICUBIC).convert("RGB"))


def main() -> None:
    """Ask about every picture and write the table."""
    bundle, folder = map(Path, sys.argv[1:3])
    identifier, found = Identifier(bundle), {}
    for kind, rows in pictures(folder).items():
        levels = [identifier(picture).verdict.level for _, picture in rows]
        found[kind] = {
            "photos": len(levels),
            "species": levels.count("species"),
            "none": levels.count("none"),
        }
        print(kind, found[kind], flush=True)
    home = Path(sys.argv[3]) if len(sys.argv) > 3 else Path(__file__).parent / "results"
    write_json(home / "others.json", found)
    write_text(home / "others.md", page(found))


def page(found: dict[str, dict[str, int]]) -> str:
    """Write the counts in Markdown."""
    total = {k: sum(row[k] for row in found.values()) for k in ("photos", "species", "none")}
    rows = [*sorted(found.items()), ("all", total)]
    lines = [
        "# Other things than flowers",
        "",
        "| what | pictures | named as a species | refused |",
    ]
    lines.append("|---|---|---|---|")
    for kind, row in rows:
        lines.append(f"| {kind} | {row['photos']} | {row['species']} | {row['none']} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
