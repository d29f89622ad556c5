"""Whether the network obeys a map: deletion and insertion, beside maps that know nothing."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple, Self

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor
from torch.nn import functional

from florascope.audit.photos import Network
from florascope.errors import ExplanationError
from florascope.explanation.attribution import Attribution, Targets
from florascope.nets.classifier import Classifier
from florascope.nets.extractor import Images

REFERENCES = ("random", "centre")


class RandomMap:
    """Independent noise in every pixel.

    Args:
        seed: of the noise; each call goes on where the last one stopped.
    """

    name = "random"

    def __init__(self, seed: int = 0) -> None:
        self._generator = torch.Generator().manual_seed(seed)

    def __call__(self, classifier: Classifier, images: Images, targets: Targets) -> Attribution:  # noqa: ARG002 (an Explainer)
        """Draw maps, uniform in [0, 1)."""
        shape = (len(images), *images.shape[2:])
        return _unexplained(self.name, torch.rand(shape, generator=self._generator))


@dataclass(frozen=True, slots=True)
class CentreBlob:
    """A Gaussian in the middle of every photo: people put the flower there.

    Attributes:
        width: standard deviation as a share of the photo's side.
    """

    width: float = 0.25
    name = "centre"

    def __call__(self, classifier: Classifier, images: Images, targets: Targets) -> Attribution:  # noqa: ARG002 (an Explainer)
        """Return the blob, once a photo, 1 at its top."""
        height, width = images.shape[2:]
        rows, columns = (self._profile(side) for side in (height, width))
        blob = rows[:, None] * columns[None, :]
        return _unexplained(self.name, blob.expand(len(images), -1, -1))

    def _profile(self, side: int) -> Tensor:
        places = (torch.arange(side) + 0.5) / side - 0.5
        return torch.exp(-((places / self.width) ** 2) / 2)


def _unexplained(name: str, values: Tensor) -> Attribution:
    return Attribution(name, values, total=torch.zeros(len(values)), complete=False)


Maps = Float[Tensor, "b H W"]
Gone = Bool[Tensor, "b H W"]
Curve = Float64[np.ndarray, "b points"]
Across = Callable[[Callable[[Gone], Tensor], Iterable[Gone]], Iterable[Tensor]]
Fill = Literal["blur", "mean", "neighbours"]

BLUR = 0.1  # of the photo's side


@dataclass(frozen=True, slots=True)
class Perturbation:
    """How a photo is taken apart.

    Attributes:
        fill: what stands where the photo is removed: "blur" (a Gaussian of a tenth of the side),
            which adds no edges of its own, "mean" (the photo's mean colour), or "neighbours" (what
            is left around the hole, continued into it: see `continued`). One fill serves deletion
            and insertion, so that the two are each other's mirror image.
        steps: how many equal parts the photo is removed in.
        tile: side in pixels of the squares that are removed whole. Single pixels (1) reward noise:
            a scatter of removed pixels confuses a network wherever it lies. Measured with
            MobileNetV2 on flowers, deleting single pixels at random scored as low as deleting in
            the order of the class activation map (0.14 and 0.16).
        seed: of the order among equal values, so that a constant map is a random order.
        power: after step k, (k / steps)^power of the photo is gone: above 1, small parts go first,
            where the curve of a telling map falls.
    """

    fill: Fill = "blur"
    steps: int = 10
    tile: int = 16
    seed: int = 0
    power: float = 1.0

    @classmethod
    def of(cls, size: int, steps: int = 10, seed: int = 0) -> Self:
        """Return squares of a fourteenth of the side, whatever the photo's size in pixels."""
        return cls(steps=steps, tile=max(1, size // 14), seed=seed)


@dataclass(frozen=True, eq=False)
class Curves:
    """The target's score while the photo goes, and while it comes back.

    Deleting the least relevant places first (LeRF) passes through the same pictures as inserting
    the most relevant first, backwards. So these two curves hold all four orders, and

        gain = AUC(insertion) - AUC(deletion) = AUC(deletion, LeRF) - AUC(deletion, MoRF),

    the symmetric relevance gain of Bluecher et al. 2024, is 0 on average for any order that knows
    nothing (an all-zero map among them), whatever the network makes of the perturbed pictures.

    Attributes:
        at: (points,) share of the photo removed or inserted, 0 to 1.
        deletion: (b, points) score after removing the most relevant places first (MoRF).
        insertion: (b, points) score after putting the most relevant places first into the fill.
    """

    at: Float64[np.ndarray, "points"]
    deletion: Curve
    insertion: Curve

    @property
    def deletion_auc(self) -> Float64[np.ndarray, "b"]:
        """Low where the most relevant places carry the answer."""
        return auc(self.at, self.deletion)

    @property
    def insertion_auc(self) -> Float64[np.ndarray, "b"]:
        """High where the most relevant places suffice for the answer."""
        return auc(self.at, self.insertion)

    @property
    def gain(self) -> Float64[np.ndarray, "b"]:
        """Insertion less deletion: 0 for an order that knows nothing, higher is better."""
        gain: Float64[np.ndarray, "b"] = self.insertion_auc - self.deletion_auc
        return gain


class Faithfulness(NamedTuple):
    """The curves in both scales.

    Attributes:
        probability: of the target, as Petsiuk et al. 2018 measure it.
        logit: of the target, which no other class's logit enters.
    """

    probability: Curves
    logit: Curves


class Ends(NamedTuple):
    """Where every map's curves begin and end: the targets' probabilities and logits.

    Attributes:
        whole: in the photos.
        empty: in what stands where all of a photo is removed.
    """

    whole: Float[Tensor, "2 b"]
    empty: Float[Tensor, "2 b"]


def ends_of(
    network: Network, images: Images, targets: Targets, kind: Fill, across: Across = map
) -> Ends:
    """Score photos and their fill, for several maps of the same photos; see `faithfulness`."""
    nothing = torch.zeros_like(images[:, 0], dtype=torch.bool)
    return Ends(*across(_scoring(network, images, targets, kind), [nothing, ~nothing]))


def faithfulness(
    network: Network,
    images: Images,
    targets: Targets,
    values: Maps,
    perturbation: Perturbation | None = None,
    across: Across = map,
    ends: Ends | None = None,
) -> Faithfulness:
    """Measure deletion and insertion curves (Petsiuk, Das and Saenko 2018, RISE).

    It takes 2 * steps forward passes, and memory for about three batches of b images a thread.

    Args:
        network: from normalised images to logits, in eval mode.
        images: (b, 3, H, W) normalised.
        targets: (b,) classes whose score is followed.
        values: (b, H, W) the maps; only their order within an image matters.
        perturbation: how the photos are taken apart.
        across: makes the passes; `florascope.explanation.inference.spread` shares them out among
            threads, all of which may then ask the network at once.
        ends: of these images by the same fill, where they are known: two passes less.

    Raises:
        ExplanationError: there are fewer tiles than steps.
    """
    how = perturbation or Perturbation()
    removal = _Removal(removal_ranks(values, how.tile, how.seed), how.tile)
    cuts = _cuts(removal.ranks[0].numel(), how)
    score = _scoring(network, images, targets, how.fill)
    whole, empty = ends or ends_of(network, images, targets, how.fill, across)
    gone = [removal.first(cut, images) for cut in cuts[1:-1]]
    between = list(across(score, [*gone, *(~g for g in gone)]))
    deletion = [whole, *between[: len(gone)], empty]
    insertion = [empty, *between[len(gone) :], whole]
    at = np.array(cuts) / cuts[-1]
    probability, logit = (
        Curves(at, *(_curve(points, scale) for points in (deletion, insertion))) for scale in (0, 1)
    )
    return Faithfulness(probability, logit)


def deletion_aucs(
    network: Network,
    images: Images,
    targets: Targets,
    whole: Float[Tensor, " b"],
    orders: Sequence[tuple[Maps, Perturbation]],
) -> list[Float64[np.ndarray, "b"]]:
    """Area under the deletion curve in probability, for several maps of each image.

    The same figures as `faithfulness` gives of each image alone, in less than half of its passes:
    steps - 1 for each map, and one for the empty picture, which all maps share.

    Args:
        network: as in `faithfulness`.
        images: (b, 3, H, W) normalised.
        targets: (b,) classes.
        whole: (b,) probability of the target in the whole picture.
        orders: maps (b, H, W), the most relevant places of which go first, each with the way in
            which it is taken apart; all with one fill.
    """
    without = removing(images, orders[0][1].fill)

    def probability(gone: Gone) -> Float[Tensor, " b"]:
        return _scores(network, without(gone), targets)[0]

    def area(values: Maps, how: Perturbation) -> Float64[np.ndarray, "b"]:
        removal = _Removal(_each_alone(values, how), how.tile)
        cuts = _cuts(removal.ranks[0].numel(), how)
        between = (probability(removal.first(cut, images)) for cut in cuts[1:-1])
        points = torch.stack([whole.double(), *between, empty], dim=1)
        return auc(np.array(cuts) / cuts[-1], points.numpy())

    with torch.no_grad():
        empty = probability(torch.ones_like(images[:, 0], dtype=torch.bool))
        return [area(values, how) for values, how in orders]


def _each_alone(values: Maps, how: Perturbation) -> Int64[Tensor, "b rows columns"]:
    """Rank the tiles of each map as if it were the only one: ties fall alike in any batch."""
    return torch.cat([removal_ranks(one[None], how.tile, how.seed) for one in values])


class _Removal(NamedTuple):
    """Which pixels go first.

    Attributes:
        ranks: (b, rows, columns) order of the tiles.
        tile: their side in pixels.
    """

    ranks: Int64[Tensor, "b rows columns"]
    tile: int

    def first(self, cut: int, images: Images) -> Gone:
        """The pixels of the `cut` most relevant tiles."""
        height, width = images.shape[2:]
        wide = (self.ranks < cut).repeat_interleave(self.tile, 1).repeat_interleave(self.tile, 2)
        return wide[:, :height, :width]


def auc(
    at: Float64[np.ndarray, "points"], curve: Float64[np.ndarray, "b points"]
) -> Float64[np.ndarray, "b"]:
    """Area under each curve by the trapezoid rule, (b,)."""
    areas: Float64[np.ndarray, "b"] = np.trapezoid(curve, at, axis=1)
    return areas


def removal_ranks(values: Maps, tile: int, seed: int) -> Int64[Tensor, "b rows columns"]:
    """Rank the tiles of each map, 0 for the one with the highest mean; ties in seeded order."""
    tiles = functional.avg_pool2d(values[:, None].double(), tile, ceil_mode=True)[:, 0]
    flat = tiles.flatten(1)
    generator = torch.Generator().manual_seed(seed)
    shuffle = torch.rand(flat.shape, generator=generator).argsort(1)
    order = torch.argsort(flat.gather(1, shuffle), dim=1, descending=True, stable=True)
    places = torch.arange(flat.shape[1]).expand_as(order)
    ranks = torch.empty_like(order).scatter_(1, shuffle.gather(1, order), places)
    return ranks.reshape(tiles.shape)


def removing(images: Images, kind: Fill) -> Callable[[Gone], Images]:
    """Return what makes of the pixels to be removed the photos without them."""
    if kind == "neighbours":
        return lambda gone: continued(images, gone)
    filled = fill(images, kind)
    return lambda gone: torch.where(gone[:, None], filled, images)


def fill(images: Images, kind: Literal["blur", "mean"]) -> Images:
    """What stands where a photo is removed, at the photo's size."""
    if kind == "mean":
        return images.mean((2, 3), keepdim=True).expand_as(images)
    rows, columns = (_blurring(side).to(images) for side in images.shape[2:])
    return rows @ images @ columns.T


def continued(images: Images, gone: Gone) -> Images:
    """Fill holes with what is left around them, so that no edge tells their shape.

    Each pixel that is gone takes the mean of what is left near by: of the smallest of the squares
    of 2, 4, 8, ... pixels around it that hold anything, bilinearly enlarged (pull and push, Gortler
    et al. 1996). It stands for the linear imputation of ROAD (Rong et al. 2022), which solves for
    the mean of neighbours and costs a hundred times as much. Where nothing is left, the photo's
    mean colour stands.

    Args:
        images: (b, 3, H, W).
        gone: (b, H, W) which pixels are removed.
    """
    left = (~gone[:, None]).to(images)
    mean = images.mean((2, 3), keepdim=True)
    return mean + _pulled((images - mean) * left, left)


def _pulled(weighted: Images, weight: Float[Tensor, "b 1 h w"]) -> Images:
    """Colours of whole squares, weighted by how much of each is left; 0 where nothing is."""
    colours = weighted / weight.clamp_min(torch.finfo(weight.dtype).tiny)
    if weight.shape[2] == weight.shape[3] == 1:
        return colours
    coarse = _pulled(*(functional.avg_pool2d(x, 2, ceil_mode=True) for x in (weighted, weight)))
    wide = functional.interpolate(coarse, weight.shape[2:], mode="bilinear", align_corners=False)
    return torch.where(weight > 0, colours, wide)


@cache
def _blurring(side: int) -> Float64[Tensor, "side side"]:
    """Return the matrix that convolves an axis with a Gaussian of BLUR times its length.

    Reflected at the border. A product of matrices is several times faster than so wide a
    convolution.
    """
    sigma = BLUR * side
    reach = min(int(3 * sigma) + 1, side - 1)
    kernel = torch.exp(-((torch.arange(-reach, reach + 1).double() / sigma) ** 2) / 2)
    units = functional.pad(torch.eye(side).double()[:, None], (reach, reach), mode="reflect")
    return functional.conv1d(units, (kernel / kernel.sum())[None, None])[:, 0].T


def _cuts(tiles: int, how: Perturbation) -> list[int]:
    """How many tiles are gone after each step, 0 to all."""
    if not 1 <= how.steps <= tiles:
        raise ExplanationError(
            f"{how.steps} steps for maps of {tiles} tiles",
            expected=f"1 to {tiles} steps",
            fix="Take fewer steps or smaller tiles",
        )
    return [round(tiles * (step / how.steps) ** how.power) for step in range(how.steps + 1)]


def _scoring(
    network: Network, images: Images, targets: Targets, kind: Fill
) -> Callable[[Gone], Float[Tensor, "2 b"]]:
    """Return what scores the photos without the pixels that are gone, in any thread."""
    without = removing(images, kind)

    @torch.no_grad()
    def score(gone: Gone) -> Float[Tensor, "2 b"]:
        return _scores(network, without(gone), targets)

    return score


def _scores(network: Network, pictures: Images, targets: Targets) -> Float[Tensor, "2 b"]:
    logits = network(pictures).double()
    own = targets[:, None]
    return torch.stack([x.gather(1, own)[:, 0] for x in (logits.softmax(1), logits)])


def _curve(points: list[Tensor], scale: int) -> Curve:
    return torch.stack([point[scale] for point in points], dim=1).numpy()
