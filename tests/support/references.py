"""What the doctor computes from photos alone, computed once for the same photos."""

import hashlib
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

Given = TypeVar("Given")


def remembered(
    function: Callable[..., Given], reads: Callable[..., Iterable[Any]]
) -> Callable[..., Given]:
    """Remember what a function gives.

    Args:
        function: of the same arguments as `reads`.
        reads: all that its result depends on, as arrays, tensors and numbers.
    """
    known: dict[bytes, Given] = {}

    @wraps(function)
    def asked(*arguments: Any) -> Given:
        digest = hashlib.blake2b()
        for part in reads(*arguments):
            values = np.ascontiguousarray(part)
            digest.update(f"{values.dtype} {values.shape}".encode())
            digest.update(values.tobytes())
        key = digest.digest()
        if key not in known:
            known[key] = function(*arguments)
        return known[key]

    return asked


def learned_from(material: Any, classes: int) -> tuple[Any, ...]:
    """Return what the reference network's accuracy depends on."""
    return (classes, *material.train, *material.val)
