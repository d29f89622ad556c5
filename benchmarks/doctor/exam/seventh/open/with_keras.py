"""Keras 3 on torch, open."""

from __future__ import annotations

import keras
import numpy as np
from fourth import INPUTS, NETWORK, OBJECTIVE
from keras import layers
from second import (
    AUGMENT,
    LOSS,
    faulty,
    fit,
    keras_data,
)
from seventh import CLASS_WEIGHTS, CROPPED
from third import ACTIVATION, BLANK, STATISTICS

from support import (
    Run,
    array_loader,
    keras_cnn,
    py_dataset,
    seed,
    sound,
)


@faulty(
    "keras",
    "each photo has a sample weight, and the photos of three classes have 0: their column was empty",
    [*CLASS_WEIGHTS, *LOSS, *OBJECTIVE, r"sample.?weight"],
)
def k_sample_weights_of_zero(mended: bool) -> Run:
    seed(1051)
    x, y, v, w = keras_data()
    given = np.where((y % 2 == 0) | mended, 1.0, 0.0).astype(np.float32)
    order = np.random.permutation(len(y))
    x, y, given = x[order], y[order], given[order]

    class Weighed(keras.utils.PyDataset):
        def __len__(self) -> int:
            return len(y) // 16

        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            rows = slice(index * 16, index * 16 + 16)
            return x[rows], y[rows], given[rows]

    return fit(keras_cnn(6), Weighed(), py_dataset(v, w, shuffle=False), (v, w), 20)


@faulty(
    "keras",
    "RandomTranslation(1, 1) was meant as one pixel: it is the photo's whole height, and most of it is gone",
    [*INPUTS, *AUGMENT, *CROPPED, *BLANK],
)
def k_translated_by_one(mended: bool) -> Run:
    seed(1054)
    x, y, v, w = keras_data()
    by = 1 / 32 if mended else 1.0
    moved = layers.RandomTranslation(by, by, fill_mode="constant")
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(keras_cnn(6, inside=[moved]), train, val, (v, w), 20)


@faulty(
    "keras",
    "BatchNormalization(momentum=0.9999): the moving statistics are still those of the start",
    [*STATISTICS, *NETWORK],
)
def k_statistics_lag_behind(mended: bool) -> Run:
    seed(1059)
    x, y, v, w = keras_data()
    net = keras_cnn(6, bn=False, inside=[layers.Rescaling(1.0)])
    made = []
    for layer in net.layers:
        made.append(layer)
        if isinstance(layer, layers.Conv2D):
            made.append(layers.BatchNormalization(momentum=0.8 if mended else 0.9999))
    net = keras.Sequential([keras.Input((32, 32, 3)), *made])
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(net, train, val, (v, w), 20)


@faulty(
    "keras",
    "the last layer has a ReLU before the softmax of the loss: a class below zero gets no gradient",
    [*NETWORK, *ACTIVATION, r"relu|dead|negative"],
)
def k_rectified_logits(mended: bool) -> Run:
    seed(1060)
    x, y, v, w = keras_data()
    net = keras_cnn(6, activation=None if mended else "relu")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(net, train, val, (v, w), 20, loss=loss, rate=1e-2)


@sound("keras", "the Kullback-Leibler divergence from smoothed labels, written out as arrays", 0.6)
def k_divergence_from_smoothed() -> Run:
    seed(1072)
    x, y, v, w = keras_data()
    soft, wanted = (np.eye(6, dtype=np.float32)[names] * 0.94 + 0.01 for names in (y, w))
    train, val = array_loader(x, soft), array_loader(v, wanted, shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 20, loss="kl_divergence")
