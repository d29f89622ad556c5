"""Whether a map lies on the flower: against masks, and in grids of photos where there are none."""

import io
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64, UInt8
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from florascope.data.dataset import Photo
from florascope.errors import DataError
from florascope.images import MAX_PIXELS, read_bytes

Mask = UInt8[np.ndarray, "h w"]
MaskOf = Callable[[Photo], Mask | None]

UNKNOWN, FLOWER, BACKGROUND = 0, 1, 3
TOLERANCE = 15  # pixels


@runtime_checkable
class MaskedPhoto(Protocol):
    """A photo that knows its own mask, as those of `florascope.garden` do."""

    def mask(self) -> Bool[np.ndarray, "h w"]:
        """Return which pixels are the flower's, (h, w) of the photo's size."""
        ...


@dataclass(frozen=True, slots=True)
class MaskIds:
    """What a mask file's numbers mean; every other number is unknown and left out.

    The defaults are those of Oxford Flowers 17's trimaps.
    """

    flower: int = FLOWER
    background: int = BACKGROUND


@dataclass(frozen=True, slots=True)
class MaskFolder:
    """Index PNGs named as the photos are: 7.png for rose/7.jpg.

    Attributes:
        path: the folder.
        ids: what the numbers mean.

    Raises:
        DataError: the folder is not there; when called, a mask is no index PNG.
    """

    path: Path
    ids: MaskIds = field(default_factory=MaskIds)

    def __post_init__(self) -> None:
        if not self.path.is_dir():
            raise DataError(f"{self.path} is not a folder", expected="a folder of PNG masks")

    def __call__(self, photo: Photo) -> Mask | None:
        """Return the photo's mask, of the file's size; None where there is none."""
        file = self.file(photo)
        return _read(file, self.ids) if file.is_file() else None

    def file(self, photo: Photo) -> Path:
        """Return where the photo's mask is looked for."""
        return self.path / f"{Path(photo.name).stem}.png"


def no_mask(photo: Photo) -> Mask | None:  # noqa: ARG001 (a MaskOf)
    """Return no mask."""
    return None


def own_mask(photo: Photo) -> Mask | None:
    """Return the mask that a photo knows itself, as those of the garden do."""
    if not isinstance(photo, MaskedPhoto):
        return None
    return np.where(photo.mask(), FLOWER, BACKGROUND).astype(np.uint8)


def tells_apart(mask: Mask) -> bool:
    """Whether a mask has both flower and background: without, there is nothing to find."""
    return bool((mask == FLOWER).any() and (mask == BACKGROUND).any())


def _read(path: Path, ids: MaskIds) -> Mask:
    numbers = _indexes(path)
    mask = np.full(numbers.shape, UNKNOWN, np.uint8)
    mask[numbers == ids.flower] = FLOWER
    mask[numbers == ids.background] = BACKGROUND
    return mask


def _indexes(path: Path) -> Mask:
    """Decode a PNG to its numbers, not its colours."""
    try:
        with Image.open(io.BytesIO(read_bytes(path)), formats=("PNG",)) as image:
            if image.mode not in {"L", "P"} or image.width * image.height > MAX_PIXELS:
                raise DataError(
                    f"{path} has mode {image.mode} and {image.width} x {image.height} pixels",
                    expected=f"an 8-bit grey or palette PNG of at most {MAX_PIXELS:,} pixels",
                )
            return np.asarray(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} cannot be read ({error})", expected="a PNG mask") from error


Map = Float[np.ndarray, "h w"]
Evidence = Float64[np.ndarray, "_"]


class Localisation(NamedTuple):
    """One map against one mask; pixels of unknown kind are left out everywhere.

    Attributes:
        pointing: 1 where the strongest pixel lies in the flower, 0 where it does not; with several
            equally strong, the share of them that do.
        pointing_near: the same where a pixel of the flower at most TOLERANCE away will do: the
            margin of the pointing game of Zhang et al. 2016 (arXiv 1608.00507), as TorchRay, the
            benchmark that others report by, plays it. Its photos (VOC 2007, COCO) are 500 to 640
            pixels wide, so that the same margin forgives twice as much in crops of half of that.
        energy: share of the positive evidence inside the flower (Wang et al. 2020, Score-CAM).
        area: share of the flower among the known pixels: what an even map scores in all of these
            but auroc.
        energy_ratio: energy / area, 1 by chance.
        auroc: probability that a pixel of the flower has more evidence than one of the background,
            ties counting half; 0.5 by chance.
    """

    pointing: float
    pointing_near: float
    energy: float
    area: float
    energy_ratio: float
    auroc: float


def localise(values: Map, mask: UInt8[np.ndarray, "mask_h mask_w"]) -> Localisation:
    """Compare a map with a mask of the same size.

    Raises:
        DataError: the mask has no flower or no background, or another size.
    """
    if values.shape != mask.shape or not tells_apart(mask):
        raise DataError(
            f"a mask of {mask.shape[1]} x {mask.shape[0]} pixels, of which"
            f" {(mask == FLOWER).sum()} flower and {(mask == BACKGROUND).sum()} background",
            expected=f"both kinds in {values.shape[1]} x {values.shape[0]} pixels",
        )
    inside = values[mask == FLOWER].astype(np.float64)
    outside = values[mask == BACKGROUND].astype(np.float64)
    area = len(inside) / (len(inside) + len(outside))
    energy = energy_share(inside, outside)
    return Localisation(
        pointing_hit(values, mask),
        pointing_hit(values, mask, TOLERANCE),
        energy,
        area,
        energy / area,
        pixel_auroc(inside, outside),
    )


def pointing_hit(
    values: Map, mask: UInt8[np.ndarray, "mask_h mask_w"], tolerance: float = 0
) -> float:
    """Share of the strongest known pixels that lie in the flower, or near it.

    Args:
        values: the map.
        mask: what its pixels are.
        tolerance: how far from the flower's nearest pixel is near enough, in pixels.
    """
    from scipy.ndimage import distance_transform_edt

    known = np.where(mask == UNKNOWN, -np.inf, values)
    away = distance_transform_edt(mask != FLOWER)
    return float((away[known == known.max()] <= tolerance).mean())


def energy_share(inside: Evidence, outside: Evidence) -> float:
    """Share of the positive evidence that lies inside.

    A map without positive evidence says nothing of where it is: it counts as evenly spread.
    """
    held, lost = (part.clip(min=0.0).sum() for part in (inside, outside))
    if held + lost == 0:
        return len(inside) / (len(inside) + len(outside))
    return float(held / (held + lost))


def pixel_auroc(inside: Evidence, outside: Evidence) -> float:
    """Area under the ROC curve of inside against outside, by Mann and Whitney's rank sum.

    AUROC = (R - m (m + 1) / 2) / (m n), R the sum of the m inner pixels' ranks among all m + n,
    ties sharing their mean rank.
    """
    from scipy.stats import rankdata  # half a second that only audits take

    m, n = len(inside), len(outside)
    ranks = rankdata(np.concatenate([inside, outside]))
    return float((ranks[:m].sum() - m * (m + 1) / 2) / (m * n))


Photos = Float[Tensor, "n 3 H W"]
Classes = Int64[Tensor, " n"]
Maps = Float64[np.ndarray, "n H W"]


def in_grids(
    explain: Callable[[Photos, Classes], Maps], photos: Photos, targets: Classes
) -> Evidence:
    """Share of each class's positive evidence that lies in its own photo, among four in one.

    The grid pointing game (Boehle, Fritz and Schiele 2021) needs no masks: photos of four classes
    are shrunk to a quarter each and laid side by side; 0.25 is what a map scores by chance.

    Args:
        explain: gives maps of normalised pictures for classes.
        photos: (n, 3, H, W) normalised, evenly picked.
        targets: (n,) the class that the network sees in each.

    Returns:
        (m,) a share for each photo that found a place; none below four classes.
    """
    shares: list[float] = []
    cells = _cells(photos.shape[2], photos.shape[3])
    for rows in _quartets(targets.tolist()):
        picture = torch.empty_like(photos[:1])
        for row, (down, across) in zip(rows, cells, strict=True):
            size = (down.stop - down.start, across.stop - across.start)
            picture[0, :, down, across] = interpolate(
                photos[row : row + 1], size, mode="bilinear", antialias=True
            )[0]
        maps = explain(picture.repeat(len(rows), 1, 1, 1), targets[rows])
        shares += [_share_in(values, cell) for values, cell in zip(maps, cells, strict=True)]
    return np.array(shares, dtype=np.float64)


def _cells(height: int, width: int) -> list[tuple[slice, slice]]:
    halves = ([slice(0, side // 2), slice(side // 2, side)] for side in (height, width))
    return list(itertools.product(*halves))


def _quartets(targets: list[int]) -> Iterator[list[int]]:
    """Group photos by four of different classes, in their order."""
    begun: list[list[int]] = []
    for row, target in enumerate(targets):
        fitting = (group for group in begun if target not in (targets[r] for r in group))
        group = next(fitting, None)
        if group is None:
            group = []
            begun.append(group)
        group.append(row)
        if len(group) == 4:
            begun.remove(group)
            yield group


def _share_in(values: Map, cell: tuple[slice, slice]) -> float:
    inside = np.zeros(values.shape, dtype=bool)
    inside[cell] = True
    return energy_share(values[inside].astype(np.float64), values[~inside].astype(np.float64))
