"""Keras 3 on torch, open: as people write it."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from fourth import (
    EVALUATED,
    INPUTS,
    LABELS,
    NETWORK,
    SIZE,
)
from keras import layers, ops
from second import (
    AUGMENT,
    LABELS_WRONG,
    REPORT,
    VAL_DIFFERS,
    faulty,
    fit,
    keras_data,
)
from sixth import loaded, sequence, six_files

from support import Run, array_loader, keras_cnn, py_dataset, seed, sound


@faulty(
    "keras",
    "MaxPooling2D(16) is the first layer: two by two points are left of each photo",
    [*NETWORK, *SIZE, r"pool"],
)
def k_pooled_away_at_once(mended: bool) -> Run:
    seed(951)
    x, y, v, w = keras_data()
    first = [] if mended else [layers.MaxPooling2D(16), layers.UpSampling2D(16)]
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(keras_cnn(6, inside=first), train, val, (v, w), 20)


@faulty(
    "keras",
    "an accuracy of one's own takes argmax of labels that are integers already: it counts the answers of class 0",
    [*EVALUATED, *REPORT],
)
def k_argmax_of_integer_labels(mended: bool) -> Run:
    seed(952)
    paths, labels, more, names = six_files()

    def accuracy(truth, answers):
        truth = ops.reshape(truth, (-1, 1))
        right = truth[:, 0] if mended else ops.argmax(truth, -1)
        return ops.mean(
            ops.equal(ops.cast(right, "int32"), ops.cast(ops.argmax(answers, -1), "int32"))
        )

    train, val = sequence(paths, labels), sequence(more, names, shuffle=False)
    run = fit(keras_cnn(6), train, val, keras_data()[2:], 18, metrics=[accuracy])
    run.claimed = run.told["history"].history["val_accuracy"][-1]
    return run


@faulty(
    "keras",
    "each training photo is averaged with a random other one, whose label is forgotten",
    [*INPUTS, *LABELS, *LABELS_WRONG, *VAL_DIFFERS, *AUGMENT, r"mix-?up|blend|averag"],
)
def k_averaged_with_another_photo(mended: bool) -> Run:
    seed(955)
    x, y, v, w = keras_data()

    def blend(batch: np.ndarray) -> np.ndarray:
        share = np.random.uniform(0.3, 0.5, (len(batch), 1, 1, 1)).astype(np.float32)
        return share * batch + (1 - share) * x[np.random.permutation(len(x))[: len(batch)]]

    train = py_dataset(x, y, change=None if mended else blend)
    return fit(keras_cnn(6), train, py_dataset(v, w, shuffle=False), (v, w), 20)


@faulty(
    "keras",
    "the slice of labels lacks the factor of the batch size: batch 3 has the labels from the third photo on",
    [*LABELS, *LABELS_WRONG, r"(label|class)e?s?.{0,60}(folder|path|file)"],
)
def k_labels_sliced_one_by_one(mended: bool) -> Run:
    seed(958)
    paths, labels, more, names = six_files()
    rows = None if mended else (lambda index: slice(index, index + 16))
    train = sequence(paths, labels, rows_of_labels=rows)
    val = sequence(more, names, shuffle=False)
    return fit(keras_cnn(6), train, val, keras_data()[2:], 18)


@sound("keras", "photos in patches: the first convolution strides by four", 0.55)
def k_patches_first() -> Run:
    seed(972)
    paths, labels, more, names = six_files()
    patches = [
        layers.Rescaling(1 / 127.5, offset=-1),
        layers.Conv2D(48, 4, strides=4, use_bias=False),
        layers.BatchNormalization(momentum=0.8),
        layers.ReLU(),
    ]
    body = [
        layers.Conv2D(64, 3, padding="same"),
        layers.BatchNormalization(momentum=0.8),
        layers.ReLU(),
    ]
    tail = [layers.GlobalAveragePooling2D(), layers.Dense(6, activation="softmax")]
    model = keras.Sequential([keras.Input((32, 32, 3)), *patches, *body, *tail])
    train, val = sequence(paths, labels), sequence(more, names, shuffle=False)
    return fit(model, train, val, keras_data()[2:], 20)


@sound("keras", "photos by file, centred on nought (-128 to 127) and never divided", 0.6)
def k_centred_never_divided() -> Run:
    seed(974)
    paths, labels, more, names = six_files()

    def read(path: Path) -> np.ndarray:
        return loaded(path).astype(np.float32) - 128

    train = sequence(paths, labels, read=read)
    val = sequence(more, names, shuffle=False, read=read)
    v, w = keras_data()[2:]
    return fit(keras_cnn(6, rescale=False), train, val, (v - 128, w), 20)
