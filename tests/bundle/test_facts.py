"""facts.csv: what the documentation shows is read; what cannot be is refused, line by line."""

import re
from pathlib import Path

import pytest

from florascope.bundle.config import FACTS
from florascope.bundle.facts import read_facts
from florascope.data.dataset import ClassName
from florascope.errors import BundleError, DataError

CLASSES = tuple(ClassName(name, name) for name in ("death_cap", "paddy_straw", "mug", "plate"))
DOCS = Path(__file__).parents[2] / "docs" / "facts.md"


def write(folder: Path, text: str) -> Path:
    (folder / FACTS).write_text(text, encoding="utf-8")
    return folder


def test_without_a_file_nothing_is_told(tmp_path: Path) -> None:
    assert read_facts(tmp_path, CLASSES) == {}


def test_the_documented_example(tmp_path: Path) -> None:
    (example,) = re.findall(r"```csv\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    facts = read_facts(write(tmp_path, example), CLASSES)
    death, straw, mug = (facts[name] for name in ("death_cap", "paddy_straw", "mug"))
    assert death.names == {"en": "death cap", "es": "oronja verde"}
    assert (death.people, death.pets, death.genus) == ("deadly", "deadly", "Amanita")
    assert death.notes["es"] == "las amatoxinas destruyen el hígado"
    assert death.source == "our local mycology society"
    assert straw.lookalikes == ("death_cap",)
    assert not straw.toxic
    assert (mug.group, mug.scientific, mug.genus) == ("crockery", "", "")
    assert facts["plate"].group == "crockery"


def test_columns_may_be_left_out(tmp_path: Path) -> None:
    facts = read_facts(write(tmp_path, "name_es,class_id\ntaza,mug\n"), CLASSES)
    assert facts["mug"].names == {"en": "mug", "es": "taza"}
    assert set(facts) == {"mug"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name\nmug\n", "has no column 'class_id'"),
        (
            "class_id,colour\nmug,red\n",
            r"line 2: the column 'colour'\. expected of these: class_id,",
        ),
        (
            "class_id,group\ncup,x\n",
            r"line 2: no class 'cup'\. expected one of the model's: death_",
        ),
        ("class_id,group\nmug,x\nmug,y\n", r"line 3: the class 'mug' again"),
        ("class_id,people,source\nmug,bad,me\n", r"line 2: harm 'bad'\. expected one of deadly, "),
        ("class_id,caution_en\nmug,hot\n", r"line 2: a caution without its degree"),
        ("class_id,pets\nmug,deadly\n", r"line 2: 'deadly' without a source"),
        ("class_id,lookalikes\nmug,plate|cup\n", r"line 2: no class 'cup'"),
        ("class_id,name_en\nmug,m\u202eug\n", r"line 2: name_en .* expected plain text"),
    ],
)
def test_what_cannot_be(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_facts(write(tmp_path, text), CLASSES)


def test_a_link_is_no_file_of_the_bundle(tmp_path: Path) -> None:
    write(tmp_path, "class_id\nmug\n").joinpath(FACTS).rename(tmp_path / "elsewhere")
    (tmp_path / FACTS).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="is a link"):
        read_facts(tmp_path, CLASSES)
