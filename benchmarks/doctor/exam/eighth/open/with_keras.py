"""Keras, open."""

from __future__ import annotations

import numpy as np
from eighth import (
    NARROW,
    ON_TRAIN_LABELS,
    SHUFFLED_ANSWERS,
    TOP_K,
    pairs,
)
from fifth import ALIKE
from fourth import EVALUATED, LABELS, NETWORK, ORDER
from second import (
    LABELS_WRONG,
    REPORT,
    faulty,
    fit,
    keras_data,
)
from sixth import DEGENERATE
from third import HEAD

from support import Run, keras_cnn, py_dataset, seed, sound


@faulty(
    "keras",
    "after each epoch the photos are put in a new order and the labels are not",
    [*LABELS_WRONG, *LABELS],
)
def k_labels_stay_in_order(mended: bool) -> Run:
    seed(1131)
    x, y, v, w = keras_data()
    mixed = np.random.default_rng(1).permutation(len(y))
    x, y = x[mixed], y[mixed]

    def take(rows: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
        return x[rows], y[rows] if mended else y[first : first + len(rows)]

    return fit(keras_cnn(6), pairs(take, len(y)), py_dataset(v, w, 64, False), (v, w), 20)


@faulty(
    "keras",
    "what is called accuracy counts an answer as right if it is among the first three",
    [*REPORT, *EVALUATED, *TOP_K],
)
def k_top_three_called_accuracy(mended: bool) -> Run:
    import keras

    seed(1137)
    x, y, v, w = keras_data()
    metric = keras.metrics.SparseTopKCategoricalAccuracy(1 if mended else 3, name="accuracy")
    data = py_dataset(x, y), py_dataset(v, w, 64, False)
    run = fit(keras_cnn(6), *data, (v, w), 15, metrics=[metric])
    run.claimed = run.told["history"].history["val_accuracy"][-1]
    run.told["reported"] = {"val_top1": run.claimed}
    return run


@faulty(
    "keras",
    "a layer with one unit, left from a network for two classes, lies before the last layer",
    [*NETWORK, *HEAD, *ALIKE, *DEGENERATE, *NARROW],
)
def k_through_one_unit(mended: bool) -> Run:
    from keras import layers

    seed(1139)
    x, y, v, w = keras_data()
    tail = [layers.Dense(32 if mended else 1, "sigmoid")]
    data = py_dataset(x, y), py_dataset(v, w, 64, False)
    return fit(keras_cnn(6, tail=tail), *data, (v, w), 25)


@faulty(
    "keras",
    "the answers of a shuffled data set are compared with labels in the order of the files",
    [*REPORT, *EVALUATED, *ORDER, *SHUFFLED_ANSWERS],
    rejects=ON_TRAIN_LABELS,
)
def k_answers_of_a_shuffled_set(mended: bool) -> Run:
    seed(1141)
    x, y, v, w = keras_data()
    val = py_dataset(v, w, 24, shuffle=not mended)
    run = fit(keras_cnn(6), py_dataset(x, y), val, (v, w), 15)
    answers = np.asarray(run.model.predict(val, verbose=0)).argmax(1)
    run.claimed = float((answers == w).mean())
    run.told["reported"] = {"val_top1": run.claimed}
    return run


@sound("keras", "a rate of 1 with gradients clipped to a norm of a twentieth", 0.6)
def k_rate_of_one_clipped() -> Run:
    import keras

    seed(1153)
    x, y, v, w = keras_data()
    optimizer = keras.optimizers.SGD(1.0, global_clipnorm=0.05)
    data = py_dataset(x, y), py_dataset(v, w, 64, False)
    return fit(keras_cnn(6), *data, (v, w), 25, optimizer=optimizer)
