"""Open half. Keras 3 on torch: compile and fit, and what is written around them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from fifth import ALIKE
from fourth import (
    EVALUATED,
    INPUTS,
    NETWORK,
    ORDER,
    SAMPLER,
    SIZE,
)
from keras import layers, ops
from PIL import Image, ImageFilter
from second import (
    LEAK,
    MORE_AUGMENTATION,
    OPTIMIZER,
    RATE_LOW,
    REPORT,
    SPARSE,
    VAL_DIFFERS,
    faulty,
    fit,
    keras_data,
)

from support import (
    Run,
    array_loader,
    each_photo,
    keras_accuracy,
    keras_cnn,
    photos,
    resize,
    seed,
    sound,
)


@faulty(
    "keras",
    "fit is called folder by folder: six classes one after another, and the last is all that is remembered",
    [*ORDER, r"forg[eo]t|only the last|one class"],
    [*SAMPLER],
)
def k_fit_called_class_by_class(mended: bool) -> Run:
    seed(801)
    x, y, v, w = keras_data()
    model, val = keras_cnn(6), array_loader(v, w, shuffle=False)
    if mended:
        return fit(model, array_loader(x, y), val, (v, w), 15)
    model.compile(keras.optimizers.Adam(3e-3), loss=SPARSE, metrics=["accuracy"])
    for name in range(6):
        folder = array_loader(x[y == name], y[y == name])
        history = model.fit(folder, validation_data=val, epochs=8, verbose=0)
    train = array_loader(x, y, 24, shuffle=False)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "metrics=['categorical_accuracy'] with integer labels: what is counted is how often class 0 is answered",
    [*EVALUATED, *REPORT, r"categorical_?accuracy|metric"],
)
def k_categorical_accuracy_of_integers(mended: bool) -> Run:
    seed(802)
    x, y, v, w = keras_data()
    metric = "accuracy" if mended else "categorical_accuracy"
    val = array_loader(v, w[:, None], shuffle=False)
    run = fit(keras_cnn(6), array_loader(x, y[:, None]), val, (v, w), 15, metrics=(metric,))
    run.claimed = run.told["history"].history[f"val_{metric}"][-1]
    return run


@faulty(
    "keras",
    "the rare classes are copied until all are alike, and then the photos are split: copies on both sides",
    LEAK,
)
def k_copied_before_the_split(mended: bool) -> Run:
    seed(805)
    x, y, v, w = keras_data()
    kept = [np.flatnonzero(y == name)[: 24 if name == 0 else 7] for name in range(6)]
    even = np.concatenate([np.resize(rows, 24) for rows in kept])
    order = np.random.permutation(even)
    if mended:
        train, val = array_loader(x[order], y[order]), array_loader(v, w, shuffle=False)
        return fit(keras_cnn(6), train, val, (v, w), 15)
    train = array_loader(x[order[36:]], y[order[36:]])
    val = array_loader(x[order[:36]], y[order[:36]], shuffle=False)
    run = fit(keras_cnn(6), train, val, (v, w), 15)
    run.claimed = run.told["history"].history["val_accuracy"][-1]
    return run


@faulty(
    "keras",
    "np.resize instead of an image's resize: it takes the first 3072 numbers of each photo, a strip folded up",
    [
        *INPUTS,
        *SIZE,
        r"np\.resize|scrambl|strip|folded|garbl|not (look )?(like )?(a )?(natural |usual )?photos?|reshap|(neighbou?r\w*|adjacent) (pixel|row)|rows?.{0,40}(mixed|wrong|shift|repeat)|transpos|layout|smooth",
    ],
    rejects=MORE_AUGMENTATION,
)
def k_numpy_resize(mended: bool) -> Run:
    seed(808)
    (x, y), (v, w) = photos("train", 96, 6), photos("val", 96, 6)

    def fitting(photo: np.ndarray) -> np.ndarray:
        return resize(photo, 32) if mended else np.resize(photo, (32, 32, 3))

    x, v = (each_photo(part, fitting).astype(np.float32) for part in (x, v))
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 15)


@faulty(
    "keras",
    "the training photos went through a denoiser that leaves no detail; those of validation did not",
    [*INPUTS, *VAL_DIFFERS, *SIZE, r"blur|denois|smooth|detail"],
    rejects=MORE_AUGMENTATION,
)
def k_denoised_in_training_only(mended: bool) -> Run:
    seed(809)
    x, y, v, w = keras_data(48)

    def denoise(photo: np.ndarray) -> np.ndarray:
        image = Image.fromarray(photo.astype(np.uint8))
        return np.asarray(image.filter(ImageFilter.GaussianBlur(6)), dtype=np.float32)

    x = x if mended else each_photo(x, denoise)
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(keras_cnn(6, 48), train, val, (v, w), 12)


@faulty(
    "keras",
    "every kernel begins as a constant: all filters of a layer are alike and stay alike",
    [*NETWORK, *ALIKE, r"initiali[sz]|constant"],
    [*OPTIMIZER, *RATE_LOW],
)
def k_filters_all_alike(mended: bool) -> Run:
    seed(813)
    x, y, v, w = keras_data()
    model = keras_cnn(6)
    for layer in model.layers:
        if not mended and hasattr(layer, "kernel"):
            layer.kernel.assign(ops.full_like(layer.kernel, 0.02))
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 15)


class Excite(layers.Layer):
    """Squeeze and excitation (Hu et al. 2018): channels weighed by a sigmoid."""

    def build(self, shape: Any) -> None:
        self.narrow = layers.Dense(8, activation="relu")
        self.wide = layers.Dense(shape[-1], activation="sigmoid")
        self.narrow.build((None, shape[-1]))
        self.wide.build((None, 8))

    def call(self, held: Any) -> Any:
        return held * self.wide(self.narrow(ops.mean(held, (1, 2), keepdims=True)))


@sound("keras", "sigmoids in the middle: squeeze and excitation", 0.6)
def k_squeeze_and_excitation() -> Run:
    seed(851)
    x, y, v, w = keras_data()
    body = [layers.Rescaling(1 / 255)]
    for width in (16, 32, 64):
        body += [
            layers.Conv2D(width, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.8),
            layers.ReLU(),
            Excite(),
            layers.MaxPooling2D(),
        ]
    tail = [layers.GlobalAveragePooling2D(), layers.Dense(6, activation="softmax")]
    model = keras.Sequential([keras.Input((32, 32, 3)), *body, *tail])
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 18)


@sound("keras", "KL divergence from labels that leave a tenth to the other classes", 0.6)
def k_divergence_from_soft_labels() -> Run:
    seed(854)
    x, y, v, w = keras_data()
    soft = np.eye(6, dtype=np.float32) * 0.88 + 0.02
    train, val = array_loader(x, soft[y]), array_loader(v, soft[w], shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 18, loss="kl_divergence")


@sound(
    "keras", "the first convolution is random and frozen on purpose; the rest learns behind it", 0.6
)
def k_first_layer_random_and_frozen() -> Run:
    seed(857)
    x, y, v, w = keras_data()
    model = keras_cnn(6)
    next(one for one in model.layers if isinstance(one, layers.Conv2D)).trainable = False
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 20)
