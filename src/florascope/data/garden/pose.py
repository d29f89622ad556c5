"""How blossoms stand before the camera, and the maps between their planes and the screen."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Complex64, Float64

from florascope.data.garden.circle import cosine_sine

Each = Float64[np.ndarray, "m"]


@dataclass(frozen=True)
class Poses:
    """How m things of one kind stand before the camera, (m,) each.

    Attributes:
        x: column of the centre, as a fraction of the picture.
        y: row of the centre, downward.
        radius: reach from the centre, as a fraction of the picture.
        spin: turn of the thing in its own plane, in turns.
        tilt: cosine of the angle between plane and picture: 1 is seen from the front.
        axis: direction on the screen, in turns, in which the plane is foreshortened.
        tone: brightness, 1 is neutral.
    """

    x: Each
    y: Each
    radius: Each
    spin: Each
    tilt: Each
    axis: Each
    tone: Each

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def centre(self) -> Float64[np.ndarray, "2 m"]:
        """Column and row of the centres, as fractions of the picture."""
        return np.array([self.x, self.y])

    @cached_property
    def slant(self) -> Each:
        """Sine of the angle between plane and picture."""
        slant: Each = np.sqrt(1 - self.tilt * self.tilt)
        return slant

    @cached_property
    def turned(self) -> Float64[np.ndarray, "2 2 m"]:
        """Cosine, then sine, of the axis and of the spin against the axis."""
        return cosine_sine(np.array([self.axis, self.spin - self.axis]))

    @cached_property
    def forward(self) -> Float64[np.ndarray, "2 2 m"]:
        """The linear map from the plane to the screen, in units of the radius: row, column."""
        (ca, cr), (sa, sr) = self.turned
        kc, ks = self.tilt * cr, self.tilt * sr
        return np.array(
            [[kc * ca - sr * sa, -ks * ca - cr * sa], [kc * sa + sr * ca, cr * ca - ks * sa]]
        )

    @cached_property
    def inverse(self) -> Complex64[np.ndarray, "2 m"]:
        """The inverse of `forward`, whose determinant is the tilt.

        A pixel one to the right, and one down, lies that far away in the plane, u + iv.
        """
        (xu, xv), (yu, yv) = self.forward
        return (np.array([yv - 1j * yu, 1j * xu - xv]) / self.tilt).astype(np.complex64)

    @cached_property
    def unturned(self) -> Complex64[np.ndarray, "3 m"]:
        """The same in two steps.

        First, for a pixel to the right and one down, the way along the axis (without the
        foreshortening) and across it; then the turn from the axis to the plane.
        """
        (ca, cr), (sa, sr) = self.turned
        k = self.tilt
        return np.array([ca / k - 1j * sa, sa / k + 1j * ca, cr - 1j * sr]).astype(np.complex64)

    def risen(self, height: float) -> "Poses":
        """Stood away from the ground by a height over their planes, in radii, and less tilted."""
        if not height:
            return self
        y = self.y - height * self.radius * (1 - self.tilt * self.tilt)
        return replace(self, y=y, tilt=np.sqrt(self.tilt))
