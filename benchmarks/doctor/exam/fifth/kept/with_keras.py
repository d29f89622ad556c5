"""Kept half. Keras 3 on torch: compile and fit, and what is written around them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from fifth import CHECKPOINT
from fourth import (
    INPUTS,
    LABELS,
    NETWORK,
    OBJECTIVE,
    STEPS,
)
from keras import layers, ops
from second import (
    LABELS_WRONG,
    LOSS,
    NO_GRADIENT,
    NOT_TRAINED,
    RATE_TOO_HIGH,
    RATE_TOO_LOW,
    REPORT,
    SPARSE,
    VAL_DIFFERS,
    faulty,
    fit,
    keras_data,
)
from third import FEW_STEPS, HEAD, RANGE, STATISTICS, TOO_SHORT

from support import (
    Run,
    array_loader,
    keras_accuracy,
    keras_cnn,
    seed,
    sound,
)


@faulty(
    "keras",
    "the weights of three folds' networks, each from its own beginning, are averaged into one",
    [
        *NETWORK,
        *CHECKPOINT,
        *HEAD,
        *STATISTICS,
        r"averag\w*.{0,40}(weights?|networks?|models?)|(weights?|networks?|models?).{0,40}averag",
    ],
    [*NOT_TRAINED, *REPORT],
)
def k_folds_averaged_in_weights(mended: bool) -> Run:
    seed(803)
    x, y, v, w = keras_data()
    order, held = np.random.permutation(len(x)), []
    val = array_loader(v, w, shuffle=False)
    for fold in range(3):
        kept = np.delete(order, np.s_[fold::3])
        run = fit(keras_cnn(6), array_loader(x[kept], y[kept]), val, (v, w), 8)
        held.append(run.model.get_weights())
    if not mended:
        run.model.set_weights([np.mean(three, axis=0) for three in zip(*held, strict=True)])
        run.claimed = run.told["history"].history["val_accuracy"][-1]
        run.honest = keras_accuracy(run.model, v, w)
    run.train = array_loader(x, y)
    return run


@faulty(
    "keras",
    "a loss of one's own is cut off at one 'against outliers': where it is higher there is no gradient",
    [*OBJECTIVE, *LOSS, *NO_GRADIENT, r"loss.{0,60}(clip|cut|cap|bound|constant|limit|flat)"],
    [*NOT_TRAINED, *STEPS],
)
def k_loss_cut_off(mended: bool) -> Run:
    seed(806)
    x, y, v, w = keras_data()

    def robust(labels: Any, answers: Any) -> Any:
        loss = keras.losses.sparse_categorical_crossentropy(labels, answers)
        return loss if mended else ops.clip(loss, 0.0, 1.0)

    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 15, loss=robust)


@faulty(
    "keras",
    "ignore_class=0, left from segmentation where 0 was the background: one flower is never learned",
    [
        *OBJECTIVE,
        *LOSS,
        r"ignor|class.{0,60}(never|not|no |n.t).{0,40}(predict|answer|learn|gradient|loss|count)|never (predict|answer)",
    ],
    [*LABELS],
)
def k_ignore_class_left_from_segmentation(mended: bool) -> Run:
    seed(807)
    x, y, v, w = keras_data()
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=None if mended else 0)
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 18, loss=loss)


@faulty(
    "keras",
    "the photos of validation are kept as int8: all above 127 become negative",
    [*INPUTS, *VAL_DIFFERS, *RANGE, r"int8|negative|overflow|wrap|\bdtype"],
)
def k_validation_in_signed_bytes(mended: bool) -> Run:
    seed(810)
    x, y, v, w = keras_data()
    shown = v if mended else v.astype(np.uint8).astype(np.int8).astype(np.float32)
    train, val = array_loader(x, y), array_loader(shown, w, shuffle=False)
    run = fit(keras_cnn(6), train, val, (shown, w), 15)
    if not mended:
        run.claimed, run.honest = run.honest, keras_accuracy(run.model, v, w)
    return run


@faulty(
    "keras",
    "mirror images are appended behind the photos, the labels are repeated one by one instead: np.repeat for np.tile",
    [*LABELS, *LABELS_WRONG],
)
def k_labels_repeated_for_tiled(mended: bool) -> Run:
    seed(811)
    x, y, v, w = keras_data()
    order = np.random.permutation(len(x))
    twice = np.concatenate([x[order], x[order, :, ::-1]])
    labels = np.tile(y[order], 2) if mended else np.repeat(y[order], 2)
    train, val = array_loader(twice, labels), array_loader(v, w, shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 10)


@faulty(
    "keras",
    "EarlyStopping takes val_accuracy for a loss (mode='min'): the first improvement ends the training",
    [*TOO_SHORT, *FEW_STEPS, r"mode ?="],
    rejects=[*RATE_TOO_LOW, *RATE_TOO_HIGH],
)
def k_stopped_by_the_first_improvement(mended: bool) -> Run:
    seed(812)
    x, y, v, w = keras_data()
    stop = keras.callbacks.EarlyStopping(
        "val_accuracy", patience=8 if mended else 1, mode="max" if mended else "min"
    )
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 20, rate=1e-3, callbacks=[stop])


@sound("keras", "train_on_batch in a loop by hand: there is no history", 0.6)
def k_train_on_batch_by_hand() -> Run:
    seed(852)
    x, y, v, w = keras_data()
    model, train = keras_cnn(6), array_loader(x, y)
    model.compile(keras.optimizers.Adam(3e-3), loss=SPARSE, metrics=["accuracy"])
    for _ in range(18):
        for images, labels in train:
            model.train_on_batch(images.numpy(), labels.numpy())
    val = array_loader(v, w, shuffle=False)
    return Run(model, train, val, {}, keras_accuracy(model, v, w))


@sound("keras", "the optimizer's own average of the weights, written over them at the end", 0.6)
def k_average_of_the_optimizer() -> Run:
    seed(853)
    x, y, v, w = keras_data()
    optimizer = keras.optimizers.Adam(3e-3, use_ema=True, ema_momentum=0.9)
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 20, optimizer=optimizer)


class Hues(layers.Layer):
    """0..255 in red, green, blue to hue, saturation and value, 0..1, beside the colours."""

    def call(self, images: Any) -> Any:
        colours = images / 255
        most, least = ops.max(colours, -1, keepdims=True), ops.min(colours, -1, keepdims=True)
        return ops.concatenate([colours - most, (most - least) / (most + 1e-3), most], -1)

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], 5)


@sound("keras", "five channels of colour contrast are computed inside the model", 0.6)
def k_colours_computed_inside() -> Run:
    seed(855)
    x, y, v, w = keras_data()
    model = keras_cnn(6, rescale=False, inside=[Hues()])
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 18)


@sound("keras", "noise on the rescaled photos and dropout of channels, in training alone", 0.6)
def k_noise_and_channel_dropout() -> Run:
    seed(856)
    x, y, v, w = keras_data()
    inside = [layers.Rescaling(1 / 127.5, offset=-1), layers.GaussianNoise(0.2)]
    model = keras_cnn(6, rescale=False, inside=inside, dropout=0.2)
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 20)
