"""The most confused pair, with planted features."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from florascope.explanation.attribution import Attribution, Targets
from florascope.features.embedding import FeatureBank
from florascope.metrics import Confusion
from florascope.nets.classifier import Classifier
from florascope.nets.extractor import Images
from florascope.overlay import overlay
from florascope.report.pair import worst_pair
from florascope.report.pictures import crop_of, picture
from florascope.report.words import Words
from florascope.training.experiment import Experiment

EN = Words.of("en")


@dataclass(frozen=True)
class Ramp:
    """An explainer whose evidence grows with the class's number, from left to right."""

    name: str = "cam"

    def __call__(self, classifier: Classifier, images: Images, targets: Targets) -> Attribution:
        size = images.shape[-1]
        ramp = torch.linspace(0, 1, size).expand(size, -1)
        values = ramp * targets[:, None, None]
        return Attribution(self.name, values, values.sum((1, 2)), complete=True)


def _uris(experiment: Experiment, indexes: list[int]) -> list[str]:
    return [picture(crop_of(experiment, i), "").uri for i in indexes]


def test_the_mistaken_photo_beside_both_classes(experiment: Experiment) -> None:
    pair = worst_pair(experiment, Confusion(2, 1, 1, 0.5), Ramp(), EN)
    assert (pair.true, pair.predicted, pair.count) == ("blue flax", 'R&D "$5$"', 1)
    assert [p.photo.uri for p in pair.mistaken] == _uris(experiment, [14])
    assert pair.mistaken[0].photo.alt == 'Test photo of blue flax that was named R&D "$5$"'
    assert {p.photo.uri for p in pair.of_true} == set(_uris(experiment, [16, 17, 18, 19]))
    assert {p.photo.uri for p in pair.of_predicted} == set(_uris(experiment, [8, 9, 10, 11]))


def test_the_nearest_training_photos_come_first(experiment: Experiment) -> None:
    angles = np.linspace(0, 1.5, len(experiment.dataset), dtype=np.float32)
    values = np.stack([np.cos(angles), np.sin(angles)], 1)
    values *= np.linspace(1, 9, len(angles), dtype=np.float32)[:, None]  # length must not count
    planted = replace(experiment, bank=FeatureBank(values[None]))
    pair = worst_pair(planted, Confusion(2, 1, 1, 0.5), Ramp(), EN)
    assert [p.photo.uri for p in pair.of_true] == _uris(experiment, [16, 17, 18, 19])
    assert [p.photo.uri for p in pair.of_predicted] == _uris(experiment, [11, 10, 9, 8])


def test_the_most_confident_mistake_comes_first(experiment: Experiment) -> None:
    logits = experiment.logits.copy()
    logits[[22, 23]] = [[0, 4, 0, 0], [0, 9, 0, 0]]  # both of class 2, named 1
    logits[14] = [0, 6, 0, 0]
    pair = worst_pair(replace(experiment, logits=logits), Confusion(2, 1, 3, 1.0), Ramp(), EN)
    assert [p.photo.uri for p in pair.mistaken] == _uris(experiment, [23, 14, 22])


def test_each_photo_has_its_own_evidence(experiment: Experiment) -> None:
    pair = worst_pair(experiment, Confusion(2, 1, 1, 0.5), Ramp(), EN)
    size = experiment.classifier.preprocessing.size
    ramp = np.repeat(np.linspace(0, 1, size)[None], size, axis=0)
    crop = crop_of(experiment, 14)  # of class 2, named 1: the difference of the ramps is -1
    scale = float(np.quantile(ramp, 0.995))
    expected = picture(overlay(crop, -ramp, scale), "")
    assert pair.mistaken[0].overlay.uri == expected.uri
    assert pair.mistaken[0].overlay.alt.endswith('why R&D "$5$" and not blue flax')
    assert pair.of_true[0].overlay.alt.endswith("why blue flax")
