"""Copies across each pair of subsets, planted one by one."""

from dataclasses import replace

import numpy as np
import pytest

from florascope.data.identity import BITS
from florascope.doctor.checks import leaks
from florascope.doctor.checks.leaks import Sides
from florascope.doctor.diagnosis import judge
from florascope.doctor.evidence import Evidence, Subset

PAIRS = (leaks.TRAIN_VAL, leaks.TRAIN_TEST, leaks.VAL_TEST)


def subset(name: str, size: int, seed: int) -> Subset:
    hashes = np.random.default_rng(seed).random((size, BITS)) < 0.5
    own = tuple(f"{name}/{n}.jpg" for n in range(size))
    digests = tuple(f"{name} {n}" for n in range(size))
    return Subset(size, np.arange(size) % 3, paths=own, digests=digests, hashes=hashes)


def clean() -> Evidence:
    parts = {name: subset(name, 100, seed) for seed, name in enumerate(("train", "val", "test"))}
    return Evidence(3, **parts)  # type: ignore[arg-type]


def test_nothing_is_shared() -> None:
    assert judge(clean(), leaks.CHECKS) == ()


def planted(sides: Sides, **same: int) -> Evidence:
    """Copy the first photos of the seen subset: files, bytes or (seven bits off) looks."""
    evidence = clean()
    seen, measured = getattr(evidence, sides.seen), getattr(evidence, sides.measured)
    hashes = measured.hashes.copy()
    hashes[: same["looks"]] = seen.hashes[: same["looks"]]
    hashes[: same["looks"], :7] ^= True
    parts = {
        kind: getattr(seen, kind)[: same[kind]] + getattr(measured, kind)[same[kind] :]
        for kind in ("paths", "digests")
    }
    return replace(evidence, **{sides.measured: replace(measured, hashes=hashes, **parts)})


@pytest.mark.parametrize("sides", PAIRS)
@pytest.mark.parametrize(
    ("same", "what", "severity"),
    [
        ({"paths": 3, "digests": 3, "looks": 3}, leaks.FILES, "error"),
        ({"paths": 0, "digests": 3, "looks": 3}, leaks.BYTES, "error"),
        ({"paths": 0, "digests": 0, "looks": 3}, leaks.NEAR, "error"),
        ({"paths": 0, "digests": 0, "looks": 2}, leaks.NEAR, "warning"),
    ],
)
def test_copies_are_counted_and_the_first_is_named(
    sides: Sides, same: dict[str, int], what: str, severity: str
) -> None:
    (found,) = judge(planted(sides, **same), leaks.CHECKS)
    assert (found.cause, found.severity) == (sides.cause(what), severity)
    first = f"{sides.seen if same['paths'] else sides.measured}/0.jpg"
    assert found.found == (
        f"{same['looks']} of 100 {sides.measured} photos are copies of {sides.seen} photos"
        f" ({first} first)"
    )


def test_equal_and_resaved_copies_are_told_apart() -> None:
    found = judge(planted(leaks.TRAIN_TEST, paths=0, digests=1, looks=4), leaks.CHECKS)
    assert [(f.cause, f.found[:8]) for f in found] == [
        ("train and test share photos (near-duplicates)", "3 of 100"),
        ("train and test share photos (equal bytes)", "1 of 100"),
    ]


def test_without_a_test_set_only_the_others_are_held_together() -> None:
    evidence = replace(planted(leaks.TRAIN_TEST, paths=0, digests=3, looks=3), test=None)
    assert judge(evidence, leaks.CHECKS) == ()
