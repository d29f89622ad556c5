"""Open half, Keras 3 on torch."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers
from second import (
    AUGMENT,
    LABELS_WRONG,
    LOSS,
    MORE_AUGMENTATION,
    NOT_TRAINED,
    OPTIMIZER,
    RATE_HIGH,
    RATE_LOW,
    RATE_TOO_HIGH,
    REPORT,
    VAL_DIFFERS,
    faulty,
    fit,
    keras_data,
)
from third import ACTIVATION, TOO_SHORT, wedges

import support  # noqa: F401 (sets the backend before keras is imported)
from support import (
    Run,
    array_loader,
    keras_cnn,
    photos,
    py_dataset,
    seed,
    sound,
)


def weighted(x: np.ndarray, y: np.ndarray, weight: np.ndarray, batch: int = 16) -> Any:
    """A PyDataset of (photos, labels, sample weights)."""

    class Triples(keras.utils.PyDataset):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.order = np.random.permutation(len(x))

        def __len__(self) -> int:
            return -(-len(x) // batch)

        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            taken = self.order[index * batch : (index + 1) * batch]
            return x[taken], y[taken], weight[taken]

        def on_epoch_end(self) -> None:
            np.random.shuffle(self.order)

    return Triples()


@faulty(
    "keras",
    "Dense(1) and binary cross-entropy (from_logits=True) for six classes, numbered 0..5",
    [
        *LOSS,
        r"(one|single|1) (output|unit|neuron|logit|score|column)|outputs?.{0,60}(one|single|1\b|fewer|too few)|(number|count) of (classes|outputs)",
        r"binary|labels?.{0,80}(above|beyond|larger|greater|outside|range|up to|0\W{1,6}5)",
    ],
    [r"chance|constant|same (answer|class)"],
)
def k_one_sigmoid_for_six_classes(mended: bool) -> Run:
    seed(501)
    x, y, v, w = keras_data()
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    if mended:
        return fit(keras_cnn(6), train, val, (v, w), 12)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    return fit(keras_cnn(1, activation=None), train, val, (v, w), 12, loss=loss)


@faulty(
    "keras",
    "the folder given is one too high: its 'classes' are train/ and val/, not the six flowers",
    [
        *LABELS_WRONG,
        r"(only |just )?(two|2) (of|classes|labels|different)|class(es)?.{0,80}(empty|absent|missing|never|no photos?|without)|(four|4) (classes|of)",
        r"folder|directory",
    ],
    [r"chance|overfit"],
)
def k_folder_one_level_too_high(mended: bool) -> Run:
    seed(502)
    x, y, v, w = keras_data()
    model = keras_cnn(6)
    if mended:
        return fit(model, py_dataset(x, y), py_dataset(v, w, shuffle=False), (v, w), 12)
    all_x = np.concatenate([x, v])
    folder = np.repeat([0, 1], [len(x), len(v)])
    order = np.random.permutation(len(folder))
    cut = int(0.8 * len(order))
    train = py_dataset(all_x[order[:cut]], folder[order[:cut]])
    val = py_dataset(all_x[order[cut:]], folder[order[cut:]], shuffle=False)
    return fit(model, train, val, (v, w), 12)


@faulty(
    "keras",
    "RandomRotation(1.0) was meant as one degree, but turns by any angle; the classes are directions",
    [*AUGMENT, r"rotat|turn(s|ed)? (by|through)|degrees|orientation"],
    [r"underfit", *LABELS_WRONG],
    rejects=MORE_AUGMENTATION,
)
def k_rotation_of_a_whole_turn(mended: bool) -> Run:
    seed(503)
    (x, y), (v, w) = wedges("train"), wedges("val", 20)
    x, v = x.astype(np.float32), v.astype(np.float32)
    change = layers.RandomRotation(1 / 360 if mended else 1.0, fill_mode="nearest")
    model = keras_cnn(4, inside=[change])
    return fit(model, py_dataset(x, y), py_dataset(v, w, shuffle=False), (v, w), 12)


@faulty(
    "keras",
    "EarlyStopping(monitor='val_accuracy', mode='min', patience=1) ends the training as it gets better",
    [*TOO_SHORT, r"mode"],
    [r"underfit", *RATE_LOW],
)
def k_stopped_while_it_improves(mended: bool) -> Run:
    seed(504)
    x, y, v, w = keras_data()
    told = {"mode": "max", "patience": 8} if mended else {"mode": "min", "patience": 1}
    stop = keras.callbacks.EarlyStopping(monitor="val_accuracy", **told)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    return fit(keras_cnn(6, bn=False), train, val, (v, w), 30, rate=2e-3, callbacks=[stop])


@faulty(
    "keras",
    "SparseTopKCategoricalAccuracy (k=5 of ten) stands in the report as 'accuracy'",
    [*REPORT, r"top.?(k|5|five)"],
    [r"underfit|overfit"],
)
def k_top_five_of_ten(mended: bool) -> Run:
    seed(505)
    x, y, v, w = keras_data(32, 10)
    top = keras.metrics.SparseTopKCategoricalAccuracy(k=1 if mended else 5, name="accuracy")
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    run = fit(keras_cnn(10), train, val, (v, w), 12, metrics=[top])
    run.claimed = run.told["history"].history["val_accuracy"][-1]
    return run


@faulty(
    "keras",
    "the hidden Dense layers have activation='softmax', as the last one has",
    [*ACTIVATION, r"softmax", r"hidden.{0,60}(alike|constant|collaps|uniform|squash)"],
    [r"underfit|chance|constant|same (answer|class)", *RATE_LOW],
)
def k_softmax_in_the_hidden_layers(mended: bool) -> Run:
    seed(506)
    x, y, v, w = keras_data()
    kind = "relu" if mended else "softmax"
    tail = [layers.Dense(64, activation=kind), layers.Dense(64, activation=kind)]
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    return fit(keras_cnn(6, tail=tail), train, val, (v, w), 12)


@faulty(
    "keras",
    "the wrong column of the table was read: the labels are who photographed, not which flower",
    LABELS_WRONG,
    [r"memori[sz]|overfit|chance"],
)
def k_wrong_column(mended: bool) -> Run:
    seed(507)
    x, y, v, w = keras_data()
    who, who_else = (np.random.randint(0, 6, len(part)) for part in (y, w))
    train = py_dataset(x, y if mended else who)
    val = py_dataset(v, w if mended else who_else, shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 15)


@faulty(
    "keras",
    "Adam(epsilon=1.0), copied from an old recipe for RMSprop: every step is a thousandth",
    [*RATE_LOW, *OPTIMIZER, r"epsilon"],
    [r"underfit|chance|(few|more|longer) epochs", *NOT_TRAINED],
    rejects=RATE_TOO_HIGH,
)
def k_epsilon_of_one(mended: bool) -> Run:
    seed(508)
    x, y, v, w = keras_data()
    adam = keras.optimizers.Adam(2e-3, epsilon=1e-7 if mended else 1.0)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    return fit(keras_cnn(6, bn=False), train, val, (v, w), 25, optimizer=adam)


@faulty(
    "keras",
    "Input((None, None, 3)): trained on photos of 32 pixels, validated on the same views at 96",
    [*VAL_DIFFERS, r"resolution|\bsizes?\b|pixels? (wide|high|square)|resiz|\b96\b"],
    [r"overfit"],
)
def k_validated_at_another_resolution(mended: bool) -> Run:
    seed(509)
    x, y, v, w = keras_data(32)
    large, _ = photos("val", 96, 6)
    seen = v if mended else large.astype(np.float32)
    train, val = py_dataset(x, y), py_dataset(seen, w, shuffle=False)
    model = keras_cnn(6, size=None)  # type: ignore[arg-type]
    return fit(model, train, val, (v, w), 15, claimed=(seen, w))


@faulty(
    "keras",
    "kernel_initializer=RandomNormal(stddev=1.0) in a deep net: the activations explode",
    [
        *RATE_HIGH,
        *ACTIVATION,
        r"initiali[sz]|stddev|standard deviation",
        r"(activations?|outputs?|logits?|scores?|weights?|loss).{0,60}(explod|huge|large|enormous|grow|blow|thousand)",
    ],
    [r"underfit|chance|overfit"],
    rejects=[r"(learning.?rate|\blr\b).{0,20}too (low|small)"],
)
def k_weights_start_far_too_large(mended: bool) -> Run:
    seed(510)
    x, y, v, w = keras_data()

    def start() -> Any:
        return keras.initializers.HeNormal() if mended else keras.initializers.RandomNormal(0, 1.0)

    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 127.5, -1)])
    for width in (16, 32, 64, 64):
        model.add(
            layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer=start())
        )
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dense(64, activation="relu", kernel_initializer=start()))
    model.add(layers.Dense(6, activation="softmax", kernel_initializer=start()))
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 20, rate=1e-3)


@faulty(
    "keras",
    "sample_weight is the mark 'doubtful' itself: doubtful labels (wrong ones) count, good ones do not",
    [
        *LABELS_WRONG,
        r"sample.?weights?|weights?.{0,60}(sample|zero|ignored|upside|invert)",
        r"(photos?|samples?|examples?).{0,60}(weigh|count(s|ed)? (for )?nothing|ignored)",
    ],
    [r"memori[sz]|overfit|chance"],
    twin_sound=False,
)
def k_doubtful_ones_count(mended: bool) -> Run:
    seed(511)
    x, y, v, w = keras_data()
    doubtful = np.random.rand(len(y)) < 0.4
    shown = np.where(doubtful, (y + np.random.randint(1, 6, len(y))) % 6, y)
    weight = (1.0 - doubtful if mended else doubtful).astype(np.float32)
    train, val = weighted(x, shown, weight), py_dataset(v, w, shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 20)


# ---------------------------------------------------------------------------------- sound ones


@sound("keras", "Adam(gradient_accumulation_steps=3): most batches change nothing", 0.6)
def k_accumulation_by_the_optimizer() -> Run:
    seed(550)
    x, y, v, w = keras_data()
    adam = keras.optimizers.Adam(4e-3, gradient_accumulation_steps=3)
    train, val = py_dataset(x, y, 8), py_dataset(v, w, shuffle=False)
    return fit(keras_cnn(6, bn=False), train, val, (v, w), 40, optimizer=adam)


@sound("keras", "Adam(use_ema=True): the averaged weights were written back at the end", 0.6)
def k_average_written_back() -> Run:
    seed(551)
    x, y, v, w = keras_data()
    adam = keras.optimizers.Adam(3e-3, use_ema=True, ema_momentum=0.9)
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(keras_cnn(6, bn=False), train, val, (v, w), 25, optimizer=adam)


@sound("keras", "sample weights of 0.2 for photos that a student labelled, 1 for the expert's", 0.6)
def k_weights_by_annotator() -> Run:
    seed(552)
    x, y, v, w = keras_data()
    weight = np.where(np.random.rand(len(y)) < 0.5, 0.2, 1.0).astype(np.float32)
    train, val = weighted(x, y, weight), py_dataset(v, w, shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 20)


@sound("keras", "raw 0..255 and no Rescaling: a BatchNormalization at the entrance does it", 0.6)
def k_batchnorm_at_the_entrance() -> Run:
    seed(553)
    x, y, v, w = keras_data()
    model = keras_cnn(6, rescale=False, inside=[layers.BatchNormalization(momentum=0.8)])
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 20)


@sound(
    "keras", "any rotation as augmentation where direction means nothing: flowers from above", 0.5
)
def k_any_rotation_of_flowers() -> Run:
    seed(554)
    x, y, v, w = keras_data()
    model = keras_cnn(6, inside=[layers.RandomRotation(0.5), layers.RandomFlip()])
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 40)
