"""What a Keras model's layers take and give: answers, modes, parameters, as the checks look."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import keras
import numpy as np
from jaxtyping import Float, Float32

from florascope.doctor.anatomy import ALONE, IN_BOTH, Layer, Modes, Network, Norm, Paired, Traces
from florascope.doctor.evidence import Answers, Inputs, Rescaling
from florascope.doctor.keras.compiled import optimised_by
from florascope.doctor.keras.data import BATCH, Batch, Reading, as_array, evenly
from florascope.doctor.retouching import by_retouch, looked_at
from florascope.errors import FlorascopeError
from florascope.nets.keras_models import application, is_front, leaves
from florascope.preprocessing import Preprocessing
from florascope.progress import Progress, silent, track

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


NARROW = frozenset({"float16", "bfloat16"})
Images = Float32[np.ndarray, "b ..."]


class Anatomy(NamedTuple):
    """Where a model's parts are.

    Attributes:
        head: the last Dense layer that is called; None where there is none.
        entrance: the first layer, or nested model, that gets prepared photos.
        contract: what the entrance expects; None where nobody said.
    """

    head: Any
    entrance: Any
    contract: Preprocessing | None


def dissect(model: Any, images: Images) -> Anatomy:  # noqa: ANN401
    """Run the model once and see which layers are called first and last."""
    called: list[Any] = []
    with seen(list(leaves(model)), lambda layer, _taken, _given: called.append(layer)):
        run(model, images[:1])
    denses = [layer for layer in called if isinstance(layer, keras.layers.Dense)]
    part, contract = application(model)
    first = next((layer for layer in called if not is_front(layer)), model)
    entrance = first if part is model else part
    return Anatomy(denses[-1] if denses else None, entrance, contract)


def answers(
    model: Any,  # noqa: ANN401
    head: Any,  # noqa: ANN401
    batches: Sequence[Batch],
    what: str = "Asking the model",
    progress: Progress = silent,
) -> Answers:
    """Outputs, and the features that enter the last Dense layer."""
    features: list[Any] = []
    outputs: list[Any] = []
    layers = [model] if head is None else [head]
    pieces = [
        batch.images[i : i + BATCH] for batch in batches for i in range(0, len(batch.images), BATCH)
    ]
    with seen(layers, lambda _layer, taken, _given: features.append(as_array(taken))):
        outputs.extend(run(model, piece) for piece in track(pieces, len(pieces), what, progress))
    flat = np.concatenate([part.reshape(len(part), -1) for part in features]).astype(np.float32)
    labels = np.concatenate([batch.labels for batch in batches])
    return Answers(labels, columns(np.concatenate(outputs)), flat)


def columns(outputs: Float[np.ndarray, "b _"]) -> Outputs:
    """One output for two classes as two: 1 - p and p of a sigmoid, 0 and z of a logit."""
    if outputs.shape[1] != 1:
        return outputs
    probable = bool(outputs.min() >= 0 and outputs.max() <= 1)
    return np.concatenate([1 - outputs if probable else 0 * outputs, outputs], 1)


def retouched(model: Any, val: Reading) -> dict[str, float]:  # noqa: ANN401
    """Val accuracy by what was done to the photos; {} where they are no photos."""
    if val.images.ndim != 4 or val.images.shape[-1] not in {1, 3}:
        return {}
    return by_retouch(val.images, val.labels, lambda images: columns(run(model, images)).argmax(1))


def traces(model: Any, head: Any, batch: Batch) -> Traces:  # noqa: ANN401
    """What training left behind in the variables and the optimizer's counter."""
    left, fresh = _gradients(model, batch)
    counter = getattr(getattr(model, "optimizer", None), "iterations", None)
    values = {v.path: as_array(v.value) for v in model.weights}
    made = None if head is None or head.bias is None else not as_array(head.bias.value).any()
    return Traces(
        steps=None if counter is None else int(keras.ops.convert_to_numpy(counter)),
        gradient_left=left,
        gradient_fresh=fresh,
        as_made=made,
        not_finite=tuple(path for path, value in values.items() if not np.isfinite(value).all()),
        narrow=tuple(v.path for v in model.trainable_variables if v.dtype in NARROW),
    )


def _gradients(model: Any, batch: Batch) -> tuple[float | None, float | None]:  # noqa: ANN401
    """Norm of the gradients that PyTorch's backend has left, and of one batch's afresh."""
    held = [getattr(v.value, "grad", None) for v in model.trainable_variables]
    if not held or any(gradient is None for gradient in held):
        return None, None
    import torch

    targets = batch.labels[:, None]
    if batch.one_hot:
        targets = np.eye(model.output_shape[-1], dtype=np.float32)[batch.labels]
    values = [v.value for v in model.trainable_variables]
    try:
        with kept(model), torch.enable_grad():
            outputs = model(batch.images, training=True)
            loss = model.compute_loss(None, keras.ops.convert_to_tensor(targets), outputs)
            fresh = torch.autograd.grad(loss, values, allow_unused=True)
    except (RuntimeError, ValueError, TypeError, AttributeError):
        return None, None
    return _norm(held), _norm([g for g in fresh if g is not None])


def _norm(gradients: Sequence[Any]) -> float:
    return math.sqrt(sum(float(np.square(as_array(g), dtype=np.float64).sum()) for g in gradients))


def modes(model: Any, train: Reading, val: Reading) -> Modes:  # noqa: ANN401
    """Some photos in each mode; what a pass in train mode changes is put back."""
    count, size = len(val.labels), len(train.batches[0].labels)
    some = evenly(count, BATCH)
    few, labels = val.images[some], val.labels[some]
    evaluated = columns(run(model, few))
    with kept(model):
        trained = columns(_in_train_mode(model, few, size))
    alike = np.allclose(trained, evaluated, rtol=1e-3, atol=1e-4)
    return Modes(
        training=False,
        labels=labels,
        given=evaluated,
        evaluated=evaluated,
        trained=trained,
        alone=_alone(model, few),
        again=columns(run(model, few)),
        learned=None if alike else _in_both_modes(model, train),
    )


def _in_both_modes(model: Any, train: Reading) -> Paired:  # noqa: ANN401
    """Train photos in both modes, in batches as they are trained on: BatchNorm saw no others."""
    parts = train.learned(IN_BOTH)
    with kept(model):
        trained = np.concatenate([columns(run(model, x, training=True)) for x, _ in parts])
    evaluated = np.concatenate([columns(run(model, x)) for x, _ in parts])
    return Paired.of(np.concatenate([labels for _, labels in parts]), trained, evaluated)


def _in_train_mode(model: Any, images: Images, size: int) -> Any:  # noqa: ANN401
    """Outputs in train mode, in batches of the training's own size, as BatchNorm saw them."""
    whole = size < 1 or len(images) % size == 1 < size  # a rest of one photo is no batch
    step = len(images) if whole else size
    parts = [images[i : i + step] for i in range(0, len(images), step)]
    return np.concatenate([run(model, part, training=True) for part in parts])


def _alone(model: Any, images: Images) -> Any:  # noqa: ANN401 (an array, or None)
    """Outputs of the first photos, one by one; None where the model takes no batch of one."""
    try:
        return columns(np.concatenate([run(model, one[None]) for one in images[:ALONE]]))
    except FlorascopeError:
        return None


def inputs(model: Any, anatomy: Anatomy, train: Reading, val: Reading) -> Inputs | None:  # noqa: ANN401
    """What enters the model behind its own preprocessing; None where that is no photo.

    The doctor's record has channels first; a single one, grey, counts as three equal ones.
    """
    given: list[Any] = []
    scaled: list[Rescaling] = []

    def see(layer: Any, taken: Any, _given: Any) -> None:  # noqa: ANN401
        if layer is anatomy.entrance:
            given.append(as_array(taken))
        elif isinstance(layer, keras.layers.Rescaling) and np.ndim(layer.scale) == 0:
            values = as_array(taken)
            low, high = float(values.min()), float(values.max())
            scaled.append(Rescaling(layer.name, float(layer.scale), low, high))

    fronts = [layer for layer in leaves(model) if isinstance(layer, keras.layers.Rescaling)]
    watched = [*fronts, *(() if anatomy.entrance in fronts else (anatomy.entrance,))]
    with seen(watched, see):
        run(model, val.batches[0].images[:BATCH])
        rescalings = tuple(scaled)
        with kept(model):
            for _ in range(2):
                run(model, train.batches[0].images[:BATCH], training=True)
    shown = [_channels_first(values) for values in given]
    if any(values is None for values in shown) or len(shown) != 3:
        return None
    answer, first, second = (np.asarray(values, np.float32) for values in shown)
    varies = not np.array_equal(first, second)
    return Inputs(
        train=first,
        val=answer,
        contract=anatomy.contract,
        val_repeats=val.repeats,
        train_repeats=None if train.repeats is None else train.repeats and not varies,
        rescalings=rescalings,
    )


def entering(model: Any, entrance: Any, side: Reading, *, training: bool) -> Images | None:  # noqa: ANN401
    """Some photos as they enter the network, channels first; None where they enter as given.

    Larger ones are shrunk to the size that they were given in.
    """
    prepares = any(is_front(la) and not _scales(la) for la in leaves(model) if la is not entrance)
    images, found = side.images[looked_at(len(side.labels))], list[Any]()
    if not prepares or images.ndim != 4:
        return None
    see: See = lambda _layer, taken, _given: found.append(_channels_first(as_array(taken)))  # noqa: E731
    with seen([entrance], see), kept(model):
        for start in range(0, len(images), BATCH):
            run(model, images[start : start + BATCH], training=training)
    if any(part is None for part in found) or sum(map(len, found)) != len(images):
        return None
    inside = np.concatenate(found)
    factor = inside.shape[2] // images.shape[1]
    if factor < 2 or inside.shape[2] % images.shape[1] or inside.shape[3] % images.shape[2]:
        return inside
    shape = (len(images), inside.shape[1], images.shape[1], factor, images.shape[2], -1)
    return np.asarray(inside.reshape(shape).mean((3, 5)), np.float32)


def _scales(layer: Any) -> bool:  # noqa: ANN401
    return type(layer).__name__ in {"InputLayer", "Rescaling"}


def _channels_first(values: Any) -> Any:  # noqa: ANN401
    if values.ndim != 4:
        return None
    last = keras.config.image_data_format() == "channels_last"
    moved = values.transpose(0, 3, 1, 2) if last else values
    return np.repeat(moved, 3, 1) if moved.shape[1] == 1 else moved


def examine(model: Any, head: Any, batch: Batch, frozen: Sequence[str] = ()) -> Network:  # noqa: ANN401
    """Look at every variable and every layer.

    Args:
        model: the network.
        head: its last Dense layer, or None.
        batch: of train.
        frozen: names of layers, or starts of paths, of what shall not train.
    """
    layers = activity(model, batch.images[:BATCH])
    paths = tuple(v.path for v in model.trainable_variables)
    every = [v.path for v in model.weights]
    return Network(
        trainable=paths,
        optimised=optimised_by(model),
        meant_frozen=tuple(p for p in every if any(_under(p, name) for name in frozen)),
        head=() if head is None else tuple(v.path for v in head.weights),
        untouched=_untouched(model),
        norms=tuple(_norms(model)),
        layers=layers,
    )


def _under(path: str, name: str) -> bool:
    return path.startswith(f"{name}/") or f"/{name}/" in path


def activity(model: Any, images: Images) -> tuple[Layer, ...]:  # noqa: ANN401
    """What each layer does with a batch, in the order of the calls."""
    found: list[Layer] = []

    def see(layer: Any, _taken: Any, given: Any) -> None:  # noqa: ANN401
        if hasattr(given, "shape") and len(given.shape) > 1:
            found.append(_layer(layer, as_array(given)))

    with seen(list(leaves(model)), see):
        run(model, images)
    return tuple(found)


def _layer(layer: Any, given: Float[np.ndarray, "b *places c"]) -> Layer:  # noqa: ANN401
    axes = tuple(range(given.ndim - 1))
    activation = getattr(layer, "activation", None)
    return Layer(
        name=layer.name,
        kind=type(layer).__name__,
        activation=getattr(activation, "__name__", "") if activation else "",
        units=given.shape[-1],
        dead=float((~given.any(axis=axes)).mean()),
        dropped=float(layer.rate) if isinstance(layer, keras.layers.Dropout) else 0.0,
        alike=_alike(layer),
        initial=_initial(layer),
        trainable=bool(layer.trainable),
        channels=getattr(layer, "data_format", None) or "",
    )


def _alike(layer: Any) -> bool:  # noqa: ANN401
    """Whether every unit of a layer has the same weights."""
    kernel = getattr(layer, "kernel", None)
    if kernel is None or kernel.shape[-1] < 2:
        return False
    values = as_array(kernel.value)
    return bool((values == values[..., :1]).all())


def _initial(layer: Any) -> bool | None:  # noqa: ANN401
    """Whether scale and shift, or the bias, are as they were made."""
    if isinstance(layer, keras.layers.BatchNormalization):
        values = [as_array(v.value) for v in (layer.moving_mean, layer.moving_variance)]
        return bool((values[0] == 0).all() and (values[1] == 1).all())
    bias = getattr(layer, "bias", None)
    return None if bias is None else not as_array(bias.value).any()


def _untouched(model: Any) -> float:  # noqa: ANN401
    """Share of BatchNorm layers, or of biases where there are none, as they were made."""
    norms = [la for la in leaves(model) if isinstance(la, keras.layers.BatchNormalization)]
    states = [_initial(layer) for layer in norms or leaves(model)]
    known = [state for state in states if state is not None]
    return sum(known) / len(known) if known else 0.0


def _norms(model: Any) -> list[Norm]:  # noqa: ANN401
    """BatchNorm layers: with trainable = False, Keras runs them on their moving statistics."""
    norms = [la for la in leaves(model) if isinstance(la, keras.layers.BatchNormalization)]
    return [
        Norm(
            layer.name,
            frozen=not layer.trainable,
            moves=bool(layer.trainable),
            share=1 - float(layer.momentum),
            as_made=bool(_initial(layer)),
        )
        for layer in norms
    ]
