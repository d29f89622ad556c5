"""A Keras training again, short, with parts exchanged; see `florascope.doctor.substitution`.

A model is made again from its configuration: sound parts are Keras's own defaults (initializers, no
regularizers, moderate dropout, logits for cross-entropy, Adam), and what is frozen keeps its
weights.
"""

import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import keras
import numpy as np
from jaxtyping import Float32, Int64

from florascope.doctor.evidence import Answers
from florascope.doctor.keras.compiled import (
    STEPPING,
    in_words,
    like,
    rates_of,
    redefined,
    step_like,
    usual,
)
from florascope.doctor.keras.data import BATCH, Batch, Reading
from florascope.doctor.keras.network import NARROW, answers, columns, run
from florascope.doctor.trials import (
    FAILS,
    RANDOM,
    RATE,
    STEPS,
    Part,
    Substitution,
    Trained,
    exchange,
)
from florascope.nets.keras_models import leaves

SECONDS = 1.0  # of the processor, for one training
FEWEST = 30  # steps of one training, where a step takes long
SIDE = 32  # pixels of the reference network's photos
DROPPED = 0.5  # share that dropout may drop in a sound network
HEAVY = 4.0  # times SECONDS: a network whose training takes longer is tried by its head alone
SATURATING = frozenset({"softmax", "sigmoid", "hard_sigmoid", "log_softmax"})
ACTIVATIONS = ("Activation", "Softmax", "ReLU", "LeakyReLU")
SETTINGS = {"learning_rate": "lr"}  # by the name that the findings use

Inputs = Float32[np.ndarray, "_ ..."]
Labels = Int64[np.ndarray, "_"]
Weights = Float32[np.ndarray, "_"]
Drawn = tuple[Inputs, Labels, Weights | None]


@dataclass(frozen=True, eq=False)
class Material:
    """What is trained on and measured with.

    Attributes:
        train: inputs and class numbers, in any order.
        val: likewise.
        drawn: batches as the data set gives them, with the photos' weights in the loss; () where
            fit mixes them itself.
        weights: of the train photos in the loss; None where they count alike.
    """

    train: tuple[Inputs, Labels]
    val: tuple[Inputs, Labels]
    drawn: Sequence[Drawn] = ()
    weights: Weights | None = None


@dataclass(frozen=True, eq=False)
class Suspect:
    """A training to be tried again.

    Attributes:
        model: whose configuration is made again.
        material: what it is trained on.
        what: that is trained.
        one_hot: whether the script's loss gets a row for each photo.
        compiled: the script's model, for its loss and optimizer.
        rate: the learning rate that it started from; None where the optimizer's own is right.
    """

    model: Any
    material: Material
    what: Trained
    one_hot: bool
    compiled: Any
    rate: float | None = None


def reference(material: Material, classes: int) -> float:
    """Accuracy of a small convolutional network of our own on the same photos; 0 without photos."""
    if material.train[0].ndim != 4 or material.train[0].shape[-1] != 3:
        return 0.0
    small = replace(
        material,
        train=(_shrunk(material.train[0]), material.train[1]),
        val=(_shrunk(material.val[0]), material.val[1]),
        drawn=(),
    )
    widths = (16, 32, 64)
    layers = keras.layers
    with same_draws():
        blocks = [
            part
            for width in widths
            for part in (
                layers.Conv2D(width, 3, padding="same"),
                layers.BatchNormalization(momentum=0.9),
                layers.ReLU(),
                layers.MaxPooling2D(padding="same"),
            )
        ]
        ends = (layers.GlobalAveragePooling2D(), layers.Dense(classes))
        first = layers.BatchNormalization(momentum=0.9)
        network = keras.Sequential([keras.Input(small.train[0].shape[1:]), first, *blocks, *ends])
        network.compile(_sound_optimizer(), _cross_entropy(classes))
        return _train(network, small)


def _shrunk(images: Inputs) -> Inputs:
    """At most SIDE pixels a side, by the mean of blocks."""
    step = max(1, min(images.shape[1:3]) // SIDE)
    height, width = (side // step * step for side in images.shape[1:3])
    cut = images[:, :height, :width]
    blocks = cut.reshape(len(cut), height // step, step, width // step, step, -1)
    shrunk: Inputs = blocks.mean((2, 4), dtype=np.float32)
    return shrunk


def _sound_optimizer() -> Any:  # noqa: ANN401
    return keras.optimizers.Adam(RATE)


def _cross_entropy(units: int) -> Any:  # noqa: ANN401
    if units == 1:
        return keras.losses.BinaryCrossentropy(from_logits=True)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def _train(
    network: Any,  # noqa: ANN401
    material: Material,
    own: frozenset[Part] = frozenset(),
    one_hot: int = 0,
) -> float:
    """Train a compiled network for some steps; returns the share of val photos answered right."""
    start, tensor = time.process_time(), keras.ops.convert_to_tensor
    for made, (inputs, labels, weights) in enumerate(_batches(material, own), start=1):
        targets = np.eye(one_hot, dtype=np.float32)[labels] if one_hot else labels[:, None]
        network.train_on_batch(tensor(inputs), tensor(targets), sample_weight=weights)
        if made >= STEPS or (made >= FEWEST and time.process_time() - start > SECONDS):
            break
    images, truth = material.val
    said = np.concatenate(
        [columns(run(network, images[i : i + BATCH])) for i in range(0, len(images), BATCH)]
    )
    return float((said.argmax(1) == truth).mean())


def _batches(material: Material, own: frozenset[Part]) -> Iterator[Drawn]:
    inputs, labels = material.train
    weights = material.weights if "weights" in own else None
    mixer = np.random.default_rng(0)
    while True:
        if "order" in own:
            yield from ((x, y, w if "weights" in own else None) for x, y, w in material.drawn)
            continue
        order = mixer.permutation(len(labels))
        picks = (order[i : i + BATCH] for i in range(0, len(order), BATCH))
        for i in (pick for pick in picks if len(pick) > 1):
            yield inputs[i], labels[i], None if weights is None else weights[i]


@contextmanager
def same_draws() -> Iterator[None]:
    """Draw the same numbers every time, and leave everybody else's generators as they were."""
    ours, theirs = random.getstate(), np.random.get_state()  # noqa: NPY002 (Keras draws from it)
    torch: Any = sys.modules.get("torch")
    drawn = None if torch is None else torch.random.get_rng_state()
    keras.utils.set_random_seed(0)
    try:
        yield
    finally:
        random.setstate(ours)
        np.random.set_state(theirs)  # noqa: NPY002
        if drawn is not None:
            torch.random.set_rng_state(drawn)


def remade(model: Any, own: frozenset[Part]) -> Any:  # noqa: ANN401
    """Make a model again, sound but for these parts; what is frozen keeps its weights.

    Raises:
        ValueError: it cannot be made from its configuration.
    """
    last = _last(model)
    after, saturated = _after(model, last), _saturated(model)

    def make(layer: Any) -> Any:  # noqa: ANN401
        if "augmentation" not in own and _augments(layer):
            return keras.layers.Activation("linear", name=layer.name)
        config = _sound_config(layer, own)
        if "activation" not in own and layer in saturated:
            config["activation"] = "relu"
        if "loss" not in own and (layer is last or layer in after):
            linear = keras.layers.Activation("linear", name=layer.name)
            if layer is not last:
                return linear
            config["activation"] = "linear"
        return type(layer).from_config(config)

    twin = keras.models.clone_model(model, clone_function=make, recursive=True)
    for old, new in zip(leaves(model), leaves(twin), strict=True):
        new.trainable = old.trainable
        if not old.trainable_variables and old.variables:
            new.set_weights(old.get_weights())
    return twin


def _augments(layer: Any) -> bool:  # noqa: ANN401
    return RANDOM.search(type(layer).__name__) is not None


def _weighs(layer: Any) -> bool:  # noqa: ANN401
    return bool(layer.variables) and type(layer).__name__ in {"Dense", "Conv2D", "EinsumDense"}


def _last(model: Any) -> Any:  # noqa: ANN401
    """The last layer with weights."""
    return [layer for layer in leaves(model) if _weighs(layer)][-1]


def _saturated(model: Any) -> list[Any]:  # noqa: ANN401
    """Layers before the last with weights whose activation saturates; gates are meant to."""
    every, last = list(leaves(model)), _last(model)
    if any(type(layer).__name__ == "Multiply" for layer in every):
        return []
    kept = every[: every.index(last)]
    return [layer for layer in kept if layer.get_config().get("activation") in SATURATING]


def _after(model: Any, last: Any) -> list[Any]:  # noqa: ANN401
    """Activations behind the last layer with weights."""
    every = list(leaves(model))
    behind = every[every.index(last) + 1 :]
    return [layer for layer in behind if type(layer).__name__ in ACTIVATIONS]


def _sound_config(layer: Any, own: frozenset[Part]) -> dict[str, Any]:  # noqa: ANN401
    config = dict(layer.get_config())
    for key in list(config):
        if key.endswith("_regularizer") and "penalty" not in own:
            config[key] = None
        if key.endswith("_initializer") and "initial" not in own and layer.trainable_variables:
            del config[key]  # from_config takes the default
    if "precision" not in own and _narrow(config):
        config["dtype"] = "float32"
    if "dropout" not in own and _drops(layer):
        config["rate"] = min(config.get("rate", 0.0), DROPPED)
    return config


def _narrow(config: Mapping[str, Any]) -> bool:
    """Whether a layer keeps its weights in 16 bits; mixed precision keeps them in 32."""
    policy = config.get("dtype")
    name = policy if isinstance(policy, str) else (policy or {}).get("config", {}).get("name", "")
    return name in NARROW


def parts_of(suspect: Suspect) -> tuple[Part, ...]:
    """Name the parts in which a training differs from a sound one."""
    model, compiled, material = suspect.model, suspect.compiled, suspect.material
    layers = list(leaves(model))
    settings = [item for layer in layers for item in layer.get_config().items()]
    rates = [la.get_config().get("rate", 0) for la in layers if _drops(la)]
    differs: dict[Part, bool] = {
        "augmentation": any(map(_augments, layers)),
        "precision": any(_narrow(layer.get_config()) for layer in layers),
        "loss": getattr(compiled, "loss", None) is not None,
        "penalty": any(value for key, value in settings if "_regularizer" in key),
        "dropout": any(rate > DROPPED for rate in rates),
        "activation": bool(_saturated(model)),
        "initial": any(_odd(value) for key, value in settings if _initial(key)),
        "optimizer": getattr(compiled, "optimizer", None) is not None,
        "order": bool(material.drawn),
        "weights": material.weights is not None,
        "step": any(map(partial(redefined, compiled), STEPPING)),
    }
    return tuple(part for part, there in differs.items() if there)


def _drops(layer: Any) -> bool:  # noqa: ANN401
    return "dropout" in type(layer).__name__.lower()


def _initial(key: str) -> bool:
    return key in {"kernel_initializer", "depthwise_initializer", "pointwise_initializer"}


def _odd(initializer: Any) -> bool:  # noqa: ANN401
    """Whether an initializer is none of those that draw by the layer's width."""
    kind = initializer.get("class_name", "") if isinstance(initializer, dict) else str(initializer)
    return not any(name in kind for name in ("Glorot", "He", "Lecun", "VarianceScaling", "Ortho"))


def substitute(suspect: Suspect, reference_top1: float) -> Substitution | None:
    """Train again, with each part exchanged; None where the model cannot be made again."""
    units = suspect.model.output_shape[-1]

    def with_own(parts: frozenset[Part], **settings: float) -> float:
        with same_draws():
            parts = parts | {"loss"} if "step" in parts else parts  # labels as its loss takes them
            network = remade(suspect.model, parts)
            step_like(network, suspect.compiled, own="step" in parts)
            own_loss = suspect.compiled.loss if "loss" in parts else _cross_entropy(units)
            optimizer = (
                like(suspect.compiled.optimizer, suspect.rate, **settings)
                if "optimizer" in parts
                else _sound_optimizer()
            )
            network.compile(optimizer, own_loss)
            rows = units if "loss" in parts and suspect.one_hot else 0
            return _train(network, suspect.material, parts, rows)

    with suppress(ValueError, TypeError, RuntimeError, NotImplementedError):
        found = exchange(parts_of(suspect), with_own)
        optimizer = getattr(suspect.compiled, "optimizer", None)
        failing = found.own.get("optimizer", 1.0) < found.sound - FAILS
        exchanged = usual(optimizer) if failing else {}
        rate = suspect.rate or max(rates_of(suspect.compiled), default=0.0)
        alone = frozenset[Part]({"optimizer"})
        return Substitution(
            reference_top1,
            suspect.what,
            found,
            {SETTINGS.get(s, s): with_own(alone, **{s: value}) for s, value in exchanged.items()},
            in_words(optimizer, rate) if optimizer is not None else "",
            rate,
            augmentation=", ".join(
                type(layer).__name__ for layer in leaves(suspect.model) if _augments(layer)
            ),
        )
    return None


def of_network(model: Any, train: Reading, val: Reading, rate: float | None) -> Suspect:  # noqa: ANN401
    """The whole model, from weights drawn anew."""
    drawn = [(b.images, b.labels, b.weights) for b in train.drawn] if len(train.drawn) > 1 else ()
    photos = (train.images, train.labels), (val.images, val.labels)
    material = Material(*photos, drawn, _weights(train))
    return Suspect(model, material, "network", train.batches[0].one_hot, model, rate)


def _weights(train: Reading) -> Weights | None:
    """Of all photos in the loss; None where they count alike."""
    alike = [np.ones(len(batch.labels), np.float32) for batch in train.batches]
    pairs = zip(train.batches, alike, strict=True)
    own = [one if batch.weights is None else batch.weights for batch, one in pairs]
    return None if all(batch.weights is None for batch in train.batches) else np.concatenate(own)


def of_head(
    model: Any,  # noqa: ANN401
    head: Any,  # noqa: ANN401
    learned: Answers,
    unseen: Answers,
    train: Reading,
    rate: float | None,
) -> Suspect:
    """The last layer and the activations behind it, on cached features."""
    network = keras.Sequential([keras.Input((learned.features.shape[1],)), *_copies(model, head)])
    cached: list[Drawn] = []
    if len(train.drawn) > 1:
        again = train.drawn is not train.batches
        rows = answers(model, head, train.drawn).features if again else learned.features
        ends = pairwise(np.cumsum([0, *(len(batch.labels) for batch in train.drawn)]))
        cached = [
            (rows[a:b], batch.labels, batch.weights)
            for (a, b), batch in zip(ends, train.drawn, strict=True)
        ]
    sides = (learned.features, learned.labels), (unseen.features, unseen.labels)
    material = Material(*sides, cached, _weights(train))
    return Suspect(network, material, "head", train.batches[0].one_hot, model, rate)


def _copies(model: Any, head: Any) -> list[Any]:  # noqa: ANN401
    made = [type(la).from_config(la.get_config()) for la in (head, *_after(model, head))]
    for layer in made:
        layer.trainable = True
    return made


def affordable(model: Any, batch: Batch) -> bool:  # noqa: ANN401
    """Whether training the whole model again takes seconds, and can be done at all."""
    with suppress(ValueError, TypeError, RuntimeError, NotImplementedError, AttributeError):
        with same_draws():
            twin = remade(model, frozenset())
            step_like(twin, model, own=False)
            twin.compile(_sound_optimizer(), _cross_entropy(twin.output_shape[-1]))
            few = batch.images[:8], batch.labels[:8, None]
            twin.train_on_batch(*few)
            start = time.process_time()
            twin.train_on_batch(*few)
        share = min(BATCH, len(batch.labels)) / len(few[0])
        return (time.process_time() - start) * share * FEWEST < HEAVY * SECONDS
    return False
