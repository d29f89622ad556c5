"""Mixup and CutMix: two photos in one, and their classes with it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from torch import Tensor

from florascope.model.backbone import Images

Shares = Float[Tensor, "b k"]


@dataclass(frozen=True, slots=True)
class Mixing:
    """Mix a batch with itself in reversed order.

    Mixup (Zhang et al. 2018) averages two photos, lam x + (1 - lam) x'; CutMix (Yun et al. 2019)
    pastes a rectangle of area 1 - lam of one into the other. Either way the classes are shared as
    the pixels are, and lam ~ Beta(alpha, alpha).

    Attributes:
        mixup: alpha; 0 never does it.
        cutmix: alpha; 0 never does it.
        share: of the batches that are mixed; where both methods are on, half of them each.
    """

    mixup: float = 0.0
    cutmix: float = 0.0
    share: float = 0.5

    def __call__(
        self, images: Images, shares: Shares, draw: np.random.Generator
    ) -> tuple[Images, Shares]:
        """Mix a batch.

        Args:
            images: (b, 3, H, W).
            shares: (b, K) how much of each class an image holds.
            draw: a generator that depends on seed, epoch and step alone.
        """
        chance, choice = draw.uniform(0.0, 1.0, 2)
        alphas = [("mixup", self.mixup), ("cutmix", self.cutmix)]
        methods = [(name, alpha) for name, alpha in alphas if alpha > 0]
        if not methods or chance >= self.share:
            return images, shares
        name, alpha = methods[int(choice * len(methods))]
        lam = float(draw.beta(alpha, alpha))
        other = images.flip(0)
        if name == "cutmix":
            images, lam = _pasted(images, other, lam, draw)
        else:
            images = lam * images + (1 - lam) * other
        return images, lam * shares + (1 - lam) * shares.flip(0)


def _pasted(
    images: Images, other: Images, lam: float, draw: np.random.Generator
) -> tuple[Images, float]:
    """Paste a rectangle around a random centre, cut off at the border; return what is left."""
    height, width = images.shape[2:]
    half = np.sqrt(1 - lam) / 2
    y, x = draw.uniform(0.0, 1.0, 2)
    top, bottom = (round(height * min(max(y + d, 0.0), 1.0)) for d in (-half, half))
    left, right = (round(width * min(max(x + d, 0.0), 1.0)) for d in (-half, half))
    pasted = images.clone()
    pasted[:, :, top:bottom, left:right] = other[:, :, top:bottom, left:right]
    return pasted, 1 - (bottom - top) * (right - left) / (height * width)
