"""Photos and samples of a data set as pictures in the page."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from florascope.data.dataset import Photo
from florascope.display import data_uri
from florascope.images import RGB
from florascope.preprocessing import Crop
from florascope.report.words import Words
from florascope.training.experiment import Experiment
from florascope.training.recipes import ClassReport

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
    return Picture(data_uri(rgb, quality=QUALITY), alt, width, height)


def crop_of(experiment: Experiment, index: int) -> Crop:
    """Return what the network sees of a photo, (size, size, 3)."""
    photo: Photo = experiment.dataset.photos[index]
    return experiment.classifier.preprocessing.crop(photo.read())


def class_name(experiment: Experiment, index: int) -> str:
    """Return the name of a photo's class."""
    return experiment.dataset.classes[int(experiment.dataset.labels[index])].name


PHOTOS = 12
AUGMENTED = 3


@dataclass(frozen=True)
class Sample:
    """One training photo, cropped as the network sees it.

    Attributes:
        picture: the crop.
        caption: its class.
        views: how the augmentation showed it in each epoch; empty without augmentation.
    """

    picture: Picture
    caption: str
    views: tuple[Picture, ...] = ()


def sample_photos(experiment: Experiment, words: Words) -> list[Sample]:
    """Draw one training photo of each of up to 12 classes, all with the recipe's seed."""
    draw = np.random.default_rng(experiment.recipe.seed)
    train = experiment.split.train
    labels = experiment.dataset.labels[train]
    present = np.unique(labels)
    chosen = np.sort(draw.choice(present, min(PHOTOS, len(present)), replace=False))
    return [_sample(experiment, int(draw.choice(train[labels == k])), words) for k in chosen]


def augmented_samples(experiment: Experiment, words: Words) -> list[Sample]:
    """Show up to 3 training photos with the very views the head was trained on.

    Empty where the recipe does not augment.
    """
    recipe, train = experiment.recipe, experiment.split.train
    if not isinstance(recipe, ClassReport) or not recipe.augment:
        return []
    draw = np.random.default_rng(recipe.seed)
    places = draw.choice(len(train), min(AUGMENTED, len(train)), replace=False)
    return [_augmented(experiment, recipe, int(place), words) for place in places]


def _sample(experiment: Experiment, index: int, words: Words) -> Sample:
    name = class_name(experiment, index)
    alt = words("data.sample.alt", name=name)
    return Sample(picture(crop_of(experiment, index), alt), name)


def _augmented(experiment: Experiment, recipe: ClassReport, place: int, words: Words) -> Sample:
    index = int(experiment.split.train[place])
    plain, name = _sample(experiment, index, words), class_name(experiment, index)
    crops = np.stack([crop_of(experiment, index)])  # a writable copy, as torch wants

    def views() -> Iterator[Picture]:
        for epoch in range(recipe.epochs):
            # Training drew by the photo's place among the training photos: so does this.
            (view,) = recipe.augmentation(crops, seed=recipe.seed, epoch=epoch, indexes=[place])
            alt = words("data.view.alt", name=name, epoch=words.integer(epoch + 1))
            yield picture(view, alt)

    return Sample(plain.picture, plain.caption, tuple(views()))
