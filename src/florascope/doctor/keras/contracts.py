"""What the networks of keras.applications expect of their input, known by their names.

Each application's own `preprocess_input` is the source (keras.applications.imagenet_utils: "tf",
"torch" and "caffe"); those with preprocessing inside take pixels of 0 to 255.
"""

import re
from typing import Any

from florascope.doctor.keras.trace import nested
from florascope.preprocessing import Preprocessing

TF = Preprocessing(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
TORCH = Preprocessing()
PIXELS = Preprocessing(mean=(0.0, 0.0, 0.0), std=(1 / 255, 1 / 255, 1 / 255))
CAFFE = Preprocessing(
    mean=(123.68 / 255, 116.779 / 255, 103.939 / 255),
    std=(1 / 255, 1 / 255, 1 / 255),
    channel_order="bgr",
)

APPLICATIONS = (
    (r"mobilenetv3|mobilenet_v3|efficientnet|convnext", None, PIXELS),
    (r"mobilenetv2", "expanded_conv_depthwise", TF),
    (r"mobilenet", "conv_dw_1", TF),
    (r"resnet\d+v2", "conv2_block1_preact_bn", TF),
    (r"resnet\d+$", "conv2_block1_1_conv", CAFFE),
    (r"xception", "block1_conv1_bn", TF),
    (r"vgg\d+", "block1_conv2", CAFFE),
    (r"inception_resnet", "conv_7b", TF),
    (r"inception_v3", None, TF),
    (r"densenet", "conv2_block1_0_bn", TORCH),
    (r"nasnet", "stem_conv1", TF),
)
"""Start of the model's name, a layer that only it has, and what it expects."""


def application(model: Any) -> tuple[Any, Preprocessing | None]:  # noqa: ANN401
    """Find the part of keras.applications in a model, and what it expects of its input.

    Returns:
        The nested model, or the model itself where its layers are the application's, with the
        contract; the contract is None where there is no such part.
    """
    for part in nested(model):
        for pattern, _, contract in APPLICATIONS:
            if re.match(pattern, part.name, re.IGNORECASE):
                return part, contract
    names = {layer.name for part in nested(model) for layer in part.layers}
    for _, mark, contract in APPLICATIONS:
        if mark in names:
            return model, contract
    return model, None
