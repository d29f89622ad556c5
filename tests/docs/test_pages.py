"""The code on the pages runs as it stands there, in the order in which it stands there."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from sybil import Document, Example
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

ROOT = Path(__file__).parents[2]
TUTORIALS = ("docs/tutorial/index.md", "docs/tutorial/es.md")
HOW_TO = ("docs/howto/own-photos.md", "docs/howto/identify.md", "docs/howto/heat-maps.md")
PAGES = [str(page.relative_to(ROOT)) for page in sorted(ROOT.glob("docs/**/*.md"))]
LONG = pytest.mark.documentation
ANSWERED = (0, 3)  # 3: identify does not know the flower
LEFT_OUT = re.compile(
    r"make \w+|florascope (serve|studio)\b"
)  # they take minutes, or wait for ever
FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)*/\w+\.py\b")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)[^)]*\)")


@pytest.mark.parametrize(
    "page", ["README.md", *(pytest.param(page, marks=LONG) for page in TUTORIALS + HOW_TO)]
)
@pytest.mark.usefixtures("folder")
def test_the_code_of_a_page_runs(page: str, run_command: Callable[..., int]) -> None:
    def type_in(example: Example) -> None:
        for line in str(example.parsed).splitlines():
            command = line.partition("#")[0].strip()
            if not LEFT_OUT.match(command):
                program, *arguments = shlex.split(command)
                assert program == "florascope", line
                assert run_command(*arguments) in ANSWERED, line

    python, shell = PythonCodeBlockParser(), CodeBlockParser(language="sh", evaluator=type_in)
    document = Document.parse(str(ROOT / page), python, shell, encoding="utf-8")
    examples = list(document.examples())
    assert examples
    for example in examples:
        example.evaluate()


def test_both_tutorials_run_the_same_code() -> None:
    english, spanish = (
        re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
        for page in TUTORIALS
    )
    assert [re.sub(r'"es"(, )?', "", block) for block in spanish] == english


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_what_stands_beside_docs_links_to_files(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert [target for target in LINK.findall(text) if not (ROOT / target).exists()] == []


@pytest.mark.parametrize(
    "page",
    ["pyproject.toml", "ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "SECURITY.md", *PAGES],
)
def test_the_files_that_a_page_names_are_there(page: str) -> None:
    named = FILE.findall((ROOT / page).read_text(encoding="utf-8"))
    places = (ROOT, ROOT / "src" / "florascope", ROOT / "tests", ROOT / "benchmarks")
    assert [name for name in named if not any((place / name).is_file() for place in places)] == []


def test_the_readme_says_where_every_binary_file_comes_from() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    kept = [*ROOT.glob("src/**/*.safetensors"), *ROOT.glob("src/**/*.npz")]
    places = [path.relative_to(ROOT).as_posix() for path in kept]
    assert places
    for place in places:
        assert place in text or f"{place.rpartition('/')[0]}/" in text, place
