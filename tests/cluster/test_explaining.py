"""`explain` as a job draws what one process draws."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import florascope as fs
from florascope.bundle.config import find_bundle
from florascope.cli.explain import explain
from florascope.cluster.engines import Mapped
from florascope.cluster.job import Counts
from florascope.cluster.tasks import SHIPPED
from florascope.nets.saving import load_classifier


def test_explain_as_a_job(photos: Path, tmp_path: Path) -> None:
    arguments = ["explain", SHIPPED, str(photos / "lily"), "--method", "cam", "--save-arrays"]
    arguments += ["--engine", "local", "--no-trust", "--json", "--out", str(tmp_path / "out")]
    command = [sys.executable, "-m", "florascope", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["photos"], told["problems"]) == (4, 0)
    rows = Mapped(str(tmp_path / "out"), Counts()).table().to_pylist()
    classifier = load_classifier(find_bundle(SHIPPED))
    for row in rows:
        alone = fs.explain(classifier, row["path"], "cam")
        assert (row["class_id"], row["method"]) == (alone.target.id, "cam")
        assert row["logit"] == pytest.approx(alone.logit, abs=1e-4)
        assert row["deletion"] is None
        evidence = np.array(row["evidence"]).reshape(alone.values.shape)
        assert np.abs(evidence - alone.values).max() < 1e-4 * np.abs(alone.values).max()
        picture = np.asarray(Image.open(io.BytesIO(row["picture"])), float)
        assert np.abs(picture - alone.picture()).mean() < 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("m.onnx", "photos"), "--engine with m.onnx"),
        ((SHIPPED, "one", "two"), "--engine with 2 sources"),
        ((SHIPPED, "photos", "--layers", "blocks.3"), "--engine with --layers"),
    ],
)
def test_what_no_job_explains(arguments: tuple[str, ...], message: str) -> None:
    asked = [*arguments, "--engine", "local", "--out", "out"]
    result = CliRunner().invoke(explain, asked)
    assert message in str(result.exception)
