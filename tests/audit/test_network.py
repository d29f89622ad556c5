"""The same answers as PyTorch's, by another engine."""

import numpy as np
import pytest
import torch

from florascope.audit.network import at_inference_speed
from florascope.data.dataset import ClassName
from florascope.model.backbone import Backbone
from florascope.model.classifier import Classifier
from florascope.model.preprocessing import Preprocessing


def test_logits_are_the_classifiers() -> None:
    torch.manual_seed(0)
    names = tuple(ClassName(str(k), str(k)) for k in range(5))
    classifier = Classifier(Backbone("test_resnet", Preprocessing(size=64)), names).eval()
    images = torch.randn(3, 3, 64, 64)
    with torch.no_grad():
        expected = classifier(images).numpy()
    network = at_inference_speed(classifier)
    turned = images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)  # other strides
    for batch in (images, turned, images.clone().requires_grad_()):
        found = network(batch)
        assert found.numpy() == pytest.approx(expected, abs=1e-4)
        assert not found.requires_grad
    assert np.ptp(expected) > 0.01
