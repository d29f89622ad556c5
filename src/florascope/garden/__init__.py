"""The garden: procedural flower photos whose flowers are known to the pixel.

The embedded data set of the demo and the tests, and a ground truth for explanations: `garden` has
species as classes and masks of their flowers; in `marked_garden` a small mark beside the flower
decides the class, so an explanation that is true must find the mark.
"""

from florascope.garden.collection import MARKS, MarkedPhoto, garden, marked_garden
from florascope.garden.scene import GardenPhoto
from florascope.garden.species import SPECIES

__all__ = ["MARKS", "SPECIES", "GardenPhoto", "MarkedPhoto", "garden", "marked_garden"]
