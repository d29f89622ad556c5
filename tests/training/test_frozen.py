"""Heads on features alone, beside a run on the photos that gave them."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from florascope.data.dataset import Dataset
from florascope.data.split import Split
from florascope.errors import TrainingError
from florascope.training.experiment import train
from florascope.training.frozen import fit_frozen
from florascope.training.recipe import ProbeRecipe, Recipe, SeedRecipe

PROBE = ProbeRecipe(backbone="test_resnet", weights="random")
HEAD = SeedRecipe(backbone="test_resnet", weights="random", size=160, epochs=2, augment=False)


@pytest.mark.parametrize("recipe", [PROBE, HEAD], ids=["probe", "seed"])
def test_gives_the_figures_of_a_run_on_the_photos(
    recipe: Recipe, dataset: Dataset, split: Split
) -> None:
    run = train(dataset, split, recipe)
    fit = fit_frozen(dataset, run.bank.values[0].copy(), split, recipe)
    assert fit.metrics == run.metrics
    assert fit.history == run.history
    assert fit.split == "planted"


def test_the_head_is_scikit_learns(dataset: Dataset, split: Split) -> None:
    draw = np.random.default_rng(3)
    centres = draw.normal(0, 1, (3, 5))
    features = (centres[dataset.labels] + draw.normal(0, 1, (45, 5))).astype(np.float32)
    # so large a ridge leaves the features as they are
    recipe = replace(PROBE, ridge=1e9, l2_max=1e-2, l2_min=1e-2, l2_steps=1, max_iterations=500)
    fit = fit_frozen(dataset, features, split, recipe)
    # C = 1 / (l2 n), on features scaled as the probe scales them.
    centred = features - features[split.train].mean(0)
    scaled = centred / np.sqrt(np.square(centred[split.train]).mean())
    peer = LogisticRegression(C=1 / (1e-2 * 27), tol=1e-9, max_iter=5000)
    peer.fit(scaled[split.train], dataset.labels[split.train])
    for subset, indexes in split.items():
        share = peer.predict_proba(scaled[indexes])[
            np.arange(len(indexes)), dataset.labels[indexes]
        ]
        assert fit.metrics[subset].loss == pytest.approx(-np.log(share).mean(), abs=1e-3)
        assert fit.metrics[subset].top1 == peer.score(scaled[indexes], dataset.labels[indexes])


def test_json_names_split_recipe_and_figures(dataset: Dataset, split: Split) -> None:
    features = np.random.default_rng(0).uniform(0, 1, (45, 4)).astype(np.float32)
    found = fit_frozen(dataset, features, split, HEAD).to_json()
    assert found["split"] == "planted"
    assert (found["recipe"], found["epochs"], found["augment"]) == ("seed", 2, False)
    assert found["test"]["n"] == 9
    assert found["seconds"] > 0


def test_augmentation_needs_photos(dataset: Dataset, split: Split) -> None:
    features = np.zeros((45, 4), np.float32)
    with pytest.raises(TrainingError, match="augmentation is on, but there are only features"):
        fit_frozen(dataset, features, split, replace(HEAD, augment=True))
