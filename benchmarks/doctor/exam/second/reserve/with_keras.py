"""Reserve, Keras 3 on torch: to be asked when the kept half has been seen."""

from __future__ import annotations

import numpy as np
from second import (
    LABELS_WRONG,
    VAL_DIFFERS,
    faulty,
    fit,
    keras_data,
)

from support import (
    Run,
    array_loader,
    keras_transfer,
    seed,
)


@faulty(
    "keras",
    "np.random.shuffle(images) and np.random.shuffle(labels), one after the other: the pairs are lost",
    LABELS_WRONG,
    [r"memori[sz]|overfit|chance"],
)
def k_shuffled_apart(mended: bool) -> Run:
    seed(502)
    x, y, v, w = keras_data(64)
    if mended:
        order = np.random.permutation(len(y))
        x, y = x[order], y[order]
    else:
        np.random.shuffle(x)
        np.random.shuffle(y)
    model = keras_transfer(6)
    train, val = array_loader(x, y), array_loader(v, w, shuffle=False)
    return fit(model, train, val, (v, w), 4)


class LabelEncoder:
    """What sklearn.preprocessing.LabelEncoder does."""

    def fit_transform(self, names: list[str]) -> np.ndarray:
        known = sorted(set(names))
        return np.array([known.index(name) for name in names], dtype=np.int64)


@faulty(
    "keras",
    "LabelEncoder().fit_transform for the validation names too; one class is absent there, all labels move",
    [
        *LABELS_WRONG,
        r"encoder|classes? (0|\d).{0,60}(missing|absent|fewer)|(missing|absent|fewer).{0,40}class",
    ],
    [r"overfit", *VAL_DIFFERS],
)
def k_label_encoder_fitted_twice(mended: bool) -> Run:
    seed(306)
    names = ["bougainvillea", "foxglove", "lotus", "passion flower", "petunia", "rose"]
    x, y, v, w = keras_data(64)
    v, w = v[w > 0], w[w > 0]
    shown = w if mended else LabelEncoder().fit_transform([names[label] for label in w])
    labels = LabelEncoder().fit_transform([names[label] for label in y])
    model = keras_transfer(6)
    train, val = array_loader(x, labels), array_loader(v, shown, shuffle=False)
    return fit(model, train, val, (v, w), 4, claimed=(v, shown))
