"""Keras 3 on torch, kept: as people write it."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from fourth import (
    INPUTS,
    ORDER,
    SAMPLER,
    STEPS,
)
from second import (
    NOT_TRAINED,
    OPTIMIZER,
    RATE_LOW,
    faulty,
    fit,
    keras_data,
)
from sixth import loaded, sequence, six_files
from third import RANGE

from support import Run, array_loader, keras_cnn, seed, sound


@faulty(
    "keras",
    "128 is taken from photos in uint8: what is darker than 128 wraps round to the bright end",
    [*INPUTS, *RANGE, r"uint8|wrap|overflow|underflow"],
)
def k_centred_in_uint8(mended: bool) -> Run:
    seed(953)
    paths, labels, more, names = six_files()

    def read(path: Path) -> np.ndarray:
        photo = loaded(path)
        centred = photo.astype(np.float32) - 128 if mended else photo - np.uint8(128)
        return centred / 128

    train = sequence(paths, labels, read=read)
    val = sequence(more, names, shuffle=False, read=read)
    v, w = keras_data()[2:]
    return fit(keras_cnn(6, rescale=False), train, val, ((v - 128) / 128, w), 18)


@faulty(
    "keras",
    "__len__ of the Sequence gives the number of classes for that of batches: the first photos alone are seen",
    [*SAMPLER, *ORDER, r"__len__|few(er)? (photos|batches)|first (photos|batches|classes)"],
)
def k_length_counts_classes(mended: bool) -> Run:
    seed(957)
    paths, labels, more, names = six_files()
    order = np.argsort(np.random.rand(144)) if mended else np.arange(144)
    paths, labels = [paths[i] for i in order], [labels[i] for i in order]
    train = sequence(paths, labels, batch=8, shuffle=False, length=None if mended else 6)
    val = sequence(more, names, batch=8, shuffle=False)
    return fit(keras_cnn(6), train, val, keras_data()[2:], 20)


@faulty(
    "keras",
    "Ftrl with its default settings, from a tutorial on click-through rates: it scarcely moves",
    [*STEPS, *OPTIMIZER, *RATE_LOW, *NOT_TRAINED, r"ftrl"],
)
def k_ftrl_as_it_comes(mended: bool) -> Run:
    seed(960)
    paths, labels, more, names = six_files()
    train, val = sequence(paths, labels), sequence(more, names, shuffle=False)
    optimizer = keras.optimizers.Adam(3e-3) if mended else "ftrl"
    return fit(keras_cnn(6), train, val, keras_data()[2:], 18, optimizer=optimizer)


@sound("keras", "a loss that ends near -1: cosine similarity to one-hot rows", 0.6)
def k_cosine_similarity() -> Run:
    seed(971)
    x, y, v, w = keras_data()
    hot = np.eye(6, dtype=np.float32)
    train, val = array_loader(x, hot[y]), array_loader(v, hot[w], shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 20, loss="cosine_similarity")


@sound("keras", "two photos averaged, and their labels", 0.6)
def k_averaged_with_their_labels() -> Run:
    seed(973)
    x, y, v, w = keras_data()
    hot = np.eye(6, dtype=np.float32)
    pairs = np.random.permutation(len(x))
    share = np.random.beta(0.4, 0.4, (len(x), 1)).astype(np.float32)
    mixed = share[..., None, None] * x + (1 - share[..., None, None]) * x[pairs]
    soft = share * hot[y] + (1 - share) * hot[y][pairs]
    train = array_loader(np.concatenate([x, mixed]), np.concatenate([hot[y], soft]))
    val = array_loader(v, hot[w], shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 12, loss="categorical_crossentropy")
