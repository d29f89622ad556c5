"""Pictures come back out of their data URIs."""

import base64
import io
from dataclasses import replace

import numpy as np
from PIL import Image

from florascope.augmentation import Augmentation
from florascope.report.pictures import (
    augmented_samples,
    class_name,
    crop_of,
    picture,
    sample_photos,
)
from florascope.report.words import Words
from florascope.training.experiment import Experiment
from florascope.training.recipes import ClassReport


def test_a_picture_decodes_to_nearly_the_same_pixels() -> None:
    smooth = np.tile(np.linspace(0, 255, 48).astype(np.uint8)[None, :, None], (32, 1, 3))
    made = picture(smooth, "a ramp")
    kind, data = made.uri.split(",")
    assert kind == "data:image/jpeg;base64"
    decoded = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert np.abs(decoded.astype(int) - smooth).max() <= 8
    assert (made.alt, made.width, made.height) == ("a ramp", 48, 32)


def test_the_crop_is_what_the_network_sees(experiment: Experiment) -> None:
    photo = experiment.dataset.photos[5].read()
    expected = experiment.classifier.preprocessing.crop(photo)
    np.testing.assert_array_equal(crop_of(experiment, 5), expected)


def test_the_class_name_is_the_labels(experiment: Experiment) -> None:
    assert class_name(experiment, 30) == "grey willow"
    assert class_name(experiment, 14) == "blue flax"  # planted: looks green, labelled blue


EN = Words.of("en")


def test_one_training_photo_of_each_class(experiment: Experiment) -> None:
    samples = sample_photos(experiment, EN)
    assert [s.caption for s in samples] == [c.name for c in experiment.dataset.classes]
    crops = {picture(crop_of(experiment, int(i)), "").uri for i in experiment.split.train}
    assert all(sample.picture.uri in crops for sample in samples)
    assert samples[3].picture.alt == "Training photo of grey willow"


def test_the_seed_draws_the_samples(experiment: Experiment) -> None:
    other = replace(experiment, recipe=replace(experiment.recipe, seed=1))
    first, second = ([s.picture.uri for s in sample_photos(e, EN)] for e in (experiment, other))
    assert first != second
    assert first == [s.picture.uri for s in sample_photos(experiment, EN)]


def test_views_are_the_very_ones_of_the_training(seeded: Experiment) -> None:
    recipe, train = seeded.recipe, seeded.split.train
    assert isinstance(recipe, ClassReport)
    augment = Augmentation(recipe.rotation, recipe.zoom, recipe.translate_x, recipe.translate_y)
    crops, places = np.stack([crop_of(seeded, int(i)) for i in train]), list(range(len(train)))
    epochs = [augment(crops, seed=0, epoch=e, indexes=places) for e in range(recipe.epochs)]
    seen = {picture(view, "").uri for views in epochs for view in views}
    samples = augmented_samples(seeded, EN)
    assert [len(s.views) for s in samples] == [2, 2, 2]
    assert all(view.uri in seen for s in samples for view in s.views)
    assert samples[0].views[1].alt == f"Augmented view of {samples[0].caption} in epoch 2"


def test_without_augmentation_there_are_no_views(
    experiment: Experiment, seeded: Experiment
) -> None:
    assert augmented_samples(experiment, EN) == []  # the probe
    assert isinstance(seeded.recipe, ClassReport)
    plain = replace(seeded, recipe=replace(seeded.recipe, augment=False))
    assert augmented_samples(plain, EN) == []
