"""Which photos on one side of a split are crops or edits of photos on the other?

    python benchmarks/leak/both_sides.py [--data-dir DIR] [--sheet FILE.png] [--choose]

The 1,020 validation photos of Oxford 102's official split are held against its 1,020 train photos
by keypoints, as the doctor does it, and the other way round, too, as `florascope data inspect`
does. What is found is listed (and drawn, pair by pair) for somebody to look at. Then 100 train
photos are changed in each of several ways and put among the validation photos: how many are traced
to their source, and how many of them the hash of the whole photo would have found; and 720 drawn
photos, none of which derives from another, are held against each other. Writes both_sides.md
beside this file.

How well two photos must agree where they overlap was chosen by `--choose`, on other photos: every
20th test photo, changed likewise, and another garden.
"""

import argparse
import io
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps
from PIL.Image import Image as Picture

from florascope.data.dataset import Dataset, read_shrunken
from florascope.data.identity import NEAR, difference_hash
from florascope.data.local_features import ASKED_SIDE, Marks, marks_of
from florascope.data.oxford102 import oxford102
from florascope.data.recorded import SAME, RecordedPhotos, correlation
from florascope.files import write_text
from florascope.garden import garden
from florascope.images import RGB
from florascope.parallel import in_order

PLANTED = 100  # of each kind
SHARE = 0.6  # of the area that a crop keeps
ROW = 170  # pixels of a contact sheet's pictures
Edit = Callable[[Picture, np.random.Generator], Picture]


def crop(image: Picture, draw: np.random.Generator) -> Picture:
    """Cut out 60 % of the area, anywhere."""
    w, h = (round(side * SHARE**0.5) for side in image.size)
    left, top = (int(draw.integers(0, rest + 1)) for rest in (image.width - w, image.height - h))
    return image.crop((left, top, left + w, top + h))


def turned(image: Picture, draw: np.random.Generator) -> Picture:
    """Turn by 10 degrees to one side; the corners are black."""
    angle = 10 * (1 - 2 * int(draw.integers(0, 2)))
    return image.rotate(angle, Image.Resampling.BICUBIC)


def straightened(image: Picture, draw: np.random.Generator) -> Picture:
    """Do the same, and cut off the corners."""
    left, top = (round(0.1 * side) for side in image.size)
    return turned(image, draw).crop((left, top, image.width - left, image.height - top))


def saved(image: Picture, draw: np.random.Generator) -> Picture:
    """Save as JPEG at a quality of 40."""
    del draw
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=40)
    return Image.open(buffer).convert("RGB")


def coloured(image: Picture, draw: np.random.Generator) -> Picture:
    """Change brightness, contrast and saturation by up to 40 % each, and turn the hue."""
    for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = enhancer(image).enhance(float(draw.uniform(0.6, 1.4)))
    hue, saturation, value = image.convert("HSV").split()
    shift = int(draw.integers(-20, 21))
    hue = hue.point(lambda level: (level + shift) % 256)
    return Image.merge("HSV", (hue, saturation, value)).convert("RGB")


def all_at_once(image: Picture, draw: np.random.Generator) -> Picture:
    """Crop, change the colours and save."""
    return saved(coloured(crop(image, draw), draw), draw)


EDITS: dict[str, Edit] = {
    "crop of 60 % of the area": crop,
    "turned by 10 degrees": turned,
    "turned by 10 degrees, corners cut off": straightened,
    "JPEG at quality 40": saved,
    "colours changed": coloured,
    "crop, colours and JPEG": all_at_once,
}


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--choose", action="store_true")
    told = parser.parse_args()
    data = oxford102(told.data_dir)
    if told.choose:
        choose(data)
        return
    split = data.own_splits["official"]
    train, val = (pixels(data, split[subset].tolist()) for subset in ("train", "val"))
    begun = time.perf_counter()
    marks = [recorded_marks(photos) for photos in (train, val)]
    recording = time.perf_counter() - begun
    begun = time.perf_counter()
    found = related(val, train, marks[0])
    searching = time.perf_counter() - begun
    back = {(i, j) for j, i in related(train, val, marks[1])}
    pairs = sorted({*found, *back})
    names = {
        pair: [data.photos[split[s][k]].name for s, k in zip(("val", "train"), pair, strict=True)]
        for pair in pairs
    }
    drawn, drawn_marks = drawn_photos(seed=1)
    proposed, called = (
        {(i, j) for i, j in related(drawn, drawn, drawn_marks, same) if i < j}
        for same in (-1, SAME)
    )
    rows = [
        "# Photos on both sides of a split",
        "",
        f"Oxford 102, official split: {len(val)} validation photos against {len(train)} train"
        " photos. Made by `both_sides.py`.",
        "",
        f"Recorded in {recording / (len(train) + len(val)) * 1000:.1f} ms a photo; searched for in"
        f" {searching / len(val) * 1000:.1f} ms a photo (all cores, photos decoded before).",
        "",
        f"Pairs: {len(found)} with the validation photo asked about, {len(back)} with the train"
        f" photo, {len(pairs)} in all.",
        "",
        "| validation | train | found from | bits of the hash that differ |",
        "|---|---|---|---|",
        *(
            f"| {names[i, j][0]} | {names[i, j][1]} | {way((i, j), found, back)} |"
            f" {differing(val[i], train[j])} |"
            for i, j in pairs
        ),
        "",
        f"## {PLANTED} train photos changed and put among the validation photos",
        "",
        "| change | found: asked about | its source asked about | either | by the hash |",
        "|---|---|---|---|---|",
        *planted(train, marks[0]),
        "",
        f"Of {len(drawn)} drawn photos, {len(proposed)} pairs have keypoints in common,"
        f" {len(called)} are called derived.",
        "",
    ]
    print("\n".join(rows))
    write_text(Path(__file__).with_name("both_sides.md"), "\n".join(rows))
    if told.sheet:
        sheet([(val[i], train[j]) for i, j in pairs]).save(told.sheet)


def pixels(data: Dataset, indexes: Sequence[int]) -> list[RGB]:
    """Read photos."""
    return list(in_order(lambda i: read_shrunken(data.photos[i], ASKED_SIDE), indexes))


def recorded_marks(photos: Sequence[RGB]) -> Marks:
    """Record photos."""
    return np.stack(list(in_order(marks_of, photos)))


def related(
    photos: Sequence[RGB], sources: Sequence[RGB], marks: Marks, same: float = SAME
) -> list[tuple[int, int]]:
    """Hold photos against recorded ones, as `florascope.data.recorded.related_photos` does."""
    recorded = RecordedPhotos(marks)
    found = in_order(lambda photo: agreeing(recorded, photo, sources, same), photos)
    return sorted({(i, j) for i, others in enumerate(found) for j in others})


def agreeing(
    recorded: RecordedPhotos, photo: RGB, sources: Sequence[RGB], same: float = SAME
) -> list[int]:
    """Return the sources that agree with a photo where the two overlap."""
    proposed = recorded.related_to(photo)
    return [j for j, how in proposed if correlation(photo, sources[j], how) >= same]


def way(pair: tuple[int, int], found: Sequence[tuple[int, int]], back: set[tuple[int, int]]) -> str:
    """Name the sides from which a pair was found."""
    sides = (("validation", pair in found), ("train", pair in back))
    return " and ".join(side for side, there in sides if there)


def differing(one: RGB, other: RGB) -> int:
    """Count the bits in which the hashes of two photos differ."""
    return int((difference_hash(one) ^ difference_hash(other)).sum())


def planted(train: Sequence[RGB], marks: Marks) -> Iterator[str]:
    """Count the planted photos that are traced, a row for each change."""
    chosen = np.linspace(0, len(train) - 1, PLANTED).astype(int).tolist()
    recorded = RecordedPhotos(marks)
    for what, edit in EDITS.items():
        draw = np.random.default_rng(0)
        edited = [np.asarray(edit(Image.fromarray(train[i]), draw)) for i in chosen]
        there = [
            i in agreeing(recorded, photo, train) for i, photo in zip(chosen, edited, strict=True)
        ]
        exchanged = marks.copy()
        exchanged[chosen] = recorded_marks(edited)
        turned_round = RecordedPhotos(exchanged)
        others = list(train)
        for i, photo in zip(chosen, edited, strict=True):
            others[i] = photo
        back = [i in agreeing(turned_round, train[i], others) for i in chosen]
        hashed = [differing(train[i], e) <= NEAR for i, e in zip(chosen, edited, strict=True)]
        either = [a or b for a, b in zip(there, back, strict=True)]
        yield f"| {what} | {sum(there)} | {sum(back)} | {sum(either)} | {sum(hashed)} |"


def drawn_photos(seed: int) -> tuple[list[RGB], Marks]:
    """Draw 40 photos of each species of a garden, and record them."""
    photos = [photo.read() for photo in garden(40, seed).photos]
    return photos, recorded_marks(photos)


def choose(data: Dataset) -> None:
    """Print how many planted photos, and how many drawn ones, would agree well enough."""
    photos = pixels(data, data.own_splits["official"].test[::20].tolist())
    recorded = RecordedPhotos(recorded_marks(photos))
    true: list[float] = []
    for edit in EDITS.values():
        draw = np.random.default_rng(1)
        for i in range(0, len(photos), 3):
            edited = np.asarray(edit(Image.fromarray(photos[i]), draw))
            found = dict(recorded.related_to(edited))
            true += [correlation(edited, photos[i], found[i])] if i in found else []
    drawn, marks = drawn_photos(seed=0)
    others = RecordedPhotos(marks)
    false = [
        correlation(photo, drawn[j], how)
        for i, photo in enumerate(drawn)
        for j, how in others.related_to(photo)
        if i != j
    ]
    for same in (0.86, 0.88, 0.9, 0.92, 0.94, 0.96):
        kept = sum(value >= same for value in true) / len(true)
        left = sum(value >= same for value in false)
        print(f"{same}: {kept:.1%} of {len(true)} planted, {left} of {len(false)} drawn")


def sheet(pairs: Sequence[tuple[RGB, RGB]], columns: int = 4) -> Picture:
    """Draw pairs side by side, numbered."""
    width, height = 2 * ROW + 20, ROW + 20
    page = Image.new("RGB", (columns * width, -(-len(pairs) // columns) * height), "white")
    pen = ImageDraw.Draw(page)
    for number, pair in enumerate(pairs):
        left, top = number % columns * width, number // columns * height
        pen.text((left + 4, top + 2), str(number + 1), "black")
        for k, photo in enumerate(pair):
            shown = ImageOps.contain(Image.fromarray(photo), (ROW, ROW))
            page.paste(shown, (left + k * (ROW + 4) + 4, top + 16))
    return page


if __name__ == "__main__":
    main()
