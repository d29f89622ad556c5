"""The site builds without a warning, and its pages hold what the code and notebooks say."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it: any warning ends the build."""
    place = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(place)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return place


def page(site: Path, name: str) -> str:
    return (site / name / "index.html").read_text(encoding="utf-8")


def test_the_reference_is_made_from_the_code(site: Path) -> None:
    assert "From what a user types" not in page(site, "reference/python")
    assert "Open labelled photos." in page(site, "reference/python")
    assert "<code>learning_rate</code>" in page(site, "reference/settings")
    assert "florascope train [OPTIONS] DATA" in page(site, "reference/commands")
    assert "holds other files and no earlier run" in page(site, "reference/errors")


def test_notebooks_and_tables_of_benchmarks_are_linked_as_pages(site: Path) -> None:
    exercise = page(site, "notebooks/class-exercise")
    assert 'href="../../case/"' in exercise
    assert 'href="../true-heat-maps/"' in exercise
    assert 'href="../benchmarks/doctor/results/confusion/"' in page(site, "results")


def test_nothing_is_loaded_from_other_servers(site: Path) -> None:
    for name in ("", "tutorial", "reference/python"):
        html = page(site, name)
        assert 'src="http' not in html
        assert '<link rel="stylesheet" href="http' not in html
