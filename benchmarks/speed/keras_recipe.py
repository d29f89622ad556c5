"""The Keras recipe: a frozen MobileNetV2, augmentation, six epochs of Adam on a Dense layer.

    KERAS/bin/python keras_recipe.py TABLE.csv WEIGHTS.safetensors [--epochs 6]

Runs in an environment of its own that holds tensorflow and safetensors; prints one JSON object.
WEIGHTS is Google's MobileNetV2 in timm's names, which is what Keras downloads elsewhere.
"""

import argparse
import csv
import json
import os
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf
from safetensors.numpy import load_file

SIZE, BATCH = 224, 32


def main() -> None:
    """Train and measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--epochs", type=int, default=6)
    options = parser.parse_args()
    keras.utils.set_random_seed(0)
    with options.table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = sorted({row["label"] for row in rows}, key=int)
    parts = {subset: pipeline(rows, subset, names) for subset in ("train", "val", "test")}
    model = network(len(names), options.weights)
    loss, metrics = "sparse_categorical_crossentropy", ["accuracy"]
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=metrics)
    model.fit(parts["train"], validation_data=parts["val"], epochs=options.epochs, verbose=0)
    _, accuracy = model.evaluate(parts["test"], verbose=0)
    print(json.dumps({"test": float(accuracy), "epochs": options.epochs}))


def pipeline(rows: list[dict[str, str]], subset: str, names: list[str]) -> tf.data.Dataset:
    """Batches as Keras's own guide reads them: decoded, resized and prefetched by tf.data."""
    chosen = [row for row in rows if row["split"] == subset]
    labels = [names.index(row["label"]) for row in chosen]
    data = tf.data.Dataset.from_tensor_slices(([row["path"] for row in chosen], labels))
    if subset == "train":
        data = data.shuffle(len(chosen), seed=0)
    data = data.map(read, num_parallel_calls=tf.data.AUTOTUNE)
    return data.batch(BATCH).prefetch(tf.data.AUTOTUNE)


def read(path: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """One photo in [0, 1]."""
    pixels = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
    return tf.image.resize(pixels, (SIZE, SIZE)) / 255.0, label


def network(classes: int, weights: Path) -> keras.Model:
    """The class report's network; augmentation is skipped where the model is evaluated."""
    base = keras.applications.MobileNetV2((SIZE, SIZE, 3), include_top=False, weights=None)
    base.trainable = False
    fill(base, load_file(weights))
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            keras.layers.RandomRotation(0.1),
            keras.layers.RandomZoom(0.1),
            keras.layers.RandomTranslation(0.1, 0.1),
            keras.layers.RandomFlip("horizontal"),
            keras.layers.Rescaling(2.0, offset=-1.0),
            base,
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )


def fill(base: keras.Model, state: dict[str, np.ndarray]) -> None:
    """Give Keras's layers timm's weights: both lie in the order of the forward pass."""
    order = sorted((k for k in state if k.startswith("blocks.")), key=place)
    names = [k.rpartition(".")[0] for k in order if k.endswith(".weight")]
    modules = ["conv_stem", "bn1", *names, "conv_head", "bn2"]
    convolutions = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)  # unrelated kinds in Keras
    kinds = (*convolutions, keras.layers.BatchNormalization)
    layers = [layer for layer in base.layers if isinstance(layer, kinds)]
    for layer, name in zip(layers, modules, strict=True):
        weight = state[f"{name}.weight"]
        if isinstance(layer, keras.layers.BatchNormalization):
            mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
            spread = np.sqrt((var + layer.epsilon) / (var + 1e-3))  # the file's epsilon is Keras's
            layer.set_weights([weight * spread, state[f"{name}.bias"], mean, var])
        elif isinstance(layer, keras.layers.DepthwiseConv2D):
            layer.set_weights([weight.transpose(2, 3, 0, 1)])
        else:
            layer.set_weights([weight.transpose(2, 3, 1, 0)])


def place(key: str) -> tuple[int, int, int, str]:
    """Stage, block and place within the block: an expansion comes before the depthwise step."""
    _, stage, block, module, _ = key.split(".")
    first = stage == "0"
    order = (
        ["conv_dw", "bn1", "conv_pw", "bn2"]
        if first
        else ["conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3"]
    )
    return int(stage), int(block), order.index(module), key


if __name__ == "__main__":
    main()
