"""What a run reaches of what its photos and features can give."""

import math
from dataclasses import dataclass

from florascope.doctor.evidence import Evidence

REACHED = 0.1  # share of what can be reached, below which nothing much is lost
LOST = 0.2  # share of what can be reached above chance, from which there is something to explain
SIGMAS = 2.0


@dataclass(frozen=True, slots=True)
class Performance:
    """Accuracies on the same val photos.

    Attributes:
        run: of the network.
        reachable: the best of a probe on its features, a small network of our own, and the script's
            network trained again with sound parts.
        chance: of a uniform guess.
        photos: that were asked about.
    """

    run: float
    reachable: float
    chance: float
    photos: int

    @property
    def lost(self) -> float:
        """Share of the reachable accuracy above chance that the run lacks, beyond doubt, 0 to 1."""
        room = self.reachable - self.chance
        doubt = SIGMAS * math.sqrt(max(self.reachable * (1 - self.reachable), 0.01) / self.photos)
        gap = self.reachable - self.run - doubt
        return min(max(gap / room, 0.0), 1.0) if room > doubt else 0.0

    @property
    def learned(self) -> bool:
        """Whether the run is better than chance, beyond doubt."""
        doubt = SIGMAS * math.sqrt(self.chance * (1 - self.chance) / self.photos)
        return self.run > self.chance + doubt

    @property
    def performs(self) -> bool:
        """Whether the run reaches about what it can."""
        return self.learned and self.lost < REACHED


def performance(evidence: Evidence) -> Performance | None:
    """Hold the run against what can be reached; None where answers cannot be judged."""
    answers = evidence.val_answers
    if answers is None or not evidence.trained or evidence.classes < 2:
        return None
    tried = evidence.substitution
    reached = [tried.reference] if tried else []
    if tried and tried.exchange:
        reached.append(tried.exchange.sound)
    if evidence.probe is not None:
        reached.append(evidence.probe.val_top1)
    if not reached:
        return None
    return Performance(answers.top1, max(reached), 1 / evidence.classes, len(answers.labels))
