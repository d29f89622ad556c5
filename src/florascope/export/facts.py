"""What an answer says besides the network's numbers, as JSON values for another runtime."""

from dataclasses import fields
from typing import Any

from florascope.data.species import LANGUAGES, Language, Species
from florascope.images import MAX_PIXELS
from florascope.model.bundle import BundleConfig
from florascope.model.preprocessing import LONGEST
from florascope.runtime.catalogue import Catalogue
from florascope.runtime.caution import cautions
from florascope.runtime.identification import NAMED, TOP
from florascope.runtime.verdict import PLAUSIBLE, TAIL
from florascope.runtime.words import WORDS

RULES = {
    "plausible": PLAUSIBLE,
    "tail": TAIL,
    "named": NAMED,
    "top": TOP,
    "longest": LONGEST,
    "max_pixels": MAX_PIXELS,
}
SENTENCES = ("species", "genus", "family", "unsure", "uncalibrated", "none", "either", "others")


def facts(config: BundleConfig) -> dict[str, Any]:
    """Return preprocessing, calibration, rules, classes with their facts, and sentences."""
    catalogue = Catalogue.of(config.classes)
    return {
        "preprocessing": config.preprocessing.to_json(),
        "calibration": config.calibration.to_json() if config.calibration else None,
        "rules": RULES,
        "classes": [_class(catalogue, k) for k in range(len(config.classes))],
        "words": {language: _words(language) for language in LANGUAGES},
    }


def _class(catalogue: Catalogue, index: int) -> dict[str, Any]:
    species = catalogue.species[index]
    told = {language: cautions(catalogue, [index], language) for language in LANGUAGES}
    return {
        "class_id": catalogue.classes[index].id,
        "names": {language: catalogue.name(index, language) for language in LANGUAGES},
        "scientific_name": catalogue.scientific_name(index),
        **_kin(species),
        "cautions": {k: v[0].to_json() for k, v in told.items()} if told["en"] else None,
    }


def _kin(species: Species | None) -> dict[str, Any]:
    if species is None:
        return {"lookalikes": []}
    names = ("genus", "family", "people", "pets")
    return {**{n: getattr(species, n) for n in names}, "lookalikes": list(species.lookalikes)}


def _words(language: Language) -> dict[str, str]:
    own = WORDS[language]
    kept = {f.name for f in fields(own)} & {*SENTENCES, "advice"}
    return {name: getattr(own, name) for name in sorted(kept)}
