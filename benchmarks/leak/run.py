"""Does anything measure photos that trained the classifier?

    python benchmarks/leak/run.py [--data-dir DIR]

A probe is trained with seed 1 on the first 30 photos of each of the first 20 classes of Oxford 102;
then the photos are measured again as a user would, once by a split drawn anew with seed 0 (what
version 0.1 did unless told otherwise) and once by the bundle's own record. The same for the
temperature that the 8-bit form is given, for a folder that has grown by one photo a class since
it trained with seed 0, for smaller copies, for their mirrored middles, and for 40 new photos. Then
six photos a class are derived in each of several ways, and counted is how many did what their
sources did by the record; and how many other photos of the same classes would be called derived.
Writes results.md beside this file.
"""

import argparse
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from PIL.Image import Image as Picture

from florascope.bundle.config import read_config
from florascope.data.dataset import Dataset, FilePhoto, Split
from florascope.data.folder import folder
from florascope.data.oxford102 import oxford102
from florascope.data.splits import choose_split
from florascope.errors import DataError
from florascope.evaluation.evaluator import evaluate
from florascope.evaluation.held_out import NEW, Asked, Origin, choose_division, choose_photos
from florascope.export.int8 import export_int8
from florascope.files import write_text
from florascope.nets.saving import load_classifier
from florascope.run_folder import write_run
from florascope.training.experiment import train
from florascope.training.recipes import make_recipe

CLASSES, EACH, DERIVED, OTHERS = 20, 30, 6, 30
HEAD = (
    "# Photos that trained, measured as if they had not",
    "",
    f"Oxford 102: {CLASSES} classes, {EACH} photos each, the default probe. Made by `run.py`.",
    "",
    "| what is measured | drawn with seed 0, as version 0.1 did | by the bundle's record |",
    "|---|---|---|",
)
DERIVED_HEAD = (
    "",
    f"## {DERIVED} photos a class, derived",
    "",
    "| derivation | did what their sources did |",
    "|---|---|",
)
Edit = Callable[[Picture], Picture]


def middle(image: Picture, share: float = 0.75) -> Picture:
    """Cut out the middle, so much of each side."""
    left, top = (round(side * (1 - share) / 2) for side in image.size)
    return image.crop((left, top, image.width - left, image.height - top))


def page(image: Picture) -> Picture:
    """Show a photo on a telephone's page."""
    shown = Image.new("RGB", (480, 800), "white")
    shown.paste(ImageOps.contain(image, (440, 500)), (20, 120))
    return shown


def recoded(image: Picture) -> Picture:
    """Save at a quality of 20."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=20)
    return Image.open(buffer)


def leaning(image: Picture) -> Picture:
    """Look from aside: the left edge is a fifth shorter."""
    w, h = image.size
    corners = (0, 0.1 * h, 0, 0.9 * h, w, h, w, 0)
    return image.transform(image.size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC)


EDITS: dict[str, Edit] = {
    "0.8 of the size": lambda i: i.resize((round(0.8 * i.width), round(0.8 * i.height))),
    "middle three quarters": middle,
    "middle half": lambda i: middle(i, 0.5),
    "upper left 60 %": lambda i: i.crop((0, 0, round(0.6 * i.width), round(0.6 * i.height))),
    "mirrored": ImageOps.mirror,
    "turned by 90 degrees": lambda i: i.transpose(Image.Transpose.ROTATE_90),
    "turned by 15 degrees, middle": lambda i: middle(i.rotate(15, Image.Resampling.BICUBIC)),
    "seen from aside": leaning,
    "border": lambda i: ImageOps.expand(i, (60, 20, 30, 40), "navy"),
    "screenshot": page,
    "grey": lambda i: i.convert("L").convert("RGB"),
    "half as bright": lambda i: ImageEnhance.Brightness(i).enhance(0.5),
    "blurred": lambda i: i.filter(ImageFilter.GaussianBlur(1.5)),
    "JPEG at quality 20": recoded,
    "middle, mirrored, grey, JPEG": lambda i: recoded(
        ImageOps.mirror(middle(i)).convert("L").convert("RGB")
    ),
}


@dataclass(frozen=True)
class Trained:
    """A bundle and what its training said.

    Attributes:
        bundle: its folder.
        test: top-1 on its own test photos.
    """

    bundle: Path
    test: float

    def measured(self, data: Dataset, *, record: bool = True) -> str:
        """Measure by the record, or by a split drawn with seed 0 that asks nothing."""
        try:
            if record:
                chosen = choose_photos(Origin.read(self.bundle), data)
                indexes, said = chosen.indexes, f" ({chosen.statement})"
            else:
                indexes, said = choose_split(data, None, 0).test, ""
        except DataError as error:
            return f"refused: {error.found}"
        metrics = evaluate(load_classifier(self.bundle), data, indexes).metrics
        return f"{metrics.top1:.1%} of {metrics.n}{said}"


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", type=Path)
    whole = oxford102(parser.parse_args().data_dir)
    with tempfile.TemporaryDirectory() as name:
        rows = table(whole, Path(name))
    write_text(Path(__file__).with_name("results.md"), "\n".join([*HEAD, *rows, ""]))


def table(whole: Dataset, home: Path) -> list[str]:
    """Make the rows, one a situation."""
    data = copied(whole, home / "photos", range(EACH))
    one, zero = (trained(data, home / f"seed{seed}", seed) for seed in (1, 0))
    grown = copied(whole, home / "grown", range(EACH + 1))
    small = copied(whole, home / "small", range(EACH), EDITS["0.8 of the size"])
    parts = copied(whole, home / "parts", range(EACH), lambda i: ImageOps.mirror(middle(i)))
    new = copied(whole, home / "new", range(EACH, EACH + 2))
    situations = [
        (f"the run's folder (training said {one.test:.1%})", one, data),
        (f"one photo a class added (training said {zero.test:.1%})", zero, grown),
        ("the same photos at 0.8 of the size, saved again", one, small),
        ("the middle three quarters of the same photos, mirrored", one, parts),
        (f"{2 * CLASSES} new photos", one, new),
    ]
    rows = []
    for what, run, photos in situations:
        before, now = (run.measured(photos, record=record) for record in (False, True))
        rows.append(f"| top-1: {what} | {before} | {now} |")
    splits = (choose_split(data, None, 0), choose_division(Origin.read(one.bundle), data, Asked()))
    figures = [temperature(one, data, split, home / f"int8-{n}") for n, split in enumerate(splits)]
    own = read_config(one.bundle).calibration
    said = f"(the bundle's own: {own.temperature:.2f})" if own else ""
    rows.append(f"| temperature of the 8-bit form {said} | {figures[0]} | {figures[1]} |")
    rows += [*DERIVED_HEAD, *derived(whole, one, data, home)]
    print("\n".join(rows))
    return rows


def derived(whole: Dataset, run: Trained, data: Dataset, home: Path) -> list[str]:
    """Count the derived photos that did what their sources did, and others that did anything."""
    did = dict(zip(names(data), roles(run, data), strict=True))
    rows = []
    for what, edit in EDITS.items():
        edited = copied(whole, home / what, range(DERIVED), edit)
        found = zip(names(edited), roles(run, edited), strict=True)
        right = [role == did[name] for name, role in found]
        rows.append(f"| {what} | {sum(right)} of {len(right)} ({np.mean(right):.0%}) |")
    others = copied(whole, home / "others", range(EACH, EACH + OTHERS))
    taken = [n for n, role in zip(names(others), roles(run, others), strict=True) if role != NEW]
    told = f"{len(taken)} of {len(others)}" + (f": {', '.join(taken)}" if taken else "")
    return [*rows, "", f"Other photos of these classes that are called derived: {told}."]


def names(data: Dataset) -> list[str]:
    """The photos' names without their kind."""
    return [photo.name.rpartition("/")[2].partition(".")[0] for photo in data.photos]


def roles(run: Trained, data: Dataset) -> list[int]:
    """What photos did by the bundle's record."""
    found = Origin.read(run.bundle).roles(data)
    assert found is not None
    return found.tolist()


def trained(data: Dataset, out: Path, seed: int) -> Trained:
    """Train the default probe on a split drawn with a seed."""
    recipe = make_recipe("probe", seed=seed)
    run = train(data, choose_split(data, None, seed), recipe)
    return Trained(Path(write_run(run, out)["bundle"]), run.metrics["test"].top1)


def temperature(run: Trained, data: Dataset, split: Split, out: Path) -> str:
    """Quantise with a split, and return the temperature that was fitted."""
    export_int8(run.bundle, out, data, split)
    fitted = read_config(out).calibration
    return "none" if fitted is None else f"{fitted.temperature:.2f}"


def copied(whole: Dataset, root: Path, numbers: range, edit: Edit | None = None) -> Dataset:
    """Lay some photos of each of the first classes into folders."""
    for label, known in enumerate(whole.classes[:CLASSES]):
        (root / known.name).mkdir(parents=True)
        for index in np.flatnonzero(whole.labels == label)[numbers.start : numbers.stop]:
            photo = whole.photos[int(index)]
            assert isinstance(photo, FilePhoto)
            target = root / known.name / photo.path.name
            if edit is None:
                target.write_bytes(photo.path.read_bytes())
                continue
            with Image.open(photo.path) as image:
                edit(image).save(target, quality=80)
    return folder(root)


if __name__ == "__main__":
    main()
