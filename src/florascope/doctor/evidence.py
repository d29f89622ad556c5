"""What the checks look at: records gathered once, each None where it is not to be had."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from florascope.doctor.photometry import Fit
from florascope.doctor.recording import Recording
from florascope.health.quick_probe import QuickProbe
from florascope.preprocessing import Preprocessing

Outputs = Float[np.ndarray, "n k"]
Labels = Int64[np.ndarray, "n"]
AS_IT_IS = "as it is"  # the canary's input, untouched


@dataclass(frozen=True, eq=False)
class Subset:
    """All photos of train, val or test, as far as they can be told without a network.

    Attributes:
        size: photos in all.
        labels: (n,) of all photos where they are known, of a sample elsewhere.
        classes: names in the order of the labels; () where unknown.
        paths: of the n photos; () where unknown.
        digests: of their bytes; () where unknown.
        hashes: (size, bits) perceptual hashes; None where unknown.
    """

    size: int
    labels: Labels
    classes: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    hashes: Bool[np.ndarray, "size bits"] | None = None


@dataclass(frozen=True, eq=False)
class Answers:
    """What the network says of some photos of a subset, in eval mode.

    Attributes:
        labels: (n,).
        outputs: (n, K) as the network gives them, logits or not.
        features: (n, c) that its last layer sees.
        batches: sizes of the batches that it was asked in; () where unknown.
    """

    labels: Labels
    outputs: Outputs
    features: Float[np.ndarray, "n c"]
    batches: tuple[int, ...] = ()

    @property
    def top1(self) -> float:
        """Share of right answers."""
        return float((self.outputs.argmax(1) == self.labels).mean())


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the loaders hand to the network.

    Attributes:
        train: a batch, as the first convolution sees it.
        val: likewise.
        contract: what the weights expect; None where nobody said.
        binding: whether the contract holds for sure: it was told, or the weights do not train.
        fit: how the val photos became tensors; None where the photos are not to be had.
        rotated: the same for photos with an EXIF rotation: R^2 of the upright photo and of the
            photo as stored.
        serving: how the photos become tensors where the network answers.
        val_repeats: whether a val photo fetched twice is the same tensor.
        train_repeats: whether a train photo fetched twice is.
        augments: whether train is meant to be augmented.
        workers_agree: whether two workers draw the same augmentation.
        rescalings: of the network's own rescaling layers, in order.
    """

    train: Float32[np.ndarray, "..."]
    val: Float32[np.ndarray, "..."]
    contract: Preprocessing | None = None
    binding: bool = True
    fit: Fit | None = None
    rotated: tuple[float, float] | None = None
    serving: Fit | None = None
    val_repeats: bool | None = None
    train_repeats: bool | None = None
    augments: bool = False
    workers_agree: bool | None = None
    rescalings: tuple["Rescaling", ...] = ()


@dataclass(frozen=True, slots=True)
class Rescaling:
    """A layer that computes scale * x + offset.

    Attributes:
        name: of the layer.
        scale: its factor, such as 1 / 255.
        low: smallest value of a val batch that comes in.
        high: largest value that comes in.
    """

    name: str
    scale: float
    low: float
    high: float


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
    """

    training: bool
    labels: Int64[np.ndarray, "b"]
    given: Float[np.ndarray, "b k"]
    evaluated: Float[np.ndarray, "b k"]
    trained: Float[np.ndarray, "b k"]
    single: Float[np.ndarray, "b k"] | None = None
    deployed: Float[np.ndarray, "b k"] | None = None
    alone: Float[np.ndarray, "a k"] | None = None


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
    """

    name: str
    frozen: bool
    moves: bool
    drift: float | None = None


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


@dataclass(frozen=True, slots=True)
class Overfit:
    """One batch, fitted again from a fresh last layer with the script's optimizer.

    Attributes:
        losses: before each step and after the last.
        reachable: the lowest loss that Adam reaches in as many steps at a good learning rate.
    """

    losses: tuple[float, ...]
    reachable: float


@dataclass(frozen=True, eq=False)
class Pictures:
    """Photos of a subset as numbers that can be named.

    Attributes:
        values: (n, p), in the order of `florascope.doctor.properties.NAMES`.
        labels: (n,).
    """

    values: Float[np.ndarray, "n p"]
    labels: Labels


@dataclass(frozen=True, eq=False)
class Drawn:
    """What the train loader hands over, batch after batch.

    Attributes:
        batches: labels of each batch, in the order in which they come.
        distinct: different photos among them; augmented ones all differ.
        there: labels of photos picked evenly from the data set; None where it has no index.
        soft: whether labels are mixtures of classes.
    """

    batches: tuple[Int64[np.ndarray, "_"], ...]
    distinct: int
    there: Labels | None = None
    soft: bool = False


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
        as_made: whether the last layer's weights look as PyTorch draws them; None where unknown.
    """

    steps: int | None = None
    gradient_left: float | None = None
    gradient_fresh: float | None = None
    unreached: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    not_finite: tuple[str, ...] = ()
    as_made: bool | None = None


Trained = Literal["", "head", "network"]
Part = Literal["tail", "loss", "optimizer", "order"]


@dataclass(frozen=True, slots=True)
class Substitution:
    """The training again, short, with parts exchanged for sound ones.

    Attributes:
        reference: validation accuracy of a small network of our own, everything sound.
        what: that was trained again: the last layer on cached features, or the whole network from
            weights drawn anew; "" where the run leaves no gap to explain.
        sound: its validation accuracy with every part sound.
        own: the same with one part of the script's, all others sound.
        whole: with all parts of the script's; None where not tried.
        repaired: with all parts of the script's but one.
        settings: of the script's optimizer, each exchanged alone for its usual value.
        optimizer: the script's in words.
        rate: its largest learning rate.
        tail: what the network does to its last layer's outputs; "" where nothing.
    """

    reference: float
    what: Trained = ""
    sound: float = 0.0
    own: Mapping[Part, float] = field(default_factory=dict)
    whole: float | None = None
    repaired: Mapping[Part, float] = field(default_factory=dict)
    settings: Mapping[str, float] = field(default_factory=dict)
    optimizer: str = ""
    rate: float = 0.0
    tail: str = ""


@dataclass(frozen=True, eq=False)
class Loop:
    """How the network was trained.

    Attributes:
        loss: name of the loss.
        rates: learning rates of the optimizer's groups; () where unknown.
        overfit: one batch fitted again.
        history: rows with any of train_loss, val_loss, train_top1, val_top1, oldest first.
        takes: what the loss takes of the network; None where unknown.
        targets: what the loss compares it with; None where unknown.
        given: in which form the loaders give the labels; None where unknown.
    """

    loss: str = "CrossEntropyLoss"
    rates: tuple[float, ...] = ()
    overfit: Overfit | None = None
    history: tuple[Mapping[str, float], ...] = ()
    takes: Literal["logits", "probabilities", "numbers"] | None = None
    targets: Literal["integers", "one-hot"] | None = None
    given: Literal["integers", "one-hot"] | None = None


@dataclass(frozen=True, slots=True)
class Claims:
    """What the script says of itself.

    Attributes:
        reported: figures by name, such as val_top1 (0 to 1).
        half: what its metric says of planted answers of which exactly half are right.
    """

    reported: Mapping[str, float] = field(default_factory=dict)
    half: float | None = None


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything gathered about one training.

    Attributes:
        classes: K, the width of the network's output.
        trained: whether training is over, so that answers can be judged.
        train: the whole subset.
        val: the whole subset.
        test: the whole subset.
        train_answers: of the network on photos it was trained on.
        val_answers: on photos it was not.
        inputs: what the loaders hand over.
        modes: one batch in each mode.
        network: its parameters.
        loop: the training.
        claims: what the script says.
        train_pictures: photos of train in named numbers.
        val_pictures: photos of val.
        evened: val accuracy with brightness and contrast of all photos made equal.
        drawn: what the train loader hands over.
        traces: what training left behind.
        substitution: the training again with parts exchanged.
        canary: mean largest probability of the pretrained head, by what was done to the input
            ("as it is", "x 255", ...); empty where there is no such head.
        recording: of the training loop, where it was watched.
        exchanged: val accuracy by what was done to the photos ("as it is", ...); empty where
            nothing was.
    """

    classes: int
    trained: bool = True
    train: Subset | None = None
    val: Subset | None = None
    test: Subset | None = None
    train_answers: Answers | None = None
    val_answers: Answers | None = None
    inputs: Inputs | None = None
    modes: Modes | None = None
    network: Network | None = None
    loop: Loop | None = None
    claims: Claims | None = None
    train_pictures: Pictures | None = None
    val_pictures: Pictures | None = None
    evened: float | None = None
    drawn: Drawn | None = None
    traces: Traces | None = None
    substitution: Substitution | None = None
    canary: Mapping[str, float] = field(default_factory=dict)
    recording: Recording | None = None
    exchanged: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def probe(self) -> QuickProbe | None:
        """A quick probe on the features, or None where there are too few."""
        if self.train_answers is None or self.val_answers is None:
            return None
        return QuickProbe.fit(self.train_answers, self.val_answers, self.classes)

    @property
    def labels_outside(self) -> bool:
        """Whether a label is none of 0 to K - 1."""
        parts = (self.train_answers, self.val_answers)
        return any(p.labels.min() < 0 or p.labels.max() >= self.classes for p in parts if p)
