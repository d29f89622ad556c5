"""Keras trainings with one planted fault each: the fault is named first; sound ones raise nothing.

The models are tiny: coloured squares told apart by one small convolution, or by a Dense layer on
pooled colours.
"""

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from tests.support.references import learned_from, remembered

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")
layers = keras.layers

import florascope  # noqa: E402
from florascope.doctor.checks import (  # noqa: E402
    augmentation,
    claims,
    exchange,
    inputs,
    loop,
    losses,
    network,
    pictures,
)
from florascope.doctor.checks import labels as label_checks  # noqa: E402
from florascope.doctor.checks import layers as layer_checks  # noqa: E402
from florascope.doctor.checks import optimisation as optimiser  # noqa: E402
from florascope.doctor.diagnosis import Diagnosis  # noqa: E402
from florascope.doctor.keras import compiled, substitution  # noqa: E402
from florascope.doctor.keras.data import read  # noqa: E402
from florascope.doctor.keras.network import activity, traces  # noqa: E402
from florascope.doctor.trials import Part  # noqa: E402
from florascope.errors import DataError, FlorascopeError  # noqa: E402
from florascope.nets.keras_models import (  # noqa: E402
    CAFFE,
    PIXELS,
    TF,
    application,
    is_keras,
    leaves,
)

# Keras's own, as it trains.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The model does not have any trainable:UserWarning"),
    pytest.mark.filterwarnings("ignore:You are using a softmax over axis -1:UserWarning"),
]

SIDE, K, EACH = 8, 4, 24
SPARSE = "sparse_categorical_crossentropy"
COLOURS = np.array([[200, 60, 60], [60, 200, 60], [60, 60, 200], [200, 200, 60]], np.float32)
Arrays = tuple[np.ndarray, np.ndarray]


def photos(each: int = EACH, seed: int = 0, scale: float = 1.0) -> Arrays:
    """Noisy photos of one colour a class, 0 to 255 times a scale, sorted by class."""
    draw = np.random.default_rng(seed)
    labels = np.repeat(np.arange(K), each)
    images = COLOURS[labels][:, None, None] + draw.normal(0, 40, (len(labels), SIDE, SIDE, 3))
    return (images.clip(0, 255) * scale).astype(np.float32), labels


def data(scale: float = 1.0) -> tuple[Arrays, Arrays]:
    return photos(scale=scale), photos(8, seed=1, scale=scale)


def network_of(
    *,
    rescale: bool = True,
    inside: tuple[Any, ...] = (),
    tail: tuple[Any, ...] = (),
    activation: str | None = "softmax",
    units: int = K,
    **dense: Any,
) -> Any:
    """A small Sequential network; the base is a model of its own within it."""
    base = keras.Sequential(
        [keras.Input((SIDE, SIDE, 3)), layers.Conv2D(8, 3), layers.ReLU()], name="base"
    )
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            *inside,
            *([layers.Rescaling(1 / 127.5, offset=-1)] if rescale else []),
            base,
            layers.GlobalAveragePooling2D(),
            *tail,
            layers.Dense(units, activation=activation, **dense),
        ]
    )


def trained(
    model: Any,
    train: Any,
    val: Any,
    *,
    loss: Any = SPARSE,
    rate: float = 0.03,
    epochs: int = 6,
    **fit: Any,
) -> dict[str, Any]:
    keras.utils.set_random_seed(0)
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    x, y = train
    done = model.fit(x, y, validation_data=val, epochs=epochs, verbose=0, batch_size=16, **fit)
    return {"history": done}


def diagnosis(model: Any, train: Any, val: Any, **told: Any) -> Diagnosis:
    return florascope.diagnose(model, train, val, **told)


def first(found: Diagnosis) -> str:
    return found.findings[0].cause if found.findings else ""


@pytest.fixture(autouse=True)
def _same_draws() -> None:
    keras.utils.set_random_seed(1)


@pytest.fixture(scope="module", autouse=True)
def _photos_are_learned_once() -> Iterator[None]:
    """Most of these trainings see the very same photos."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(substitution, "reference", remembered(substitution.reference, learned_from))
        yield


@pytest.fixture(scope="module")
def sound() -> tuple[Any, Arrays, Arrays, dict[str, Any]]:
    """The right model: Rescaling inside, softmax, a loss of probabilities."""
    keras.utils.set_random_seed(1)
    train, val = data()
    model = network_of()
    return model, train, val, trained(model, train, val)


def test_the_right_model_is_not_accused(sound: Any) -> None:
    model, train, val, told = sound
    assert keras_accuracy(model, val) > 0.9
    assert diagnosis(model, train, val, **told).findings == ()


def keras_accuracy(model: Any, val: Arrays) -> float:
    return float((np.asarray(model.predict(val[0], verbose=0)).argmax(1) == val[1]).mean())


def with_logits(train: Arrays, val: Arrays) -> tuple[Any, dict[str, Any]]:
    model = network_of(activation=None)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return model, trained(model, train, val, loss=loss)


def with_one_hot(train: Arrays, val: Arrays) -> tuple[Any, dict[str, Any]]:
    model = network_of()
    pairs = [(x, keras.utils.to_categorical(y, K)) for x, y in (train, val)]
    told = trained(model, *pairs, loss="categorical_crossentropy")
    return model, {**told, "pairs": pairs}


def with_augmentation(train: Arrays, val: Arrays) -> tuple[Any, dict[str, Any]]:
    inside = (layers.RandomFlip(), layers.RandomTranslation(0.1, 0.1))
    model = network_of(inside=inside, tail=(layers.Dropout(0.4),))
    return model, trained(model, train, val)


def with_normalization(train: Arrays, val: Arrays) -> tuple[Any, dict[str, Any]]:
    front = layers.Normalization()
    front.adapt(train[0])
    model = network_of(rescale=False, inside=(front,))
    return model, trained(model, train, val)


def functional(train: Arrays, val: Arrays) -> tuple[Any, dict[str, Any]]:
    start = keras.Input((SIDE, SIDE, 3))
    x = layers.Conv2D(8, 3, activation="relu")(start / 127.5 - 1)
    x = layers.BatchNormalization(momentum=0.5)(x)
    model = keras.Model(start, layers.Dense(K, activation="softmax")(layers.Flatten()(x)))
    return model, trained(model, train, val)


SOUND = (with_logits, with_one_hot, with_augmentation, with_normalization, functional)


@pytest.mark.parametrize("made", SOUND, ids=lambda f: f.__name__)
def test_other_sound_models_raise_no_error(made: Callable[..., Any]) -> None:
    train, val = data()
    model, told = made(train, val)
    assert keras_accuracy(model, val) > 0.8
    train, val = told.pop("pairs", (train, val))
    assert diagnosis(model, train, val, **told).of("error") == ()


def test_gradients_that_are_gathered_over_batches() -> None:
    """Keras counts such an optimizer's steps by a tensor, not a variable."""
    train, val = data()
    model = network_of()
    model.compile(keras.optimizers.Adam(0.03, gradient_accumulation_steps=2), SPARSE)
    model.fit(*train, epochs=6, verbose=0, batch_size=16)
    assert keras_accuracy(model, val) > 0.8
    assert diagnosis(model, train, val).of("error") == ()


def softmax_twice() -> Any:
    train, val = data()
    model = network_of()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return model, train, val, trained(model, train, val, loss=loss)


def logits_to_probabilities() -> Any:
    train, val = data()
    model = network_of(activation=None)
    return model, train, val, trained(model, train, val)


def rescaled_twice() -> Any:
    train, val = data(1 / 255)
    model = network_of()
    return model, train, val, trained(model, train, val, rate=1e-3)


def mobile(rescale: bool) -> Any:
    train, val = data()
    base = keras.applications.MobileNetV2(
        weights=None, include_top=False, pooling="avg", input_shape=(32, 32, 3), alpha=0.35
    )
    base.trainable = False
    start = keras.Input((SIDE, SIDE, 3))
    x = layers.Resizing(32, 32)(start)
    x = layers.Rescaling(1 / 127.5, offset=-1)(x) if rescale else x
    model = keras.Model(start, layers.Dense(K, activation="softmax")(base(x, training=False)))
    model.compile("adam", SPARSE, metrics=["accuracy"])
    return model, train, val, {"trained": False}


def not_rescaled() -> Any:
    return mobile(rescale=False)


def weights_never_loaded() -> Any:
    return mobile(rescale=True)


def all_frozen() -> Any:
    train, val = data()
    model = network_of()
    model.trainable = False
    return model, train, val, trained(model, train, val, epochs=1)


def trainable_after_compile() -> Any:
    train, val = data()
    model = network_of()
    model.get_layer("base").trainable = False
    told = trained(model, train, val)
    model.get_layer("base").trainable = True
    return model, train, val, told


def rate_of_zero() -> Any:
    train, val = data()
    model = network_of()
    return model, train, val, trained(model, train, val, rate=0.0, epochs=1)


def squares_of_class_numbers() -> Any:
    train, val = data()
    pairs = [(x, y[:, None]) for x, y in (train, val)]
    model = network_of()
    return model, *pairs, trained(model, *pairs, loss="mse")


def one_unit() -> Any:
    train, val = data()
    two = [(x[y < 2], y[y < 2]) for x, y in (train, val)]
    model = network_of(units=1)
    return model, *two, trained(model, *two, loss="binary_crossentropy", epochs=1)


def dead_layer() -> Any:
    train, val = data()
    hidden = layers.Dense(16, "relu", bias_initializer=keras.initializers.Constant(-50.0))
    model = network_of(tail=(hidden,))
    return model, train, val, trained(model, train, val)


def dropped() -> Any:
    train, val = data()
    model = network_of(tail=(layers.Dense(16, "relu"), layers.Dropout(0.98)))
    return model, train, val, trained(model, train, val)


def all_alike() -> Any:
    train, val = data()
    hidden = layers.Dense(16, "relu", kernel_initializer="ones")
    model = network_of(tail=(hidden,), kernel_initializer="ones")
    return model, train, val, trained(model, train, val)


def bright() -> Any:
    train, val = data(1 / 255)
    shake = layers.RandomBrightness(0.9, value_range=(0, 255))
    model = network_of(rescale=False, inside=(shake,))
    return model, train, val, trained(model, train, val)


def predicted_in_another_order() -> Any:
    train, val = data()
    model = network_of()
    told = trained(model, train, val)
    said = np.asarray(model.predict(val[0], verbose=0)).argmax(1)
    reshuffled = np.random.default_rng(0).permutation(val[1])
    return model, train, val, {**told, "reported": {"val_top1": float((said == reshuffled).mean())}}


def accuracy_of_each_class_alone() -> Any:
    train, val = ((x, keras.utils.to_categorical(y, K)) for x, y in data())
    model = network_of()
    model.compile("adam", "categorical_crossentropy", metrics=[keras.metrics.BinaryAccuracy()])
    model.fit(*train, epochs=1, verbose=0)
    return model, train, val, {}


def cut_in_two() -> Any:
    x, y = photos(32)
    train, val = (x[:96], y[:96]), (x[96:], y[96:])
    model = network_of()
    return model, train, val, trained(model, train, val)


def val_with_blue_for_red() -> Any:
    train, val = data()
    model = network_of()
    trained(model, train, val)
    return model, train, (val[0][..., ::-1].copy(), val[1]), {}


def stamped() -> Any:
    # noise in the middle, the class's colour along the edge
    def stamp(arrays: Arrays) -> Arrays:
        images = np.random.default_rng(3).uniform(0, 255, arrays[0].shape).astype(np.float32)
        images[:, :1] = arrays[0][:, :1]
        return images, arrays[1]

    train, val = map(stamp, (photos(96), photos(32, seed=1)))
    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Flatten(),
            layers.Dense(K, "softmax"),
        ]
    )
    return model, train, val, trained(model, train, val, rate=0.01, epochs=12)


def sorted_by_class() -> Any:
    train, val = data()
    model = network_of()
    told = trained(model, train, val)
    return model, [Pairs(train)[i] for i in range(len(Pairs(train)))], val, told


class Piling(keras.Model):  # type: ignore[misc]
    """Never clears gradients: each step adds to those of before."""

    def train_step(self, given: Any) -> dict[str, Any]:
        torch = pytest.importorskip("torch")
        images, labels = given
        self.compute_loss(y=labels, y_pred=self(images, training=True)).backward()
        with torch.no_grad():
            gradients = [v.value.grad for v in self.trainable_weights]
            self.optimizer.apply(gradients, list(self.trainable_weights))
        return {"loss": 0.0}


def gradients_pile_up() -> Any:
    train, val = data()
    plain = network_of()
    model = Piling(plain.inputs[0], plain.outputs[0])
    model.compile(keras.optimizers.SGD(0.3, momentum=0.9), "sparse_categorical_crossentropy")
    model.fit(loader(train, shuffle=True), epochs=6, verbose=0, shuffle=False)
    return model, loader(train, shuffle=True), loader(val), {}


def pixels_multiplied() -> Any:
    train, val = data()
    model = network_of(rescale=False, inside=(layers.Rescaling(255),))
    return model, train, val, trained(model, train, val, epochs=2)


def worst_epoch() -> Any:
    train, val = data()
    model = network_of()
    stop = keras.callbacks.EarlyStopping(
        "val_loss", mode="max", patience=12, restore_best_weights=True
    )
    return model, train, val, trained(model, train, val, callbacks=[stop], rate=0.01, epochs=10)


def statistics_lag() -> Any:
    """The moving statistics are still near mean 0 and variance 1 when training ends."""
    (train, val), norm = data(), layers.BatchNormalization(momentum=0.9999)
    model = network_of(inside=(norm,), rescale=False)
    return model, train, val, trained(model, train, val)


PLANTED = {
    softmax_twice: network.TWICE,
    logits_to_probabilities: losses.LOGITS,
    rescaled_twice: inputs.TWICE,
    not_rescaled: inputs.RANGE,
    weights_never_loaded: network.NOT_LOADED,
    all_frozen: layer_checks.FROZEN_HEAD,
    trainable_after_compile: optimiser.NOT_OPTIMISED,
    rate_of_zero: optimiser.ZERO,
    squares_of_class_numbers: losses.REGRESSION,
    one_unit: losses.ONE_UNIT,
    dead_layer: layer_checks.DEAD,
    dropped: layer_checks.DROPPED,
    all_alike: layer_checks.ALIKE,
    bright: augmentation.RANGE,
    predicted_in_another_order: claims.SHUFFLED,
    accuracy_of_each_class_alone: claims.METRIC,
    worst_epoch: optimiser.WORSE,
    cut_in_two: label_checks.ABSENT,
    val_with_blue_for_red: pictures.BGR,
    stamped: pictures.BORDER,
    sorted_by_class: loop.SORTED,
    gradients_pile_up: exchange.STEP,
    pixels_multiplied: inputs.RANGE,
    statistics_lag: network.LAGGING,
}


@pytest.mark.parametrize("planted", PLANTED, ids=lambda f: f.__name__)
def test_a_planted_fault_is_named_first(planted: Callable[[], Any]) -> None:
    model, train, val, told = planted()
    found = diagnosis(model, train, val, **told)
    assert first(found) == PLANTED[planted], str(found)


def test_fixes_are_in_keras_words(sound: Any) -> None:
    model, train, val, told = softmax_twice()
    fix = diagnosis(model, train, val, **told).findings[0].fix
    assert "from_logits=False" in fix
    assert "NLLLoss" not in fix


def test_the_model_is_left_as_it_was(sound: Any) -> None:
    _, train, val, _ = sound
    model, told = with_augmentation(train, val)
    states = [np.asarray(v.numpy()).copy() for v in model.variables]
    steps = int(model.optimizer.iterations.numpy())
    diagnosis(model, train, val, **told)
    assert all(np.array_equal(a, v.numpy()) for a, v in zip(states, model.variables, strict=True))
    assert int(model.optimizer.iterations.numpy()) == steps
    assert not [layer for layer in leaves(model) if "call" in vars(layer)]


class Pairs(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of eight; augmented ones differ at each reading."""

    def __init__(self, arrays: Arrays, noise: float = 0.0) -> None:
        super().__init__()
        self.arrays, self.noise = arrays, noise
        self.draw = np.random.default_rng(0)

    def __len__(self) -> int:
        return (len(self.arrays[1]) + 7) // 8

    def __getitem__(self, index: int) -> Arrays:
        at = slice(8 * index, 8 * index + 8)
        x, y = (part[at] for part in self.arrays)
        return x + self.noise * self.draw.normal(size=x.shape).astype(np.float32), y


def generator(arrays: Arrays) -> Iterator[Arrays]:
    while True:
        yield from (Pairs(arrays)[i] for i in range(len(Pairs(arrays))))


def loader(arrays: Arrays, **settings: Any) -> Any:
    torch = pytest.importorskip("torch")
    tensors = (torch.from_numpy(part) for part in arrays)
    pairs = torch.utils.data.TensorDataset(*tensors)
    return torch.utils.data.DataLoader(pairs, 8, **settings)


FORMS: dict[str, Callable[[Arrays], Any]] = {
    "arrays": lambda a: a,
    "one-hot": lambda a: (a[0], np.eye(K, dtype=np.float32)[a[1]]),
    "column": lambda a: (a[0], a[1][:, None]),
    "PyDataset": Pairs,
    "loader": loader,
    "list": lambda a: [Pairs(a)[i] for i in range(len(Pairs(a)))],
    "generator": generator,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_data_gives_the_same_photos(form: str) -> None:
    arrays = photos(8)
    reading = read(FORMS[form](arrays), len(arrays[1]))
    np.testing.assert_array_equal(reading.images, arrays[0])
    np.testing.assert_array_equal(reading.labels, arrays[1])
    assert reading.size == len(arrays[1])
    assert reading.batches[0].one_hot == (form == "one-hot")
    assert reading.repeats is (None if form == "generator" else True)


def test_photos_are_picked_evenly() -> None:
    arrays = photos(8)
    for form in ("arrays", "loader"):
        assert set(read(FORMS[form](arrays), 16).labels) == {0, 1, 2, 3}, form


class Shuffled:
    """An iterable that begins anew, in another order each time."""

    def __init__(self, arrays: Arrays, noise: float = 0.0) -> None:
        self.arrays, self.noise, self.draw = arrays, noise, np.random.default_rng(0)

    def __iter__(self) -> Iterator[Arrays]:
        x, y = self.arrays
        order = self.draw.permutation(len(y))
        x = x + self.noise * self.draw.normal(size=x.shape).astype(np.float32)
        return ((x[i], y[i]) for i in np.array_split(order, 4))


def test_another_order_is_no_augmentation() -> None:
    assert read(Shuffled(photos(8)), 100).repeats is True
    assert read(Shuffled(photos(8), noise=1.0), 100).repeats is False
    assert read(Shuffled(photos(8)), 9).repeats is None
    assert read(Pairs(photos(8), noise=1.0), 100).repeats is False


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "the data set gives no batch"),
        (3, "the data set is a int. expected batches of"),
        ([{"x": 1}], "the data set gives dict"),
        ([(np.ones((2, 8, 8, 3)), np.ones(3))], r"images of shape \(2, 8, 8, 3\) with labels of"),
    ],
)
def test_data_that_cannot_be_read(wrong: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(wrong, 10)


def test_a_model_that_does_not_take_the_photos(sound: Any) -> None:
    model = sound[0]
    strange = (np.ones((8, 5), np.float32), np.zeros(8, np.int64))
    with pytest.raises(FlorascopeError, match=r"the model fails on a batch of shape \(1, 5\)"):
        diagnosis(model, strange, strange)


def test_an_unknown_word(sound: Any) -> None:
    model, train, val, _ = sound
    with pytest.raises(DataError, match="'optimiser'. expected .*Type help"):
        diagnosis(model, train, val, optimiser=None)


def own_loss(_truth: Any, said: Any) -> Any:
    return keras.ops.mean(said)


@pytest.mark.parametrize(
    ("loss", "takes", "targets"),
    [
        (SPARSE, "probabilities", "integers"),
        (keras.losses.SparseCategoricalCrossentropy(from_logits=True), "logits", "integers"),
        (keras.losses.CategoricalCrossentropy(), "probabilities", "one-hot"),
        ("binary_crossentropy", "probabilities", "one-hot"),
        (keras.losses.CategoricalFocalCrossentropy(from_logits=True), "logits", "one-hot"),
        ("kl_divergence", "probabilities", "one-hot"),
        ("mse", "numbers", "one-hot"),
        (keras.losses.Huber(), "numbers", "one-hot"),
        (own_loss, None, None),
    ],
)
def test_what_a_loss_takes(loss: Any, takes: str | None, targets: str | None) -> None:
    model = network_of()
    model.compile("sgd", loss)
    found = compiled.loss_of(model)
    assert (found.takes, found.targets) == (takes, targets)


def test_history_in_every_form() -> None:
    told = {"loss": [2.0, 1.0], "sparse_categorical_accuracy": [0.1, 0.2], "val_acc": [0.3, 0.4]}
    told["top_5_accuracy"] = [0.9, 0.9]
    rows = (
        {"train_loss": 2.0, "train_top1": 0.1, "val_top1": 0.3},
        {"train_loss": 1.0, "train_top1": 0.2, "val_top1": 0.4},
    )
    assert compiled.rows(told) == rows
    assert compiled.rows(rows) == rows
    assert compiled.rows(None) == ()


@pytest.mark.parametrize(
    ("build", "contract"),
    [("MobileNetV2", TF), ("VGG16", CAFFE), ("EfficientNetB0", PIXELS), ("ResNet50V2", TF)],
)
def test_contracts_are_those_of_preprocess_input(build: str, contract: Any) -> None:
    kind = getattr(keras.applications, build)
    module = sys.modules[kind.__module__]
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype(np.uint8)
    theirs = module.preprocess_input(pixels.astype(np.float32))
    ours = contract.normalise(pixels).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_applications_are_known_nested_and_unfolded() -> None:
    start = keras.Input((32, 32, 3))
    settings = {"weights": None, "include_top": False, "alpha": 0.35}
    nested = keras.applications.MobileNetV2(input_shape=(32, 32, 3), **settings)
    folded = keras.Model(start, nested(start))
    flat = keras.applications.MobileNetV2(input_tensor=start, **settings)
    unfolded = keras.Model(start, flat.output)
    assert application(folded) == (nested, TF)
    assert application(unfolded) == (unfolded, TF)
    assert application(network_of())[1] is None


def test_activity_by_hand() -> None:
    model = keras.Sequential(
        [keras.Input((2,)), layers.Dense(4, "relu"), layers.Dropout(0.25), layers.Dense(2)]
    )
    kernel = np.array([[1, 1, 1, 1], [1, 1, 1, 1]], np.float32)
    model.layers[0].set_weights([kernel, np.array([0, 0, 0, -9], np.float32)])
    dense, dropout, _ = activity(model, np.ones((3, 2), np.float32))
    assert (dense.units, dense.dead, dense.alike, dense.activation) == (4, 0.25, True, "relu")
    assert (dropout.kind, dropout.dropped) == ("Dropout", 0.25)


def test_keras_models_are_known_without_keras() -> None:
    assert is_keras(network_of())
    assert not is_keras(object())


def test_what_training_left_in_the_variables(sound: Any) -> None:
    model, batch = sound[0], read(sound[1], 16).batches[0]
    left = traces(model, model.layers[-1], batch)
    assert left.gradient_left is not None
    assert left.gradient_fresh is not None
    assert left.steps == 6 * K * EACH // 16
    assert (left.as_made, left.not_finite, left.narrow) == (False, (), ())
    fresh = keras.models.clone_model(model)
    fresh.compile("adam", SPARSE)
    made = traces(fresh, fresh.layers[-1], batch)
    assert (made.steps, made.as_made, made.gradient_left) == (0, True, None)


def test_sample_weights_are_read_with_their_photos() -> None:
    x, y = photos(2)
    weighed = [(x, y, np.arange(len(y)))]
    weights = read(weighed, 8).batches[0].weights
    assert weights is not None
    assert weights.tolist() == list(range(len(y)))
    assert read([(x, y, np.ones(len(y)))], 8).batches[0].weights is None


def test_weights_in_16_bits_are_a_part_that_is_exchanged() -> None:
    half = keras.Sequential([keras.Input((3,)), layers.Dense(K, dtype="float16")])
    assert traces(half, half.layers[-1], read(photos(2), 8).batches[0]).narrow == tuple(
        v.path for v in half.weights
    )
    owns: tuple[frozenset[Part], ...] = (frozenset(), frozenset({"precision"}))
    kinds = [substitution.remade(half, own).weights[0].dtype for own in owns]
    assert kinds == ["float32", "float16"]
