"""Val photos held against the tensors that the loader, and the server, make of them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from florascope.doctor import loaders
from florascope.doctor.batches import photo_of
from florascope.doctor.photometry import Fit, Photo, fit_photometry
from florascope.images import read_photo
from florascope.preprocessing import Preprocessing

LOOKED_AT = 8  # photos

Source = Path | str | Photo
"""A photo: its file, or its 8-bit RGB pixels."""


class Match(NamedTuple):
    """How some val photos became tensors; each None where it cannot be told.

    Attributes:
        fit: in the loader.
        rotated: R^2 of photos with an EXIF rotation, upright and as stored.
        serving: where the network answers.
    """

    fit: Fit | None = None
    rotated: tuple[float, float] | None = None
    serving: Fit | None = None


def match(
    val_loader: loaders.Loader,
    photos: Sequence[Source],
    contract: Preprocessing | None,
    serve: Callable[[Any], Any] | None = None,
    seen: Callable[[Tensor], Tensor] = lambda images: images,
) -> Match:
    """Compare some val photos with their tensors, pixel by pixel.

    Args:
        val_loader: gives the tensors; only one whose data set can be indexed tells anything.
        photos: in the order of that data set; looked up there where there are none.
        contract: what the network expects.
        serve: photo to tensor where the network answers.
        seen: what the first convolution sees of a batch.
    """
    dataset = loaders.indexable(val_loader)
    photos = photos or loaders.known(val_loader)[1]
    if dataset is None or len(photos) != len(dataset):
        return Match()
    chosen = loaders.files(photos, LOOKED_AT)
    tensors = [_seen(photo_of(dataset[i]), seen) for i in chosen]
    if tensors[0].ndim != 3 or tensors[0].shape[0] != 3:
        return Match()
    expected = contract or Preprocessing(size=tensors[0].shape[-1])
    upright = [_upright(photos[i]) for i in chosen]
    turned = [n for n, i in enumerate(chosen) if loaders.orientation_of(photos[i]) != 1]
    straight = [n for n in range(len(chosen)) if n not in turned] or turned
    plain = _some(upright, straight)
    fit = fit_photometry(_some(tensors, straight), plain, expected)
    if serve is None:
        return Match(fit, _rotated(tensors, upright, [photos[i] for i in chosen], expected))
    served = [_seen(torch.as_tensor(serve(photos[chosen[n]])), seen) for n in straight]
    return Match(fit, None, fit_photometry(served, plain, expected))


def _seen(photo: Tensor, seen: Callable[[Tensor], Tensor]) -> Any:  # noqa: ANN401 (3, h, w)
    return seen(photo.float()[None])[0].numpy() if photo.ndim == 3 else photo.float().numpy()


def _rotated(
    tensors: Sequence[Any],
    upright: Sequence[Photo],
    photos: Sequence[Source],
    contract: Preprocessing,
) -> tuple[float, float] | None:
    turned = [n for n, photo in enumerate(photos) if loaders.orientation_of(photo) != 1]
    if not turned:
        return None
    given = _some(tensors, turned)
    lying = [_lying(photos[n]) for n in turned]
    up, down = (
        fit_photometry(given, stood, contract).r2 for stood in (_some(upright, turned), lying)
    )
    return up, down


def _some(items: Sequence[Any], indexes: Sequence[int]) -> list[Any]:
    return [items[i] for i in indexes]


def _upright(photo: Source) -> Photo:
    return photo if isinstance(photo, np.ndarray) else read_photo(Path(photo))


def _lying(photo: Source) -> Photo:
    """A file's pixels as stored, without its EXIF rotation."""
    return read_photo(Path(str(photo)), upright=False)
