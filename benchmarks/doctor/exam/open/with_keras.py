"""Open half, Keras 3 on torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import layers

import support  # noqa: F401 (sets the backend before keras is imported)
from support import (
    Run,
    array_loader,
    each_photo,
    faulty,
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

SPARSE = "sparse_categorical_crossentropy"


def small(classes: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    return (*map_float(photos("train", 32, classes)), *map_float(photos("val", 32, classes)))


def large(classes: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    return (*map_float(photos("train", 64, classes)), *map_float(photos("val", 64, classes)))


def map_float(pair: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return pair[0].astype(np.float32), pair[1]


def fit(
    model: Any,
    train: Any,
    val: Any,
    epochs: int,
    rate: float = 3e-3,
    loss: Any = SPARSE,
    optimizer: Any = None,
    metrics: Any = ("accuracy",),
    compiled: bool = False,
    **more: Any,
) -> Any:
    if not compiled:
        model.compile(
            optimizer=optimizer or keras.optimizers.Adam(rate), loss=loss, metrics=list(metrics)
        )
    return model.fit(train, validation_data=val, epochs=epochs, verbose=0, **more)


@faulty(
    "keras",
    "the photos come as 0..255; the backbone wants -1..1 and nothing rescales them",
    [
        r"rescal|scal(e|ing)|normali[sz]|0\W{1,5}255|255|preprocess|(input|pixel|value).{0,40}range|\brange.{0,40}(input|pixel|value)"
    ],
    [r"feature"],
    twin_sound=True,
)
def k_missing_rescale(mended: bool) -> Run:
    seed(101)
    x, y, v, w = large()
    model = keras_transfer(6, rescale=mended)

    def endless() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        while True:
            order = np.random.permutation(len(x))
            for first in range(0, len(order), 24):
                yield x[order[first : first + 24]], y[order[first : first + 24]]

    val = py_dataset(v, w, shuffle=False)
    history = fit(model, endless(), val, 3, steps_per_epoch=6)
    return Run(model, endless(), val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "the photos are divided by 255 in the loader and rescaled again inside the model",
    [
        r"(re)?scal(e|ed|ing).{0,60}(twice|again|double|two|both|already)|(twice|again|double|already).{0,60}(scal|normali|divid)",
        r"rescal|normali[sz]|(input|pixel|value).{0,60}(range|scale|small)|contrast|range",
        r"almost (constant|the same|black|nothing)",
    ],
    [r"feature"],
    twin_sound=True,
)
def k_double_rescale(mended: bool) -> Run:
    seed(102)
    x, y, v, w = large()
    if not mended:
        x, v = x / 255, v / 255
    model = keras_transfer(6)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 3)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "the head gives logits but the loss is told from_logits=False",
    [
        r"from_logits|logits?|softmax|activation|(not|n.t|no) .{0,20}probabilit|sum to (one|1)|loss.{0,60}(head|output|match|expect|fit)"
    ],
    [r"chance|learn(s|t|ed)? nothing"],
)
def k_logits_without_from_logits(mended: bool) -> Run:
    seed(103)
    x, y, v, w = small()
    model = keras_cnn(6, activation=None)
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=mended)
    history = fit(model, train, val, 10, loss=loss)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "model.trainable = False froze everything, the new head too",
    [
        r"frozen|freez|froze|trainable|no (weights?|parameters?|variables?).{0,30}(train|learn|left)|nothing.{0,20}(train|learn)",
        r"(weights?|head|parameters?).{0,60}(never|not|did ?n.t).{0,25}(train|chang|mov|updat|learn)",
    ],
    [r"chance"],
    twin_sound=True,
)
def k_everything_frozen(mended: bool) -> Run:
    seed(104)
    x, y, v, w = large()
    model = keras_transfer(6)
    if not mended:
        model.trainable = False  # meant: base.trainable = False
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 3)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "the learning rate is far too big",
    [
        r"(learning.?rate|\blr\b|step size).{0,80}(high|large|big|lower|reduc|smaller|great)|diverg|blew up|blown up|explod|unstable|oscillat|overshoot"
    ],
    [r"chance|dead|constant|same (answer|class|output)"],
    twin_sound=False,
    rejects=[r"(learning rate|step size) (is |was )?(far |much )?too (low|small)"],
)
def k_learning_rate_far_too_big(mended: bool) -> Run:
    seed(105)
    x, y, v, w = small()
    model = keras_cnn(6, bn=False)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 12, rate=0.003 if mended else 1.0)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "RandomBrightness believes in 0..255 while the photos are 0..1: augmentation wipes them out",
    [
        r"augment|brightness|value_range|(train|training) (photos?|images?|inputs?).{0,80}(constant|saturat|white|black|destroy|unrecogni|clipp|differ|lost|blank|uniform)",
        r"(white|black|saturat|clipp).{0,80}(photo|image|input|pixel)",
    ],
    [r"underfit"],
    twin_sound=True,
)
def k_brightness_wipes_photos_out(mended: bool) -> Run:
    seed(106)
    x, y, v, w = small()
    x, v = x / 255, v / 255
    shake = layers.RandomBrightness(0.3, value_range=(0, 1) if mended else (0, 255))
    model = keras_cnn(6, rescale=False, inside=[layers.RandomFlip("horizontal"), shake])
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 15)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "predict and the labels walk a reshuffled data set twice: predictions and labels do not belong together",
    [
        r"shuffl|\border\b(?! to)|(predict|pass).{0,60}(twice|second|again|another)|(predictions?|answers?).{0,60}labels?.{0,60}(match|align|belong|pair|order)",
        r"report(ed)?.{0,100}(differ|lower|not|disagree|but|while|against|measured|higher)",
    ],
    [],
    twin_sound=False,
    rejects=[r"labels? (are |were )?(shuffled|shifted|permuted) between"],
)
def k_predict_on_reshuffled_data(mended: bool) -> Run:
    seed(107)
    x, y, v, w = small()
    model = keras_cnn(6)
    train, val = array_loader(x, y), array_loader(v, w, shuffle=not mended)
    history = fit(model, train, val, 12)
    told = np.concatenate([np.asarray(label) for _, label in val])
    claimed = float((np.asarray(model.predict(val, verbose=0)).argmax(1) == told).mean())
    return Run(
        model,
        train,
        val,
        {"history": history, "reported": {"val_top1": claimed}},
        keras_accuracy(model, v, w),
        claimed=claimed,
    )


@faulty(
    "keras",
    "mean squared error of softmax outputs against integer labels: the shapes broadcast silently",
    [
        r"mean.?squared|mse|loss.{0,80}(wrong|suit|fit|match|classif|regress|head|integer)|(integer|one-?hot).{0,60}(loss|label)|regression|cross-?entropy|broadcast"
    ],
    [r"chance|constant|same (answer|class|output)"],
)
def k_mse_against_integers(mended: bool) -> Run:
    seed(108)
    x, y, v, w = small()
    model = keras_cnn(6)
    y1, w1 = y[:, None], w[:, None]
    train, val = py_dataset(x, y1), py_dataset(v, w1, shuffle=False)
    history = fit(model, train, val, 10, loss=SPARSE if mended else "mean_squared_error")
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "every class's photos carry their own coloured strip (a watermark), and the model reads only that",
    [
        r"border|watermark|strip|frame|corner|edge|margin|stamp|logo|artefact|artifact|overlay|(same|constant|fixed) (pixels?|region|area|place)",
        r"shortcut|spurious|give-?away|confound|without (looking|seeing)|few pixels|background",
    ],
    [],
    twin_sound=False,
)
def k_watermark_gives_the_class_away(mended: bool) -> Run:
    seed(109)
    x, y, v, w = small()
    clean = v.copy()
    if not mended:
        shade = np.array(
            [
                [230, 20, 20],
                [20, 230, 20],
                [20, 20, 230],
                [230, 230, 20],
                [20, 230, 230],
                [230, 20, 230],
            ],
            np.float32,
        )
        x[:, :4], v[:, :4] = shade[y][:, None, None], shade[w][:, None, None]
        clean[:, :4] = shade[np.roll(w, 12)][:, None, None]
    model = keras_cnn(6)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 10)
    return Run(
        model,
        train,
        val,
        {"history": history},
        keras_accuracy(model, clean, w),
        claimed=keras_accuracy(model, v, w),
    )


@faulty(
    "keras",
    "the hidden layer before the head is dead: its ReLUs never fire",
    [
        r"dead|relu|never (fire|active)|(zero|no).{0,30}(activation|output|gradient|signal)|activations?.{0,40}(zero|constant|the same)|\bbias(es)?\b|initiali[sz]"
    ],
    [r"constant|same (answer|class|output|score|prediction)|chance|one class"],
    twin_sound=True,
)
def k_dead_hidden_layer(mended: bool) -> Run:
    seed(110)
    x, y, v, w = large()
    hidden = layers.Dense(
        64,
        activation="relu",
        bias_initializer=keras.initializers.Constant(0.0 if mended else -30.0),
    )
    model = keras_transfer(6, tail=[hidden])
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 3)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "the validation photos are augmented too (one generator serves both)",
    [
        r"augment|random (crop|flip|rotat|zoom|transform|change|shift)|(val|validation).{0,80}(differ|each (time|pass)|twice|not the same|chang|vary|unstable|determin|repeat)"
    ],
    [r"overfit|distribution|shift"],
    twin_sound=False,
)
def k_validation_is_augmented(mended: bool) -> Run:
    seed(111)
    x, y, v, w = small()
    strong = keras.Sequential(
        [
            layers.RandomFlip("horizontal_and_vertical"),
            layers.RandomRotation(0.5, fill_mode="constant"),
            layers.RandomZoom((-0.7, 0.7), fill_mode="constant"),
            layers.RandomTranslation(0.4, 0.4, fill_mode="constant"),
        ]
    )

    def change(batch: np.ndarray) -> np.ndarray:
        return np.asarray(strong(batch, training=True).detach().cpu())

    mild = keras.Sequential([layers.RandomFlip("horizontal")])
    model = keras_cnn(6)
    train = py_dataset(x, y, change=lambda b: np.asarray(mild(b, training=True).detach().cpu()))
    val = py_dataset(v, w, shuffle=False, change=None if mended else change)
    history = fit(model, train, val, 12)
    return Run(
        model,
        train,
        val,
        {"history": history},
        keras_accuracy(model, v, w),
        claimed=history.history["val_accuracy"][-1],
    )


@faulty(
    "keras",
    "the validation photos are read with cv2 and so are BGR; training saw RGB",
    [
        r"bgr|channels?|colou?rs?|red.{0,20}blue|(val|validation).{0,80}(differ|prepar|preprocess|distribution|shift|unlike)"
    ],
    [r"overfit"],
    twin_sound=False,
)
def k_bgr_validation(mended: bool) -> Run:
    seed(112)
    x, y, v, w = small()
    seen = v if mended else np.ascontiguousarray(v[..., ::-1])
    model = keras_cnn(6)
    train, val = array_loader(x, y), array_loader(seen, w, shuffle=False)
    history = fit(model, train, val, 12)
    return Run(
        model,
        train,
        val,
        {"history": history},
        keras_accuracy(model, v, w),
        claimed=keras_accuracy(model, seen, w),
    )


@faulty(
    "keras",
    "EarlyStopping looks for the highest val_loss (mode='max'), so the worst weights were restored",
    [
        r"early.?stop|restor|best (epoch|weights)|checkpoint|epoch.{0,80}(best|better|worse|earlier|later|not the)",
        r"(history|reported).{0,100}(differ|better|higher|not|disagree|match|another|lower)|stopped (too )?(early|soon)|(few|more|longer) epochs|not.{0,20}finished|under-?train",
    ],
    [r"underfit|chance"],
    twin_sound=False,
)
def k_worst_weights_restored(mended: bool) -> Run:
    seed(113)
    x, y, v, w = small()
    model = keras_cnn(6)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    stop = keras.callbacks.EarlyStopping(
        "val_loss", mode="min" if mended else "max", patience=12, restore_best_weights=True
    )
    history = fit(model, train, val, 13, callbacks=[stop])
    return Run(
        model,
        train,
        val,
        {"history": history},
        keras_accuracy(model, v, w),
        claimed=max(history.history["val_accuracy"]),
    )


@faulty(
    "keras",
    "the backbone's weights were never loaded (weights=None), and random features are frozen",
    [
        r"pre-?trained|random(ly)?.{0,40}(init|weight|feature|backbone)|weights=none|imagenet|(not|never).{0,30}load|untrained|initiali[sz]|features?.{0,80}(constant|the same|alike|carry|tell|no|poor|weak|useless|little)"
    ],
    [r"frozen|freez|chance|underfit"],
    twin_sound=False,
    rejects=[r"share photos"],
)
def k_frozen_random_backbone(mended: bool) -> Run:
    seed(114)
    x, y, v, w = large()
    model = keras_transfer(6, weights=mended)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 3)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "Dropout(0.97): its rate was taken for the part to keep",
    [r"dropout|drop(s|ped)? (out|most|nearly|9\d)"],
    [r"underfit|chance"],
    twin_sound=True,
)
def k_dropout_taken_for_keep(mended: bool) -> Run:
    seed(115)
    x, y, v, w = small()
    drop = layers.Dropout(0.03 if mended else 0.97)
    model = keras_cnn(6, tail=[layers.Dense(64, activation="relu"), drop])
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 18)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "validation_split of a sorted folder: the last classes are in validation alone",
    [
        r"(class(es)?|labels?).{0,100}(missing|absent|never|not|no photo|only in|lack|without|unseen|different|overlap|alone)",
        r"sorted|shuffl|validation_split|(missing|absent|unseen|never seen).{0,40}(class|label)|split",
    ],
    [r"overfit"],
    twin_sound=False,
    rejects=[
        r"labels? (are |were )?(shuffled|shifted|permuted) between|share photos|split is tiny|swapped"
    ],
)
def k_validation_split_of_sorted(mended: bool) -> Run:
    seed(116)
    a, b, v, w = small()
    x, y = np.concatenate([a, v]), np.concatenate([b, w])
    order = np.random.permutation(len(y)) if mended else np.argsort(y, kind="stable")
    x, y = x[order], y[order]
    cut = int(len(y) * 0.75)
    model = keras_cnn(6)
    train, val = py_dataset(x[:cut], y[:cut]), py_dataset(x[cut:], y[cut:], shuffle=False)
    history = fit(model, train, val, 12)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, x[cut:], y[cut:]))


# ---------------------------------------------------------------------------------- sound ones


@sound(
    "keras",
    "Rescaling in the model, softmax at the end and from_logits=False: as the book says",
    0.7,
)
def k_rescaling_inside_and_softmax() -> Run:
    seed(150)
    x, y, v, w = large()
    model = keras_transfer(6)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(
        model, train, val, 4, loss=keras.losses.SparseCategoricalCrossentropy(from_logits=False)
    )
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@sound("keras", "all photos grey (three equal channels), in training and validation", 0.6)
def k_all_grey_photos() -> Run:
    seed(151)
    x, y = photos("train", 64, 6)
    v, w = photos("val", 64, 6)
    x, v = grey(x).astype(np.float32), grey(v).astype(np.float32)
    model = keras_transfer(6)
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    history = fit(model, train, val, 4)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@sound("keras", "much dropout: training accuracy stays below validation's", 0.6)
def k_much_dropout() -> Run:
    seed(152)
    x, y, v, w = small()
    model = keras_cnn(6, dropout=0.6)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 20, rate=5e-3)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@sound("keras", "two classes with fifteen photos each", 0.8)
def k_two_classes_of_fifteen() -> Run:
    seed(153)
    x, y = map_float(photos("train", 64, 2, 15))
    v, w = map_float(photos("val", 64, 2, 12))
    model = keras_transfer(2)
    train, val = py_dataset(x, y, batch=8), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 8)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@sound(
    "keras",
    "SGD with a large learning rate on purpose (one linear layer on standardised features)",
    0.65,
)
def k_large_rate_on_purpose() -> Run:
    seed(154)
    x, y, v, w = large()
    base = keras_backbone(64)
    inputs = keras.Input((64, 64, 3))
    found = base(layers.Rescaling(1 / 127.5, offset=-1)(inputs), training=False)
    found = layers.UnitNormalization()(found)
    model = keras.Model(inputs, layers.Dense(6)(found))
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(
        model,
        train,
        val,
        4,
        optimizer=keras.optimizers.SGD(2.0, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@sound("keras", "part of a nested backbone tuned, the rest frozen", 0.6)
def k_partly_frozen_nested() -> Run:
    seed(155)
    x, y, v, w = large()
    base = keras_backbone(64)
    base.trainable = True
    for layer in base.layers:
        layer.trainable = layer.name.startswith(("Conv_1", "block_16")) and not isinstance(
            layer, layers.BatchNormalization
        )
    inputs = keras.Input((64, 64, 3))
    grown = layers.RandomFlip("horizontal")(inputs)
    found = base(layers.Rescaling(1 / 127.5, offset=-1)(grown), training=False)
    model = keras.Model(inputs, layers.Dense(6, activation="softmax")(found))
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    history = fit(model, train, val, 3, rate=1e-3)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@sound("keras", "tiny images of sixteen pixels that the net was made for", 0.6)
def k_tiny_images() -> Run:
    seed(156)
    x, y = photos("train", 32, 6)
    v, w = photos("val", 32, 6)
    x, v = (each_photo(part, lambda one: resize(one, 16)).astype(np.float32) for part in (x, v))
    model = keras_cnn(6, 16, width=24)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 15)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))
