"""Keras, kept."""

from __future__ import annotations

import numpy as np
from eighth import (
    ACCUMULATED,
    IN_PLACE,
    INITIAL,
    keras_tanh,
    pairs,
)
from fourth import INPUTS, NETWORK, SCHEDULE
from second import (
    AUGMENT,
    MORE_AUGMENTATION,
    NOT_TRAINED,
    RATE_LOW,
    VAL_DIFFERS,
    faulty,
    fit,
    keras_data,
)
from third import ACTIVATION, BLANK, FEW_STEPS, RANGE

from support import Run, keras_cnn, py_dataset, seed, sound


@faulty(
    "keras",
    "augmentation writes into the photos it was given: noise and shade add up from epoch to epoch",
    [*AUGMENT, *INPUTS, *BLANK, *VAL_DIFFERS, *RANGE, *IN_PLACE],
    rejects=MORE_AUGMENTATION,
)
def k_augmented_in_place(mended: bool) -> Run:
    seed(1132)
    x, y, v, w = keras_data()
    mixed = np.random.default_rng(1).permutation(len(y))
    x, y = x[mixed], y[mixed]

    def take(rows: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
        batch = x[first : first + len(rows)]
        batch = batch.copy() if mended else batch
        batch += np.random.normal(0, 25, batch.shape) + np.random.normal(
            0, 15, (len(rows), 1, 1, 3)
        )
        return np.clip(batch, 0, 255, out=batch), y[first : first + len(rows)]

    return fit(keras_cnn(6), pairs(take, len(y)), py_dataset(v, w, 64, False), (v, w), 25)


@faulty(
    "keras",
    "the optimizer accumulates gradients over 500 batches, and there are fewer in all",
    [*NOT_TRAINED, *FEW_STEPS, *ACCUMULATED],
)
def k_accumulates_five_hundred(mended: bool) -> Run:
    import keras

    seed(1134)
    x, y, v, w = keras_data()
    optimizer = keras.optimizers.Adam(3e-3, gradient_accumulation_steps=2 if mended else 500)
    data = py_dataset(x, y), py_dataset(v, w, 64, False)
    return fit(keras_cnn(6), *data, (v, w), 25, optimizer=optimizer)


@faulty(
    "keras",
    "a cosine decay over 20 epochs is given 20 as its steps: the rate is zero in the third epoch",
    [*SCHEDULE, *RATE_LOW],
)
def k_cosine_counts_steps(mended: bool) -> Run:
    import keras

    seed(1135)
    x, y, v, w = keras_data()
    steps = 20 * 9 if mended else 20
    rate = keras.optimizers.schedules.CosineDecay(3e-3, decay_steps=steps)
    data = py_dataset(x, y), py_dataset(v, w, 64, False)
    return fit(keras_cnn(6), *data, (v, w), 20, optimizer=keras.optimizers.Adam(rate))


@faulty(
    "keras",
    "all weights are drawn with a standard deviation of 1: each tanh is saturated from the first step",
    [*NETWORK, *ACTIVATION, *INITIAL],
)
def k_drawn_too_wide(mended: bool) -> Run:
    import keras

    seed(1140)
    x, y, v, w = keras_data()
    drawn = keras.initializers.RandomNormal(stddev=1.0, seed=1)
    model = keras_tanh("glorot_uniform" if mended else drawn)
    return fit(model, py_dataset(x, y), py_dataset(v, w, 64, False), (v, w), 20, rate=1e-3)


@sound("keras", "photos are scaled in two halves: by 255 in the data, to -1..1 in the model", 0.6)
def k_scaled_in_two_halves() -> Run:
    from keras import layers

    seed(1151)
    x, y, v, w = keras_data()
    model = keras_cnn(6, rescale=False, inside=[layers.Rescaling(2.0, offset=-1)])
    x, v = x / 255, v / 255
    return fit(model, py_dataset(x, y), py_dataset(v, w, 64, False), (v, w), 20)


@sound("keras", "the probabilities of two networks are averaged", 0.6)
def k_two_networks_averaged() -> Run:
    import keras
    from keras import layers

    seed(1154)
    x, y, v, w = keras_data()
    inputs = keras.Input((32, 32, 3))
    model = keras.Model(inputs, layers.Average()([keras_cnn(6)(inputs), keras_cnn(6)(inputs)]))
    return fit(model, py_dataset(x, y), py_dataset(v, w, 64, False), (v, w), 15)
