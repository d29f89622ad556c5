"""Whatever the doctor may say has its Spanish: every sentence that its code can make is collected.

That what planted failures have it find is said in Spanish is asked of each test here (conftest).
"""

import os
from importlib import import_module
from pkgutil import iter_modules

import numpy as np
import pytest
from tests.support.spoken import Speech, untold

from florascope.data.dataset import SUBSETS
from florascope.doctor import checks
from florascope.doctor.anatomy import Modes
from florascope.doctor.checks.claims import _other_figures, _parts_of_val, _pieces
from florascope.doctor.checks.inputs import CANARY
from florascope.doctor.checks.pictures import PLACES
from florascope.doctor.evidence import Answers, Evidence
from florascope.doctor.photometry import CONTRACT, GEOMETRIES, NORMALISATIONS
from florascope.doctor.properties import NAMES
from florascope.doctor.provenance import WORDS
from florascope.doctor.retouching import RETOUCHES

FINDING = {"Finding": (1, 3, 4, 5, "cause", "found", "expected", "fix")}
MODULES = [f"florascope.doctor.checks.{module.name}" for module in iter_modules(checks.__path__)]
HELP = "Add each to src/florascope/texts/doctor.es.json, {} for what is known at run time alone"


@pytest.mark.parametrize("name", MODULES)
def test_every_sentence_of_a_check_has_its_spanish(name: str) -> None:
    said = Speech(import_module(name)).reaching(FINDING)
    assert untold("doctor", said) == [], HELP


def test_kerass_own_sentences_have_their_spanish() -> None:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    pytest.importorskip("keras")
    file, gather = (import_module(f"florascope.doctor.keras.{name}") for name in ("file", "gather"))
    said = Speech(file).reaching(FINDING)
    assert said
    assert untold("doctor", [*said, *gather.FIXES.values()]) == [], HELP
    assert untold("doctor", [scaling.name for scaling in file.SCALINGS]) == [], HELP


def test_names_that_evidence_gives_have_their_spanish() -> None:
    names = [*NAMES, *WORDS.values(), *GEOMETRIES, CONTRACT, *CANARY, *RETOUCHES, *SUBSETS, PLACES]
    standards = [known.name for known in NORMALISATIONS if "[" not in known.name]
    assert untold("doctor", [*names, *standards]) == [], HELP


@pytest.mark.parametrize("classes", [2, 6])
def test_what_an_accuracy_may_be_instead_has_its_spanish(classes: int) -> None:
    outputs = np.zeros((4, classes))
    answers = Answers(np.zeros(4, np.int64), outputs, np.zeros((4, 2)), batches=(2, 2))
    modes = Modes(False, answers.labels, outputs, outputs, outputs)  # noqa: FBT003
    evidence = Evidence(classes, train_answers=answers, val_answers=answers, modes=modes)
    figures = {**_parts_of_val(evidence), **_pieces(evidence), **_other_figures(evidence)}
    assert {"batch 1 alone", "class 0 alone"} < figures.keys()
    assert untold("doctor", figures) == [], HELP


def test_a_sentence_without_spanish_is_found() -> None:
    assert untold("doctor", ["softmax twice", "softmax thrice"]) == ["softmax thrice"]
    assert untold("doctor", ["running means"]) == ["running means"]
