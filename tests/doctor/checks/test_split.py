"""Val photos that are train photos, changed."""

from dataclasses import replace

import numpy as np
import pytest

from florascope.data.identity import BITS
from florascope.doctor.checks import split
from florascope.doctor.checks.split import Sides
from florascope.doctor.diagnosis import judge
from florascope.doctor.evidence import Derived, Evidence, Subset
from florascope.doctor.properties import measure


def smooth(count: int, seed: int) -> np.ndarray:
    """Pictures of a few waves, (n, 3, 40, 40)."""
    draw = np.random.default_rng(seed)
    cells = draw.normal(size=(count, 3, 10, 10))
    return np.asarray(cells.repeat(4, 2).repeat(4, 3), np.float32)


def evidence(train: np.ndarray, val: np.ndarray) -> Evidence:
    sides = [measure(x, np.zeros(len(x), np.int64)) for x in (train, val)]
    return Evidence(2, train_pictures=sides[0], val_pictures=sides[1])


def test_photos_augmented_before_the_split() -> None:
    train = smooth(40, 0)
    mirrored = train[:20, :, :, ::-1] * 1.2 + 0.1
    found = split.changed_copies(evidence(train, mirrored))
    assert found is not None
    assert found.found.startswith("100% of the val photos lie far closer to one train photo")


def test_photos_of_their_own() -> None:
    assert split.changed_copies(evidence(smooth(40, 0), smooth(20, 1))) is None
    assert split.changed_copies(evidence(smooth(4, 0), smooth(20, 1))) is None


PAIRS = (split.TRAIN_VAL, split.TRAIN_TEST, split.VAL_TEST)


def subset(name: str, size: int, seed: int) -> Subset:
    hashes = np.random.default_rng(seed).random((size, BITS)) < 0.5
    own = tuple(f"{name}/{n}.jpg" for n in range(size))
    digests = tuple(f"{name} {n}" for n in range(size))
    return Subset(size, np.arange(size) % 3, paths=own, digests=digests, hashes=hashes)


def clean() -> Evidence:
    parts = {name: subset(name, 100, seed) for seed, name in enumerate(("train", "val", "test"))}
    return Evidence(3, **parts)  # type: ignore[arg-type]


def test_nothing_is_shared() -> None:
    assert judge(clean(), split.LEAK_CHECKS) == ()


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
        ({"paths": 3, "digests": 3, "looks": 3}, split.FILES, "error"),
        ({"paths": 0, "digests": 3, "looks": 3}, split.BYTES, "error"),
        ({"paths": 0, "digests": 0, "looks": 3}, split.NEAR, "error"),
        ({"paths": 0, "digests": 0, "looks": 2}, split.NEAR, "warning"),
    ],
)
def test_copies_are_counted_and_the_first_is_named(
    sides: Sides, same: dict[str, int], what: str, severity: str
) -> None:
    (found,) = judge(planted(sides, **same), split.LEAK_CHECKS)
    assert (found.cause, found.severity) == (sides.cause(what), severity)
    first = f"{sides.seen if same['paths'] else sides.measured}/0.jpg"
    assert found.found == (
        f"{same['looks']} of 100 {sides.measured} photos are copies of {sides.seen} photos"
        f" ({first} first)"
    )


def test_equal_and_resaved_copies_are_told_apart() -> None:
    found = judge(planted(split.TRAIN_TEST, paths=0, digests=1, looks=4), split.LEAK_CHECKS)
    assert [(f.cause, f.found[:8]) for f in found] == [
        ("train and test share photos (near-duplicates)", "3 of 100"),
        ("train and test share photos (equal bytes)", "1 of 100"),
    ]


def test_without_a_test_set_only_the_others_are_held_together() -> None:
    evidence = replace(planted(split.TRAIN_TEST, paths=0, digests=3, looks=3), test=None)
    assert judge(evidence, split.LEAK_CHECKS) == ()


def related(sides: Sides, count: int, **same: int) -> Evidence:
    """The first photos of the measured subset are parts of the last of the seen one."""
    pairs = [Derived(n, f"{sides.measured}/{n}.jpg", f"{sides.seen}/99.jpg") for n in range(count)]
    doubled = planted(sides, **{"paths": 0, "digests": 0, "looks": 0, **same})
    return replace(doubled, derived={(sides.seen, sides.measured): pairs})


@pytest.mark.parametrize("sides", PAIRS)
def test_crops_are_counted_and_named(sides: Sides) -> None:
    (found,) = judge(related(sides, 4), split.LEAK_CHECKS)
    assert (found.cause, found.severity) == (sides.cause(split.PARTS), "error")
    named = ", ".join(f"{sides.measured}/{n}.jpg ~ {sides.seen}/99.jpg" for n in range(3))
    assert found.found == (
        f"4 of 100 {sides.measured} photos share their picture, in part or edited, with"
        f" {sides.seen} photos: {named} and 1 more"
    )


def test_copies_are_not_told_again_as_crops() -> None:
    found = judge(related(split.TRAIN_TEST, 3, digests=1, looks=2), split.LEAK_CHECKS)
    assert {f.check: f.found[:8] for f in found} == {
        f"split.train_test_{kind}": "1 of 100" for kind in ("digests", "near", "derived")
    }
    assert len(judge(related(split.TRAIN_VAL, 2, looks=2), split.LEAK_CHECKS)) == 1
