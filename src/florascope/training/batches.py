"""Batches of photos in a seeded order, mixed where a recipe asks for it."""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64

from florascope.augmentation import Augmentation, ColourJitter, RandomCrop
from florascope.data.dataset import Photo
from florascope.degradation import Degradation
from florascope.nets.extractor import Images
from florascope.preprocessing import Crop, Preprocessing

AHEAD = 3  # batches made ready while the network is busy

Indexes = Int64[np.ndarray, "n"]
Shares = Float[torch.Tensor, "b k"]


class Batch(NamedTuple):
    """What one step sees.

    Attributes:
        images: (b, 3, size, size) normalised, channels last in memory; or, of a network without
            its lower layers, the maps that those make of them.
        shares: (b, K) how much of each class an image holds, one-hot.
    """

    images: Images
    shares: Shares


@dataclass(frozen=True)
class Transform:
    """From a photo to a randomly changed crop.

    Attributes:
        preprocessing: size of the crop, and what the crop is where there is no random one.
        seed: of the run.
        crop: random part of the photo; None takes the centre crop.
        augmentation: rotations, zooms, translations and flips; None for none.
        colour: brightness, contrast and saturation; None leaves them.
        degradation: what phones and messengers do to photos; None for none.
    """

    preprocessing: Preprocessing
    seed: int = 0
    crop: RandomCrop | None = None
    augmentation: Augmentation | None = None
    colour: ColourJitter | None = None
    degradation: Degradation | None = None

    def __call__(self, photos: Sequence[Photo], epoch: int, indexes: Sequence[int]) -> Images:
        """Read, change and normalise photos.

        Args:
            photos: b photos.
            epoch: of the run.
            indexes: of the b photos in the training set.
        """
        draws = [np.random.default_rng([self.seed, epoch, index, 1]) for index in indexes]
        crops = np.stack([self._crop(p, draw) for p, draw in zip(photos, draws, strict=True)])
        if self.augmentation is not None:
            crops = self.augmentation(crops, seed=self.seed, epoch=epoch, indexes=indexes)
        if self.colour is not None:
            jittered = [self.colour(crop, draw) for crop, draw in zip(crops, draws, strict=True)]
            crops = np.stack(jittered)
        if self.degradation is not None:
            damaged = [
                self.degradation(crop, draw) for crop, draw in zip(crops, draws, strict=True)
            ]
            crops = np.stack(damaged)
        images = torch.from_numpy(self.preprocessing.normalise(crops))
        return images.contiguous(memory_format=torch.channels_last)

    def _crop(self, photo: Photo, draw: np.random.Generator) -> Crop:
        rgb = photo.read()
        if self.crop is None:
            return self.preprocessing.crop(rgb)
        return self.crop(rgb, self.preprocessing.size, draw)


@dataclass(frozen=True, eq=False)
class KeptMaps:
    """Stands in the place of a transform: what a network's lower layers made of each photo.

    Attributes:
        maps: (n, c, h, w) of all photos.
        seed: of the run.
    """

    maps: Float32[np.ndarray, "n c h w"]
    seed: int

    def __call__(self, _photos: Sequence[Photo], _epoch: int, indexes: Sequence[int]) -> Images:
        """Look the maps of photos up by their indexes in the training set."""
        maps = torch.from_numpy(self.maps[list(indexes)])
        return maps.contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True, eq=False)
class LabelledPhotos:
    """The photos that a network learns from or is measured on.

    Attributes:
        photos: n photos.
        targets: (n,) class indexes.
        classes: K.
        transform: what is done to each, or was.
        batch_size: photos a step, over all devices.
        balanced: draw every class equally often instead of every photo once.
    """

    photos: Sequence[Photo]
    targets: Indexes
    classes: int
    transform: Transform | KeptMaps
    batch_size: int
    balanced: bool = False

    def steps(self, world: int = 1) -> int:
        """Steps an epoch."""
        return -(-self._usable(world) // self.batch_size)

    def order(self, epoch: int) -> Indexes:
        """Draw the photos of an epoch, (n,): each once, or each class equally often."""
        draw = np.random.default_rng([self.transform.seed, epoch])
        if not self.balanced:
            return draw.permutation(len(self.photos)).astype(np.int64)
        weights = 1.0 / np.bincount(self.targets, minlength=self.classes)[self.targets]
        chosen: Indexes = draw.choice(
            len(self.photos), len(self.photos), p=weights / weights.sum()
        ).astype(np.int64)
        return chosen

    def batches(
        self, epoch: int, first: int = 0, *, rank: int = 0, world: int = 1
    ) -> Iterator[Batch]:
        """Yield an epoch's batches from step `first` on, made ahead by threads.

        Args:
            epoch: of the run.
            first: step to begin with.
            rank: of this process; it sees every world-th photo of each batch.
            world: processes.
        """
        order = self.order(epoch)[: self._usable(world)]
        parts = [
            order[start : start + self.batch_size][rank::world]
            for start in range(first * self.batch_size, len(order), self.batch_size)
        ]
        waiting: deque[Future[Batch]] = deque()
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            try:
                for part in parts:
                    waiting.append(pool.submit(self._batch, epoch, part))
                    if len(waiting) > AHEAD:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def shown(self, epoch: int, indexes: Sequence[int]) -> Images:
        """Return some photos as an epoch shows them."""
        return self.transform([self.photos[i] for i in indexes], epoch, indexes)

    def _batch(self, epoch: int, indexes: Indexes) -> Batch:
        images = self.shown(epoch, indexes.tolist())
        targets = torch.from_numpy(self.targets[indexes])
        return Batch(images, torch.nn.functional.one_hot(targets, self.classes).float())

    def _usable(self, world: int) -> int:
        """Photos an epoch: processes must all have one at every step."""
        return len(self.photos) - len(self.photos) % world


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
