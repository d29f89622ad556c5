"""What is seen of a network: its modes, layers and parameters, and what training left in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
from jaxtyping import Bool, Float, Int64

ALONE = 4  # photos that are asked one by one
IN_BOTH = 96  # train photos that are asked in both modes


class Paired(NamedTuple):
    """Whether the same photos are answered right in either mode.

    Attributes:
        trained: (b,) in train mode.
        evaluated: (b,) in eval mode.
    """

    trained: Bool[np.ndarray, "b"]
    evaluated: Bool[np.ndarray, "b"]

    @classmethod
    def of(
        cls,
        labels: Int64[np.ndarray, "b"],
        trained: Float[np.ndarray, "b k"],
        evaluated: Float[np.ndarray, "b k"],
    ) -> Self:
        """Hold the outputs in both modes against the labels."""
        return cls(trained.argmax(1) == labels, evaluated.argmax(1) == labels)

    @property
    def shares(self) -> tuple[float, float]:
        """Share of right answers in train mode and in eval mode."""
        return float(self.trained.mean()), float(self.evaluated.mean())

    @property
    def gained(self) -> float:
        """By how much more is right in train mode."""
        return self.shares[0] - self.shares[1]


@dataclass(frozen=True, eq=False)
class Modes:
    """One val batch through the network in each mode.

    Attributes:
        training: whether the network was handed over in train mode.
        labels: (b,).
        given: (b, K) in the mode it was handed over in.
        evaluated: (b, K) in eval mode.
        trained: (b, K) in train mode.
        single: (b, K) in eval mode, in 32-bit floats where the network's are narrower.
        deployed: (b, K) where the network answers (another device, precision, format).
        alone: (a, K) in eval mode, of the first a photos, each in a batch of its own.
        again: (b, K) in eval mode, asked a second time.
        learned: train photos, as they are trained on and in batches of the training's own, in both
            modes; None where both modes answer alike, or where that is unknown.
    """

    training: bool
    labels: Int64[np.ndarray, "b"]
    given: Float[np.ndarray, "b k"]
    evaluated: Float[np.ndarray, "b k"]
    trained: Float[np.ndarray, "b k"]
    single: Float[np.ndarray, "b k"] | None = None
    deployed: Float[np.ndarray, "b k"] | None = None
    alone: Float[np.ndarray, "a k"] | None = None
    again: Float[np.ndarray, "b k"] | None = None
    learned: Paired | None = None

    @property
    def unseen(self) -> Paired:
        """The val photos in both modes."""
        return Paired.of(self.labels, self.trained, self.evaluated)


@dataclass(frozen=True, slots=True)
class Norm:
    """One BatchNorm layer.

    Attributes:
        name: of the module.
        frozen: whether its scale and shift do not train.
        moves: whether a pass in train mode changes its running statistics; not looked at where
            the drift of every layer is known.
        drift: of its running mean from the pretrained one, in running standard deviations (root
            mean square over channels); None where the pretrained one is unknown.
        share: of a batch's statistics in the running ones after it (PyTorch's momentum, 1 less
            Keras's); None where they are the mean over all batches, or where it is unknown.
        as_made: whether the running statistics are a mean of 0 and a variance of 1.
    """

    name: str
    frozen: bool
    moves: bool
    drift: float | None = None
    share: float | None = None
    as_made: bool = False


@dataclass(frozen=True, slots=True)
class Layer:
    """What one layer did with a batch of train photos, in eval mode, in the order of the calls.

    Attributes:
        name: of the layer.
        kind: of the layer, such as "Dense" or "Conv2D".
        activation: its own activation, such as "relu" or "linear"; "" where it has none.
        units: channels of its output.
        dead: share of the units that are exactly 0 for every photo and place.
        dropped: share of its inputs that it drops while training.
        alike: whether all units have the very same weights, so that they learn the same.
        initial: whether its weights are plainly as they were made (BatchNorm of scale 1 and shift
            0, a bias of zeros); None where there are no such weights.
        trainable: whether it trains.
        channels: where it takes the channels to be, "channels_first" or "channels_last"; "" where
            it does not say.
    """

    name: str
    kind: str
    activation: str = ""
    units: int = 0
    dead: float = 0.0
    dropped: float = 0.0
    alike: bool = False
    initial: bool | None = None
    trainable: bool = True
    channels: str = ""


@dataclass(frozen=True, slots=True)
class Network:
    """The network's parameters, by name.

    Attributes:
        trainable: those that ask for a gradient.
        optimised: those in the optimizer; None where there is none.
        meant_frozen: those the script wants to keep.
        head: those of the last layer.
        similarity: cosine of each pretrained weight and the network's, by the pretrained name;
            0 where the network has none of that name and shape. Empty where unknown.
        changed: parameters meant frozen that are no longer the pretrained ones.
        untouched: share of normalisation layers still at their initial values.
        norms: the BatchNorm layers.
        layers: what each layer did; () where unknown.
        hidden: parameters that ask for a gradient, of layers kept in plain lists or dictionaries,
            which the network therefore does not know.
    """

    trainable: tuple[str, ...]
    optimised: tuple[str, ...] | None = None
    meant_frozen: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    similarity: Mapping[str, float] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    untouched: float = 0.0
    norms: tuple[Norm, ...] = ()
    layers: tuple[Layer, ...] = ()
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Traces:
    """What training left behind in the network and its optimizer.

    Attributes:
        steps: that the optimizer made; None where it does not count them.
        gradient_left: norm of the gradients that are still there; None where there are none.
        gradient_fresh: norm of one batch's gradient at the same weights; None where unknown.
        unreached: trainable parameters that the loss does not lead back to.
        dead: those whose gradient is exactly 0.
        not_finite: parameters that hold NaN or infinity.
        as_made: whether the last layer's weights look as the framework draws them; None where
            unknown.
        otherwise: whether weights are others than a watched loop's last step left; None where
            none was watched.
        narrow: trainable parameters kept in 16 bits.
    """

    steps: int | None = None
    gradient_left: float | None = None
    gradient_fresh: float | None = None
    unreached: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    not_finite: tuple[str, ...] = ()
    as_made: bool | None = None
    otherwise: bool | None = None
    narrow: tuple[str, ...] = ()
