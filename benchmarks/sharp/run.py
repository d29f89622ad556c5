"""How the design of `sharp` was chosen: variants against masks. Makes the committed table.

    python benchmarks/sharp/run.py src/florascope/bundles/flowers102-mobilenetv2

Needs FLORASCOPE_DATA with oxford-17-masks/{jpg,masks}. What is explained is the class that the
network answers. A random half of the masked photos (seed 0) chose the views and the power;
the other half had no part in it. `own` is the network as it is, figures are sides of pictures that
the network without its last stride looks at. Writes results.csv beside this file, or to --out.
"""

import argparse
import csv
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from florascope.audit.localisation import Mask, MaskFolder, localise, tells_apart
from florascope.data.dataset import FilePhoto
from florascope.errors import DataError
from florascope.explanation.cam import class_maps, spread
from florascope.explanation.sharp import Contributions, contributions, share_out, unstrided
from florascope.files import write_text
from florascope.nets.classifier import Classifier
from florascope.nets.saving import load_classifier

BATCH = 8
FIGURES = ("pointing", "auroc", "energy_ratio")
SIZE = 256  # of the shipped model's input
POWERS = (1, 1.5, 2, 3)
FINER = (  # sides of looks without the last stride
    *((256,), (224, 352), (224, 256, 352), (224, 256, 448), (192, 256, 448)),
    *((160, 256, 448), (192, 256, 352, 512), (160, 256, 352, 512)),
)
OWN = ((448,), (192, 448), (160, 448), (224, 448), (256, 448), (192, 512))  # beside the picture's


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every variant and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results.csv")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    classifier = load_classifier(options.bundle)
    images, targets, masks = masked(classifier)
    chosen = np.zeros(len(masks), bool)
    chosen[np.random.default_rng(0).permutation(len(masks))[: len(masks) // 2]] = True
    rows = []
    for name, values in variants(classifier, images, targets):
        scores = localised(values, masks)
        halves = {"chosen on": chosen, "held out": ~chosen, "all": chosen | ~chosen}
        rows += [[name, half, *np.nanmean(scores[part], 0)] for half, part in halves.items()]
        print(name, np.nanmean(scores, 0).round(3), flush=True)
    write_text(options.out, table(rows))


def masked(classifier: Classifier) -> tuple[Tensor, Tensor, list[Mask]]:
    """Read the masked photos as the network sees them, with its answers.

    Raises:
        DataError: FLORASCOPE_DATA is not set or holds no oxford-17-masks.
    """
    folder = Path(os.environ.get("FLORASCOPE_DATA", "")) / "oxford-17-masks"
    photos = [FilePhoto(file) for file in sorted((folder / "jpg").glob("*.jpg"))]
    if not photos:
        raise DataError(f"no photos in {folder / 'jpg'}", fix="Set FLORASCOPE_DATA")
    contract, mask_of = classifier.preprocessing, MaskFolder(folder / "masks")
    crops = np.stack([contract.crop(photo.read()) for photo in photos])
    masks = [contract.crop_mask(m) for m in map(mask_of, photos) if m is not None]
    images = torch.from_numpy(contract.normalise(crops))
    with torch.no_grad():
        targets = torch.cat([classifier(batch).argmax(1) for batch in images.split(BATCH)])
    return images, targets, masks


def variants(
    classifier: Classifier, images: Tensor, targets: Tensor
) -> Iterator[tuple[str, Tensor]]:
    """Yield the name and maps (n, H, W) of each variant, from few passes."""
    yield "cam", cam(classifier, images, targets)
    fine = unstrided(classifier, SIZE // class_maps(classifier, images[:1]).maps.shape[2])
    looks = {side: parts(fine, images, targets, side) for side in sorted({*sum(FINER, ())})}
    own = parts(classifier, images, targets, SIZE)
    for first, sides in [((), sides) for sides in FINER] + [((own,), sides) for sides in OWN]:
        found = [*first, *(looks[side] for side in sides)]
        title = " + ".join([*("own" for _ in first), *map(str, sides)])
        yield f"{title}, not shared out", mean([placed(f.evidence) for f in found])
        spoken = mean([placed(f.positive) for f in found]).clamp_min(0)
        for power in POWERS:
            weights = spoken**power
            shared = mean([share_out(f.evidence, weights) for f in found])
            yield f"{title}, shared out by p^{power:g}", shared


def cam(classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
    """Class activation maps, (n, H, W)."""
    found = [
        class_maps(classifier, batch).maps[torch.arange(len(batch)), target]
        for batch, target in zip(images.split(BATCH), targets.split(BATCH), strict=True)
    ]
    return placed(torch.cat(found))


def parts(classifier: Classifier, images: Tensor, targets: Tensor, side: int) -> Contributions:
    """Evidence and positive contributions of the pictures at another size."""
    found = [
        contributions(classifier, resized(batch, side), target)
        for batch, target in zip(images.split(BATCH), targets.split(BATCH), strict=True)
    ]
    return Contributions(*(torch.cat(part) for part in zip(*found, strict=True)))


def placed(maps: Tensor) -> Tensor:
    """Enlarge maps to the input's size, keeping their sums."""
    return spread(maps, (SIZE, SIZE), maps.sum((1, 2)))


def mean(maps: Sequence[Tensor]) -> Tensor:
    """Average the views."""
    return torch.stack(list(maps)).mean(0)


def resized(images: Tensor, side: int) -> Tensor:
    """Enlarge or reduce the network's own input."""
    if side == images.shape[2]:
        return images
    return interpolate(images, (side, side), mode="bicubic", antialias=True, align_corners=False)


def localised(values: Tensor, masks: Sequence[Mask]) -> np.ndarray:
    """Figures of each photo, (n, 3); NaN where the crop shows no flower or no background."""
    nowhere = [np.nan] * len(FIGURES)
    return np.array(
        [
            [getattr(localise(m, mask), f) for f in FIGURES] if tells_apart(mask) else nowhere
            for m, mask in zip(values.numpy(), masks, strict=True)
        ]
    )


def table(rows: Sequence[Sequence[object]]) -> str:
    """Write rows as CSV, figures to three decimals."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["variant", "photos", *FIGURES])
    writer.writerows([[*row[:2], *(f"{value:.3f}" for value in row[2:])] for row in rows])
    return text.getvalue()


if __name__ == "__main__":
    main()
