"""config.json there and back, and every way in which it can be damaged."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from timm.data import resolve_data_config

from florascope.bundle import config as bundle
from florascope.bundle.config import BundleConfig, find_bundle, read_config, shipped_bundles
from florascope.calibration.calibration import Calibration
from florascope.data.dataset import ClassName
from florascope.errors import BundleError
from florascope.preprocessing import Preprocessing

CONFIG = BundleConfig(
    architecture="resnet18",
    model_args={"block_args": {"reduce_first": 1}},
    classifier="fc",
    num_features=512,
    classes=(ClassName("21", "fire lily"), ClassName("3", "canterbury bells"), ClassName("ß", "ß")),
    preprocessing=Preprocessing(160, 0.9, "squash", "bicubic", (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)),
    provenance={"data": "flowers", "test": {"top1": 0.9}},
)


def write(folder: Path, values: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")
    return folder


def test_json_round_trip(tmp_path: Path) -> None:
    assert read_config(write(tmp_path, CONFIG.to_json())) == CONFIG


def test_a_calibration_goes_there_and_back(tmp_path: Path) -> None:
    figures = Calibration(40, 1.2, 0.1, 0.02, 0.9, (0.1, 0.2, 0.3), 0.7, 0.8)
    config = replace(CONFIG, calibration=figures)
    assert read_config(write(tmp_path, config.to_json())) == config


def test_a_bundle_of_before_has_no_calibration(tmp_path: Path) -> None:
    values = CONFIG.to_json()
    assert "calibration" not in values["florascope"]
    assert read_config(write(tmp_path, values)).calibration is None


def test_a_calibration_for_other_classes(tmp_path: Path) -> None:
    figures = Calibration(40, 1.2, 0.1, 0.02, 0.9, (0.1, 0.2), 0.7, 0.8)
    values = replace(CONFIG, calibration=figures).to_json()
    with pytest.raises(BundleError, match="2 thresholds.* each of 3 classes"):
        read_config(write(tmp_path, values))


def test_timm_reads_its_part() -> None:
    values = CONFIG.to_json()
    assert values["num_classes"] == 3
    assert values["label_names"] == ["fire lily", "canterbury bells", "ß"]
    timms = resolve_data_config(pretrained_cfg=values["pretrained_cfg"])
    assert {key: timms[key] for key in ("crop_pct", "crop_mode", "interpolation")} == {
        "crop_pct": 0.9,
        "crop_mode": "squash",
        "interpolation": "bicubic",
    }
    assert tuple(timms["input_size"]) == (3, 160, 160)
    assert tuple(timms["mean"]) == (0.1, 0.2, 0.3)
    assert tuple(timms["std"]) == (0.4, 0.5, 0.6)


def test_a_folder_without_a_config(tmp_path: Path) -> None:
    with pytest.raises(BundleError) as raised:
        read_config(tmp_path)
    assert raised.value.found == f"{tmp_path} is not a bundle (no config.json in it)"
    assert raised.value.expected.startswith("a folder that training wrote")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"a": 1,}'])
def test_a_config_that_is_not_json(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(BundleError, match=r"config.json cannot be read .* expected JSON"):
        read_config(tmp_path)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, "None"),
        ([], "None"),
        (None, "None"),
        ({"florascope": "yes"}, "None"),
        ({"florascope": {"schema": "florascope-bundle/2"}}, "'florascope-bundle/2'"),
        ({"architecture": "resnet18", "num_classes": 3}, "None"),  # a timm folder
    ],
)
def test_another_schema(values: Any, found: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError) as raised:
        read_config(write(tmp_path, values))
    assert raised.value.found == f"schema {found} in config.json"
    assert raised.value.expected == "'florascope-bundle/1'"


Damage = Callable[[dict[str, Any]], object]


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda c: c.pop("architecture"), "'architecture'"),
        (lambda c: c.pop("model_args"), "'model_args'"),
        (lambda c: c.update(model_args=7), "int"),
        (lambda c: c["pretrained_cfg"].pop("classifier"), "'classifier'"),
        (lambda c: c.update(pretrained_cfg=None), "NoneType"),
        (lambda c: c.update(num_features="many"), "'many'"),
        (lambda c: c["florascope"].pop("classes"), "'classes'"),
        (lambda c: c["florascope"]["classes"][1].pop("name"), "'name'"),
        (lambda c: c["florascope"].update(classes=["fire lily"]), "string indices"),
        (lambda c: c["florascope"].pop("preprocessing"), "'preprocessing'"),
        (lambda c: c["florascope"].pop("provenance"), "'provenance'"),
    ],
)
def test_a_part_that_is_missing_or_garbled(damage: Damage, named: str) -> None:
    values = CONFIG.to_json()
    damage(values)
    with pytest.raises(BundleError, match=f"config.json lacks or garbles .*{named}"):
        BundleConfig.from_json(values)


@pytest.mark.usefixtures("unchecked")
def test_preprocessing_that_cannot_be_meant() -> None:
    values = CONFIG.to_json()
    values["florascope"]["preprocessing"]["size"] = -1
    with pytest.raises(BundleError, match="preprocessing settings out of range"):
        BundleConfig.from_json(values)


def test_another_number_of_classes() -> None:
    values = CONFIG.to_json()
    values["num_classes"] = 102
    with pytest.raises(BundleError) as raised:
        BundleConfig.from_json(values)
    assert raised.value.found == "config.json names 3 classes and num_classes 102"
    assert raised.value.expected == "the same number"


def test_a_bundle_is_found_by_its_folder_or_its_runs(tmp_path: Path) -> None:
    inner = write(tmp_path / "run" / "bundle", CONFIG.to_json())
    assert find_bundle(str(inner)) == inner
    assert find_bundle(str(tmp_path / "run")) == inner


def test_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is not a bundle"):
        find_bundle(str(tmp_path))


def test_a_name_that_nothing_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "shipped_bundles", lambda: ())
    with pytest.raises(BundleError) as raised:
        find_bundle("tulips")
    assert raised.value.found == "no bundle 'tulips'"
    assert "none ships with this version" in raised.value.expected
    assert raised.value.fix.startswith("Train one: `florascope.train(")


def test_shipped_bundles_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "SHIPPED", tmp_path / "bundles")
    assert shipped_bundles() == ()
    shipped = write(tmp_path / "bundles" / "flowers", CONFIG.to_json())
    (tmp_path / "bundles" / "notes").mkdir()
    assert shipped_bundles() == ("flowers",)
    assert find_bundle("flowers") == shipped
    with pytest.raises(BundleError, match=r"a shipped bundle \(flowers\)"):
        find_bundle("tulips")


@pytest.mark.parametrize("spec", ["../flowers", "flowers/..", "/flowers"])
def test_a_name_is_not_a_way_out_of_the_package(
    spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "SHIPPED", tmp_path / "bundles")
    write(tmp_path / "bundles" / "flowers", CONFIG.to_json())
    write(tmp_path / "flowers", CONFIG.to_json())
    with pytest.raises(BundleError, match="no bundle"):
        find_bundle(spec)
