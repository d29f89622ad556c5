"""An explanation as a picture that carries its own deletion score."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont

from florascope.audit.faithfulness import Perturbation, deletion_aucs
from florascope.audit.photos import Network
from florascope.explanation.explanation import Explanation, find_class
from florascope.nets.classifier import Classifier
from florascope.overlay import heat, overlay
from florascope.shapes import UInt8

HALF = 0.5
STEPS, POWER = 7, 1.5  # unevenly: the area changes most while little is deleted
RANDOM_STEPS = 5  # a random order's area varies more from draw to draw than by its steps
DELETION = "deletion {:.0%}, at random {:.0%} (lower is truer)"


@dataclass(frozen=True, slots=True)
class Trust:
    """Figures that stand beside a map.

    Attributes:
        deletion: mean probability of the class while the places that speak most for it are
            blurred away, most first (Petsiuk et al. 2018): low where they carry the answer.
        random_deletion: the same in random order, which no map should be worse than.
        half_area: share of the picture on which half of the evidence for the class lies; 0 where
            nothing speaks for it.
    """

    deletion: float
    random_deletion: float
    half_area: float

    def to_json(self) -> dict[str, float]:
        """Return the figures by name."""
        return asdict(self)


def trust(
    classifier: Classifier, explanations: Sequence[Explanation], network: Network | None = None
) -> list[Trust]:
    """Measure explanations, in STEPS + RANDOM_STEPS - 1 = 11 forward passes of each photo.

    Args:
        classifier: the network that is explained.
        explanations: of its answers, a batch.
        network: a faster way to its logits (`FastClassifier`); None for the classifier itself.
    """
    contract = classifier.preprocessing
    crops = np.stack([found.crop for found in explanations])
    images = torch.from_numpy(contract.normalise(crops))
    targets = torch.tensor([find_class(classifier, found.target.id) for found in explanations])
    values = torch.from_numpy(np.stack([found.values for found in explanations]))
    whole = torch.tensor([found.probability for found in explanations])
    how = Perturbation.of(contract.size)
    orders = [
        (values, replace(how, steps=STEPS, power=POWER)),
        (torch.zeros_like(values), replace(how, steps=RANDOM_STEPS)),
    ]
    deletion, random = deletion_aucs(network or classifier, images, targets, whole, orders)
    areas = [half_area(found.values) for found in explanations]
    return [Trust(*map(float, row)) for row in zip(deletion, random, areas, strict=True)]


def half_area(values: Float[np.ndarray, "h w"]) -> float:
    """Share of the pixels that hold half of the positive evidence, the strongest first."""
    positive = np.sort(values.clip(min=0), axis=None)[::-1]
    held = positive.cumsum(dtype=np.float64)
    if held[-1] == 0:
        return 0.0
    return float((np.searchsorted(held, HALF * held[-1]) + 1) / len(held))


LEAST = 224  # side of each of the three pictures, in pixels, at the least
MARGIN = 24
TITLE, TEXT = 26, 17  # sizes of the letters
TOP = MARGIN + TITLE + 2 * TEXT  # of the pictures
INK, FAINT, LINE = (30, 37, 33), (102, 112, 106), (227, 224, 215)
BAR = (200, 14)  # width and height of the colour scale
SMALL = TEXT - 3
CAPTIONS = ("what the network saw", "the evidence", "the evidence on the photo")

Card = UInt8[np.ndarray, "h w 3"]


def card(found: Explanation, scale: float, trust: "Trust | None") -> Card:
    """Lay out photo, map and overlay in a row, with the question above and the figures below.

    The pictures are as the network sees them, a pixel for a pixel, or for a square of whole pixels
    where that is small.

    Args:
        found: the explanation.
        scale: evidence of a pixel at full colour, the same for all pictures to be compared.
        trust: how far this map may be trusted; None where it was not measured.
    """
    side = -(-LEAST // len(found.crop)) * len(found.crop)
    sheet = _frame(side).copy()
    pen = ImageDraw.Draw(sheet)
    pen.text((MARGIN, MARGIN), _fitting(found.question, sheet.width), INK, _font(TITLE))
    heated, shown = heat(found.values, scale), overlay(found.crop, found.values, scale)
    for left, pixels in zip(_lefts(side), (found.crop, heated, shown), strict=True):
        enlarged = Image.fromarray(pixels).resize((side, side), Image.Resampling.NEAREST)
        sheet.paste(enlarged, (left, TOP))
    below, limit = _legend_top(side) + BAR[1] + 4, scale * found.values.size / 100
    pen.text((MARGIN, below), f"{-limit:+.2g} against", FAINT, _font(SMALL))
    pen.text((MARGIN + BAR[0], below), f"for {limit:+.2g}", FAINT, _font(SMALL), anchor="ra")
    for number, line in enumerate(figures(found, trust)):
        place = (_lefts(side)[1], TOP + side + round((2.5 + 1.4 * number) * TEXT))
        pen.text(place, line, INK if number == 0 else FAINT, _font(TEXT))
    return np.asarray(sheet)


@cache
def _frame(side: int) -> Image.Image:
    """What all cards of a size have in common, drawn once: letters are a third of the work."""
    sheet = Image.new("RGB", (3 * side + 4 * MARGIN, TOP + side + 12 * TEXT), "white")
    pen = ImageDraw.Draw(sheet)
    for left, caption in zip(_lefts(side), CAPTIONS, strict=True):
        pen.rectangle((left - 1, TOP - 1, left + side, TOP + side), outline=LINE)
        pen.text((left, TOP + side + 6), caption, FAINT, _font(SMALL))
    top = _legend_top(side)
    ramp = np.repeat(np.linspace(-1.0, 1.0, BAR[0])[None], BAR[1], axis=0)
    sheet.paste(Image.fromarray(heat(ramp, 1.0)), (MARGIN, top))
    pen.rectangle((MARGIN, top, MARGIN + BAR[0] - 1, top + BAR[1] - 1), outline=LINE)
    words = (MARGIN, top + BAR[1] + 4 + TEXT)
    pen.text(words, "logits for each 1 % of the picture", FAINT, _font(SMALL))
    return sheet


def _lefts(side: int) -> list[int]:
    return [MARGIN + number * (side + MARGIN) for number in range(len(CAPTIONS))]


def _legend_top(side: int) -> int:
    return TOP + side + 3 * TEXT


def figures(found: Explanation, trust: "Trust | None") -> list[str]:
    """Say in lines how sure the network is and how far the map accounts for its answer."""
    total = found.values.sum(dtype=np.float64)
    less = "" if found.against is None else f" less that of {found.against.name}"
    gap = "promises no sum" if found.gap is None else f"completeness gap {found.gap:.2%}"
    if found.left_out is not None:
        gap = f"{found.left_out:.0%} of the logit is not in the map"
    positive = found.values.clip(min=0).sum(dtype=np.float64)
    half = half_area(found.values) if trust is None else trust.half_area
    return [
        f"{found.target.name}: probability {found.probability:.1%}",
        f"logit{less} {found.logit:+.2f}, sum of the map {total:+.2f}",
        f"evidence for {positive:+.2f}, against {total - positive:+.2f}",
        f"half of the evidence for it lies on {half:.0%} of the picture",
        *([] if trust is None else [DELETION.format(trust.deletion, trust.random_deletion)]),
        f"method {found.method}, {gap}",
    ]


def _fitting(text: str, width: int) -> str:
    """Cut a question that is wider than the card."""
    room = width - 2 * MARGIN
    while _font(TITLE).getlength(text) > room:
        text = f"{text[:-2].rstrip('…')}…"
    return text


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own letters, which every installation has."""
    return ImageFont.load_default(size)
