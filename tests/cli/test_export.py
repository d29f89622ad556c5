"""florascope export."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import timm
from tests.support.graphs import BIAS, WEIGHT, body

from florascope.identify.identifier import Identifier


@pytest.fixture
def bundle(trained: Path) -> Path:
    return trained / "bundle"


def test_onnx_answers_as_the_bundle(run: Any, bundle: Path, photos: Path, tmp_path: Path) -> None:
    ended = run("export", bundle, "--to", "onnx", "--out", tmp_path / "onnx")
    assert ended.code == 0
    files, written = ended.out.splitlines()
    assert files.removeprefix("files: ").split(", ") == sorted(
        path.name for path in (tmp_path / "onnx").iterdir()
    )
    assert written == f"Written: {tmp_path / 'onnx'}"
    photo = photos / "1" / "photo-1-0.jpg"
    assert Identifier(tmp_path / "onnx")(photo).to_json() == Identifier(bundle)(photo).to_json()


def test_timm(run: Any, bundle: Path, tmp_path: Path) -> None:
    assert run("export", bundle, "--to", "timm", "--out", tmp_path / "timm").code == 0
    model = timm.create_model(f"local-dir:{tmp_path / 'timm'}", pretrained=True)
    assert model.num_classes == 3


def test_int8_prints_its_cost(run: Any, bundle: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "int8"
    given = ("--data", photos, "--split", "80-10-10", "--json")
    ended = run("export", bundle, "--to", "int8", "--out", out, *given)
    assert ended.code == 0
    assert ended.json["form"] == "int8"
    assert ended.json["n"] == 3
    assert 0 < ended.json["logit_gap"] < np.inf
    assert ended.json["map_correlation"] > 0.8
    assert run("identify", photos / "2" / "photo-2-0.jpg", "--model", out).code == 0


def test_small_is_as_small_as_asked(run: Any, bundle: Path, photos: Path, tmp_path: Path) -> None:
    out, most = tmp_path / "small", (bundle / "model.onnx").stat().st_size / 3e6
    given = ("--data", photos, "--split", "80-10-10", "--megabytes", most, "--json")
    ended = run("export", bundle, "--to", "small", "--out", out, *given)
    assert (ended.code, ended.json["form"]) == (0, "small")
    assert (out / "model.onnx").stat().st_size <= most * 1e6
    assert run("identify", photos / "2" / "photo-2-0.jpg", "--model", out).code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--to", "int8"), "--to int8 without --data"),
        (("--to", "onnx", "--data", "garden"), "--data with --to onnx"),
        (("--to", "small"), "--to small without --data"),
        (("--to", "int8", "--data", "garden", "--megabytes", "2"), "it is for --to small alone"),
        (("--to", "onnx", "--prior", "garden.csv"), "it is for --to web alone"),
        (("--to", "keras"), "is not one of 'web', 'onnx', 'int8', 'small', 'timm'"),
    ],
)
def test_wrong_usage(
    run: Any, bundle: Path, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    ended = run("export", bundle, "--out", tmp_path / "out", *arguments)
    assert ended.code == 2
    assert told in ended.err


def test_nothing_is_overwritten_least_of_all_the_bundle(run: Any, bundle: Path) -> None:
    before = (bundle / "model.safetensors").read_bytes()
    ended = run("export", bundle, "--to", "onnx", "--out", bundle)
    assert ended.code == 1
    assert "expected a new or empty folder" in ended.err
    assert (bundle / "model.safetensors").read_bytes() == before


def test_a_folder_that_is_no_bundle(run: Any, photos: Path, tmp_path: Path) -> None:
    ended = run("export", photos, "--to", "onnx", "--out", tmp_path / "out")
    assert ended.code == 1
    assert "is not a bundle" in ended.err


def test_a_runtime_that_is_not_the_tested_one(run: Any, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "other.tgz").write_bytes(b"something else")
    given = ("--runtime", tmp_path / "other.tgz")
    ended = run("export", bundle, "--to", "web", "--out", tmp_path / "out", *given)
    assert ended.code == 1
    assert "Get it with: npm pack onnxruntime-web@" in ended.err
    assert not (tmp_path / "out").exists()


def test_a_prior_of_other_classes(run: Any, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "prior.csv").write_text("class,weight\nno such class,2\n")
    given = ("--prior", tmp_path / "prior.csv", "--out", tmp_path / "out")
    ended = run("export", bundle, "--to", "web", *given)
    assert ended.code == 1
    assert "no class 'no such class'" in ended.err
    assert not (tmp_path / "out").exists()


def test_int8_is_fitted_and_measured_on_photos_that_did_not_train(
    run: Any, seeded: Path, photos: Path, tmp_path: Path
) -> None:
    told = json.loads((seeded / "metrics.json").read_text())
    given = ("--to", "int8", "--data", photos, "--json")
    found = run("export", seeded, *given, "--out", tmp_path / "own").json
    assert (found["n"], found["top1_before"]) == (told["test"]["n"], told["test"]["top1"])
    was, now = (
        json.loads((folder / "config.json").read_text())["florascope"]["calibration"]
        for folder in (seeded / "bundle", tmp_path / "own")
    )
    assert now["temperature"] == was["temperature"]  # it rests on more photos than val's
    ended = run("export", seeded, *given, "--out", tmp_path / "other", "--seed", 0)
    assert ended.code == 1
    assert "photos test, but" in ended.err
    assert not (tmp_path / "other").exists()


def test_import_brings_a_graph_over(run: Any, tmp_path: Path) -> None:
    chain = body().then("GlobalAveragePool").then("Flatten").then("Gemm", WEIGHT, BIAS, transB=1)
    onnx.save(chain.model(), tmp_path / "m.onnx")
    asked = ("import", tmp_path / "m.onnx", "--out", tmp_path / "b", "--scaling", "torch")
    told = run(*asked, "--json").json
    assert told["class_maps"]
    assert told["gap"] < 1e-5
    assert run(*asked).code == 1  # the folder exists now
