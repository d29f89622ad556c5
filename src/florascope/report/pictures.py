"""Pictures that travel inside the page, as data URIs."""

import base64
import io
from dataclasses import dataclass

from PIL import Image

from florascope.data.dataset import Photo
from florascope.images import RGB
from florascope.model.preprocessing import Crop
from florascope.training.experiment import Experiment

QUALITY = 82  # of JPEG: about 10 kB for a photo of 224 x 224


@dataclass(frozen=True)
class Picture:
    """An encoded picture.

    Attributes:
        uri: data URI with the encoded pixels.
        alt: what it shows, for those who cannot see it.
        width: in pixels.
        height: in pixels.
    """

    uri: str
    alt: str
    width: int
    height: int


def picture(rgb: RGB, alt: str) -> Picture:
    """Encode 8-bit RGB pixels as JPEG."""
    height, width = rgb.shape[:2]
    data = io.BytesIO()
    Image.fromarray(rgb).save(data, "JPEG", quality=QUALITY, optimize=True)
    text = base64.b64encode(data.getvalue()).decode()
    return Picture(f"data:image/jpeg;base64,{text}", alt, width, height)


def crop_of(experiment: Experiment, index: int) -> Crop:
    """Return what the network sees of a photo, (size, size, 3)."""
    photo: Photo = experiment.dataset.photos[index]
    return experiment.classifier.preprocessing.crop(photo.read())


def class_name(experiment: Experiment, index: int) -> str:
    """Return the name of a photo's class."""
    return experiment.dataset.classes[int(experiment.dataset.labels[index])].name
