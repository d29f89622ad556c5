"""Does anything measure photos that trained the classifier?

    python benchmarks/leak/run.py [--data-dir DIR]

A probe is trained with seed 1 on the first 30 photos of each of the first 20 classes of Oxford 102;
then the photos are measured again as a user would, once by a split drawn anew with seed 0 (what
version 0.1 did unless told otherwise) and once by the bundle's own record. The same for the
temperature that the 8-bit form is given, for a folder that has grown by one photo a class since
it trained with seed 0, for smaller copies, and for 40 new photos. Writes results.md beside this
file.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from florascope.bundle.config import read_config
from florascope.data.dataset import Dataset, FilePhoto, Split
from florascope.data.folder import folder
from florascope.data.oxford102 import oxford102
from florascope.data.splits import choose_split
from florascope.errors import DataError
from florascope.evaluation.evaluator import evaluate
from florascope.evaluation.held_out import Asked, Origin, choose_division, choose_photos
from florascope.export.int8 import export_int8
from florascope.files import write_text
from florascope.nets.saving import load_classifier
from florascope.run_folder import write_run
from florascope.training.experiment import train
from florascope.training.recipes import make_recipe

CLASSES, EACH = 20, 30
HEAD = (
    "# Photos that trained, measured as if they had not",
    "",
    f"Oxford 102: {CLASSES} classes, {EACH} photos each, the default probe. Made by `run.py`.",
    "",
    "| what is measured | drawn with seed 0, as version 0.1 did | by the bundle's record |",
    "|---|---|---|",
)


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
    small = copied(whole, home / "small", range(EACH), scale=0.8)
    new = copied(whole, home / "new", range(EACH, EACH + 2))
    situations = [
        (f"the run's folder (training said {one.test:.1%})", one, data),
        (f"one photo a class added (training said {zero.test:.1%})", zero, grown),
        ("the same photos at 0.8 of the size, saved again", one, small),
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
    print("\n".join(rows))
    return rows


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


def copied(whole: Dataset, root: Path, numbers: range, scale: float = 1) -> Dataset:
    """Lay some photos of each of the first classes into folders."""
    for label, known in enumerate(whole.classes[:CLASSES]):
        (root / known.name).mkdir(parents=True)
        for index in np.flatnonzero(whole.labels == label)[numbers.start : numbers.stop]:
            photo = whole.photos[int(index)]
            assert isinstance(photo, FilePhoto)
            target = root / known.name / photo.path.name
            if scale == 1:
                target.write_bytes(photo.path.read_bytes())
                continue
            image = Image.open(photo.path)
            size = round(scale * image.width), round(scale * image.height)
            image.resize(size).save(target, quality=80)
    return folder(root)


if __name__ == "__main__":
    main()
