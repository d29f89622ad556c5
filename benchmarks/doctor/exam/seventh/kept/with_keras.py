"""Keras 3 on torch, kept."""

from __future__ import annotations

import keras
import numpy as np
from fourth import INPUTS, OBJECTIVE, SCHEDULE, STEPS, part
from second import (
    LOSS,
    OPTIMIZER,
    RATE_LOW,
    faulty,
    fit,
    keras_data,
)
from seventh import RESTORED, each_of, palette
from third import RANGE, TOO_SHORT

from support import (
    Run,
    array_loader,
    keras_cnn,
    keras_transfer,
    photos,
    seed,
    sound,
)


@faulty(
    "keras",
    "EarlyStopping takes val_accuracy with mode='min': it stops, and the worst epoch is put back",
    [*RESTORED, *TOO_SHORT],
)
def k_least_accuracy_is_best(mended: bool) -> Run:
    seed(1052)
    x, y, v, w = keras_data()
    stop = keras.callbacks.EarlyStopping(
        "val_accuracy", patience=8, mode="max" if mended else "min", restore_best_weights=True
    )
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 25, callbacks=[stop])


@faulty(
    "keras",
    "ReduceLROnPlateau expects val_loss to fall by 1 an epoch: the rate is divided by 10 each epoch",
    [*SCHEDULE, *RATE_LOW, *OPTIMIZER, *STEPS, r"plateau"],
)
def k_plateau_at_once(mended: bool) -> Run:
    seed(1053)
    x, y, v, w = keras_data()
    reduce = keras.callbacks.ReduceLROnPlateau(
        "val_loss",
        factor=0.1,
        patience=5 if mended else 1,
        min_delta=1e-4 if mended else 1.0,
        min_lr=0,
    )
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 20, rate=1e-3, callbacks=[reduce])


@faulty(
    "keras",
    "the loss is 1 - cosine_similarity, as in books; Keras's is negative already, so it drives away",
    [*LOSS, *OBJECTIVE, r"\bsign\b|maximi|wrong way|worse than|away from"],
)
def k_one_minus_the_negative(mended: bool) -> Run:
    seed(1057)
    x, y, v, w = keras_data()
    sign = 1 if mended else -1

    def distance(truth, answers):
        return 1 + sign * keras.losses.cosine_similarity(truth, answers)

    one_hot, wanted = np.eye(6, dtype=np.float32)[y], np.eye(6, dtype=np.float32)[w]
    train, val = array_loader(x, one_hot), array_loader(v, wanted, shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 20, loss=distance)


@faulty(
    "keras",
    "PNGs with a palette are read without convert('RGB'): the places in each one's palette are the photo",
    [*INPUTS, *RANGE, *part("reading|decoding|files?"), r"palette|colou?r|gr[ae]y"],
)
def k_places_in_the_palette(mended: bool) -> Run:
    seed(1058)
    (x, y), (v, w) = photos("train", 64), photos("val", 64)
    right = v.astype(np.float32)
    x, v = (made.astype(np.float32) for made in each_of(lambda one: palette(one, mended), x, v))
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(keras_transfer(10), train, val, (right, w), 4, rate=1e-2)


@sound(
    "keras", "the optimizer keeps a moving average and writes it over the weights each 9 steps", 0.6
)
def k_average_overwrites() -> Run:
    seed(1071)
    x, y, v, w = keras_data()
    optimizer = keras.optimizers.Adam(
        3e-3, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=9
    )
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 20, optimizer=optimizer)


@sound("keras", "all training photos in one batch: one step an epoch, 70 epochs", 0.6)
def k_one_step_an_epoch() -> Run:
    seed(1073)
    x, y, v, w = keras_data()
    train, val = array_loader(x, y, batch=len(y)), array_loader(v, w, shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 70, rate=1e-2)
