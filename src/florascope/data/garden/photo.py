"""A photo of the garden, made when it is asked for."""

import hashlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from florascope.data.garden.canvas import Canvas
from florascope.data.garden.dice import Dice
from florascope.data.garden.lens import expose
from florascope.data.garden.scene import scene
from florascope.data.garden.species import SPECIES
from florascope.images import RGB

RENDERER = 2
"""Raised whenever the same arguments would give other pixels."""


@dataclass(frozen=True, slots=True)
class GardenPhoto:
    """One procedural photo; the same numbers give the same pixels.

    The composition is the same on every machine. Pixels are the same on one machine; elsewhere
    one may differ by a level, where another processor rounds a product and a sum at once.

    Attributes:
        species: index into SPECIES.
        index: number of the photo within its species.
        seed: of the whole garden.
        size: height and width in pixels.
    """

    species: int
    index: int
    seed: int = 0
    size: int = 224

    @property
    def name(self) -> str:
        """Species and number."""
        return f"garden-{self.species + 1:02d}-{SPECIES[self.species].name}-{self.index:04d}.png"

    def read(self) -> RGB:
        """Render the pixels, (size, size, 3)."""
        canvas, dice = self.compose()
        return expose(canvas, dice)

    def mask(self) -> Bool[np.ndarray, "h w"]:
        """Where a flower (petals or centre, not stem or leaf) gives most of the pixel's light."""
        flower: Bool[np.ndarray, "h w"] = self.compose()[0].planes[3] >= 0.5
        return flower

    def digest(self) -> str:
        """Key of the numbers and of the renderer's version."""
        text = f"garden {RENDERER} {self.seed} {self.species} {self.index} {self.size}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def compose(self) -> tuple[Canvas, Dice]:
        """Draw the scene, and keep the dice for the camera."""
        dice = Dice(self.seed, self.species, self.index)
        return scene(SPECIES[self.species], self.size, dice), dice
