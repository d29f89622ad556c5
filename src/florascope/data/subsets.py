"""What people call train, val and test, in folders and in CSV files."""

import re

SUBSETS = ("train", "val", "test")
WORDS = {
    "train": "train training trained trn entrenamiento",
    "val": "val valid validation validate validating dev development validacion validación",
    "test": "test testing tests tst eval evaluation evaluating holdout prueba pruebas",
}
_MEANT = {word: subset for subset, words in WORDS.items() for word in words.split()}
_DATA = re.compile(r"(?<=[a-zó])[ _-]?(set|data|dataset|images?|photos?|split)$")


def subset_named(word: str) -> str | None:
    """Return "train", "val" or "test" for a word that means one, in any case; else None.

    "Training", "validation_set" and "TEST images" are such words. "eval" is test where people
    divide into train, dev and eval, so it is never learned from.
    """
    plain = word.strip().casefold()
    return _MEANT.get(plain) or _MEANT.get(_DATA.sub("", plain))
