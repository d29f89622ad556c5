"""A photo of the garden with a planted mark beside the flower."""

import hashlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from florascope.data.garden.canvas import Canvas
from florascope.data.garden.dice import Dice
from florascope.data.garden.lens import expose
from florascope.data.garden.mark import MARKS, plant_mark
from florascope.data.garden.photo import GardenPhoto
from florascope.images import RGB


@dataclass(frozen=True, slots=True)
class MarkedPhoto:
    """One photo and its mark; outside the mark it is the photo without, pixel by pixel.

    Attributes:
        plain: the photo without the mark.
        mark: index into MARKS.
    """

    plain: GardenPhoto
    mark: int

    @property
    def name(self) -> str:
        """Mark and photo."""
        return f"marked-{MARKS[self.mark].name}-{self.plain.name}"

    def read(self) -> RGB:
        """Render the pixels, (size, size, 3)."""
        canvas, dice = self.plain.compose()
        self._plant(canvas)
        return expose(canvas, dice)

    def mask(self) -> Bool[np.ndarray, "h w"]:
        """The pixels of the mark, which alone decides the class."""
        return self._plant(self.plain.compose()[0])

    def digest(self) -> str:
        """Key of the photo and its mark."""
        text = f"marked {MARKS[self.mark].name} {self.plain.digest()}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def _plant(self, canvas: Canvas) -> Bool[np.ndarray, "h w"]:
        # Its own draws: those of the photo stay as they are without the mark.
        dice = Dice(self.plain.seed, self.plain.species, self.plain.index, self.mark)
        return plant_mark(canvas, MARKS[self.mark], dice)
