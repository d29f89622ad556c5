"""What a machine reaches: figures that fit together."""

from collections.abc import Callable
from typing import Any

import pytest

from florascope.errors import FlorascopeError
from florascope.features.engines import EXACT, VARIABLE, Machine, RuntimeChoice
from florascope.features.speed import Speed, measure_speed
from florascope.nets.backbone import Backbone

PLAIN = Machine("", bfloat16=False, openvino=False)


def test_the_limit_by_hand() -> None:
    speed = Speed(PLAIN, EXACT, decode=600.0, engines={"onnxruntime": 300.0}, pipeline=180.0)
    assert speed.limit == pytest.approx(200.0)  # 1 / (1 / 600 + 1 / 300)
    assert speed.to_json()["share_of_limit"] == pytest.approx(0.9)
    gpu = Machine("GPU", bfloat16=False, openvino=False)
    choice = RuntimeChoice("torch", "bf16", "")
    assert Speed(gpu, choice, 600.0, {"torch-bf16": 9000.0}, 500.0).limit == 600.0


def test_every_engine_of_the_machine_is_measured(
    paint: Callable[[int], list[Any]], backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    told: list[tuple[str, int, int]] = []
    speed = measure_speed(
        paint(20), backbone, machine=PLAIN, seconds=0.05, progress=lambda *t: told.append(t)
    )
    assert list(speed.engines) == ["onnxruntime"]
    assert speed.choice.name == "onnxruntime"
    assert min(speed.decode, speed.pipeline, *speed.engines.values()) > 0
    assert told[-1] == ("Measuring", 3, 3)
    monkeypatch.setenv(VARIABLE, "torch")
    forced = measure_speed(paint(3), backbone, machine=PLAIN, seconds=0.05)
    assert list(forced.engines) == ["onnxruntime", "torch"]


def test_photos_that_cannot_be_read(paint: Callable[[int], list[Any]], backbone: Backbone) -> None:
    photos = paint(2)
    for photo in photos:
        photo.broken = True
    with pytest.raises(FlorascopeError, match="none of the first photos can be read: .+"):
        measure_speed(photos, backbone, machine=PLAIN, seconds=0.01)
