"""Whatever the API's own description allows, and what it does not: never a failure of ours."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from florascope.app.limits import Limits
from florascope.app.schema import AnswerShape, MapShape, ProblemShape
from florascope.app.similar import Album
from florascope.identify.identifier import Identifier

from .conftest import Planted, Serve


def test_schemathesis_finds_no_failure(server: str, tmp_path: Path) -> None:
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{server}/openapi.json"),
        *("--checks", "not_a_server_error,content_type_conformance,status_code_conformance"),
        *("--max-examples", "20", "--seed", "0", "--phases", "examples,coverage,fuzzing"),
    ]
    ended = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
    )
    assert ended.returncode == 0, ended.stdout[-3000:]


def test_every_answer_and_every_problem_is_typed(server: str) -> None:
    described = httpx.get(f"{server}/openapi.json").json()
    for path, ways in described["paths"].items():
        for way in ways.values():
            for status, told in way["responses"].items():
                for kind, content in told["content"].items():
                    if "json" in kind:
                        shape = content["schema"]
                        assert "$ref" in shape or shape["properties"], (path, status)


@pytest.mark.parametrize("alike", [0.99, 0.1])
def test_real_answers_have_the_described_shape(
    identifier: Identifier, photo: bytes, serve: Serve, album: Album, alike: float
) -> None:
    """Named and refused; no field that is not described, none of another type."""
    server = serve(Planted(identifier, {"3": 0.99, "94": 0.009}, alike), Limits(), album=album)
    told = httpx.post(f"{server}/api/identify", content=photo, timeout=60)
    result = AnswerShape.model_validate_json(told.content).results[0]
    assert result.verdict.level == ("species" if alike > 0.9 else "none")
    why = httpx.post(f"{server}/api/explain?class_id=3", content=photo, timeout=60)
    MapShape.model_validate_json(why.content)
    missing = httpx.get(f"{server}/nothing")
    assert ProblemShape.model_validate_json(missing.content).status == 404
