"""A saved Keras model with a folder of photos."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

from florascope.doctor.checks import labels as label_checks  # noqa: E402
from florascope.doctor.keras.file import examine  # noqa: E402
from florascope.errors import DataError, FlorascopeError  # noqa: E402
from florascope.nets.keras_models import opened  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NAMES = ("1 dark", "10 red", "2 green")  # in text order, which Keras numbers them by
COLOURS = ((30, 30, 30), (220, 70, 60), (60, 200, 80))
layers = keras.layers


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve noisy photos of each colour to train and eight to validate, of odd sizes."""
    root, draw = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for side, count in (("train", 12), ("val", 8), ("test", 2)):
        for name, colour in zip(NAMES, COLOURS, strict=True):
            (root / side / name).mkdir(parents=True)
            for number in range(count):
                pixels = draw.normal(colour, 20, (12, 20, 3)).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(root / side / name / f"{number}.png")
    return root


def saved(path: Path, *, divisor: float = 1.0, front: bool = True, units: int = 3) -> Path:
    """A model fitted on colours, as Keras numbers them, scaled inside or outside."""
    keras.utils.set_random_seed(0)
    scale = [layers.Rescaling(1 / 127.5, -1)] if front else []
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            *scale,
            layers.GlobalAveragePooling2D(),
            layers.Dense(units, "softmax"),
        ]
    )
    labels = np.tile(np.arange(3), 60)
    pixels = np.random.default_rng(1).normal(0, 20, (180, 8, 8, 3)) + np.array(COLOURS)[
        labels
    ].reshape(-1, 1, 1, 3)
    model.compile(
        keras.optimizers.Adam(0.2), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(pixels.clip(0, 255) / divisor, labels, epochs=30, verbose=0)
    model.save(path)
    return path


def test_the_right_model_with_its_photos(folder: Path, tmp_path: Path) -> None:
    found = examine(saved(tmp_path / "model.keras"), str(folder))
    assert found.findings == (), str(found)


def test_a_scaling_outside_the_model_is_found_and_noted(folder: Path, tmp_path: Path) -> None:
    found = examine(saved(tmp_path / "model.keras", divisor=255.0, front=False), str(folder))
    assert found.of("error") == ()
    (note,) = found.of("note")
    assert "diagnosed at 0 to 1" in note.found


def test_a_model_of_other_classes(folder: Path, tmp_path: Path) -> None:
    path = saved(tmp_path / "model.keras", units=5)
    with pytest.raises(DataError, match="the model has 5 outputs, .* has 3 classes"):
        examine(path, str(folder))


def test_no_model(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"no model")
    with pytest.raises(FlorascopeError, match="cannot be opened as a Keras model"):
        opened(path)


def test_code_inside_a_model_is_not_run(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Lambda(lambda x: x / 255)])
    model.save(tmp_path / "model.keras")
    with pytest.raises(FlorascopeError, match="cannot be opened as a Keras model"):
        opened(tmp_path / "model.keras")


def test_a_model_that_takes_no_photos(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((5,)), layers.Dense(3)]).save(path)
    with pytest.raises(FlorascopeError, match=r"the model takes inputs of shape \(None, 5\)"):
        examine(path, str(folder))


def test_the_command(folder: Path, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from florascope.cli.doctor import doctor

    path = saved(tmp_path / "model.keras")
    said: Any = CliRunner().invoke(doctor, [str(path), "--data", str(folder)])
    assert said.exit_code == 0, said.output
    assert "Nothing wrong was found" in said.output
    assert label_checks.ABSENT not in said.output
