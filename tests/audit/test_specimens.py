"""What an explainer gives is checked before it is measured."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from florascope.audit.specimens import Specimens, attribute, maps_of
from florascope.errors import ExplanationError
from florascope.explanation.attribution import Attribution
from florascope.model.classifier import Classifier

SPECIMENS = Specimens(torch.rand(2, 3, 32, 32), torch.tensor([0, 1]))


@dataclass(frozen=True)
class Fixed:
    """Gives the same values whatever it is asked."""

    values: Tensor
    name: str = "fixed"

    def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
        return Attribution(self.name, self.values, torch.zeros(len(self.values)), complete=False)


def test_maps_come_in_float64_and_detached(patch_classifier: Classifier) -> None:
    values = torch.rand(2, 32, 32, requires_grad=True)
    maps = maps_of(patch_classifier, Fixed(values), SPECIMENS)
    assert maps.dtype == "float64"
    assert maps.tolist() == values.double().tolist()


def test_a_map_of_another_size_is_refused(patch_classifier: Classifier) -> None:
    words = r"fixed gave maps of shape \(2, 7, 7\).*expected \(2, 32, 32\)"
    with pytest.raises(ExplanationError, match=words):
        attribute(patch_classifier, Fixed(torch.rand(2, 7, 7)), SPECIMENS)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(patch_classifier: Classifier, value: float) -> None:
    values = torch.zeros(2, 32, 32)
    values[1, 3, 4] = value
    with pytest.raises(ExplanationError, match="fixed gave values that are not finite"):
        attribute(patch_classifier, Fixed(values), SPECIMENS)
