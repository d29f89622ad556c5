"""Kept half, Keras 3 on torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from PIL import Image, ImageFilter
from second import (
    AUGMENT,
    LABELS_WRONG,
    LOSS,
    MORE_AUGMENTATION,
    NO_GRADIENT,
    NOT_TRAINED,
    RATE_HIGH,
    RATE_TOO_LOW,
    SHORTCUT,
    VAL_DIFFERS,
    digits,
    faulty,
    fit,
    keras_data,
)
from third import ACTIVATION, BLANK, LOSS_WITHOUT_LABELS, PRECISION, TOO_SHORT

import support  # noqa: F401 (sets the backend before keras is imported)
from support import (
    Run,
    array_loader,
    keras_cnn,
    keras_transfer,
    photos,
    py_dataset,
    seed,
    sound,
)


@faulty(
    "keras",
    "categorical_crossentropy on one sigmoid unit, two classes: the loss is zero from the first batch on",
    [
        *LOSS,
        *LOSS_WITHOUT_LABELS,
        r"(one|single|1) (output|unit|neuron|logit|score|column)|categorical.{0,60}(one|single|two classes|binary|sigmoid)|binary.?cross",
        r"loss.{0,40}(is|was|of|stays|at|always|near|almost) (exactly |about |nearly )?(zero|0\b|constant|flat)",
        *NO_GRADIENT,
    ],
    [r"chance|constant|same (answer|class)", *NOT_TRAINED],
)
def k_categorical_loss_of_one_unit(mended: bool) -> Run:
    seed(701)
    x, y, v, w = keras_data(32, 2)
    loss = "binary_crossentropy" if mended else "categorical_crossentropy"
    model = keras_cnn(1, activation="sigmoid")
    train = py_dataset(x, y[:, None].astype(np.float32))
    val = py_dataset(v, w[:, None].astype(np.float32), shuffle=False)
    return fit(model, train, val, (v, w), 15, loss=loss)


class Mistakes(keras.losses.Loss):
    """The squared difference to the predictions, rounded to 0 and 1 first (or not)."""

    def __init__(self, whole: bool) -> None:
        super().__init__(name="mistakes")
        self.whole = whole

    def call(self, y_true: Any, y_pred: Any) -> Any:
        shown = ops.round(y_pred) if self.whole else y_pred
        return ops.mean(ops.square(y_true - shown), axis=-1)


@faulty(
    "keras",
    "a loss by hand rounds the predictions to 0 and 1 first: round() has no gradient",
    [*LOSS, *NO_GRADIENT, *NOT_TRAINED, r"round|differentiable|step function|argmax"],
    [r"chance|constant|same (answer|class)|underfit"],
)
def k_loss_of_rounded_predictions(mended: bool) -> Run:
    seed(702)
    x, y, v, w = keras_data()
    y1, w1 = (keras.utils.to_categorical(part, 6) for part in (y, w))
    train, val = py_dataset(x, y1), py_dataset(v, w1, shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 15, loss=Mistakes(not mended))


@faulty(
    "keras",
    "the callback of the learning rate finder was left in: the rate grows tenfold every other epoch",
    [
        *RATE_HIGH,
        r"schedul|callback|finder|grow(s|ing|n)?|(rate|\blr\b).{0,60}(rose|rises|increas|climb|end)",
    ],
    [r"chance|constant|same (answer|class)|nan"],
    rejects=RATE_TOO_LOW,
)
def k_rate_finder_left_in(mended: bool) -> Run:
    seed(703)
    x, y, v, w = keras_data()
    finder = keras.callbacks.LearningRateScheduler(lambda epoch: 1e-4 * 10 ** (epoch / 2))
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    more = [] if mended else [finder]
    return fit(keras_cnn(6, bn=False), train, val, (v, w), 14, rate=2e-3, callbacks=more)


@faulty(
    "keras",
    "16-bit PNGs opened with convert('L'): Pillow cuts at 255, nearly every pixel is white",
    [*BLANK, r"16.?bit|uint16|bit depth|\brange\b|rescal|(only|just) (two|2|few) (values|levels)"],
    [r"duplicat|chance|overfit"],
)
def k_sixteen_bits_cut_at_255(mended: bool) -> Run:
    seed(704)

    def read(photo: np.ndarray) -> np.ndarray:
        deep = Image.fromarray(photo.astype(np.uint16) * 257 + 600)
        if mended:
            return np.asarray(deep).astype(np.float32) / 257
        return np.asarray(deep).clip(0, 255).astype(np.float32)  # what convert("L") does

    (x, y), (v, w) = digits("train", 40), digits("val")
    x, v = (np.stack([read(one) for one in part])[..., None] / 255 for part in (x, v))
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    return fit(model, py_dataset(x, y), py_dataset(v, w, shuffle=False), (v, w), 15)


@faulty(
    "keras",
    "validation_data=(x_val, y_train[:len(x_val)]): the validation photos carry training's labels",
    LABELS_WRONG,
    [r"overfit|memori[sz]", *VAL_DIFFERS],
)
def k_labels_of_the_other_part(mended: bool) -> Run:
    seed(705)
    x, y, v, w = keras_data()
    order = np.random.permutation(len(y))
    x, y = x[order], y[order]
    seen = w if mended else y[: len(w)]
    train, val = py_dataset(x, y), py_dataset(v, seen, shuffle=False)
    run = fit(keras_cnn(6), train, val, (v, w), 15)
    run.claimed = run.told["history"].history["val_accuracy"][-1]
    return run


@faulty(
    "keras",
    "each class was photographed with another lens: how sharp a photo is gives the class away",
    [*SHORTCUT, r"sharp|blur|focus|high.?frequenc|edges?\b|texture|resolution|lens"],
    [],
)
def k_sharpness_gives_the_class_away(mended: bool) -> Run:
    seed(706)
    radius = (0.0, 0.6, 1.1, 1.8, 2.8, 4.5)

    def shot(x: np.ndarray, lens: np.ndarray) -> np.ndarray:
        made = [
            np.asarray(Image.fromarray(one).filter(ImageFilter.GaussianBlur(radius[which])))
            for one, which in zip(x, lens, strict=True)
        ]
        return (x if mended else np.stack(made)).astype(np.float32)

    (x, y), (v, w) = photos("train", 32, 6), photos("val", 32, 6)
    train, val = py_dataset(shot(x, y), y), py_dataset(shot(v, w), w, shuffle=False)
    elsewhere = shot(v, np.roll(w, 24))
    return fit(keras_cnn(6), train, val, (elsewhere, w), 20, claimed=(shot(v, w), w))


@faulty(
    "keras",
    "validated on six photos: their accuracy of 100 % says next to nothing",
    [
        r"(few|small|tiny|only (six|6)|six|\b6|little) (photos?|images?|examples?|samples?|val|validation)",
        r"(val|validation).{0,80}(few|too small|tiny|only (six|6)|noisy|unreliable|uncertain)|interval|uncertain|margin of error",
    ],
    [r"overfit"],
)
def k_validated_on_six_photos(mended: bool) -> Run:
    seed(707)
    x, y, v, w = keras_data(32, 6)
    rows = np.arange(len(w)) if mended else np.random.default_rng(21).choice(len(w), 6, False)
    seen = v[rows], w[rows]
    train, val = py_dataset(x, y), py_dataset(*seen, shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 15, claimed=seen)


@faulty(
    "keras",
    "everything in float16 (dtype policy): Adam's epsilon of 1e-7 is zero there, the weights became NaN",
    [*PRECISION, r"\bnan\b|not a number|not finite|non-?finite|infinit|epsilon"],
    [r"chance|constant|same (answer|class)"],
)
def k_all_in_float16(mended: bool) -> Run:
    seed(708)
    x, y, v, w = keras_data()
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if mended else "float16")
    try:
        model = keras_cnn(6, bn=False)
    finally:
        keras.config.set_dtype_policy(policy)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 15)


@faulty(
    "keras",
    "a BatchNormalization after the softmax: what reaches the loss are no probabilities",
    [
        *LOSS,
        r"batch.?norm\w*.{0,60}(after|last|end|outputs?|softmax|follow)|(after|behind|follows?|following) (the|a|its) softmax|probabilit|negative|sum to|not sum",
        r"(outputs?|scores?).{0,60}(range|negative|not a|above|below|outside)",
    ],
    [r"chance|underfit", *ACTIVATION],
)
def k_batchnorm_after_the_softmax(mended: bool) -> Run:
    seed(709)
    x, y, v, w = keras_data()
    model = keras_cnn(6)
    if not mended:
        model.add(layers.BatchNormalization())
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 15)


@faulty(
    "keras",
    "RandomTranslation(1.0, 1.0), meant as one pixel, moves photos by up to their whole size",
    [
        *AUGMENT,
        *VAL_DIFFERS,
        r"translat|mov(ed|es|ing) out|out of (the )?(frame|photo|picture)|mostly black",
    ],
    [r"underfit|overfit"],
    rejects=MORE_AUGMENTATION,
)
def k_moved_out_of_the_frame(mended: bool) -> Run:
    seed(711)
    x, y, v, w = keras_data()
    most = 1 / 32 if mended else 1.0
    model = keras_cnn(6, inside=[layers.RandomTranslation(most, most, fill_mode="constant")])
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 15)


@faulty(
    "keras",
    "fit(initial_epoch=20, epochs=20) after a restart: no epoch was left, the model is as it began",
    [
        *NOT_TRAINED,
        *TOO_SHORT,
        r"no (epochs?|training|history)|initial_epoch|zero epochs|\b0 epochs|empty history",
    ],
    [r"chance|underfit|constant"],
)
def k_no_epoch_left(mended: bool) -> Run:
    seed(712)
    x, y, v, w = keras_data()
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    first = 0 if mended else 20
    return fit(keras_cnn(6), train, val, (v, w), 20, initial_epoch=first)


# ---------------------------------------------------------------------------------- sound ones


@sound("keras", "steps_per_epoch of an endless generator that changes each photo at random", 0.6)
def k_endless_generator() -> Run:
    seed(750)
    x, y, v, w = keras_data()

    def endless() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        while True:
            rows = np.random.choice(len(y), 16, replace=False)
            flipped = x[rows, :, :: np.random.choice((-1, 1))]
            yield np.ascontiguousarray(flipped), y[rows]

    model = keras_cnn(6)
    val = py_dataset(v, w, shuffle=False)
    return fit(model, endless(), val, (v, w), 15, steps_per_epoch=9)


@sound("keras", "Lion: its rate is a thirtieth of Adam's, its steps are signs", 0.6)
def k_lion() -> Run:
    seed(751)
    x, y, v, w = keras_data()
    lion = keras.optimizers.Lion(3e-4, weight_decay=0.1)
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 25, optimizer=lion)


@sound(
    "keras", "layer normalisation and GELU, no BatchNorm, no bias: after ConvNeXt's fashion", 0.6
)
def k_after_convnext() -> Run:
    seed(752)
    x, y, v, w = keras_data()
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 127.5, -1)])
    for width in (24, 48, 96):
        model.add(layers.Conv2D(width, 2, strides=2, use_bias=False))
        model.add(layers.LayerNormalization())
        model.add(layers.Conv2D(width, 3, padding="same", activation="gelu", use_bias=False))
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(6, activation="softmax", use_bias=False))
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 30, rate=2e-3)


@sound("keras", "CutMix with soft labels: training accuracy lags far behind", 0.6)
def k_cutmix() -> Run:
    seed(753)
    x, y, v, w = keras_data()
    y1, w1 = (keras.utils.to_categorical(part, 6) for part in (y, w))

    class Cut(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return 9

        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            one, two = np.random.permutation(len(y))[:32].reshape(2, 16)
            width = int(np.random.randint(0, 17))
            left = int(np.random.randint(0, 33 - width))
            photo = x[one].copy()
            photo[:, :, left : left + width] = x[two][:, :, left : left + width]
            share = np.float32(1 - width / 32)
            return photo, share * y1[one] + (1 - share) * y1[two]

    val = py_dataset(v, w1, shuffle=False)
    return fit(keras_cnn(6), Cut(), val, (v, w), 30, loss="categorical_crossentropy")


@sound(
    "keras",
    "a warm-up, then a cosine to nought, SGD with Nesterov's momentum, frozen backbone",
    0.6,
)
def k_warm_up_and_cosine() -> Run:
    seed(754)
    x, y, v, w = keras_data(64)
    rate = keras.optimizers.schedules.CosineDecay(
        1e-4, decay_steps=60, warmup_target=0.05, warmup_steps=12
    )
    sgd = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    return fit(keras_transfer(6), train, val, (v, w), 8, optimizer=sgd)
