"""Sample photos are drawn from training, and augmented views are those of the training."""

from dataclasses import replace

import numpy as np

from florascope.model.augmentation import Augmentation
from florascope.report.pictures import crop_of, picture
from florascope.report.samples import augmented_samples, sample_photos
from florascope.report.words import Words
from florascope.training.experiment import Experiment
from florascope.training.recipe import SeedRecipe

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
    assert isinstance(recipe, SeedRecipe)
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
    assert isinstance(seeded.recipe, SeedRecipe)
    plain = replace(seeded, recipe=replace(seeded.recipe, augment=False))
    assert augmented_samples(plain, EN) == []
