"""What each layer of a Keras model takes and gives while the model runs."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import keras
import numpy as np
from jaxtyping import Float

from florascope.doctor.keras.data import as_array
from florascope.errors import FlorascopeError

Outputs = Float[np.ndarray, "b _"]
See = Callable[[Any, Any, Any], None]
"""Called with a layer, what it takes and what it gives."""


@contextmanager
def seen(layers: Sequence[Any], see: See) -> Iterator[None]:
    """Tell `see` of every call of the layers, inside the block.

    Keras has no hooks. An attribute of the instance stands before the class's method, and is
    removed again; the model itself stays as it is.
    """
    for layer in layers:
        object.__setattr__(layer, "call", _told(layer, layer.call, see))
    try:
        yield
    finally:
        for layer in layers:
            object.__delattr__(layer, "call")


def _told(layer: Any, call: Callable[..., Any], see: See) -> Callable[..., Any]:  # noqa: ANN401
    def called(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        given = call(*args, **kwargs)
        see(layer, args[0] if args else None, given)
        return given

    return called


def run(model: Any, images: Any, *, training: bool = False) -> Outputs:  # noqa: ANN401
    """Outputs (b, K) without gradients.

    Raises:
        FlorascopeError: the model fails on the batch, or its outputs are not (b, K).
    """
    try:
        with without_gradients():
            outputs = as_array(model(images, training=training))
    except (RuntimeError, ValueError, TypeError) as error:
        raise FlorascopeError(
            f"the model fails on a batch of shape {tuple(images.shape)} ({error})",
            expected="a model that takes the data set's batches",
        ) from error
    if outputs.ndim != 2:
        raise FlorascopeError(
            f"the model gives outputs of shape {outputs.shape}", expected="outputs of shape (b, K)"
        )
    return outputs


def without_gradients() -> Any:  # noqa: ANN401 (a context manager)
    """Return a block in which the backend records nothing for differentiation."""
    if keras.backend.backend() != "torch":
        return nullcontext()
    import torch

    return torch.no_grad()


@contextmanager
def kept(model: Any) -> Iterator[None]:  # noqa: ANN401
    """Put back what a pass in train mode changes: moving statistics and random states."""
    states = [(v, as_array(v.value).copy()) for v in model.non_trainable_variables]
    try:
        yield
    finally:
        for variable, value in states:
            variable.assign(value)
