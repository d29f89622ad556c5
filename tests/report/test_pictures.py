"""Pictures come back out of their data URIs."""

import base64
import io

import numpy as np
from PIL import Image

from florascope.report.pictures import class_name, crop_of, picture
from florascope.training.experiment import Experiment


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
