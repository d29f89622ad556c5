"""The garden: procedural flower photos whose flowers are known to the pixel.

The embedded data set of the demo and the tests, and a ground truth for explanations: `garden` has
species as classes and masks of their flowers; in `marked_garden` a small mark beside the flower
decides the class, so an explanation that is true must find the mark.
"""

from florascope.data.garden.collection import garden, marked_garden
from florascope.data.garden.mark import MARKS
from florascope.data.garden.marked import MarkedPhoto
from florascope.data.garden.photo import GardenPhoto
from florascope.data.garden.species import SPECIES

__all__ = ["MARKS", "SPECIES", "GardenPhoto", "MarkedPhoto", "garden", "marked_garden"]
