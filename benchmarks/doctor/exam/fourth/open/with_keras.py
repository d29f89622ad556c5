"""Open half. Keras 3 on torch: compile and fit, and train_steps of one's own."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import torch
from fourth import (
    EVALUATED,
    INPUTS,
    NETWORK,
    OBJECTIVE,
    ORDER,
    SIZE,
    STEPS,
    logged,
    student,
    triples,
)
from keras import layers, ops
from second import (
    AUGMENT,
    LOSS,
    MORE_AUGMENTATION,
    NOT_TRAINED,
    OPTIMIZER,
    RATE_LOW,
    RATE_TOO_HIGH,
    RATE_TOO_LOW,
    REPORT,
    SHORTCUT,
    VAL_DIFFERS,
    faulty,
    fit,
    keras_data,
)
from third import STATISTICS

from support import (
    Run,
    array_loader,
    keras_backbone,
    keras_cnn,
    keras_transfer,
    photos,
    seed,
    sound,
)


def one_hot(y: np.ndarray, classes: int = 6) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[y]


@faulty(
    "keras",
    "a train_step of one's own on torch that never clears the gradients: they pile up from batch to batch",
    [
        *STEPS,
        *OPTIMIZER,
        r"gradients?.{0,80}(clear|zeroed|reset|accumul|pile|sum|add up|grow)|zero_grad",
        r"accumul",
    ],
    [*RATE_TOO_HIGH, r"diverg"],
    rejects=[],
)
def k_train_step_without_zero_grad(mended: bool) -> Run:
    seed(601)
    x, y, v, w = keras_data()

    def train_step(self: Any, data: Any) -> dict[str, Any]:
        images, labels = data
        if mended:
            self.zero_grad()
        answers = self(images, training=True)
        loss = self.compute_loss(y=labels, y_pred=answers)
        loss.backward()
        gradients = [one.value.grad for one in self.trainable_weights]
        with torch.no_grad():
            self.optimizer.apply(gradients, list(self.trainable_weights))
        return logged(self, labels, answers, loss)

    sgd = keras.optimizers.SGD(0.05, momentum=0.9)
    return fit(
        student(train_step),
        array_loader(x, y),
        array_loader(v, w, shuffle=False),
        (v, w),
        15,
        optimizer=sgd,
    )


class Blocks(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches cut in folder order; their order is shuffled, what is in them is not."""

    def __init__(self, x: np.ndarray, y: np.ndarray, batch: int = 12) -> None:
        super().__init__()
        self.blocks = [
            (x[start : start + batch], y[start : start + batch])
            for start in range(0, len(x), batch)
        ]
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self.blocks)

    def __getitem__(self, index: int) -> Any:
        return self.blocks[self.order[index]]

    def on_epoch_end(self) -> None:
        self.order = np.random.permutation(len(self.blocks))


@faulty(
    "keras",
    "batched before it is shuffled: each batch holds one class, and BatchNorm normalises the class away",
    [*ORDER, *STATISTICS],
    [r"val.{0,40}(jump|unstable)"],
)
def k_batches_shuffled_not_photos(mended: bool) -> Run:
    seed(604)
    x, y, v, w = keras_data()
    if mended:
        order = np.random.permutation(len(x))
        x, y = x[order], y[order]
    return fit(keras_cnn(6), Blocks(x, y), array_loader(v, w, shuffle=False), (v, w), 15)


@faulty(
    "keras",
    "sample weights that sum to one over the data set: each photo counts 1/144, and SGD hardly moves",
    [
        *RATE_LOW,
        *NOT_TRAINED,
        *STEPS,
        *OPTIMIZER,
        *LOSS,
        *OBJECTIVE,
        r"(sample.?)?weights?.{0,80}(small|sum|tiny|1/|mean|low|average|far below)|sample.?weight",
        r"gradients?.{0,40}(small|tiny|vanish)",
    ],
    [r"underfit|chance"],
)
def k_sample_weights_sum_to_one(mended: bool) -> Run:
    seed(605)
    x, y, v, w = keras_data()
    trust = np.random.uniform(0.5, 1, len(x)).astype(np.float32)
    trust /= trust.mean() if mended else trust.sum()
    sgd = keras.optimizers.SGD(0.1)
    return fit(
        keras_cnn(6),
        triples(x, y, trust),
        array_loader(v, w, shuffle=False),
        (v, w),
        15,
        optimizer=sgd,
    )


@faulty(
    "keras",
    "Precision, which leaves out whatever is less than half sure, is reported as the accuracy",
    [*REPORT, *EVALUATED, r"precision|threshold"],
    [r"overfit"],
)
def k_precision_called_accuracy(mended: bool) -> Run:
    seed(606)
    x, y, v, w = keras_data()
    metric = keras.metrics.CategoricalAccuracy if mended else keras.metrics.Precision
    threshold = {} if mended else {"thresholds": 0.7}
    train, val = array_loader(x, one_hot(y)), array_loader(v, one_hot(w), shuffle=False)
    run = fit(
        keras_cnn(6),
        train,
        val,
        (v, w),
        6,
        rate=1e-3,
        loss="categorical_crossentropy",
        metrics=[metric(name="accuracy", **threshold)],
    )
    run.claimed = float(run.told["history"].history["val_accuracy"][-1])
    run.told["reported"] = {"val_top1": run.claimed}
    return run


@faulty(
    "keras",
    "Resizing(8, 8) to make it faster, then up again for the backbone, inside the model",
    [*SIZE, *INPUTS, *NETWORK, r"resiz"],
    [r"features|underfit"],
)
def k_thumbnails_inside_the_model(mended: bool) -> Run:
    seed(611)
    (x, y), (v, w) = photos("train", 64), photos("val", 64)
    side = 64 if mended else 8
    model = keras_transfer(10, 64, inside=[layers.Resizing(side, side), layers.Resizing(64, 64)])
    x, v = x.astype(np.float32), v.astype(np.float32)
    return fit(model, array_loader(x, y), array_loader(v, w, shuffle=False), (v, w), 5, rate=1e-2)


@faulty(
    "keras",
    "features taken behind the second block of the backbone, where there are only edges and colours",
    [
        *NETWORK,
        r"(early|shallow|low.level|first|intermediate|wrong) (layers?|blocks?|features?)|features.{0,80}(poor|weak|less|worse|carry|separat|early|shallow|do not)",
        r"(backbone|embedding).{0,80}(could|would|reach|better|gives|cut|early|only|unused)|capacity",
    ],
    [r"underfit"],
    rejects=RATE_TOO_LOW,
)
def k_features_of_an_early_layer(mended: bool) -> Run:
    seed(612)
    (x, y), (v, w) = photos("train", 64), photos("val", 64)
    base = keras_backbone(64)
    layer = "out_relu" if mended else "block_1_project_BN"
    cut = keras.Model(base.input, layers.GlobalAveragePooling2D()(base.get_layer(layer).output))
    cut.trainable = False
    inputs = keras.Input((64, 64, 3))
    middle = cut(layers.Rescaling(1 / 127.5, offset=-1)(inputs), training=False)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(middle))
    x, v = x.astype(np.float32), v.astype(np.float32)
    return fit(model, array_loader(x, y), array_loader(v, w, shuffle=False), (v, w), 6, rate=1e-2)


@faulty(
    "keras",
    "RandomColorJitter(value_range=(0, 1)) on photos of 0..255: in training every photo is clipped to white",
    [*AUGMENT, *VAL_DIFFERS, *INPUTS, r"clipp|saturat|white|constant|value_range"],
    [r"features|moving"],
    rejects=MORE_AUGMENTATION,
)
def k_jitter_in_the_wrong_range(mended: bool) -> Run:
    seed(614)
    x, y, v, w = keras_data()
    jitter = layers.RandomColorJitter(
        value_range=(0, 255) if mended else (0, 1), brightness_factor=0.05, contrast_factor=0.05
    )
    model = keras_cnn(6, inside=[jitter])
    return fit(model, array_loader(x, y), array_loader(v, w, shuffle=False), (v, w), 20)


@faulty(
    "keras",
    "two stuck pixels of each camera, and each flower had its own camera",
    [
        *SHORTCUT,
        r"stuck|hot pixel|position|(same|fixed|constant|few) (pixel|place)|pixels?.{0,60}(predict|tell|the class)",
    ],
    [r"overfit"],
)
def k_stuck_pixels_give_the_class_away(mended: bool) -> Run:
    seed(618)

    def taken(which: str, told: bool) -> tuple[np.ndarray, np.ndarray]:
        x, y = photos(which, 32, 6)
        camera = y if told else np.random.permutation(y)
        rows = np.arange(len(x))
        for step in (0, 1):
            x[rows, 3 + 4 * camera, 5 + 3 * camera + step] = (255, 0, 255)
        return x.astype(np.float32), y

    (x, y), (v, w), fresh = (
        taken("train", not mended),
        taken("val", not mended),
        taken("fresh", False),
    )
    tail = [layers.Flatten(), layers.Dense(32, activation="relu")]
    made = [keras.Input((32, 32, 3)), layers.Rescaling(1 / 127.5, offset=-1)]
    for filters in (16, 32):
        made += [
            layers.Conv2D(filters, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
        ]
    model = keras.Sequential([*made, *tail, layers.Dense(6, activation="softmax")])
    return fit(
        model,
        array_loader(x, y),
        array_loader(v, w, shuffle=False),
        fresh,
        15,
        rate=1e-3,
        claimed=(v, w),
    )


@faulty(
    "keras",
    "the class directories are read one after another and never shuffled, on the way to a net with BatchNorm",
    [*ORDER, *STATISTICS],
    [r"val.{0,40}(jump|unstable)"],
)
def k_directory_never_shuffled(mended: bool) -> Run:
    seed(619)
    x, y, v, w = keras_data()
    train = array_loader(x, y, batch=8, shuffle=mended)
    return fit(keras_cnn(6), train, array_loader(v, w, shuffle=False), (v, w), 15)


@faulty(
    "keras",
    "a loss of one's own with the mean over all entries taken of y_true * log(1 - y_pred): the other term of the formula",
    [
        *LOSS,
        *OBJECTIVE,
        r"loss.{0,80}(falls|decreas|better|lower).{0,60}(accuracy|worse|wrong)|sign",
    ],
    [r"chance|below chance|permut"],
)
def k_other_term_of_the_formula(mended: bool) -> Run:
    seed(620)
    x, y, v, w = keras_data()

    def crossentropy(y_true: Any, y_pred: Any) -> Any:
        safe = ops.clip(y_pred, 1e-6, 1 - 1e-6)
        return -ops.mean(y_true * ops.log(safe if mended else 1 - safe), axis=-1)

    train, val = array_loader(x, one_hot(y)), array_loader(v, one_hot(w), shuffle=False)
    return fit(keras_cnn(6), train, val, (v, w), 12, loss=crossentropy)


@faulty(
    "keras",
    "a train_step kept from fine-tuning updates the last layer alone, under it a network that begins at random",
    [
        *NOT_TRAINED,
        *NETWORK,
        *STEPS,
        *OPTIMIZER,
        r"only.{0,60}(head|last layer|dense|classifier)|frozen|random (features|backbone|weights|network)",
    ],
    [r"underfit|features"],
    rejects=RATE_TOO_LOW,
)
def k_train_step_updates_the_last_layer(mended: bool) -> Run:
    seed(621)
    x, y, v, w = keras_data()

    def train_step(self: Any, data: Any) -> dict[str, Any]:
        images, labels = data
        self.zero_grad()
        answers = self(images, training=True)
        loss = self.compute_loss(y=labels, y_pred=answers)
        loss.backward()
        variables = self.trainable_weights if mended else self.layers[-1].trainable_weights
        with torch.no_grad():
            self.optimizer.apply([one.value.grad for one in variables], list(variables))
        return logged(self, labels, answers, loss)

    return fit(
        student(train_step), array_loader(x, y), array_loader(v, w, shuffle=False), (v, w), 15
    )


# ---------------------------------------------------------------------------------- sound ones


@sound(
    "keras",
    "mixup in a train_step of one's own: training accuracy stays low, the labels are made on the way",
    0.6,
)
def k_mixup_in_the_train_step() -> Run:
    seed(650)
    x, y, v, w = keras_data()

    def train_step(self: Any, data: Any) -> dict[str, Any]:
        images, labels = data
        share = float(np.random.beta(0.4, 0.4))
        partner = torch.randperm(len(images), device=images.device)
        mixed, soft = (share * part + (1 - share) * part[partner] for part in (images, labels))
        self.zero_grad()
        answers = self(mixed, training=True)
        loss = self.compute_loss(y=soft, y_pred=answers)
        loss.backward()
        gradients = [one.value.grad for one in self.trainable_weights]
        with torch.no_grad():
            self.optimizer.apply(gradients, list(self.trainable_weights))
        return logged(self, soft, answers, loss)

    train, val = array_loader(x, one_hot(y)), array_loader(v, one_hot(w), shuffle=False)
    return fit(student(train_step), train, val, (v, w), 20, loss="categorical_crossentropy")


@sound(
    "keras",
    "logits divided by a temperature of four, and a rate to match; label smoothing; one-hot labels",
    0.6,
)
def k_temperature_in_the_tail() -> Run:
    seed(652)
    x, y, v, w = keras_data()
    net = keras_cnn(6, activation=None)
    model = keras.Sequential(
        [keras.Input((32, 32, 3)), *net.layers, layers.Rescaling(0.25), layers.Softmax()]
    )
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    train, val = array_loader(x, one_hot(y)), array_loader(v, one_hot(w), shuffle=False)
    return fit(model, train, val, (v, w), 15, rate=6e-3, loss=loss)


@sound("keras", "sample weights that even out a real imbalance; mean one", 0.6)
def k_weights_for_a_rare_flower() -> Run:
    seed(657)
    x, y, v, w = keras_data()
    kept = np.concatenate(
        [np.flatnonzero(y == name)[: 24 if name % 2 else 18] for name in range(6)]
    )
    x, y = x[kept], y[kept]
    weight = (1 / np.bincount(y))[y]
    weight = (weight / weight.mean()).astype(np.float32)
    return fit(
        keras_cnn(6, width=24), triples(x, y, weight), array_loader(v, w, shuffle=False), (v, w), 20
    )


@sound("keras", "categorical hinge on raw scores: no probabilities anywhere", 0.6)
def k_hinge_on_scores() -> Run:
    seed(658)
    x, y, v, w = keras_data()
    train, val = array_loader(x, one_hot(y)), array_loader(v, one_hot(w), shuffle=False)
    return fit(keras_cnn(6, activation=None), train, val, (v, w), 18, loss="categorical_hinge")
