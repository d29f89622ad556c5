"""For those who train with Keras 3: `florascope.keras.Doctor`, a callback for model.fit."""

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from florascope.doctor.diagnosis import Diagnosis
from florascope.doctor.keras.compiled import rates_of, rows
from florascope.doctor.keras.data import as_array
from florascope.doctor.keras.gather import diagnose
from florascope.doctor.recording import Recording, Sizes

WATCHED = 12  # variables whose sizes are kept, evenly over the model
LARGEST = 4096  # numbers looked at of each
DENSE, SPARSE = 8, 10  # the first steps are all measured, then each tenth

Logs = Mapping[str, Any] | None


class Doctor(keras.callbacks.Callback):  # type: ignore[misc]
    """Watches model.fit, and says in the end what may have gone wrong.

        doctor = florascope.keras.Doctor(train_ds, val_ds)
        model.fit(train_ds, validation_data=val_ds, epochs=6, callbacks=[doctor])
        print(doctor.diagnosis)

    Args:
        train_data: whatever fit takes; None leaves the diagnosis out, not the recording.
        val_data: likewise.
        told: what else is known, by the names of the attributes of
            `florascope.doctor.keras.gather.KerasScript`.

    Attributes:
        diagnosis: of the training that ended last; None before, and without data.
        recording: what was seen of it.
    """

    def __init__(self, train_data: Any = None, val_data: Any = None, **told: Any) -> None:  # noqa: ANN401
        super().__init__()
        self.diagnosis: Diagnosis | None = None
        self._data, self._told = (train_data, val_data), told
        self._begin()

    def _begin(self) -> None:
        self._losses: list[float] = []
        self._rates: list[float] = []
        self._history: list[Mapping[str, float]] = []
        self._measured: list[tuple[list[float], list[float], list[float]]] = []
        self._before: list[Any] = []
        self._mean = 0.0
        self._names: tuple[str, ...] = ()

    @property
    def recording(self) -> Recording:
        """What was seen so far."""
        steps = len(self._losses)
        return Recording(
            framework="Keras",
            forwards=steps,
            backwards=None,
            steps=steps,
            losses=tuple(self._losses),
            rates=tuple(self._rates),
            sizes=self._sizes(),
        )

    def _sizes(self) -> Sizes | None:
        if not self._measured:
            return None
        weights, gradients, updates = np.array(self._measured, np.float64).transpose(1, 0, 2)
        return Sizes(self._names, weights, gradients, updates, np.full_like(updates, math.nan))

    def on_train_begin(self, logs: Logs = None) -> None:  # noqa: ARG002 (Keras's signature)
        """Forget the training before."""
        self._begin()
        self._names = tuple(v.path for v in self._chosen())

    def _chosen(self) -> list[Any]:
        every = self.model.trainable_variables
        wide = [v for v in every if len(v.shape) > 1] or every
        at = np.unique(np.linspace(0, len(wide) - 1, min(WATCHED, len(wide))).astype(int))
        return [wide[i] for i in at] if wide else []

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Remember the weights before the step."""
        done = len(self._losses)
        if done < DENSE or done % SPARSE == 0:
            self._before = [_some(v.value).copy() for v in self._chosen()]

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Measure the step."""
        mean = float((logs or {}).get("loss", math.nan))
        # Keras says the mean since the epoch began.
        self._losses.append(mean if batch == 0 else (batch + 1) * mean - batch * self._mean)
        self._mean = mean
        self._rates.extend(rates_of(self.model))
        if self._before:
            chosen = self._chosen()
            now = [_some(v.value) for v in chosen]
            moved = [_rms(a - b) for a, b in zip(now, self._before, strict=True)]
            gradients = [_gradient(v) for v in chosen]
            self._measured.append(([_rms(w) for w in self._before], gradients, moved))
            self._before = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Remember the epoch's figures."""
        self._history.extend(rows({key: [value] for key, value in (logs or {}).items()}))

    def on_train_end(self, logs: Logs = None) -> None:  # noqa: ARG002
        """Diagnose, where data was given."""
        train, val = self._data
        if train is not None and val is not None:
            told = {"history": tuple(self._history), "watched": self.recording, **self._told}
            self.diagnosis = diagnose(self.model, train, val, **told)


def _some(value: Any) -> Any:  # noqa: ANN401 (a tensor of the backend)
    """Some numbers of a tensor, evenly: whole slices of its first dimension."""
    step = max(1, math.ceil(math.prod(value.shape) / LARGEST))
    return as_array(value[::step] if len(value.shape) else value)


def _gradient(variable: Any) -> float:  # noqa: ANN401
    """Size of the gradient that PyTorch's backend leaves with a variable; nan elsewhere."""
    gradient = getattr(variable.value, "grad", None)
    if gradient is None:
        return math.nan
    size = _rms(_some(gradient))
    return size if math.isfinite(size) else math.inf


def _rms(values: Any) -> float:  # noqa: ANN401
    return math.sqrt(float(np.square(np.asarray(values, np.float64)).mean()))
