"""The most confused pair, with planted features."""

from dataclasses import replace

import numpy as np

from florascope.evaluation.confusions import Confusion
from florascope.report.pair import worst_pair
from florascope.report.pictures import crop_of, picture
from florascope.report.words import Words
from florascope.training.experiment import Experiment
from florascope.training.features import FeatureBank

EN = Words.of("en")


def _uris(experiment: Experiment, indexes: list[int]) -> list[str]:
    return [picture(crop_of(experiment, i), "").uri for i in indexes]


def test_the_mistaken_photo_beside_both_classes(experiment: Experiment) -> None:
    pair = worst_pair(experiment, Confusion(2, 1, 1, 0.5), EN)
    assert (pair.true, pair.predicted, pair.count) == ("blue flax", 'R&D "$5$"', 1)
    assert [p.uri for p in pair.mistaken] == _uris(experiment, [14])
    assert pair.mistaken[0].alt == 'Test photo of blue flax that was named R&D "$5$"'
    assert {p.uri for p in pair.of_true} == set(_uris(experiment, [16, 17, 18, 19]))
    assert {p.uri for p in pair.of_predicted} == set(_uris(experiment, [8, 9, 10, 11]))


def test_the_nearest_training_photos_come_first(experiment: Experiment) -> None:
    angles = np.linspace(0, 1.5, len(experiment.dataset), dtype=np.float32)
    values = np.stack([np.cos(angles), np.sin(angles)], 1)
    values *= np.linspace(1, 9, len(angles), dtype=np.float32)[:, None]  # length must not count
    planted = replace(experiment, bank=FeatureBank(values[None]))
    pair = worst_pair(planted, Confusion(2, 1, 1, 0.5), EN)
    assert [p.uri for p in pair.of_true] == _uris(experiment, [16, 17, 18, 19])
    assert [p.uri for p in pair.of_predicted] == _uris(experiment, [11, 10, 9, 8])


def test_the_most_confident_mistake_comes_first(experiment: Experiment) -> None:
    logits = experiment.logits.copy()
    logits[[22, 23]] = [[0, 4, 0, 0], [0, 9, 0, 0]]  # both of class 2, named 1
    logits[14] = [0, 6, 0, 0]
    pair = worst_pair(replace(experiment, logits=logits), Confusion(2, 1, 3, 1.0), EN)
    assert [p.uri for p in pair.mistaken] == _uris(experiment, [23, 14, 22])
