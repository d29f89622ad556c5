"""Kept half, Keras 3 on torch."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers
from second import (
    AUGMENT,
    LABELS_WRONG,
    LOSS,
    MORE_AUGMENTATION,
    NOT_TRAINED,
    OPTIMIZER,
    RATE_HIGH,
    RATE_LOW,
    RATE_TOO_HIGH,
    RATE_TOO_LOW,
    REPORT,
    SHORTCUT,
    SPARSE,
    VAL_DIFFERS,
    faulty,
    fit,
    keras_data,
)

import support  # noqa: F401 (sets the backend before keras is imported)
from support import (
    Run,
    array_loader,
    each_photo,
    grey,
    keras_accuracy,
    keras_backbone,
    keras_cnn,
    keras_transfer,
    photos,
    py_dataset,
    resize,
    seed,
    sound,
)


def one_hot(classes: int, *labels: np.ndarray) -> list[np.ndarray]:
    return [keras.utils.to_categorical(part, classes) for part in labels]


@faulty(
    "keras",
    "photos are padded to a square, and every class has its own aspect ratio: the bars tell the class",
    [
        *SHORTCUT,
        r"border|\bbars?\b|padd|letterbox|aspect|\bframes?\b|margin|\bedges?\b|black (area|region|part|pixels)|size of the (photo|image)|\bwidths?\b|\bheights?\b",
    ],
    [],
)
def k_padding_gives_the_class_away(mended: bool) -> Run:
    seed(501)
    sides = [(32, 32), (26, 32), (20, 32), (14, 32), (32, 24), (32, 16)]

    def padded(x: np.ndarray, source: np.ndarray) -> np.ndarray:
        made = np.zeros_like(x)
        for index, (photo, place) in enumerate(zip(x, source, strict=True)):
            height, width = (32, 32) if mended else sides[place]
            top, left = (32 - height) // 2, (32 - width) // 2
            made[index, top : top + height, left : left + width] = resize(photo, width, height)
        return grey(made).astype(np.float32)

    (x, y), (v, w) = photos("train", 32, 6), photos("val", 32, 6)
    model = keras_cnn(6)
    shown = padded(v, w)
    train, val = py_dataset(padded(x, y), y), py_dataset(shown, w, shuffle=False)
    elsewhere = padded(v, np.roll(w, 12))
    return fit(model, train, val, (elsewhere, w), 12, claimed=(shown, w))


@faulty(
    "keras",
    "the labels were divided by 255 together with the photos: as whole numbers all of them are 0",
    [
        *LABELS_WRONG,
        r"labels?.{0,80}(all|only|constant|same|single|one (class|value)|zero|fraction|float|not (integer|whole)|range|scaled|divid|between 0)",
        r"(one|single|only) class|class(es)?.{0,80}(missing|absent|never|no photo|without|empty)",
    ],
    [r"constant|same (answer|class)"],
)
def k_labels_divided_too(mended: bool) -> Run:
    seed(503)
    x, y, v, w = keras_data()
    x, v, true = x / 255, v / 255, w
    if not mended:
        y, w = y.astype(np.float32) / 255, w.astype(np.float32) / 255
    model = keras_cnn(6, rescale=False)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    run = fit(model, train, val, (v, true), 12)
    run.claimed = run.told["history"].history["val_accuracy"][-1]
    return run


@faulty(
    "keras",
    "mean absolute error of a softmax against one-hot: the gradient dies in the corners",
    [*LOSS, r"mean.?absolute|\bmae\b|regression|cross-?entropy"],
    [r"underfit|chance|learning rate.{0,40}low"],
)
def k_mean_absolute_error(mended: bool) -> Run:
    seed(504)
    x, y, v, w = keras_data(32, 10)
    y1, w1 = one_hot(10, y, w)
    model = keras_cnn(10)
    loss = "categorical_crossentropy" if mended else "mae"
    train, val = py_dataset(x, y1), py_dataset(v, w1, shuffle=False)
    return fit(model, train, val, (v, w), 12, loss=loss, rate=1e-2)


@faulty(
    "keras",
    "Dense(6, activation='relu') as the last layer, with a loss that takes probabilities",
    [
        r"relu|activation|softmax|logits|(not|n.t|no) .{0,20}probabilit|sum to (one|1)|dead|zero outputs?",
        *LOSS,
    ],
    [r"chance|constant|same (answer|class)"],
)
def k_relu_at_the_end(mended: bool) -> Run:
    seed(505)
    x, y, v, w = keras_data()
    model = keras_cnn(6, activation="softmax" if mended else "relu")
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 12)


@faulty(
    "keras",
    "clone_model() was meant to copy the trained model; it copies the layers and draws new weights",
    [
        *NOT_TRAINED,
        *REPORT,
        r"initiali[sz]|random weights?|clone|not the (model|one)|weights?.{0,60}(lost|not loaded|never loaded|restor|random)",
    ],
    [r"chance"],
)
def k_clone_without_weights(mended: bool) -> Run:
    seed(506)
    x, y, v, w = keras_data()
    model = keras_cnn(6, bn=False)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    run = fit(model, train, val, (v, w), 20)
    shipped = keras.models.clone_model(model)
    if mended:
        shipped.set_weights(model.get_weights())
    shipped.compile("adam", SPARSE, metrics=["accuracy"])
    return Run(shipped, train, val, run.told, keras_accuracy(shipped, v, w))


@faulty(
    "keras",
    "np.argmax(model.predict(x), axis=1) on one sigmoid output: it answers 0 for every photo",
    [*REPORT, r"argmax|threshold|0\.5|(one|single) (output|unit).{0,60}(argmax|axis|class)"],
    [],
)
def k_argmax_of_one_sigmoid(mended: bool) -> Run:
    seed(507)
    x, y, v, w = keras_data(64, 2)
    model = keras_transfer(1, activation="sigmoid")
    y1, w1 = (part[:, None].astype(np.float32) for part in (y, w))
    train, val = array_loader(x, y1), array_loader(v, w1, shuffle=False)
    run = fit(model, train, val, (v, w), 8, loss="binary_crossentropy")
    answers = np.asarray(model.predict(v, verbose=0))
    answers = (answers[:, 0] > 0.5).astype(int) if mended else np.argmax(answers, axis=1)
    run.claimed = float((answers == w).mean())
    run.told["reported"] = {"val_top1": run.claimed}
    return run


@faulty(
    "keras",
    "kernel_regularizer=l2(1.0) in every layer: the penalty is larger than the loss and flattens the net",
    [
        r"regulari[sz]|\bl2\b|weight.?decay|penalt",
        r"(weights?|kernels?|head).{0,60}(shr[iau]nk|decay|towards zero|to zero|near zero|vanish|tiny)",
    ],
    [r"chance|constant|same (answer|class)|underfit"],
    rejects=[
        r"(add|more|try|use|stronger|needs?|without|no|lacks?) [^.]{0,40}(regulari|weight.?decay|l2)"
    ],
)
def k_penalty_flattens_the_net(mended: bool) -> Run:
    seed(508)
    x, y, v, w = keras_data()
    penalty = keras.regularizers.L2(1e-4 if mended else 1.0)
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 127.5, offset=-1)])
    for width in (16, 32, 64):
        model.add(
            layers.Conv2D(width, 3, padding="same", activation="relu", kernel_regularizer=penalty)
        )
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dense(6, activation="softmax", kernel_regularizer=penalty))
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 12, rate=1e-3)


@faulty(
    "keras",
    "the pretrained backbone is unfrozen and tuned at once with Adam(0.01): its knowledge is destroyed",
    [
        *RATE_HIGH,
        r"fine-?tun|pre-?trained.{0,80}(lost|destroy|overwrit|forgot|wreck|damage|ruin)|forgett|unfr[eo]+z",
        r"backbone.{0,80}(destroy|lost|worse|chang|moved|damag|features|froz|freez|too (much|far))|features?.{0,60}(destroy|lost|worse|collaps)",
        *OPTIMIZER,
    ],
    [r"overfit|chance|batch.?norm"],
    rejects=RATE_TOO_LOW,
)
def k_fine_tuned_too_fast(mended: bool) -> Run:
    seed(510)
    x, y, v, w = keras_data(64, 5)
    base = keras_backbone(64, trainable=not mended)
    inputs = keras.Input((64, 64, 3))
    found = base(layers.Rescaling(1 / 127.5, offset=-1)(inputs), training=False)
    model = keras.Model(inputs, layers.Dense(5, activation="softmax")(found))
    train, val = array_loader(x, y, 24), array_loader(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 3, rate=1e-2)


@faulty(
    "keras",
    "ReduceLROnPlateau(monitor='val_loss', mode='max', patience=0): every better epoch cuts the rate",
    [*RATE_LOW, *OPTIMIZER, r"plateau|schedul|callback|\bmode="],
    [r"underfit|chance|(few|more|longer) epochs", *NOT_TRAINED],
    rejects=RATE_TOO_HIGH,
)
def k_plateau_upside_down(mended: bool) -> Run:
    seed(511)
    x, y, v, w = keras_data()
    model = keras_cnn(6, bn=False)
    cut = keras.callbacks.ReduceLROnPlateau(
        monitor="val_loss",
        mode="min" if mended else "max",
        patience=4 if mended else 0,
        factor=0.1,
        min_lr=0,
    )
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 18, callbacks=[cut])


@faulty(
    "keras",
    "noise of 25 grey levels is added after dividing by 255: training sees only noise",
    [
        *AUGMENT,
        *VAL_DIFFERS,
        r"gaussian|stddev|noise (is|was|of|added)|noisy (photo|image|input|pixel)|(input|photo|image|pixel)s?.{0,60}nois",
        r"(train(ing)?) (photos?|images?|inputs?|pixels?|data).{0,80}(range|scale|contrast|sharp|noise)",
    ],
    [r"underfit|chance"],
    rejects=MORE_AUGMENTATION,
)
def k_noise_in_grey_levels(mended: bool) -> Run:
    seed(512)
    x, y, v, w = keras_data()
    sigma = 25 / 255 if mended else 25

    def augment(batch: np.ndarray) -> np.ndarray:
        if np.random.rand() < 0.5:
            batch = batch[:, :, ::-1]
        batch = batch / 255.0
        return (batch + np.random.normal(0, sigma, batch.shape)).astype(np.float32)

    model = keras_cnn(6, rescale=False, bn=False)
    train, val = py_dataset(x, y, change=augment), py_dataset(v / 255, w, shuffle=False)
    return fit(model, train, val, (v / 255, w), 20)


@faulty(
    "keras",
    "the validation photos come from another camera at dusk: dark, noisy and out of focus",
    [
        *VAL_DIFFERS,
        r"bright|\bdark|exposure|contrast|blur|sharp|camera|domain|distribution",
    ],
    [r"overfit"],
)
def k_validation_at_dusk(mended: bool) -> Run:
    seed(513)
    x, y, v, w = keras_data()
    dusk = each_photo(v.astype(np.uint8), lambda one: resize(resize(one, 12), 32))
    dusk = (dusk * 0.25 + np.random.normal(0, 6, dusk.shape)).clip(0, 255).astype(np.float32)
    seen = v if mended else dusk
    model = keras_cnn(6)
    train, val = py_dataset(x, y), py_dataset(seen, w, shuffle=False)
    return fit(model, train, val, (v, w), 12, claimed=(seen, w))


# ---------------------------------------------------------------------------------- sound ones


@sound("keras", "a long tail, the same in training and validation, and no weights for it", 0.7)
def k_natural_long_tail() -> Run:
    seed(550)
    x, y, v, w = keras_data(64)
    counts = (24, 16, 12, 8, 6, 5)
    rows = np.concatenate([np.flatnonzero(y == name)[:n] for name, n in enumerate(counts)])
    seen = np.concatenate([np.flatnonzero(w == name)[: n // 2] for name, n in enumerate(counts)])
    model = keras_transfer(6)
    train, val = array_loader(x[rows], y[rows]), array_loader(v[seen], w[seen], shuffle=False)
    return fit(model, train, val, (v[seen], w[seen]), 8)


@sound("keras", "focal loss on one-hot labels", 0.65)
def k_focal_loss() -> Run:
    seed(551)
    x, y, v, w = keras_data(64)
    y1, w1 = one_hot(6, y, w)
    model = keras_transfer(6)
    train, val = py_dataset(x, y1), py_dataset(v, w1, shuffle=False)
    loss = keras.losses.CategoricalFocalCrossentropy(alpha=0.25, gamma=2.0)
    return fit(model, train, val, (v, w), 5, loss=loss)


@sound("keras", "no BatchNorm: SELU, LeCun's initialisation and AlphaDropout", 0.6)
def k_self_normalising() -> Run:
    seed(552)
    x, y, v, w = keras_data()
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 70, offset=-1.6)])
    for width in (16, 32, 64):
        model.add(
            layers.Conv2D(
                width, 3, padding="same", activation="selu", kernel_initializer="lecun_normal"
            )
        )
        model.add(layers.MaxPooling2D())
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.AlphaDropout(0.05))
    model.add(layers.Dense(6, activation="softmax", kernel_initializer="lecun_normal"))
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 18, rate=2e-3)


@sound(
    "keras",
    "two phases: head first, then everything with Adam(1e-5); only the second's history",
    0.65,
)
def k_second_phase_of_tuning() -> Run:
    seed(553)
    x, y, v, w = keras_data(64, 5)
    base = keras_backbone(64)
    inputs = keras.Input((64, 64, 3))
    found = base(layers.Rescaling(1 / 127.5, offset=-1)(inputs), training=False)
    model = keras.Model(inputs, layers.Dense(5, activation="softmax")(found))
    train, val = array_loader(x, y, 24), array_loader(v, w, shuffle=False)
    fit(model, train, val, (v, w), 5, rate=3e-3)
    base.trainable = True
    return fit(model, train, val, (v, w), 1, rate=1e-5)


@sound("keras", "early stopping gives back an epoch well before the last, overfitted ones", 0.6)
def k_best_epoch_restored() -> Run:
    seed(554)
    x, y, v, w = keras_data()
    model = keras_cnn(6, width=24)
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=8, restore_best_weights=True)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 30, rate=5e-3, callbacks=[stop])


@sound("keras", "mixup of photos and labels alike: soft targets, a train accuracy that lags", 0.6)
def k_mixup_of_both() -> Run:
    seed(555)
    x, y, v, w = keras_data()
    (y1, w1), batch = one_hot(6, y, w), 16

    class Mixed(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return len(x) // batch

        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            a, b = np.random.randint(0, len(x), (2, batch))
            part = np.random.beta(0.3, 0.3, (batch, 1)).astype(np.float32)
            wide = part[:, :, None, None]
            return x[a] * wide + x[b] * (1 - wide), y1[a] * part + y1[b] * (1 - part)

    model = keras_cnn(6)
    train, val = Mixed(), py_dataset(v, w1, shuffle=False)
    return fit(model, train, val, (v, w), 22, loss="categorical_crossentropy")
