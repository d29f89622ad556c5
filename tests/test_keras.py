"""The callback sees each step of fit, and diagnoses in the end."""

import os
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

import florascope  # noqa: E402
from florascope.doctor.checks import recorded  # noqa: E402
from florascope.keras import Doctor  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def photos(each: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    labels = np.tile(np.arange(3), each)
    images = draw.normal(0, 0.3, (len(labels), 4, 4, 3)) + np.eye(3)[labels][:, None, None]
    return images.astype(np.float32), labels


def fitted(doctor: Doctor, optimizer: Any, epochs: int = 2) -> Any:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    train, val = photos(32, 0), photos(8, 1)
    settings = {"validation_data": val, "epochs": epochs, "verbose": 0, "batch_size": 8}
    return model.fit(*train, callbacks=[doctor], **settings)


def test_each_step_is_seen() -> None:
    doctor = Doctor()
    done = fitted(doctor, keras.optimizers.SGD(0.125))
    seen = doctor.recording
    assert (seen.framework, seen.steps, seen.rates) == ("Keras", 24, (0.125,) * 24)
    # The mean of an epoch's losses is what Keras says of it.
    assert np.mean(seen.losses[:12]) == pytest.approx(done.history["loss"][0], rel=1e-4)
    assert np.mean(seen.losses[12:]) == pytest.approx(done.history["loss"][1], rel=1e-4)
    assert doctor.diagnosis is None


def test_updates_of_plain_sgd_are_rate_times_gradient() -> None:
    doctor = Doctor()
    fitted(doctor, keras.optimizers.SGD(0.125))
    sizes = doctor.recording.sizes
    assert sizes is not None
    assert len(sizes.names) == 1
    assert len(sizes.weights) == 10  # the first eight, the 10th and the 20th
    if keras.backend.backend() == "torch":
        np.testing.assert_allclose(sizes.updates, 0.125 * sizes.gradients, rtol=1e-3)


def test_a_sound_training_is_diagnosed_at_its_end() -> None:
    doctor = Doctor(photos(32, 0), photos(8, 1))
    fitted(doctor, keras.optimizers.Adam(0.03), epochs=6)
    assert doctor.diagnosis is not None
    assert doctor.diagnosis.of("error") == ()


def test_a_rate_far_too_high_is_named() -> None:
    doctor = Doctor(photos(32, 0), photos(8, 1))
    fitted(doctor, keras.optimizers.SGD(1e4))
    assert doctor.diagnosis is not None
    assert doctor.diagnosis.findings[0].cause == recorded.EXPLODING, str(doctor.diagnosis)


def test_a_second_training_begins_anew() -> None:
    doctor = Doctor()
    fitted(doctor, "sgd")
    fitted(doctor, "sgd", epochs=1)
    assert doctor.recording.steps == 12


def test_the_package_offers_it() -> None:
    assert florascope.keras.Doctor is Doctor
