"""Keras's models, looked at without importing Keras: opened, told apart, and what they expect.

What the networks of keras.applications expect of their input is known by their names. Each
application's own `preprocess_input` is the source (keras.applications.imagenet_utils: "tf", "torch"
and "caffe"); those with preprocessing inside take pixels of 0 to 255.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from florascope.errors import FlorascopeError
from florascope.preprocessing import SCALINGS, Preprocessing

TF, TORCH, PIXELS, CAFFE = (SCALINGS[name] for name in ("tf", "torch", "pixels", "caffe"))

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


def is_keras(model: Any) -> bool:  # noqa: ANN401
    """Whether a model is Keras's, asked without importing Keras (whose models may be modules)."""
    return any(kind.__module__.split(".")[0] == "keras" for kind in type(model).__mro__)


def opened(path: Path) -> Any:  # noqa: ANN401 (a Keras model)
    """Open a saved model, without running code that it carries.

    Raises:
        FlorascopeError: it is none, or needs code of its own.
    """
    import keras

    try:
        return keras.saving.load_model(path, safe_mode=True)
    except (ValueError, OSError, TypeError, KeyError) as error:
        raise FlorascopeError(
            f"{path} cannot be opened as a Keras model ({str(error).splitlines()[0]})",
            expected="a model saved by model.save('model.keras'), of Keras's own layers",
            fix="From Python, any model will do: florascope.diagnose(model, train_ds, val_ds)",
        ) from error


def leaves(layer: Any) -> Iterator[Any]:  # noqa: ANN401 (a Keras layer)
    """Yield the layers without layers of their own, through nested models."""
    inner = getattr(layer, "layers", None)
    if not inner:
        yield layer
    for part in inner or ():
        yield from leaves(part)


def nested(model: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yield a model and all models within it, from the outside in."""
    yield model
    for part in model.layers:
        if getattr(part, "layers", None):
            yield from nested(part)


FRONT = re.compile(r"InputLayer|Rescaling|Normalization$|Resizing|CenterCrop|^Random|^Rand|Lambda")
NORMS = re.compile(r"(Batch|Layer|Group)Normalization")


def is_front(layer: Any) -> bool:  # noqa: ANN401
    """Whether a layer prepares photos: scaling, resizing, augmentation."""
    kind = type(layer).__name__
    return bool(FRONT.match(kind)) and not NORMS.match(kind)
