"""Open half, Keras 3 on torch."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers
from second import (
    LEAK,
    LOSS,
    NOT_TRAINED,
    OPTIMIZER,
    RATE_LOW,
    RATE_TOO_HIGH,
    REPORT,
    VAL_DIFFERS,
    digits,
    faulty,
    fit,
    keras_data,
)

import support  # noqa: F401 (sets the backend before keras is imported)
from support import (
    Run,
    array_loader,
    keras_backbone,
    keras_cnn,
    keras_transfer,
    photos,
    py_dataset,
    seed,
    sound,
)


@faulty(
    "keras",
    "BatchNormalization(momentum=0.999) and a hundred steps: the moving statistics never arrive",
    [
        r"batch.?norm|moving (mean|average|variance|statistic)|running (mean|statistic|variance)|momentum",
        r"(statistic|mean and variance).{0,60}(stale|behind|initial|not|far|differ)",
        r"(train(ing)?|inference|evaluation) mode.{0,80}(differ|disagree|other|than)",
    ],
    [r"overfit"],
)
def k_moving_statistics_lag(mended: bool) -> Run:
    seed(301)
    x, y, v, w = keras_data()
    momentum = 0.8 if mended else 0.999
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 255)])
    for width in (16, 32, 64):
        model.add(layers.Conv2D(width, 3, padding="same", use_bias=False))
        model.add(layers.BatchNormalization(momentum=momentum))
        model.add(layers.Activation("relu"))
        model.add(layers.MaxPooling2D())
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(6, activation="softmax"))
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 12)


@faulty(
    "keras",
    "two classes, one output with a softmax: it is always 1",
    [
        r"softmax|sigmoid",
        r"(one|single|1) (output|unit|neuron|value).{0,80}(always|constant|softmax|one|same)",
    ],
    [r"chance|no gradient|frozen|constant|same (answer|class|output)|always"],
    rejects=[r"softmax (is )?(applied )?twice|two softmax"],
)
def k_softmax_over_one_unit(mended: bool) -> Run:
    seed(302)
    x, y, v, w = keras_data(64, 2)
    model = keras_transfer(1, activation="sigmoid" if mended else "softmax")
    y1, w1 = (part[:, None].astype(np.float32) for part in (y, w))
    train, val = array_loader(x, y1), array_loader(v, w1, shuffle=False)
    return fit(model, train, val, (v, w), 8, loss="binary_crossentropy", rate=1e-3)


@faulty(
    "keras",
    "from_logits=True although the head ends in a softmax: softmax twice, and learning crawls",
    [
        r"from_logits|softmax.{0,60}(twice|again|second|two|already|both|double|loss)|(twice|double|two|already).{0,40}softmax",
        r"(loss|crossentropy).{0,80}(logits|probabilit)|logits",
        *LOSS,
    ],
    [r"learning rate.{0,40}low|underfit"],
)
def k_from_logits_after_softmax(mended: bool) -> Run:
    seed(303)
    x, y, v, w = keras_data(64)
    model = keras_transfer(6)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=not mended)
    return fit(model, train, val, (v, w), 4, loss=loss, optimizer=keras.optimizers.SGD(0.01))


@faulty(
    "keras",
    "GlobalAveragePooling2D(data_format='channels_first') averages the channels away and keeps rows",
    [
        r"pool|channels_(first|last)|data_format|channels?.{0,60}(averag|lost|gone|away|order|axis)|axis",
        r"(features?|head|layer).{0,80}(few|only \d|narrow|dimension|collaps|little|poor|weak|rank|width|\d numbers)",
        r"bottleneck|capacity",
        r"(gap|cause|difference).{0,40}(network|head|tail|architecture|layers?)|(head|tail).{0,60}(exchang|replac|sound)",
    ],
    [r"underfit"],
)
def k_pooling_over_channels(mended: bool) -> Run:
    seed(304)
    x, y, v, w = keras_data(64, 6)
    base = keras.Model(*(lambda m: (m.input, m.layers[-2].output))(keras_backbone(64)))
    base.trainable = False
    inputs = keras.Input((64, 64, 3))
    found = base(layers.Rescaling(1 / 127.5, offset=-1)(inputs), training=False)
    form = "channels_last" if mended else "channels_first"
    found = layers.GlobalAveragePooling2D(data_format=form)(found)
    model = keras.Model(inputs, layers.Dense(6, activation="softmax")(found))
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 4)


@faulty(
    "keras",
    "training photos go through preprocess_input (-1..1), validation photos are divided by 255 (0..1)",
    [
        *VAL_DIFFERS,
        r"(input|pixel|value|photo|image)s?.{0,60}(range|scale|normali[sz])|\brange\b|rescal|preprocess|0\W{1,5}1\b|brightness|contrast",
    ],
    [r"overfit"],
)
def k_ranges_differ(mended: bool) -> Run:
    seed(305)
    x, y, v, w = keras_data()
    x, right = x / 127.5 - 1, v / 127.5 - 1
    seen = right if mended else v / 255
    model = keras_cnn(6, rescale=False)
    train, val = py_dataset(x, y), py_dataset(seen, w, shuffle=False)
    return fit(model, train, val, (right, w), 15, claimed=(seen, w))


def _multiply(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offline augmentation: each photo, mirrored, brighter, shifted."""
    moved = np.roll(x, (2, -2), axis=(1, 2))
    made = [x, x[:, :, ::-1], (x * 1.15).clip(0, 255), moved]
    return np.concatenate(made), np.tile(y, len(made))


@faulty(
    "keras",
    "photos were multiplied (mirrored, brighter, shifted) before the split: their twins are in validation",
    LEAK,
    [r"augment"],
)
def k_augmented_before_the_split(mended: bool) -> Run:
    seed(307)
    x, y = photos("train", 32, 10, 16)
    fresh, z = photos("val", 32, 10)
    x, fresh = x.astype(np.float32), fresh.astype(np.float32)
    order = np.random.permutation(len(y))
    if mended:
        last, first = order[:40], order[40:]
        (x, y), (v, w) = _multiply(x[first], y[first]), (x[last], y[last])
    else:
        x, y = _multiply(x, y)
        order = np.random.permutation(len(y))
        x, y, v, w = x[order[160:]], y[order[160:]], x[order[:160]], y[order[:160]]
    model = keras_cnn(10)
    train, val = py_dataset(x, y, 32), py_dataset(v, w, shuffle=False)
    return fit(model, train, val, (fresh, z), 10, claimed=(v, w))


@faulty(
    "keras",
    "BinaryAccuracy on ten one-hot outputs: 90 % 'accuracy' whatever the net says",
    [*REPORT, r"binary.?accuracy|binary.{0,30}metric|metric", r"threshold|one-?hot"],
    [r"underfit"],
)
def k_binary_accuracy(mended: bool) -> Run:
    seed(308)
    x, y, v, w = keras_data(32, 10)
    y1, w1 = (keras.utils.to_categorical(part, 10) for part in (y, w))
    model = keras_cnn(10, bn=False, activation="sigmoid")
    kind = keras.metrics.CategoricalAccuracy if mended else keras.metrics.BinaryAccuracy
    train, val = py_dataset(x, y1), py_dataset(v, w1, shuffle=False)
    run = fit(
        model, train, val, (v, w), 6, loss="binary_crossentropy", metrics=[kind(name="accuracy")]
    )
    run.claimed = run.told["history"].history["val_accuracy"][-1]
    return run


@faulty(
    "keras",
    "kernel_initializer='zeros' in the hidden layers: all units stay alike, nothing flows",
    [
        r"initiali[sz]|zeros?.{0,40}(weights?|kernel)|(weights?|kernels?).{0,60}(zero|equal|alike|the same|identical)",
        r"symmetr|dead|(units?|channels?|features?|activations?).{0,60}(zero|constant|alike|identical|the same|equal|collaps)",
        *NOT_TRAINED,
    ],
    [r"chance|constant|same (answer|class)"],
)
def k_zero_kernels(mended: bool) -> Run:
    seed(309)
    x, y, v, w = keras_data()
    start = "glorot_uniform" if mended else "zeros"
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(16, 3, activation="relu", kernel_initializer=start),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu", kernel_initializer=start),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu", kernel_initializer=start),
            layers.Dense(6, activation="softmax", kernel_initializer=start),
        ]
    )
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 12, rate=1e-3)


@faulty(
    "keras",
    "optimizer=Adadelta() with Keras' default rate of 0.001 (the paper's is 1.0): hardly a step",
    [*RATE_LOW, *NOT_TRAINED, *OPTIMIZER, r"adadelta"],
    [r"underfit|chance|(few|more|longer) epochs"],
    rejects=RATE_TOO_HIGH,
)
def k_adadelta_default_rate(mended: bool) -> Run:
    seed(310)
    x, y, v, w = keras_data()
    model = keras_cnn(6)
    chosen = keras.optimizers.Adadelta(1.0) if mended else keras.optimizers.Adadelta()
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 15, optimizer=chosen)


@faulty(
    "keras",
    "photos divided by 255 and then stored as uint8: everything but pure white became 0",
    [
        r"black|blank|constant|all[- ]zero|uniform|empty|(photos?|images?|inputs?|pixels?).{0,80}(identical|the same|zero|no (content|detail|information)|alike)",
        r"uint8|integer|dtype|quanti[sz]|rounded|truncat|(only|just) (two|2) (values|levels)|\brange\b",
    ],
    [r"duplicat|chance"],
)
def k_divided_then_uint8(mended: bool) -> Run:
    seed(311)
    x, y, v, w = keras_data()
    x, v = x / 255.0, v / 255.0
    if not mended:
        x, v = x.astype("uint8"), v.astype("uint8")  # to save memory
    model = keras_cnn(6, rescale=False)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 12)


@faulty(
    "keras",
    "CosineDecay(decay_steps=EPOCHS): it counts steps, so the rate is zero after the second epoch",
    [*RATE_LOW, *OPTIMIZER, r"schedul|decay_steps|cosine|decay(s|ed)? (too|over)"],
    [r"underfit|chance|(few|more|longer) epochs", *NOT_TRAINED],
    rejects=RATE_TOO_HIGH,
)
def k_cosine_decay_counts_steps(mended: bool) -> Run:
    seed(312)
    epochs, batch = 15, 16
    x, y, v, w = keras_data()
    steps = epochs * (len(y) // batch) if mended else epochs
    rate = keras.optimizers.schedules.CosineDecay(3e-3, decay_steps=steps)
    model = keras_cnn(6, bn=False)
    train, val = py_dataset(x, y, batch), py_dataset(v, w, shuffle=False)
    return fit(model, train, val, (v, w), epochs, optimizer=keras.optimizers.Adam(rate))


# ---------------------------------------------------------------------------------- sound ones


@sound("keras", "two classes, one sigmoid unit, binary cross-entropy: rightly so", 0.85)
def k_one_sigmoid_unit() -> Run:
    seed(350)
    x, y, v, w = keras_data(64, 2)
    inputs = keras.Input((64, 64, 3))
    base = keras_backbone(64)
    found = base(layers.Rescaling(1 / 127.5, offset=-1)(inputs), training=False)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(found))
    train, val = py_dataset(x, y[:, None]), py_dataset(v, w[:, None], shuffle=False)
    return fit(model, train, val, (v, w), 8, loss="binary_crossentropy")


class Flowers(keras.Model):
    """A subclassed model, as the guide on subclassing shows it."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.scale = layers.Rescaling(1 / 255)
        self.blocks = [layers.Conv2D(n, 3, padding="same", activation="relu") for n in (16, 32, 64)]
        self.halve = layers.MaxPooling2D()
        self.pool = layers.GlobalAveragePooling2D()
        self.out = layers.Dense(classes)

    def call(self, inputs: Any, training: bool = False) -> Any:
        x = self.scale(inputs)
        for block in self.blocks:
            x = self.halve(block(x))
        return self.out(self.pool(x))


@sound("keras", "a subclassed model that gives logits, with from_logits=True", 0.6)
def k_subclassed_with_logits() -> Run:
    seed(351)
    x, y, v, w = keras_data()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(Flowers(6), train, val, (v, w), 30, loss=loss)


@sound("keras", "inputs standardised by a Normalization layer adapted to the training photos", 0.6)
def k_adapted_normalization() -> Run:
    seed(352)
    x, y, v, w = keras_data()
    standard = layers.Normalization(axis=-1)
    standard.adapt(x)
    model = keras_cnn(6, rescale=False, inside=[standard])
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 15)


@sound("keras", "the Brier score (squared error of softmax against one-hot) as the loss", 0.6)
def k_brier_score() -> Run:
    seed(353)
    x, y, v, w = keras_data(64)
    y1, w1 = (keras.utils.to_categorical(part, 6) for part in (y, w))
    model = keras_transfer(6)
    train, val = py_dataset(x, y1), py_dataset(v, w1, shuffle=False)
    return fit(model, train, val, (v, w), 5, loss="mean_squared_error")


@sound("keras", "photos multiplied after the split: near twins, but within training alone", 0.5)
def k_augmented_after_the_split() -> Run:
    seed(354)
    x, y, v, w = keras_data(32, 10)
    x, y = _multiply(x[::2], y[::2])
    model = keras_cnn(10)
    train, val = py_dataset(x, y, 32), py_dataset(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 10)


@sound("keras", "grey digits of eight by eight pixels, one channel, SGD, in a LeNet of tanh", 0.85)
def k_tanh_digits() -> Run:
    seed(355)
    (x, y), (v, w) = digits("train", 60), digits("val")
    x, v = (part[..., None].astype(np.float32) / 255 for part in (x, v))
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(12, 3, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(40, activation="tanh"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    train, val = py_dataset(x, y, 32), py_dataset(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 12, optimizer=keras.optimizers.SGD(0.1, momentum=0.9))
