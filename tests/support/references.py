"""The doctor's reference network learns the same photos once."""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

Reference = Callable[[Any, int], float]


def remembered(reference: Reference) -> Reference:
    """Remember the accuracy, which photos, labels and the number of classes alone decide."""
    known: dict[bytes, float] = {}

    @wraps(reference)
    def asked(material: Any, classes: int) -> float:
        digest = hashlib.blake2b(str(classes).encode())
        for part in (*material.train, *material.val):
            values = np.ascontiguousarray(part)
            digest.update(f"{values.dtype} {values.shape}".encode())
            digest.update(values.tobytes())
        key = digest.digest()
        if key not in known:
            known[key] = reference(material, classes)
        return known[key]

    return asked
