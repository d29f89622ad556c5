"""The camera: each step alone, against its formula in double precision."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from florascope.garden import GardenPhoto
from florascope.garden.backdrop import backdrop, plain
from florascope.garden.paint import Canvas, Dice, Patch
from florascope.garden.scene import expose, noise, scene, soften
from florascope.garden.species import SPECIES


def test_blur_is_the_three_by_three_kernel_and_keeps_the_sum() -> None:
    canvas = Canvas(9)
    canvas.planes[:, 4, 4] = 1
    soften(canvas, 0.2)
    kernel = np.outer([0.2, 0.6, 0.2], [0.2, 0.6, 0.2])
    for plane in canvas.planes:
        np.testing.assert_allclose(plane[3:6, 3:6], kernel, rtol=1e-6)
        assert plane.sum() == pytest.approx(1)


def test_blur_leaves_an_even_plane_as_it_is_to_its_edges() -> None:
    canvas = Canvas(7)
    canvas.planes[:] = 0.3
    soften(canvas, 0.3)
    np.testing.assert_allclose(canvas.planes, 0.3, rtol=1e-6)


def test_noise_has_its_deviation_and_the_mean_that_rounds() -> None:
    grains = noise(100, 3.0, Dice(4))
    assert grains.shape == (3, 100, 100)
    assert grains.std() == pytest.approx(3.0, rel=0.03)
    assert grains.mean() == pytest.approx(0.5, abs=0.1)


def test_brighter_light_makes_brighter_pixels_and_black_stays_black() -> None:
    means = []
    for light in (0.0, 0.2, 0.5, 0.8):
        canvas = Canvas(32)
        canvas.planes[:3] = light
        means.append(expose(canvas, Dice(7)).mean())
    assert means[0] < 2.5
    assert all(np.diff(means) > 25)


def test_the_corners_are_never_brighter_than_the_middle() -> None:
    for seed in range(6):
        canvas = Canvas(64)
        canvas.planes[:3] = 0.5
        pixels = expose(canvas, Dice(seed)).astype(float)
        corner = np.mean([pixels[y, x] for y in (slice(6), slice(-6, None)) for x in (slice(6),)])
        assert corner <= pixels[28:36, 28:36].mean() + 2


def test_flowers_stand_in_different_places_in_different_sizes() -> None:
    centres, areas = [], []
    for index in range(24):
        share = scene(SPECIES[0], 64, Dice(0, 0, index)).planes[3]
        rows, columns = np.nonzero(share > 0.5)
        centres.append((rows.mean(), columns.mean()))
        areas.append(len(rows))
    assert np.std(centres, axis=0).min() > 4
    assert max(areas) > 4 * min(areas)


def test_grounds_and_light_vary_and_no_plane_leaves_its_range() -> None:
    means = []
    for index in range(16):
        planes = scene(SPECIES[7], 48, Dice(1, 7, index)).planes
        assert planes[3].min() >= 0
        assert planes[3].max() <= 1 + 1e-5
        assert planes[:3].min() > -0.05
        means.append(planes[:3].mean())
    assert np.std(means) > 0.05


def test_some_flowers_are_hidden_in_part_and_none_whole() -> None:
    for kind, species in enumerate(SPECIES):
        assert scene(species, 48, Dice(2, kind, 0)).planes[3].max() > 0.5


KINDS = range(len(SPECIES))
SIZE = 64

seeds = st.integers(0, 2**32)
kinds = st.sampled_from(KINDS)


@given(kinds, seeds, seeds)
@settings(max_examples=15)
def test_the_same_numbers_give_the_same_pixels_and_mask(kind: int, index: int, seed: int) -> None:
    one, two = (GardenPhoto(kind, index, seed, SIZE) for _ in range(2))
    pixels = one.read()
    GardenPhoto((kind + 1) % len(SPECIES), index, seed, SIZE).read()  # leaves nothing behind
    np.testing.assert_array_equal(pixels, two.read())
    mask = one.mask()
    np.testing.assert_array_equal(mask, two.mask())
    assert pixels.shape == (SIZE, SIZE, 3)
    assert pixels.dtype == np.uint8
    assert mask.shape == (SIZE, SIZE)
    assert mask.dtype == np.bool_


def test_every_number_matters() -> None:
    photos = [
        GardenPhoto(0, 1, 2, SIZE),
        GardenPhoto(1, 1, 2, SIZE),
        GardenPhoto(0, 2, 2, SIZE),
        GardenPhoto(0, 1, 3, SIZE),
    ]
    assert len({photo.read().tobytes() for photo in photos}) == 4
    assert len({photo.digest() for photo in [*photos, GardenPhoto(0, 1, 2, SIZE + 1)]}) == 5
    assert photos[0].digest() == GardenPhoto(0, 1, 2, SIZE).digest()


def test_a_name_tells_species_and_number() -> None:
    assert GardenPhoto(4, 7).name == "garden-05-trumpet-star-0007.png"


@pytest.mark.parametrize("size", [33, 48, 97])
def test_any_size(size: int) -> None:
    photo = GardenPhoto(3, 0, 0, size)
    assert photo.read().shape == (size, size, 3)
    assert photo.mask().shape == (size, size)


def test_another_size_shows_the_same_scene() -> None:
    large, small = (GardenPhoto(5, 2, 0, size) for size in (192, 64))
    coarse = large.mask().reshape(64, 3, 64, 3).mean(axis=(1, 3)) >= 0.5
    assert (coarse != small.mask()).mean() < 0.03


def repainted(monkeypatch: pytest.MonkeyPatch, light: float) -> None:
    """Have every patch of flower laid in one light, and no flower throw a shadow."""
    lay = Canvas.lay

    def laid(canvas: Canvas, patch: Patch) -> None:
        planes = patch.planes.copy()
        planes[:3] = light * planes[3]
        lay(canvas, Patch(patch.left, patch.top, planes))

    monkeypatch.setattr(Canvas, "lay", laid)
    monkeypatch.setattr(Canvas, "darken", lambda *_: None)


def black_and_white(
    monkeypatch: pytest.MonkeyPatch, show: Callable[[], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    shown = []
    for light in (0.0, 1.0):
        with monkeypatch.context() as patch:
            repainted(patch, light)
            shown.append(show())
    return shown[0], shown[1]


@pytest.mark.parametrize("kind", KINDS)
def test_the_share_is_how_much_of_the_light_the_flowers_give(
    kind: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Painted once black and once white, a flower changes the light by exactly its share.
    def ground(size: int, sun: tuple[float, float], dice: Dice) -> tuple[Canvas, object]:
        return backdrop(size, sun, dice)[0], plain  # a ground's relief multiplies what it shows

    monkeypatch.setattr("florascope.garden.scene.backdrop", ground)
    for index in range(2):
        photo = GardenPhoto(kind, index, 1, SIZE)
        share = photo.compose()[0].planes[3]
        black, white = black_and_white(monkeypatch, lambda p=photo: p.compose()[0].planes[:3])  # type: ignore[misc]
        np.testing.assert_allclose(white - black, np.broadcast_to(share, black.shape), atol=2e-5)
        np.testing.assert_array_equal(photo.mask(), share >= 0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_repainting_the_flowers_changes_the_photo_inside_the_mask(
    kind: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = GardenPhoto(kind, 3, 5, SIZE)
    black, white = black_and_white(monkeypatch, photo.read)
    change = np.abs(white.astype(int) - black).max(axis=2)
    share = photo.compose()[0].planes[3]
    assert (change[share == 0] == 0).all()
    assert (change[photo.mask()] > 60).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_flower_fills_a_sensible_part_of_its_photo(kind: int) -> None:
    shares = [GardenPhoto(kind, index, 0, SIZE).mask().mean() for index in range(12)]
    assert 0.02 < np.median(shares) < 0.5
    assert max(shares) < 0.85
    assert np.ptp(shares) > 0.02, "scale varies"


def test_the_masks_of_species_differ_in_form() -> None:
    # Share of the mask that touches its outside: umbels are lace, roses are round.
    def raggedness(kind: int) -> float:
        edges, area = 0, 0
        for index in range(6):
            mask = GardenPhoto(kind, index, 0, 96).mask()
            edges += int((mask[1:] != mask[:-1]).sum() + (mask[:, 1:] != mask[:, :-1]).sum())
            area += int(mask.sum())
        return edges / area**0.5

    names = [species.name for species in SPECIES]
    lace, rose = (raggedness(names.index(name)) for name in ("lace-umbel", "spiral-rose"))
    assert lace > 2.5 * rose
