"""What training again, in part and for seconds, tells of a training."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Literal, NamedTuple

import numpy as np

Side = tuple[Any, Any]
"""Photos, or features, with their labels."""

Trained = Literal["", "head", "network"]
Part = Literal[
    "augmentation",
    "tail",
    "loss",
    "precision",
    "penalty",
    "dropout",
    "activation",
    "initial",
    "optimizer",
    "order",
    "weights",
    "step",
]
RANDOM = re.compile(r"Random|Jitter|Augment|Erasing|MixUp|CutMix|ElasticTransform")
"""In the names of transforms and layers that draw at random what they do to a photo."""

RATE = 3e-3  # of Adam, in a sound training
STEPS = 100  # of one training that is tried again, at most
TRIED_IN_PAIRS = 4  # parts, those first that repair most alone
NOTHING = 0.12  # of the way from chance to perfect: less says that nothing was learned
FAILS = 0.15  # of accuracy: more than short trainings differ by


@dataclass(frozen=True, slots=True)
class Overfit:
    """One batch, fitted again from a fresh last layer with the script's optimizer.

    Attributes:
        losses: before each step and after the last.
        reachable: the lowest loss that Adam reaches in as many steps at a good learning rate.
    """

    losses: tuple[float, ...]
    reachable: float


class FromFiles(NamedTuple):
    """Photos as they are loaded, and whole and in colour from their files.

    Attributes:
        loaded: val accuracy that can be learned from the photos as they are loaded.
        top1: from the files, by the same means: a probe on the features of a network of which the
            last layer alone trains, else a small network of our own.
        side: pixels of a side as they are loaded.
        there: pixels of a side from the files.
    """

    loaded: float
    top1: float
    side: int
    there: int


@dataclass(frozen=True, slots=True)
class Substitution:
    """The training again, short, with parts exchanged for sound ones.

    Attributes:
        reference: validation accuracy of a small network of our own, everything sound.
        what: that was trained again: the last layer on cached features, or the whole network from
            weights drawn anew; "" where the run leaves no gap to explain.
        exchange: its accuracy with parts exchanged; None where it was not trained again.
        settings: of the part that fails (optimizer or loss), each exchanged alone for its usual
            value.
        optimizer: the script's in words.
        rate: its largest learning rate.
        tail: what the network does to its last layer's outputs; "" where nothing.
        plain: the small network's accuracy from train photos prepared as val's are; None where they
            are, or where they cannot be had.
        augmentation: the random steps of train's preparation, by name; "" where unknown.
        within: the small network's accuracy on train photos from other train photos, and on val
            photos from other val photos; None where the reference learned from train to val.
        files: the same photos from their files; None where those are not to be had.
    """

    reference: float
    what: Trained = ""
    exchange: "Exchange | None" = None
    settings: Mapping[str, float] = field(default_factory=dict)
    optimizer: str = ""
    rate: float = 0.0
    tail: str = ""
    plain: float | None = None
    augmentation: str = ""
    within: tuple[float, float] | None = None
    files: "FromFiles | None" = None

    @property
    def reachable(self) -> float:
        """The best that was reached on the val photos without the script's own training."""
        return max(self.reference, self.plain or 0.0, self.files.top1 if self.files else 0.0)

    def learned_nothing(self, classes: int) -> bool:
        """Whether the reference was trained, and stayed near chance."""
        chance = 1 / classes
        return 0 < self.reachable < chance + NOTHING * (1 - chance)


@dataclass(frozen=True, eq=False)
class Loop:
    """How the network was trained.

    Attributes:
        loss: name of the loss.
        rates: learning rates of the optimizer's groups; () where unknown.
        first_rate: the largest that its schedule started from; 0 where unknown.
        overfit: one batch fitted again.
        history: rows with any of train_loss, val_loss, train_top1, val_top1, oldest first.
        takes: what the loss takes of the network; None where unknown.
        targets: what the loss compares it with; None where unknown.
        given: in which form the loaders give the labels; None where unknown.
        weights: of the classes in the loss; () where they count alike.
        ignored: the class that the loss leaves out; None where it leaves out none.
    """

    loss: str = "CrossEntropyLoss"
    rates: tuple[float, ...] = ()
    first_rate: float = 0.0
    overfit: Overfit | None = None
    history: tuple[Mapping[str, float], ...] = ()
    takes: Literal["logits", "probabilities", "numbers"] | None = None
    targets: Literal["integers", "one-hot"] | None = None
    given: Literal["integers", "one-hot"] | None = None
    ignored: int | None = None
    weights: tuple[float, ...] = ()


class Exchange(NamedTuple):
    """Validation accuracy of short trainings.

    Attributes:
        sound: with every part sound.
        own: with one part of the script's, all others sound.
        whole: with all parts of the script's.
        repaired: with all parts of the script's but some: but one, where none fails alone and all
            together do; but two, where none of these repairs them. {} where it is not needed.
    """

    sound: float
    own: Mapping[Part, float]
    whole: float
    repaired: Mapping[tuple[Part, ...], float]


def exchange(parts: Sequence[Part], train: Callable[[frozenset[Part]], float]) -> Exchange:
    """Exchange each part of a sound training for the script's own.

    Where none of them makes it fail and all together do, each is exchanged the other way round;
    then two at once.

    Args:
        parts: that differ from a sound training's.
        train: trains with these parts of the script's, all others sound; gives the accuracy.
    """
    everything = frozenset(parts)
    sound = train(frozenset())
    own = {part: train(frozenset({part})) for part in parts}
    whole = train(everything) if len(parts) > 1 else own.get(parts[0], sound) if parts else sound
    together = whole < sound - FAILS <= min(own.values(), default=0.0)
    repaired: dict[tuple[Part, ...], float] = {}
    if together:
        repaired = {(part,): train(everything - {part}) for part in parts}
    if together and max(repaired.values()) < whole + FAILS:
        best = sorted(parts, key=lambda p: -repaired[(p,)])[:TRIED_IN_PAIRS]
        repaired |= {pair: train(everything - {*pair}) for pair in combinations(best, 2)}
    return Exchange(sound, own, whole, repaired)


def within(train: Side, val: Side, learn: Callable[[Side, Side], float]) -> tuple[float, float]:
    """Accuracy from one part of train to the rest of it, and of val likewise.

    Args:
        train: photos with their labels, arrays of any framework that NumPy's masks can index.
        val: likewise.
        learn: trains on the first of two sides and gives the accuracy on the second.
    """
    return _from_itself(train, learn), _from_itself(val, learn)


def _from_itself(side: Side, learn: Callable[[Side, Side], float]) -> float:
    rest = np.arange(len(side[1])) % 3 == 0
    held, learned = ((side[0][pick], side[1][pick]) for pick in (rest, ~rest))
    return learn(learned, held)
