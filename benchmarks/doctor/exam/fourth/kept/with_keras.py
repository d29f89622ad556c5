"""Kept half. Keras 3 on torch: compile and fit, and train_steps of one's own."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from fourth import (
    ACROSS,
    EVALUATED,
    INPUTS,
    LABELS,
    NETWORK,
    OBJECTIVE,
    SCHEDULE,
    STEPS,
)
from keras import layers, ops
from PIL import Image, ImageOps
from second import (
    AUGMENT,
    LABELS_WRONG,
    LOSS,
    MORE_AUGMENTATION,
    NOT_TRAINED,
    OPTIMIZER,
    RATE_LOW,
    RATE_TOO_HIGH,
    SHORTCUT,
    VAL_DIFFERS,
    faulty,
    fit,
    keras_data,
)
from third import ACTIVATION, RANGE, TOO_SHORT

from support import (
    Run,
    array_loader,
    keras_accuracy,
    keras_cnn,
    keras_transfer,
    photos,
    py_dataset,
    seed,
    sound,
)

EASY = (6, 7)  # what take(24) yields here
SPARSE = "sparse_categorical_crossentropy"


@faulty(
    "keras",
    "Rescaling(255) for Rescaling(1/255): pixels up to 65025",
    [*RANGE, *INPUTS, r"65025|255"],
    [*RATE_TOO_HIGH, r"chance|diverg|dead"],
)
def k_rescaling_upside_down(mended: bool) -> Run:
    seed(602)
    x, y, v, w = keras_data()
    scale = layers.Rescaling(1 / 255 if mended else 255)
    model = keras_cnn(6, rescale=False, inside=[scale], bn=False, width=24)
    return fit(model, array_loader(x, y), array_loader(v, w, shuffle=False), (v, w), 30)


@faulty(
    "keras",
    "LearningRateScheduler(lambda epoch, lr: lr * 0.1**epoch): the rate it is given is already the last one, so it compounds",
    [*SCHEDULE, *RATE_LOW, *NOT_TRAINED, *TOO_SHORT, *OPTIMIZER, *STEPS],
    [r"underfit"],
)
def k_schedule_compounds(mended: bool) -> Run:
    seed(607)
    x, y, v, w = keras_data()
    first = 1e-3

    def change(epoch: int, rate: float) -> float:
        return first * 0.9**epoch if mended else rate * 0.1**epoch

    callback = keras.callbacks.LearningRateScheduler(change)
    return fit(
        keras_cnn(6),
        array_loader(x, y),
        array_loader(v, w, shuffle=False),
        (v, w),
        20,
        rate=first,
        callbacks=[callback],
    )


@faulty(
    "keras",
    "label_mode='coarse' for training, 'fine' for validation: three families are learned, six species asked",
    [
        *LABELS_WRONG,
        *LABELS,
        r"class(es)?.{0,80}(never|missing|absent|no photo|not in|only in|empty)|labels?.{0,80}(differ|only|train.{0,30}val)|coarse|(fewer|three|3) (class|label)",
    ],
    [r"never (predicted|answered)"],
)
def k_coarse_labels_in_training(mended: bool) -> Run:
    seed(608)
    x, y, v, w = keras_data()
    train = array_loader(x, y if mended else y // 2)
    return fit(keras_cnn(6), train, array_loader(v, w, shuffle=False), (v, w), 15)


@faulty(
    "keras",
    "two collections put together: three flowers come from arrays that were already divided by 255",
    [*RANGE, *INPUTS, *VAL_DIFFERS, *SHORTCUT, r"black|dark|brightness|255|mixed"],
    [r"overfit"],
)
def k_one_source_already_scaled(mended: bool) -> Run:
    seed(609)
    x, y, v, w = keras_data()
    if not mended:
        x = np.where((y < 3)[:, None, None, None], x / 255, x).astype(np.float32)
    return fit(keras_cnn(6), array_loader(x, y), array_loader(v, w, shuffle=False), (v, w), 15)


@faulty(
    "keras",
    "preprocess_input works in place: called once to look at a photo and once more to prepare it, validation is scaled twice",
    [*VAL_DIFFERS, *RANGE, *INPUTS, r"twice|constant"],
    [r"overfit|never (predicted|answered)|one class"],
)
def k_preprocessed_in_place_twice(mended: bool) -> Run:
    seed(610)
    prepare = keras.applications.mobilenet_v2.preprocess_input
    (x, y), (v, w) = photos("train", 64, 6), photos("val", 64, 6)
    x, v = x.astype(np.float32), v.astype(np.float32)
    proper = prepare(v.copy())
    shown = prepare(v.copy() if mended else v)  # plt.imshow(shown[0])
    assert shown.min() < 0
    x, v = prepare(x), prepare(v)
    model = keras_transfer(6, 64, rescale=False)
    return fit(
        model,
        array_loader(x, y),
        array_loader(v, w, shuffle=False),
        (proper, w),
        4,
        rate=1e-2,
        claimed=(v, w),
    )


@faulty(
    "keras",
    "kernel_constraint=MaxNorm(0.05) on every layer: the signal dies out on its way",
    [
        *NETWORK,
        *ACTIVATION,
        *STEPS,
        *OPTIMIZER,
        r"constrain|max.?norm|(weights?|kernels?).{0,60}(small|norm|bounded|shrunk|tiny|zero)|(signal|activations?|features?|outputs?|logits?).{0,60}(small|tiny|constant|flat|die|vanish|shrink|nearly (the same|equal|zero)|collaps)",
    ],
    [r"chance|uniform|constant|underfit"],
    rejects=[],
)
def k_kernels_kept_tiny(mended: bool) -> Run:
    seed(613)
    x, y, v, w = keras_data()
    made: list[Any] = [keras.Input((32, 32, 3)), layers.Rescaling(1 / 127.5, offset=-1)]
    for filters in (16, 32, 64):
        bound = keras.constraints.MaxNorm(3.0 if mended else 0.05, axis=[0, 1, 2])
        made += [
            layers.Conv2D(filters, 3, padding="same", activation="relu", kernel_constraint=bound),
            layers.MaxPooling2D(),
        ]
    made += [layers.GlobalAveragePooling2D(), layers.Dense(6, activation="softmax")]
    return fit(
        keras.Sequential(made), array_loader(x, y), array_loader(v, w, shuffle=False), (v, w), 35
    )


@faulty(
    "keras",
    "Dropout behind the softmax: it strikes out answers, mostly the right one's neighbours, sometimes the right one",
    [r"dropout", *NETWORK, *LOSS, *OBJECTIVE, r"(after|behind|following) the softmax"],
    [r"underfit"],
)
def k_dropout_behind_the_softmax(mended: bool) -> Run:
    seed(615)
    x, y, v, w = keras_data()
    body = keras_cnn(6, bn=False, dropout=0.3 if mended else 0.0)
    model = (
        body
        if mended
        else keras.Sequential([keras.Input((32, 32, 3)), *body.layers, layers.Dropout(0.8)])
    )
    return fit(model, array_loader(x, y), array_loader(v, w, shuffle=False), (v, w), 35)


@faulty(
    "keras",
    "ds.take(24) of a data set in folder order: validation knows two flowers of ten, the easy ones",
    [
        r"(val|validation).{0,100}(only|two|2|missing|lack|without|absent|no photo|few(er)?).{0,40}class|class(es)?.{0,80}(missing|absent|no photo|without|never|not in|lack|empty).{0,60}(val|validation)|(val|validation).{0,60}(does not|n.t) (cover|contain|hold)",
        r"(val|validation).{0,80}(not representative|class (histogram|balance|distribution|share))",
        *EVALUATED,
    ],
    [r"overfit"],
    rejects=[],
)
def k_validation_takes_the_first_flowers(mended: bool) -> Run:
    seed(616)
    x, y, v, w = keras_data(32, 10)
    chosen = np.ones(len(w), bool) if mended else np.isin(w, EASY)
    val = array_loader(v[chosen], w[chosen], shuffle=False)
    return fit(keras_cnn(10), array_loader(x, y), val, (v, w), 12, claimed=(v[chosen], w[chosen]))


@faulty(
    "keras",
    "ops.reshape after a transposition: the vector of a photo is put together from the whole batch",
    [*ACROSS, *NETWORK, r"reshape|transpos|flatten"],
    [r"chance|underfit"],
)
def k_reshape_mixes_the_batch(mended: bool) -> Run:
    seed(617)
    x, y, v, w = keras_data()
    order = np.random.permutation(len(v))
    v, w = v[order], w[order]
    body = keras_cnn(6)
    inputs = keras.Input((32, 32, 3))
    hidden = inputs
    for layer in body.layers[:-2]:
        hidden = layer(hidden)
    axes = (0, 3, 1, 2) if mended else (3, 0, 1, 2)
    flat = layers.Lambda(
        lambda t: ops.reshape(ops.transpose(t, axes), (ops.shape(t)[0], 4 * 4 * 64)),
        output_shape=(4 * 4 * 64,),
    )
    model = keras.Model(inputs, layers.Dense(6, activation="softmax")(flat(hidden)))
    return fit(model, array_loader(x, y), array_loader(v, w, shuffle=False), (v, w), 12)


@faulty(
    "keras",
    "preprocessing_function=equalize was given to the training generator alone",
    [
        *VAL_DIFFERS,
        *INPUTS,
        r"equali|contrast|brightness|(grey|gray|pixel|value|intensity).{0,20}histogram|(mean|average|std|deviation).{0,40}differ",
    ],
    [r"overfit", *AUGMENT],
    rejects=MORE_AUGMENTATION,
)
def k_equalised_in_training_only(mended: bool) -> Run:
    seed(622)
    x, y, v, w = keras_data()

    def equalise(batch: np.ndarray) -> np.ndarray:
        pictures = (Image.fromarray(photo.astype(np.uint8)) for photo in batch)
        return np.stack([np.asarray(ImageOps.equalize(one), np.float32) for one in pictures])

    train = py_dataset(x, y, change=None if mended else equalise)
    return fit(keras_cnn(6), train, py_dataset(v, w, shuffle=False), (v, w), 15)


# ---------------------------------------------------------------------------------- sound ones


@sound(
    "keras",
    "trained on logits, handed over as Sequential([net, Softmax()]) and compiled anew for the figures",
    0.6,
)
def k_softmax_added_for_delivery() -> Run:
    seed(651)
    x, y, v, w = keras_data()
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    net = keras_cnn(6, activation=None)
    run = fit(
        net,
        train,
        val,
        (v, w),
        15,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    delivered = keras.Sequential([keras.Input((32, 32, 3)), net, layers.Softmax()])
    delivered.compile(keras.optimizers.Adam(3e-3), loss=SPARSE, metrics=["accuracy"])
    return Run(delivered, train, val, run.told, keras_accuracy(delivered, v, w))


@sound("keras", "one single epoch over a data set that repeats each photo fifteen times", 0.6)
def k_one_long_epoch() -> Run:
    seed(653)
    x, y, v, w = keras_data()
    order = np.concatenate([np.random.permutation(len(x)) for _ in range(15)])
    train = py_dataset(x[order], y[order], shuffle=False)
    return fit(keras_cnn(6), train, array_loader(v, w, shuffle=False), (v, w), 1)


@sound("keras", "photos as float16 in [0, 1], Rescaling(2, offset=-1) inside", 0.6)
def k_halves_in_zero_to_one() -> Run:
    seed(654)
    x, y, v, w = keras_data()
    x, v = ((part / 255).astype(np.float16) for part in (x, v))
    model = keras_cnn(6, rescale=False, inside=[layers.Rescaling(2.0, offset=-1)])
    return fit(model, py_dataset(x, y), py_dataset(v, w, shuffle=False), (v, w), 15)


@sound("keras", "unit-norm kernels, SGD with rate 0.3 and clipnorm", 0.6)
def k_unit_norm_kernels() -> Run:
    seed(655)
    x, y, v, w = keras_data()
    made: list[Any] = [keras.Input((32, 32, 3)), layers.Rescaling(1 / 127.5, offset=-1)]
    for filters in (16, 32, 64):
        unit = keras.constraints.UnitNorm(axis=[0, 1, 2])
        made += [
            layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_constraint=unit),
            layers.BatchNormalization(momentum=0.8),
            layers.ReLU(),
            layers.MaxPooling2D(),
        ]
    made += [layers.GlobalAveragePooling2D(), layers.Dense(6, activation="softmax")]
    sgd = keras.optimizers.SGD(0.3, clipnorm=1.0)
    return fit(
        keras.Sequential(made),
        array_loader(x, y),
        array_loader(v, w, shuffle=False),
        (v, w),
        20,
        optimizer=sgd,
    )


@sound(
    "keras",
    "a patch of each training photo erased, always, and Gaussian dropout: training far below validation",
    0.6,
)
def k_erased_in_every_photo() -> Run:
    seed(656)
    x, y, v, w = keras_data()
    erase = layers.RandomErasing(factor=1.0, scale=(0.1, 0.25), fill_value=0, value_range=(0, 255))
    model = keras_cnn(6, inside=[erase], tail=[layers.GaussianDropout(0.3)])
    return fit(model, array_loader(x, y), array_loader(v, w, shuffle=False), (v, w), 25)
