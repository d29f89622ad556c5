"""How a Keras model was compiled: what its loss takes, its optimizer, its metrics, its history."""

from collections.abc import Callable, Mapping
from types import MethodType
from typing import Any, Literal, NamedTuple

import keras
import numpy as np
from jaxtyping import Float32, Int64

from florascope.doctor.keras.data import as_array
from florascope.doctor.trials import RATE, Overfit

Takes = Literal["logits", "probabilities", "numbers"]
Targets = Literal["integers", "one-hot"]

CROSS_ENTROPIES = ("crossentropy", "focal")
DIVERGENCES = ("kldivergence", "kullbackleibler", "poisson")
REGRESSIONS = ("meansquared", "meanabsolute", "huber", "logcosh", "cosine", "mse", "mae", "mape")
STEPS = 30
GOOD_RATES = (1e-3, 1e-2, 1e-1)  # of Adam, on scaled features


class Loss(NamedTuple):
    """A loss.

    Attributes:
        name: as Keras's users write it.
        takes: what it takes of the network; None where it is somebody's own.
        targets: what it compares that with; None where it is somebody's own.
    """

    name: str
    takes: Takes | None = None
    targets: Targets | None = None


def loss_of(model: Any) -> Loss:  # noqa: ANN401 (a Keras model)
    """Read what the model was compiled with."""
    given = getattr(model, "loss", None)
    if given is None or isinstance(given, dict | list):
        return Loss("no loss" if given is None else "several losses")
    loss = keras.losses.get(given)
    plain = getattr(loss, "__name__", type(loss).__name__)
    logits = getattr(loss, "from_logits", None)
    name = plain if logits is None else f"{plain}(from_logits={logits})"
    key = plain.replace("_", "").lower()
    if any(word in key for word in CROSS_ENTROPIES):
        return Loss(name, "logits" if logits else "probabilities", _targets(key))
    if any(word in key for word in DIVERGENCES):
        return Loss(name, "probabilities", "one-hot")
    return Loss(name, "numbers", "one-hot") if any(w in key for w in REGRESSIONS) else Loss(name)


def _targets(key: str) -> Targets:
    return "integers" if "sparse" in key else "one-hot"


def rates_of(model: Any) -> tuple[float, ...]:  # noqa: ANN401
    """Learning rate at the optimizer's current step; () where the model is not compiled."""
    optimizer = getattr(model, "optimizer", None)
    rate = getattr(optimizer, "learning_rate", None)
    return () if rate is None else (float(as_array(keras.ops.convert_to_tensor(rate))),)


def optimised_by(model: Any) -> tuple[str, ...] | None:  # noqa: ANN401
    """Paths of the variables that the optimizer holds; None before its first step."""
    optimizer = getattr(model, "optimizer", None)
    if not getattr(optimizer, "built", False):
        return None
    # Public in no version of Keras 3; absent, nothing is said.
    held = getattr(optimizer, "_trainable_variables", None)
    return None if held is None else tuple(v.path for v in held)


Row = Mapping[str, float]
NAMES = {"loss": "train_loss", "val_loss": "val_loss", "learning_rate": "rate", "lr": "rate"}


def rows(history: Any) -> tuple[Row, ...]:  # noqa: ANN401
    """Read a History, its dict of lists, or rows, as rows of train_loss, val_top1 and so on."""
    if history is None:
        return ()
    told = getattr(history, "history", history)
    if not isinstance(told, Mapping):
        return tuple(dict(row) for row in told)
    columns = {name: values for key, values in told.items() if (name := _named(key)) is not None}
    count = min((len(values) for values in columns.values()), default=0)
    return tuple({name: float(v[i]) for name, v in columns.items()} for i in range(count))


def _named(key: str) -> str | None:
    if key in NAMES:
        return NAMES[key]
    side, metric = ("val", key.removeprefix("val_")) if key.startswith("val_") else ("train", key)
    accuracy = metric == "acc" or metric.endswith("accuracy")
    return f"{side}_top1" if accuracy and "top" not in metric else None


def half_right(model: Any, classes: int, *, one_hot: bool) -> float | None:  # noqa: ANN401
    """What the compiled accuracy says of planted probabilities of which exactly half are right."""
    if not getattr(model, "compiled", False) or classes < 3:
        return None
    labels = np.arange(4 * classes) % classes
    said = np.where(np.arange(len(labels)) < 2 * classes, labels, (labels + 1) % classes)
    outputs = np.full((len(labels), classes), 0.1 / (classes - 1), np.float32)
    outputs[np.arange(len(labels)), said] = 0.9
    targets = np.eye(classes, dtype=np.float32)[labels] if one_hot else labels[:, None]
    model.reset_metrics()  # they hold what fit last counted
    try:
        measured = model.compute_metrics(None, _tensor(targets), _tensor(outputs))
    except (ValueError, TypeError, RuntimeError):  # a metric of something else
        return None
    finally:
        model.reset_metrics()
    found = [value for key, value in measured.items() if _named(key) == "train_top1"]
    return float(as_array(found[0])) if found else None


def _tensor(values: Any) -> Any:  # noqa: ANN401
    return keras.ops.convert_to_tensor(values)


USUAL = {"weight_decay": 0.0, "learning_rate": RATE, "momentum": 0.9, "epsilon": 1e-7}


def like(optimizer: Any, first_rate: float | None, **settings: float) -> Any:  # noqa: ANN401
    """Make an optimizer of the same kind and settings, but for these.

    Args:
        optimizer: the script's.
        first_rate: that it started from; None where its present one is right.
        settings: that are exchanged.
    """
    config = {**optimizer.get_config(), **settings}
    if first_rate is not None and "learning_rate" not in settings:
        config["learning_rate"] = first_rate
    return type(optimizer).from_config(config)


def usual(optimizer: Any) -> Mapping[str, float]:  # noqa: ANN401
    """Return usual values of the settings that an optimizer has."""
    config = optimizer.get_config()
    return {name: value for name, value in USUAL.items() if config.get(name) is not None}


def in_words(optimizer: Any, rate: float) -> str:  # noqa: ANN401
    """Name an optimizer with its settings."""
    config = optimizer.get_config()
    told = [f"{name} {config[name]:g}" for name in ("momentum", "weight_decay") if config.get(name)]
    return ", ".join([type(optimizer).__name__, f"learning rate {rate:g}", *told])


STEPPING = ("train_step", "compute_loss")


def redefined(model: Any, name: str) -> bool:  # noqa: ANN401
    """Whether a model's class has a method of its own where Keras has one."""
    return getattr(type(model), name) is not getattr(keras.Model, name)


def step_like(network: Any, model: Any, *, own: bool) -> None:  # noqa: ANN401
    """Let a network step as Keras does, or as another model's class does."""
    kind = type(model) if own else keras.Model

    def train_step(_network: Any, given: Any, *more: Any) -> Any:  # noqa: ANN401
        # train_on_batch says that there are no weights, fit leaves them out.
        if own and isinstance(given, tuple) and given[-1] is None:
            given = given[:2]
        return kind.train_step(network, given, *more)

    object.__setattr__(network, "train_step", MethodType(train_step, network))
    object.__setattr__(network, "compute_loss", MethodType(kind.compute_loss, network))


def overfit_head(
    features: Float32[np.ndarray, "b c"],
    labels: Int64[np.ndarray, "b"],
    classes: int,
    optimizer: Any,  # noqa: ANN401 (a Keras optimizer)
) -> Overfit:
    """Fit a fresh last layer to one batch of features with the model's kind of optimizer.

    Its losses are held against the best that Adam reaches in as many steps at one of GOOD_RATES.
    """
    settings = optimizer.get_config()
    rate = float(as_array(keras.ops.convert_to_tensor(optimizer.learning_rate)))
    losses = _descend(
        features,
        labels,
        classes,
        lambda: type(optimizer).from_config({**settings, "learning_rate": rate}),
    )
    scaled = (features - features.mean(0)) / (features.std() + 1e-6)
    reached = [
        _descend(scaled, labels, classes, lambda r=rate: keras.optimizers.Adam(r))[-1]  # type: ignore[misc]
        for rate in GOOD_RATES
    ]
    return Overfit(losses, min((loss for loss in reached if np.isfinite(loss)), default=0.0))


def _descend(
    features: Float32[np.ndarray, "b c"],
    labels: Int64[np.ndarray, "b"],
    classes: int,
    make: Callable[[], Any],
) -> tuple[float, ...]:
    layer = keras.layers.Dense(classes, kernel_initializer=keras.initializers.GlorotUniform(seed=0))
    head = keras.Sequential([keras.Input(features.shape[1:]), layer])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    head.compile(make(), loss, run_eagerly=True)
    losses = []
    for _ in range(STEPS):
        losses.append(float(head.train_on_batch(features, labels)))  # the loss before the step
        head.reset_metrics()
    return (*losses, float(head.test_on_batch(features, labels)))
