"""Examine whether an evaluation recognises photos that are derived from training photos.

`make` writes a folder of photos and its truth; `score` compares the truth with the photos
that an evaluation left out as trained. Data: Oxford Flowers 102 (Nilsback and Zisserman, 2008);
official train and val parts are the training photos, new photos come from the test part.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps
from scipy.io import loadmat

Photo: TypeAlias = Image.Image
Rng: TypeAlias = np.random.Generator
Derive: TypeAlias = Callable[[Photo, Rng, Photo], Photo]
Choice = TypeVar("Choice")

SHORT_SIDE = 256
HARD_SHARE = 0.75  # of the new photos: those most like a training photo; the rest is drawn

# Test photos whose closest training photo (in brackets) is, judged by eye on contact sheets of
# the 80 most alike pairs, the same photograph; or may be: the eye could not decide between the
# same exposure cropped or edited and the next exposure. Neither is asked.
SAME = frozenset({7309, 8067, 8080, 1959, 1858, 7040})  # (7307, 8077, 7029, 1929, 1835, 7015)
UNDECIDED = frozenset({5133, 3995, 4021, 4078, 798, 6557})  # (5124, 4027, 4076, 4058, 794, 6556)
DOUBLES = SAME | UNDECIDED


def crop_share(photo: Photo, width: float, height: float, x: float, y: float) -> Photo:
    """Crop a box of the given shares of the sides; x and y in [0, 1] place it in the free room."""
    w, h = round(photo.width * width), round(photo.height * height)
    left, top = round((photo.width - w) * x), round((photo.height - h) * y)
    return photo.crop((left, top, left + w, top + h))


def centre_crop(photo: Photo, share: float) -> Photo:
    """Crop the centre to `share` of each side."""
    return crop_share(photo, share, share, 0.5, 0.5)


def aspect_crop(photo: Photo, aspect: float) -> Photo:
    """Crop the centre to width / height = `aspect`, as large as fits."""
    width = min(1.0, photo.height * aspect / photo.width)
    height = min(1.0, photo.width / aspect / photo.height)
    return crop_share(photo, width, height, 0.5, 0.5)


def as_jpeg(photo: Photo, quality: int) -> Photo:
    """Return the photo after JPEG compression."""
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def tone(photo: Photo, brightness: float, contrast: float, saturation: float) -> Photo:
    """Scale brightness, contrast and saturation (1 leaves each as it is)."""
    photo = ImageEnhance.Brightness(photo).enhance(brightness)
    photo = ImageEnhance.Contrast(photo).enhance(contrast)
    return ImageEnhance.Color(photo).enhance(saturation)


def tint(photo: Photo, gains: tuple[float, float, float]) -> Photo:
    """Multiply the red, green and blue channels."""
    pixels = np.asarray(photo, dtype=np.float32) * np.asarray(gains, dtype=np.float32)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def sepia(photo: Photo) -> Photo:
    """Tone a grey version brown."""
    return ImageOps.colorize(ImageOps.grayscale(photo), "#1c0f05", "#fff0d0")


def grey(photo: Photo) -> Photo:
    """Take the colour away."""
    return ImageOps.grayscale(photo).convert("RGB")


def bars(photo: Photo, top: float, bottom: float, colour: str) -> Photo:
    """Add bars above and below, in shares of the height."""
    above, below = round(photo.height * top), round(photo.height * bottom)
    return ImageOps.expand(photo, (0, above, 0, below), fill=colour)


def screenshot(photo: Photo, rng: Rng) -> Photo:
    """Put the photo on a phone's screen: a status bar above, a caption and buttons below."""
    top, bottom = rng.uniform(0.12, 0.35), rng.uniform(0.2, 0.5)
    screen = bars(photo, top, bottom, pick(rng, "white", "#101010"))
    draw = ImageDraw.Draw(screen)
    below = round(photo.height * (1 + top))
    draw.text((6, 4), "12:47      LTE  81%", fill="#808080")
    draw.text((6, below + 6), "liked by 112 people", fill="#808080")
    for x in (10, 45, 80):
        draw.ellipse((x, below + 24, x + 18, below + 42), outline="#808080", width=2)
    return screen


def watermark(photo: Photo, rng: Rng) -> Photo:
    """Write half transparent text over the photo."""
    layer = Image.new("RGBA", photo.size)
    draw, size = ImageDraw.Draw(layer), photo.height * rng.uniform(0.1, 0.18)
    where = (photo.width * rng.uniform(0.02, 0.2), photo.height * rng.uniform(0.1, 0.7))
    draw.text(where, "(c) my garden", fill=(255, 255, 255, 170), font_size=size)
    return Image.alpha_composite(photo.convert("RGBA"), layer).convert("RGB")


def tilt(photo: Photo, degrees: float) -> Photo:
    """Turn by a few degrees and crop the black corners away."""
    turned = photo.rotate(degrees, Image.Resampling.BICUBIC)
    inside = 1 - 1.5 * abs(float(np.sin(np.radians(degrees)))) * max(photo.size) / min(photo.size)
    return centre_crop(turned, max(inside, 0.5))


def perspective(photo: Photo, rng: Rng, most: float) -> Photo:
    """View the photo askew: each corner is taken from up to `most` of a side outside the photo."""
    w, h = photo.size
    dx, dy = rng.uniform(0, most, 4) * w, rng.uniform(0, most, 4) * h
    corners = (-dx[0], -dy[0], -dx[1], h + dy[1], w + dx[2], h + dy[2], w + dx[3], -dy[3])
    quad = tuple(float(value) for value in corners)
    return photo.transform(
        photo.size, Image.Transform.QUAD, quad, Image.Resampling.BICUBIC, fillcolor="#303030"
    )


def screen_photo(photo: Photo, rng: Rng) -> Photo:
    """Photograph the photo on a screen: askew, with pixel lines, a cast, noise and soft focus."""
    pixels = np.asarray(perspective(photo, rng, 0.12), dtype=np.float32)
    lines = 1 + 0.06 * np.sin(np.arange(pixels.shape[0]) * rng.uniform(1, 2.5))
    noisy = pixels * lines[:, None, None] + rng.normal(0, 5, pixels.shape)
    shot = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
    cast = tint(shot, (rng.uniform(0.85, 1), 1.0, rng.uniform(1, 1.15)))
    return cast.filter(ImageFilter.GaussianBlur(0.7))


def collage(photo: Photo, other: Photo, rng: Rng) -> Photo:
    """Set the photo beside another photo, which trained nothing, at the same height."""
    other = other.resize((round(other.width * photo.height / other.height), photo.height))
    pair = [photo, other] if rng.random() < 0.5 else [other, photo]
    sheet = Image.new("RGB", (photo.width + other.width + 6, photo.height), "white")
    sheet.paste(pair[0], (0, 0))
    sheet.paste(pair[1], (pair[0].width + 6, 0))
    return sheet


def pad_square(photo: Photo, colour: str) -> Photo:
    """Pad the short side until the photo is a square."""
    side = max(photo.size)
    return ImageOps.pad(photo, (side, side), color=colour)


def thumbnail(photo: Photo, short: int) -> Photo:
    """Shrink to a short side of `short` pixels."""
    scale = short / min(photo.size)
    size = round(photo.width * scale), round(photo.height * scale)
    return photo.resize(size, Image.Resampling.LANCZOS)


def pick(rng: Rng, *choices: Choice) -> Choice:
    """Draw one of the choices."""
    return choices[int(rng.integers(len(choices)))]


def off_centre(photo: Photo, rng: Rng, low: float, high: float) -> Photo:
    """Crop to a share drawn from [low, high] of each side, anywhere."""
    share = rng.uniform(low, high)
    return crop_share(photo, share, share, rng.random(), rng.random())


def crop_filter_jpeg(photo: Photo, rng: Rng) -> Photo:
    """Crop off centre, warm the colours and compress."""
    warm = tint(off_centre(photo, rng, 0.7, 0.85), (1.12, 1.0, 0.85))
    return as_jpeg(tone(warm, 1.05, rng.uniform(1.1, 1.3), 1.2), int(rng.integers(35, 60)))


def mirror_crop_grey(photo: Photo, rng: Rng) -> Photo:
    """Mirror, crop off centre and take the colour away."""
    return grey(off_centre(ImageOps.mirror(photo), rng, 0.7, 0.85))


OPEN: dict[str, Derive] = {
    "crop-centre-75": lambda p, r, _: centre_crop(p, r.uniform(0.72, 0.78)),
    "crop-off-centre": lambda p, r, _: off_centre(p, r, 0.65, 0.8),
    "crop-square": lambda p, _r, _: aspect_crop(p, 1.0),
    "border": lambda p, r, _: ImageOps.expand(
        p, round(p.height * r.uniform(0.04, 0.12)), pick(r, "white", "black", "#c8b48c")
    ),
    "mirror": lambda p, _r, _: ImageOps.mirror(p),
    "turn-few-degrees": lambda p, r, _: tilt(p, pick(r, -1, 1) * r.uniform(2, 7)),
    "screenshot": lambda p, r, _: screenshot(p, r),
    "sepia": lambda p, _r, _: sepia(p),
    "tone": lambda p, r, _: tone(p, r.uniform(0.7, 1.3), r.uniform(0.7, 1.4), r.uniform(0.5, 1.6)),
    "jpeg-20": lambda p, r, _: as_jpeg(p, int(r.integers(15, 26))),
    "perspective": lambda p, r, _: perspective(p, r, 0.1),
    "crop-filter-jpeg": lambda p, r, _: crop_filter_jpeg(p, r),
}

KEPT: dict[str, Derive] = {
    "crop-centre-60": lambda p, r, _: centre_crop(p, r.uniform(0.57, 0.63)),
    "crop-phone-16-9": lambda p, r, _: aspect_crop(p, pick(r, 16 / 9, 9 / 16, 4 / 5)),
    "letterbox": lambda p, r, _: bars(p, share := r.uniform(0.1, 0.25), share, "black"),
    "turn-90": lambda p, r, _: p.rotate(pick(r, 90, 180, 270), expand=True),
    "watermark": lambda p, r, _: watermark(p, r),
    "grey": lambda p, _r, _: grey(p),
    "cool-filter": lambda p, r, _: tone(tint(p, (0.85, 1.0, 1.18)), 1.1, r.uniform(0.75, 0.9), 0.8),
    "blur": lambda p, r, _: p.filter(ImageFilter.GaussianBlur(r.uniform(1.5, 3))),
    "thumbnail": lambda p, r, _: thumbnail(p, int(r.integers(72, 128))),
    "screen-photo": lambda p, r, _: screen_photo(p, r),
    "collage": lambda p, r, o: collage(p, o, r),
    "mirror-crop-grey": lambda p, r, _: mirror_crop_grey(p, r),
}


def derivations() -> dict[str, Derive]:
    """Return every derivation by its name; each takes photo, random numbers, another photo."""
    return OPEN | KEPT


@dataclass(frozen=True)
class Flowers:
    """Oxford Flowers 102: photo numbers count from 1, as its files do."""

    root: Path
    labels: np.ndarray  # of photo i at i - 1
    train: np.ndarray  # official train and val
    test: np.ndarray

    @classmethod
    def load(cls, root: Path) -> Flowers:
        """Read the labels and the official split."""
        parts = loadmat(root / "setid.mat")
        train = np.concatenate([parts["trnid"].ravel(), parts["valid"].ravel()])
        labels = loadmat(root / "imagelabels.mat")["labels"].ravel()
        return cls(root, labels, train, parts["tstid"].ravel())

    def path(self, number: int) -> Path:
        """Return the file of a photo."""
        return self.root / "jpg" / f"image_{number:05d}.jpg"

    def photo(self, number: int) -> Photo:
        """Return a photo whose short side is 256 pixels."""
        photo = Image.open(self.path(number)).convert("RGB")
        return photo if min(photo.size) == SHORT_SIDE else thumbnail(photo, SHORT_SIDE)

    def folder(self, number: int, names: dict[str, str]) -> str:
        """Return the class folder: its name if known, else its number from 1 to 102."""
        label = str(self.labels[number - 1])
        return names.get(label, label)


def layout(path: Path) -> np.ndarray:
    """Return a 16 x 16 colour thumbnail, centred and of length 1."""
    photo = Image.open(path)
    photo.draft("RGB", (64, 64))
    small = photo.convert("RGB").resize((16, 16), Image.Resampling.BOX)
    values = np.asarray(small, dtype=np.float32).ravel()
    values = values - values.mean()
    return values / max(float(np.linalg.norm(values)), 1e-9)


def closest(flowers: Flowers) -> list[tuple[int, int, float]]:
    """Return (test, train, correlation of layouts) of each test photo, most alike first.

    The partner is the most alike training photo of the same class.
    """
    train = np.stack([layout(flowers.path(number)) for number in flowers.train])
    test = np.stack([layout(flowers.path(number)) for number in flowers.test])
    alike = test @ train.T
    alike[flowers.labels[flowers.test - 1][:, None] != flowers.labels[flowers.train - 1]] = -1
    best = alike.argmax(axis=1)
    rows = zip(flowers.test, flowers.train[best], alike.max(axis=1), strict=True)
    return sorted(((int(a), int(b), float(c)) for a, b, c in rows), key=lambda row: -row[2])


def series(flowers: Flowers) -> list[int]:
    """Return test photos beside a training photo of their class in number, in file order."""
    train = set(flowers.train.tolist())
    labels = flowers.labels
    return [
        number
        for number in sorted(flowers.test.tolist())
        for near in (number - 1, number + 1)
        if near in train and labels[near - 1] == labels[number - 1]
    ]


def new_numbers(flowers: Flowers, count: int, rng: Rng) -> dict[int, str]:
    """Choose new photos: most alike in layout, next in a series, and drawn at random."""
    third = round(count * HARD_SHARE / 2)
    alike = [row[0] for row in closest(flowers) if row[0] not in DOUBLES][:third]
    chosen = dict.fromkeys(alike, "new-most-alike")
    for kind, pool, upto in (
        ("new-next-number", series(flowers), 2 * third),
        ("new-drawn", flowers.test.tolist(), count),
    ):
        free = [n for n in dict.fromkeys(pool) if n not in chosen and n not in DOUBLES]
        drawn = rng.permutation(free)[: upto - len(chosen)]
        chosen |= {int(number): kind for number in drawn}
    return chosen


@dataclass(frozen=True)
class Item:
    """One line of truth.csv."""

    file: str
    original: str
    derivation: str


def save(photo: Photo, out: Path, folder: str, index: int, rng: Rng) -> str:
    """Write the photo under a name that tells nothing; return its path below `out`."""
    ending = pick(rng, "jpg", "jpg", "jpg", "png", "webp")
    file = f"{folder}/photo_{index:05d}.{ending}"
    (out / folder).mkdir(parents=True, exist_ok=True)
    quality: dict[str, Any] = {} if ending == "png" else {"quality": int(rng.integers(75, 96))}
    photo.save(out / file, **quality)
    return file


def make_derived(
    flowers: Flowers, out: Path, half: dict[str, Derive], count: int, names: dict[str, str]
) -> list[Item]:
    """Write each derivation of `count` training photos (each derivation draws its own)."""
    items: list[Item] = []
    for name, derive in half.items():
        rng = np.random.default_rng([len(name), *name.encode()])
        for original in rng.choice(flowers.train, count, replace=False):
            other = flowers.photo(int(rng.choice(flowers.test)))
            photo = derive(flowers.photo(original), rng, other)
            folder = flowers.folder(original, names)
            file = save(photo, out, folder, len(items), rng)
            items.append(Item(file, flowers.path(original).name, name))
    return items


def make_new(flowers: Flowers, out: Path, count: int, names: dict[str, str]) -> list[Item]:
    """Write `count` new photos, byte for byte as they are in the data."""
    items: list[Item] = []
    for number, kind in new_numbers(flowers, count, np.random.default_rng(102)).items():
        file = f"{flowers.folder(number, names)}/photo_{len(items):05d}.jpg"
        (out / file).parent.mkdir(parents=True, exist_ok=True)
        (out / file).write_bytes(flowers.path(number).read_bytes())
        items.append(Item(file, flowers.path(number).name, kind))
    return items


def make(args: argparse.Namespace) -> None:
    """Write the photos and truth.csv, which lies beside the folder of photos."""
    flowers = Flowers.load(args.data / "flowers-102")
    names_file = flowers.root / "cat_to_name.json"
    names = json.loads(names_file.read_text()) if args.names and names_file.exists() else {}
    photos = args.out / "photos"
    if photos.exists():
        raise SystemExit(f"{photos} exists already; give an empty folder with --out")
    if args.half == "new":
        items = make_new(flowers, photos, args.photos * 10, names)
    else:
        half = OPEN if args.half == "open" else KEPT
        items = make_derived(flowers, photos, half, args.photos, names)
    with (args.out / "truth.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "original", "derivation"])
        writer.writerows([item.file, item.original, item.derivation] for item in items)
    print(f"{len(items)} photos in {photos}")


def read_found(path: Path) -> set[str]:
    """Return class/name of the files in the column `file`."""
    with path.open(newline="") as stream:
        reader = csv.DictReader(stream)
        if "file" not in (reader.fieldnames or []):
            raise SystemExit(f"{path} has the columns {reader.fieldnames}; expected one named file")
        return {"/".join(Path(row["file"]).parts[-2:]) for row in reader}


def score(args: argparse.Namespace) -> None:
    """Print, for each derivation, how many photos were left out as trained."""
    with (args.dir / "truth.csv").open(newline="") as stream:
        truth = [Item(**row) for row in csv.DictReader(stream)]
    found = read_found(args.found)
    strange = found - {item.file for item in truth}
    if strange:
        raise SystemExit(f"{len(strange)} found files are not in truth.csv, as {min(strange)}")
    for name in dict.fromkeys(item.derivation for item in truth):
        files = [item.file for item in truth if item.derivation == name]
        hits = sum(file in found for file in files)
        verb = "wrongly left out" if name.startswith("new-") else "recognised"
        print(f"{name:20} {verb:16} {hits:4} of {len(files)}")


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    maker = commands.add_parser("make", help="write an exam")
    maker.add_argument("--out", type=Path, required=True)
    maker.add_argument("--half", choices=["open", "kept", "new"], required=True)
    maker.add_argument("--photos", type=int, default=40, help="of each derivation; new: 10 times")
    maker.add_argument("--names", action="store_true", help="class folders by name, not number")
    data = Path(os.environ.get("FLORASCOPE_DATA", "data"))
    maker.add_argument("--data", type=Path, default=data, help="folder that holds flowers-102/")
    maker.set_defaults(run=make)
    scorer = commands.add_parser("score", help="compare with what was left out as trained")
    scorer.add_argument("dir", type=Path)
    scorer.add_argument("--found", type=Path, required=True, help="CSV with a column file")
    scorer.set_defaults(run=score)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
