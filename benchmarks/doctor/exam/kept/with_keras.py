"""Kept half, Keras 3 on torch."""

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


def as_float(pair: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return pair[0].astype(np.float32), pair[1]


def small(classes: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    return (*as_float(photos("train", 32, classes)), *as_float(photos("val", 32, classes)))


def large(classes: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    return (*as_float(photos("train", 64, classes)), *as_float(photos("val", 64, classes)))


def fit(
    model: Any,
    train: Any,
    val: Any,
    epochs: int,
    rate: float = 3e-3,
    loss: Any = SPARSE,
    optimizer: Any = None,
    metrics: Any = ("accuracy",),
    **more: Any,
) -> Any:
    model.compile(
        optimizer=optimizer or keras.optimizers.Adam(rate), loss=loss, metrics=list(metrics)
    )
    return model.fit(train, validation_data=val, epochs=epochs, verbose=0, **more)


@faulty(
    "keras",
    "the head has a softmax and the loss is told from_logits=True: softmax twice",
    [
        r"from_logits|softmax|(probabilit|sum to (one|1)).{0,100}(logits?|cross|loss|twice|again)|twice"
    ],
    [r"underfit|learning.?rate"],
)
def q_softmax_and_from_logits(mended: bool) -> Run:
    seed(301)
    x, y, v, w = small()
    model = keras_cnn(6)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(
        model,
        train,
        val,
        5,
        optimizer=keras.optimizers.SGD(0.01),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=not mended),
    )
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "one output with softmax for two classes: it is 1 whatever the photo",
    [
        r"softmax|sigmoid|(one|single|1) (output|unit|neuron|column|logit|class)|outputs?.{0,80}\b(always|constant|one|1\.0|the same|fewer|too few)\b"
    ],
    [r"constant|same (answer|class|output)|chance"],
)
def q_softmax_of_one_unit(mended: bool) -> Run:
    seed(302)
    x, y, v, w = small(2)
    model = keras_cnn(1, activation="sigmoid" if mended else "softmax")
    train, val = py_dataset(x, y[:, None]), py_dataset(v, w[:, None], shuffle=False)
    history = fit(model, train, val, 12, loss="binary_crossentropy")
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "ExponentialDecay(decay_steps=1) halves the learning rate at every step: it is zero after an epoch",
    [
        r"(learning.?rate|\blr\b).{0,80}(zero|\b0(\.0+)?\b(?!\.?\d)|small|low|tiny|vanish|decay|fell|falls|drop|nothing|rais)",
        r"schedul|decay_steps|exponential",
        r"(weights?|parameters?).{0,60}(hardly|barely|scarcely|never|not|did ?n.t).{0,20}(mov|chang|updat)",
    ],
    [r"underfit|chance"],
    rejects=[r"(learning rate|step size) (is |was )?(far |much )?too (high|large|big)"],
)
def q_rate_decays_at_once(mended: bool) -> Run:
    seed(303)
    x, y, v, w = small()
    model = keras_cnn(6)
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    falls = keras.optimizers.schedules.ExponentialDecay(
        3e-3, decay_steps=1000 if mended else 1, decay_rate=0.5
    )
    history = fit(model, train, val, 12, optimizer=keras.optimizers.Adam(falls))
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "an enormous l2 penalty on the head's kernel holds it at zero",
    [
        r"\bl2\b|regulari[sz]|penalt|weight.?decay|(weights?|head|kernel).{0,60}(shr[iau]nk|towards zero|to zero|near zero|vanish|zero|tiny)"
    ],
    [r"constant|same (answer|class|output|score)|chance|underfit|loss.{0,60}(high|above|large)"],
    twin_sound=True,
)
def q_enormous_penalty(mended: bool) -> Run:
    seed(304)
    x, y, v, w = large()
    base = keras_backbone(64)
    inputs = keras.Input((64, 64, 3))
    found = base(layers.Rescaling(1 / 127.5, offset=-1)(inputs), training=False)
    head = layers.Dense(
        6, activation="softmax", kernel_regularizer=keras.regularizers.L2(1e-4 if mended else 100.0)
    )
    model = keras.Model(inputs, head(found))
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 3)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "on_epoch_end shuffles the photos and not their labels",
    [
        r"labels?.{0,100}(random|match|belong|correspond|shuffl|mix|wrong|noise|noisy|unrelated|pair|each (time|pass|epoch)|chang|nothing to do|scrambl|mislabel|corrupt)",
        r"mis-?label|label noise|shuffled (apart|separately|independent)",
    ],
    [r"overfit|chance|learn(s|t|ed)? nothing"],
)
def q_labels_left_behind_by_shuffling(mended: bool) -> Run:
    seed(305)
    x, y, v, w = small()

    class Pairs(keras.utils.PyDataset):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.x, self.y = x.copy(), y.copy()
            self.on_epoch_end()

        def __len__(self) -> int:
            return len(self.x) // 16

        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            return self.x[index * 16 : index * 16 + 16], self.y[index * 16 : index * 16 + 16]

        def on_epoch_end(self) -> None:
            order = np.random.permutation(len(self.x))
            self.x = self.x[order]
            if mended:
                self.y = self.y[order]

    model = keras_cnn(6)
    train, val = Pairs(), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 12)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "photos stored channels first were reshaped, not transposed: every photo is scrambled",
    [
        r"reshap|transpos|scrambl|layout|channels?.{0,30}(first|last|order|axis|mixed)|garbled|permut.{0,30}(pixel|axis|axes)|axes|(photos?|images?).{0,80}(do not look|unlike|no natural|noise|not natural|tiled|repeat|broken)"
    ],
    [r"underfit|overfit"],
    rejects=[r"batches of shape"],
)
def q_reshaped_for_transposed(mended: bool) -> Run:
    seed(306)
    x, y, v, w = large()
    if not mended:
        x, v = (
            np.ascontiguousarray(part.transpose(0, 3, 1, 2)).reshape(part.shape) for part in (x, v)
        )
    model = keras_transfer(6)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 4)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "the generator's __getitem__ ignores its index: the first batch comes again and again",
    [
        r"(same|one|single|first|identical|every|equal) (batch|few|photos?|images?)|batch(es)?.{0,60}(repeat|again|identical|the same|equal|alike)|(too few|few|handful of|only \d+|just \d+) (distinct |different |train(ing)? )?(photos?|images?|samples?|examples?)|(photos?|images?|samples?).{0,40}(per class|an epoch|per epoch|too few|never drawn|never seen|left out)",
        r"duplicat|repeat|copies|again and again|index",
    ],
    [r"overfit|memori[sz]|missing|imbalanc"],
    rejects=[r"labels? (are |were )?(shuffled|shifted|permuted) between|share photos|softmax"],
)
def q_generator_ignores_its_index(mended: bool) -> Run:
    seed(307)
    x, y, v, w = small()
    order = np.random.permutation(len(y))
    x, y = x[order], y[order]

    class Pairs(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return len(x) // 12

        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            first = index * 12 if mended else 0
            return x[first : first + 12], y[first : first + 12]

    model = keras_cnn(6)
    train, val = Pairs(), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 12)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


class AlwaysDropout(layers.Dropout):  # type: ignore[misc]
    def call(self, inputs: Any, training: bool = False) -> Any:
        return super().call(inputs, training=True)


class AlwaysBatchNorm(layers.BatchNormalization):  # type: ignore[misc]
    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        return super().call(inputs, training=True, mask=mask)


@faulty(
    "keras",
    "Dropout is called with training=True and so works in validation and prediction too",
    [
        r"dropout|training=true|(answers?|outputs?|predictions?|scores?|model).{0,80}(random|differ|vary|chang|not the same|determin|each time|twice|repeat|stochastic|nois)|stochastic|non-?determin"
    ],
    [r"underfit"],
    twin_sound=True,
)
def q_dropout_always_on(mended: bool) -> Run:
    seed(308)
    x, y, v, w = small()
    whole = keras_cnn(6)
    inputs = keras.Input((32, 32, 3))
    found = inputs
    for layer in whole.layers[:-1]:
        found = layer(found)
    found = (layers.Dropout if mended else AlwaysDropout)(0.75)(found)
    model = keras.Model(inputs, layers.Dense(6, activation="softmax")(found))
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 20)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "the preprocessing of another family (caffe: BGR minus the means) feeds a backbone that wants -1..1",
    [
        r"preprocess|rescal|scal(e|ing)|normali[sz]|(input|pixel|value).{0,60}(range|scale|large|big)|\brange.{0,40}(input|pixel|value)|bgr|caffe|\bmean\b"
    ],
    [r"feature"],
)
def q_preprocessing_of_another_family(mended: bool) -> Run:
    seed(309)
    x, y, v, w = large()

    def ready(part: np.ndarray) -> np.ndarray:
        if mended:
            return part / 127.5 - 1
        return np.ascontiguousarray(part[..., ::-1]) - np.array(
            [103.939, 116.779, 123.68], np.float32
        )

    x, v = ready(x), ready(v)
    model = keras_transfer(6, rescale=False)
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    history = fit(model, train, val, 3)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "the class weights are upside down: the rare classes count least",
    [
        r"class.?weight|weight.{0,60}(class|loss|inver|upside)|(rare|small|minority|few).{0,80}(class|never|ignored|recall|miss)|imbalanc|unbalanc|majority|never predict|predict.{0,60}(never|only|most|frequent|large)"
    ],
    [r"overfit"],
)
def q_class_weights_upside_down(mended: bool) -> Run:
    seed(310)
    x, y, v, w = large()
    kept = np.concatenate(
        [np.flatnonzero(y == name)[: (24 if name < 2 else 5)] for name in range(6)]
    )
    x, y = x[kept], y[kept]
    count = np.bincount(y)
    weight = len(y) / (6 * count) if mended else (count / count.mean()) ** 2 / 2
    model = keras_transfer(6)
    train, val = py_dataset(x, y, batch=8), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 4, class_weight=dict(enumerate(weight.tolist())))
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "the labels were divided by 255 along with the photos and became zero, all of them",
    [
        r"labels?.{0,100}\b(all|zero|the same|constant|single|identical|only one)\b|(one|single|same|only).{0,30}(class|label)|class(es)?.{0,100}(missing|absent|never|no photo|empty|without)"
    ],
    [r"constant|same (answer|class|output)"],
    rejects=[r"labels? (are |were )?(shuffled|shifted|permuted) between"],
)
def q_labels_became_zero(mended: bool) -> Run:
    seed(311)
    x, y, v, w = small()
    shown, checked = (y, w) if mended else ((y / 255).astype(np.int64), (w / 255).astype(np.int64))
    model = keras_cnn(6)
    train, val = py_dataset(x, shown), py_dataset(v, checked, shuffle=False)
    history = fit(model, train, val, 12)
    return Run(
        model,
        train,
        val,
        {"history": history},
        keras_accuracy(model, v, w),
        claimed=keras_accuracy(model, v, checked),
    )


@faulty(
    "keras",
    "the photos, scaled to 0..1, were cast to uint8: only 0 and 1 are left, nearly all of it black",
    [
        r"black|blank|empty|(all|nearly|almost|mostly)[- ]{0,2}zero|uint8|\bcast|integer|trunc|constant (photo|image|input|pixel)|(photos?|images?|inputs?).{0,80}(identical|the same|no (content|detail|information)|dark|zero)|binary|two (values|levels)|levels|(input|pixel|value).{0,60}(range|scale|small)|contrast"
    ],
    [r"duplicat|copies|underfit"],
    twin_sound=True,
    rejects=[
        r"labels? (are |were )?(shuffled|shifted|permuted) between|(learning rate|step size) (is |was )?(far |much )?too (high|large|big)"
    ],
)
def q_cast_to_uint8(mended: bool) -> Run:
    seed(312)
    x, y, v, w = small()
    x, v = x / 255, v / 255
    if not mended:
        x, v = (part.astype(np.uint8).astype(np.float32) for part in (x, v))
    model = keras_cnn(6, rescale=False)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 15)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "the reported accuracy is a binary accuracy over one-hot entries, far above the true one",
    [
        r"binary.?accuracy|metric|report(ed)?.{0,120}(differ|lower|higher|not|disagree|but|while|against|measured|match|instead)|(measured|actual|true|recomputed).{0,80}report|one-?hot"
    ],
    [r"underfit"],
)
def q_binary_accuracy_of_one_hot(mended: bool) -> Run:
    seed(313)
    x, y, v, w = small()
    model = keras_cnn(6)
    hot, hot_val = np.eye(6, dtype=np.float32)[y], np.eye(6, dtype=np.float32)[w]
    train, val = py_dataset(x, hot), py_dataset(v, hot_val, shuffle=False)
    metric = (
        keras.metrics.CategoricalAccuracy(name="acc")
        if mended
        else keras.metrics.BinaryAccuracy(name="acc")
    )
    history = fit(
        model, train, val, 7, rate=1e-3, loss="categorical_crossentropy", metrics=[metric]
    )
    claimed = float(history.history["val_acc"][-1])
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
    "the classes came in different shapes: the width of the letterbox bars gives the class away",
    [
        r"letterbox|\bbars?\b|padd|border|black|frame|edge|margin|aspect|corner|(same|constant|fixed) (pixels?|region|area|place)",
        r"shortcut|spurious|give-?away|confound|without (looking|seeing)|few pixels|background|camera|source",
    ],
    [],
    twin_sound=True,
)
def q_letterbox_gives_the_class_away(mended: bool) -> Run:
    seed(314)

    def boxed(x: np.ndarray, by: np.ndarray) -> np.ndarray:
        made = np.zeros_like(x)
        for number, name in enumerate(by):
            bar = 2 * int(name) + 1
            made[number, bar : 32 - bar] = resize(x[number].astype(np.uint8), 32, 32 - 2 * bar)
        return made

    x, y, v, w = small()
    plain = v
    if not mended:
        plain = boxed(v, np.roll(w, 12))
        x, v = boxed(x, y), boxed(v, w)
    model = keras_cnn(6)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 12)
    return Run(
        model,
        train,
        val,
        {"history": history},
        keras_accuracy(model, plain, w),
        claimed=keras_accuracy(model, v, w),
    )


@faulty(
    "keras",
    "BatchNormalization is called with training=True: predictions lean on the other photos of the batch",
    [
        r"batch.?norm|training=true|batch.{0,60}(depend|compos|mates?|neighbou?r|together|statistic|other photos)|(depend|vary|chang|differ).{0,60}batch|(alone|one at a time|single photo).{0,80}(differ|other)|\bmode\b"
    ],
    [r"shuffl|overfit"],
)
def q_batchnorm_in_training_mode(mended: bool) -> Run:
    seed(315)
    x, y, v, w = small()
    inputs = keras.Input((32, 32, 3))
    found = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for width in (16, 32, 64):
        found = layers.Conv2D(width, 3, padding="same")(found)
        found = (layers.BatchNormalization if mended else AlwaysBatchNorm)(momentum=0.8)(found)
        found = layers.MaxPooling2D()(layers.ReLU()(found))
    model = keras.Model(
        inputs, layers.Dense(6, activation="softmax")(layers.GlobalAveragePooling2D()(found))
    )
    train, val = py_dataset(x, y), py_dataset(v, w, batch=12, shuffle=False)
    history = fit(model, train, val, 12)
    alone = [int(model(one[None], training=False).detach().numpy().argmax()) for one in v]
    return Run(model, train, val, {"history": history}, float((np.array(alone) == w).mean()))


@faulty(
    "keras",
    "two classes' training photos failed to download: the classes are empty in training",
    [
        r"(class(es)?|labels?).{0,100}(missing|absent|never|no (train|photo|image|example)|empty|lack|without|unseen|not in|only in|0 photo)|(missing|absent|unseen|never seen|empty).{0,40}(class|label)"
    ],
    [r"never predict|imbalanc"],
)
def q_classes_empty_in_training(mended: bool) -> Run:
    seed(316)
    x, y, v, w = large()
    if not mended:
        x, y = x[(y != 2) & (y != 4)], y[(y != 2) & (y != 4)]
    model = keras_transfer(6)
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    history = fit(model, train, val, 3)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "SGD(clipnorm=0.0001) clips the gradients to almost nothing",
    [
        r"clip",
        r"gradients?.{0,50}(tiny|small|vanish|near zero|almost nothing)",
        r"(hardly|barely|scarcely|almost not|too little|too slow).{0,30}(mov|chang|updat|learn|train)",
        r"(weights?|parameters?).{0,60}(hardly|barely|scarcely|not|never|did ?n.t).{0,20}(mov|chang|updat)",
        r"(learning.?rate|\blr\b).{0,40}(low|small|tiny)|(updates?|steps?).{0,30}(tiny|small)",
    ],
    [r"underfit|chance|learn(s|t|ed)? nothing"],
    rejects=[r"(learning rate|step size) (is |was )?(far |much )?too (high|large|big)"],
)
def q_clipnorm_of_almost_nothing(mended: bool) -> Run:
    seed(317)
    x, y, v, w = small()
    model = keras_cnn(6)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(
        model,
        train,
        val,
        14,
        optimizer=keras.optimizers.SGD(0.05, momentum=0.9, clipnorm=5.0 if mended else 1e-4),
    )
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "the Normalization layer was adapted to photos in 0..1 and is fed 0..255",
    [
        r"normali[sz]|standardi[sz]|adapt|rescal|scal(e|ing)|(input|pixel|value).{0,60}(range|large|big|huge)|\brange.{0,40}(input|pixel|value)|255"
    ],
    [r"diverg|learning.?rate|dead|explod|loss.{0,60}(high|above)"],
    twin_sound=True,
)
def q_normalization_adapted_elsewhere(mended: bool) -> Run:
    seed(318)
    x, y, v, w = large()
    norm = layers.Normalization(axis=-1)
    norm.adapt(x if mended else x / 255)
    base = keras_backbone(64)
    inputs = keras.Input((64, 64, 3))
    found = base(layers.Rescaling(0.5)(norm(inputs)), training=False)
    model = keras.Model(inputs, layers.Dense(6, activation="softmax")(found))
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 3)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@faulty(
    "keras",
    "all kernels begin at zero, so that no layer ever gets a gradient but the last bias",
    [
        r"initiali[sz]|zeros?.{0,60}(weight|kernel|gradient|init|param)|(weights?|kernels?|gradients?|parameters?|features?|activations?).{0,60}(zero|never|identical|symmetr|constant|not (mov|chang|updat))|symmetr|dead|vanish"
    ],
    [r"constant|same (answer|class|output|score)|chance|learn(s|t|ed)? nothing"],
)
def q_kernels_begin_at_zero(mended: bool) -> Run:
    seed(319)
    x, y, v, w = small()
    model = keras_cnn(6, bn=False)
    if not mended:
        model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 20)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


# ---------------------------------------------------------------------------------- sound ones


@sound(
    "keras", "grey medical-like photos with one channel, repeated to three inside the model", 0.6
)
def q_one_grey_channel() -> Run:
    seed(350)
    x, y = photos("train", 64, 4)
    v, w = photos("val", 64, 4)
    x, v = (grey(part)[..., :1].astype(np.float32) for part in (x, v))
    base = keras_backbone(64)
    inputs = keras.Input((64, 64, 1))
    found = base(
        layers.Rescaling(1 / 127.5, offset=-1)(layers.Concatenate()([inputs, inputs, inputs])),
        training=False,
    )
    model = keras.Model(inputs, layers.Dense(4, activation="softmax")(found))
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    history = fit(model, train, val, 4)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@sound("keras", "augmentation layers inside the model, training accuracy below validation's", 0.6)
def q_augmentation_inside() -> Run:
    seed(351)
    x, y, v, w = small()
    inside = [
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(0.1),
        layers.RandomZoom(0.2),
        layers.RandomContrast(0.2),
    ]
    model = keras_cnn(6, inside=inside)
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    history = fit(model, train, val, 15)
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@sound("keras", "ReduceLROnPlateau has made the learning rate tiny by the end", 0.6)
def q_rate_reduced_on_plateau() -> Run:
    seed(352)
    x, y, v, w = small()
    model = keras_cnn(6)
    train, val = py_dataset(x, y), py_dataset(v, w, shuffle=False)
    calm = keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.1, patience=2, min_lr=1e-7)
    history = fit(model, train, val, 22, callbacks=[calm])
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@sound("keras", "one sigmoid per class, binary cross-entropy on one-hot labels", 0.6)
def q_sigmoid_per_class() -> Run:
    seed(353)
    x, y, v, w = large()
    model = keras_transfer(6, activation="sigmoid")
    hot, hot_val = np.eye(6, dtype=np.float32)[y], np.eye(6, dtype=np.float32)[w]
    train, val = py_dataset(x, hot), py_dataset(v, hot_val, shuffle=False)
    history = fit(
        model,
        train,
        val,
        4,
        rate=5e-3,
        loss="binary_crossentropy",
        metrics=["categorical_accuracy"],
    )
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@sound("keras", "two classes, one sigmoid output, binary cross-entropy", 0.8)
def q_one_sigmoid_output() -> Run:
    seed(354)
    x, y, v, w = large(2)
    model = keras_transfer(1, activation="sigmoid")
    train, val = py_dataset(x, y[:, None], batch=8), py_dataset(v, w[:, None], shuffle=False)
    history = fit(model, train, val, 5, loss="binary_crossentropy")
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))


@sound(
    "keras",
    "photos standardised with the data's own mean and deviation, in numpy, batches from an endless generator",
    0.6,
)
def q_standardised_in_numpy() -> Run:
    seed(355)
    x, y, v, w = small()
    mean, deviation = x.mean((0, 1, 2)), x.std((0, 1, 2))
    x, v = (x - mean) / deviation, (v - mean) / deviation
    model = keras_cnn(6, rescale=False)

    def endless() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        while True:
            order = np.random.permutation(len(x))
            for first in range(0, len(order), 16):
                yield x[order[first : first + 16]], y[order[first : first + 16]]

    val = py_dataset(v, w, shuffle=False)
    history = fit(model, endless(), val, 15, steps_per_epoch=9)
    return Run(model, endless(), val, {"history": history}, keras_accuracy(model, v, w))


@sound("keras", "label smoothing of 0.1 and early stopping with the best weights restored", 0.6)
def q_smoothing_and_early_stopping() -> Run:
    seed(356)
    x, y, v, w = small()
    model = keras_cnn(6)
    hot, hot_val = np.eye(6, dtype=np.float32)[y], np.eye(6, dtype=np.float32)[w]
    train, val = py_dataset(x, hot), py_dataset(v, hot_val, shuffle=False)
    stop = keras.callbacks.EarlyStopping("val_loss", patience=5, restore_best_weights=True)
    history = fit(
        model,
        train,
        val,
        25,
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        callbacks=[stop],
    )
    return Run(model, train, val, {"history": history}, keras_accuracy(model, v, w))
