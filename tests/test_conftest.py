"""The fixtures themselves: they must check, skip and fail as they say."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import jaxtyping
import numpy as np
import pytest
from beartype.roar import BeartypeCallHintParamViolation

from florascope.data.identity import PhotoKeys, no_looks
from florascope.data.splits import stratified
from florascope.images import SUFFIXES, read_photo

pytest_plugins = ["pytester"]

HERE = Path(__file__).parent


def test_a_wrong_shape_is_caught() -> None:
    with pytest.raises(jaxtyping.TypeCheckError, match="labels"):
        stratified(np.zeros((4, 2), dtype=np.int64), 0)


def test_a_wrong_dtype_is_caught() -> None:
    with pytest.raises(jaxtyping.TypeCheckError, match="labels"):
        stratified(np.zeros(4, dtype=np.float32), 0)  # mypy cannot see a dtype


def test_a_wrong_shape_in_a_record_is_caught() -> None:
    with pytest.raises(jaxtyping.TypeCheckError, match="contents"):
        PhotoKeys(np.zeros((1, 1), np.uint64), no_looks(1))


def test_the_longest_files_exist_and_come_first(request: pytest.FixtureRequest) -> None:
    plugin: Any = request.config.pluginmanager.get_plugin(str(HERE / "conftest.py"))
    longest = [HERE / name for name in plugin.LONGEST]
    assert [path for path in longest if not path.is_file()] == []
    others = [HERE / "test_errors.py", HERE / "test_files.py"]
    items = [SimpleNamespace(path=path) for path in (*others, *reversed(longest))]
    plugin.pytest_collection_modifyitems(items)
    assert [item.path for item in items] == [*longest, *others]


def test_photo_folder_holds_three_classes_of_ten_readable_photos(photo_folder: Path) -> None:
    photos = sorted(photo_folder.rglob("*.jpg"))
    assert [p.name for p in sorted(photo_folder.iterdir())] == ["daisy", "rose", "violet"]
    assert len(photos) == 30
    assert {p.suffix for p in photos} <= SUFFIXES
    rose = read_photo(photo_folder / "rose" / "1.jpg")
    assert rose.shape == (30, 40, 3)
    assert rose.mean((0, 1)) == pytest.approx([200, 30, 60], abs=4)


def test_what_beartype_cannot_check_is_left_alone(request: pytest.FixtureRequest) -> None:
    plugin: Any = request.config.pluginmanager.get_plugin(str(HERE / "conftest.py"))
    checked = plugin.checked

    class Shape:
        def itself(self) -> Self:
            return self

        def twice(self, number: int) -> int:
            return 2 * number

    assert checked(Shape.itself) is Shape.itself
    with pytest.raises(BeartypeCallHintParamViolation):
        checked(Shape.twice)(Shape(), "two")


PROBE = """
import pytest

@pytest.mark.real_data
def test_marked_data() -> None:
    raise AssertionError("ran")

@pytest.mark.real_weights
def test_marked_weights() -> None:
    raise AssertionError("ran")

def test_data(real_data):
    raise AssertionError("ran in " + real_data.name)

def test_weights(real_weights):
    raise AssertionError("ran in " + real_weights.name)
"""


def run_probe(pytester: pytest.Pytester, value: str | None) -> pytest.RunResult:
    """Run four tests that need the real folders, all of whose variables have this value."""
    pytester.makeini(
        f"[pytest]\npythonpath = {HERE.parent}\nmarkers =\n    real_data: x\n    real_weights: x"
    )
    pytester.makeconftest((HERE / "conftest.py").read_text())
    pytester.makepyfile(PROBE)
    with pytest.MonkeyPatch.context() as patch:
        # Others' plugins, such as schemathesis's, would be imported anew by each run.
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        for variable in ("FLORASCOPE_DATA", "FLORASCOPE_WEIGHTS"):
            patch.delenv(variable, raising=False)
            if value is not None:
                patch.setenv(variable, value)
        return pytester.runpytest_inprocess("-rs", "-p", "no:cacheprovider")


def test_real_tests_skip_visibly_where_the_variables_are_unset(pytester: pytest.Pytester) -> None:
    result = run_probe(pytester, None)
    result.assert_outcomes(skipped=4)
    result.stdout.fnmatch_lines(["SKIPPED*FLORASCOPE_DATA is not set*"])
    result.stdout.fnmatch_lines(["SKIPPED*FLORASCOPE_WEIGHTS is not set*"])


def test_real_tests_run_where_the_variables_are_set(
    pytester: pytest.Pytester, tmp_path: Path
) -> None:
    result = run_probe(pytester, str(tmp_path))
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines([f"*ran in {tmp_path.name}*"] * 2)


def test_real_tests_fail_where_the_folder_is_not_there(
    pytester: pytest.Pytester, tmp_path: Path
) -> None:
    result = run_probe(pytester, str(tmp_path / "nowhere"))
    outcomes = result.parseoutcomes()
    assert outcomes.get("failed", 0) + outcomes.get("errors", 0) == 4
    result.stdout.fnmatch_lines(["*FLORASCOPE_DATA names *nowhere, which is no folder*"])
