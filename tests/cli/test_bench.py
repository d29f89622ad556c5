"""florascope bench."""

from pathlib import Path
from typing import Any

import pytest

QUICK = ("--backbone", "test_resnet", "--seconds", "0.05")


def test_json_names_engine_reason_and_rates(
    run: Any, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLORASCOPE_ENGINE", "onnxruntime")
    found = run("bench", photos / "2", *QUICK, "--json").json
    assert found["engine"] == "onnxruntime"
    assert found["reason"] == "FLORASCOPE_ENGINE asks for it"
    assert found["photos"] == 10
    rates = found["photos_per_second"]
    assert {"decode", "onnxruntime", "pipeline", "limit"} <= set(rates)
    assert found["share_of_limit"] == pytest.approx(rates["pipeline"] / rates["limit"])


def test_drawings_serve_where_no_photos_are_given(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLORASCOPE_ENGINE", "onnxruntime")
    ended = run("bench", *QUICK)
    assert ended.code == 0
    assert "decode and crop" in ended.out
    assert "Engine: onnxruntime, because FLORASCOPE_ENGINE asks for it" in ended.out


def test_an_unknown_engine(run: Any, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLORASCOPE_ENGINE", "abacus")
    ended = run("bench", photos / "2", *QUICK)
    assert ended.code == 1
    assert "expected fast or one of onnxruntime" in ended.err
