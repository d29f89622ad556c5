"""Is there a layer through which nothing can be learned?"""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from florascope.doctor.anatomy import Layer
from florascope.doctor.evidence import Evidence, Finding

DEAD = "dead units: a layer gives 0 for every photo"
DROPPED = "dropout drops nearly everything"
FROZEN_HEAD = "everything is frozen, the last layer too"
ALIKE = "all units of a layer have the same weights"
NARROW = "a layer too narrow for the classes (bottleneck)"
FORMATS = "layers disagree about where the channels are (data_format)"
LINEAR = "no activation between two layers"

EARLY = "features of an early layer"
SHALLOW = 8  # convolutions; pretrained networks have a dozen and more
TIMES = 10  # classes for one unit
MOSTLY_DEAD = 0.95  # of a layer's units
MOSTLY_DROPPED = 0.85  # of a layer's inputs; the usual rates are 0.1 to 0.5


def dead(evidence: Evidence) -> Finding | None:
    """Some unit of every layer answers to some photo."""
    layer = _first(la for la in _layers(evidence) if la.units > 1 and la.dead >= MOSTLY_DEAD)
    if layer is None:
        return None
    what = f"{layer.dead:.0%} of the {layer.units} units of {layer.name} are 0 for every photo"
    return Finding(
        "layers.dead",
        DEAD,
        "error",
        f"{what} (dead ReLUs: no gradient passes through)",
        "units that answer to some photos",
        "Start the bias at 0, lower the learning rate, scale the inputs, or use a leaky ReLU",
        0.93,
    )


def early(evidence: Evidence) -> Finding | None:
    """Frozen features have gone through a network, not through its first layers alone."""
    convolutions = [la for la in _layers(evidence) if "Conv" in la.kind]
    few = 0 < len(convolutions) <= SHALLOW
    if not few or any(la.trainable for la in convolutions) or not evidence.trained:
        return None
    last = convolutions[-1]
    return Finding(
        "layers.early",
        EARLY,
        "warning",
        f"the frozen part has {len(convolutions)} convolutions ({last.name} last, with {last.units}"
        " channels): features of an early layer show edges and colours, hardly what a photo is of",
        "features from the end of a pretrained network",
        "Take the features behind the backbone's last layer, or let its layers train",
        0.8,
    )


def dropout(evidence: Evidence) -> Finding | None:
    """Dropout's rate is the share that is dropped, not the share that is kept."""
    layer = _first(la for la in _layers(evidence) if la.dropped >= MOSTLY_DROPPED)
    if layer is None:
        return None
    return Finding(
        "layers.dropout",
        DROPPED,
        "error",
        f"{layer.name} drops {layer.dropped:.0%} of what it gets while training",
        "0.1 to 0.5",
        f"The rate is the share to drop, not to keep: try {1 - layer.dropped:.2g}",
        0.9,
    )


def frozen(evidence: Evidence) -> Finding | None:
    """The last layer trains: nobody gives one's own classes pretrained."""
    network = evidence.network
    if network is None or not network.head or set(network.head) & set(network.trainable):
        return None
    found = f"{len(network.trainable)} trainable parameters, none of them in the last layer"
    return Finding(
        "layers.frozen",
        FROZEN_HEAD,
        "error",
        f"{found} ({network.head[0]}), which therefore never changed",
        "a last layer that trains",
        "Freeze the backbone alone",
        0.96,
    )


def alike(evidence: Evidence) -> Finding | None:
    """Units start apart: with the same weights they get the same gradients for ever."""
    layer = _first(la for la in _layers(evidence) if la.alike)
    if layer is None:
        return None
    return Finding(
        "layers.alike",
        ALIKE,
        "error",
        f"all {layer.units} units of {layer.name} have the very same weights",
        "weights drawn at random",
        "Initialise the weights at random (Glorot or He), not with a constant",
        0.95,
    )


def narrow(evidence: Evidence) -> Finding | None:
    """What the last layer sees has room for the classes."""
    wide = [la for la in _layers(evidence) if la.kind in {"Dense", "Linear"}]
    layer = wide[-2] if len(wide) > 1 else None
    if layer is None or evidence.classes < 3 or layer.units > max(1, evidence.classes // TIMES):
        return None
    return Finding(
        "layers.narrow",
        NARROW,
        "error",
        f"{layer.name}, before the last layer, has {layer.units} units for {evidence.classes}"
        " classes: all that the network knows of a photo must pass through them",
        f"at least {evidence.classes} units",
        f"Give {layer.name} 64 units or more, or leave it out",
        0.93,
    )


def formats(evidence: Evidence) -> Finding | None:
    """All layers agree about where the channels are."""
    told = [la for la in _layers(evidence) if la.channels]
    counts = Counter(la.channels for la in told)
    if len(counts) < 2:
        return None
    (usual, _), (rare, _) = counts.most_common(2)
    odd = next(la for la in told if la.channels == rare)
    found = f"{odd.name} ({odd.kind}) has data_format={rare!r}, the other layers {usual!r}"
    return Finding(
        "layers.formats",
        FORMATS,
        "error",
        f"{found}: it takes rows for channels",
        "one data_format",
        "Leave data_format at its default in every layer",
        0.95,
    )


def linear(evidence: Evidence) -> Finding | None:
    """Two layers without a nonlinearity between them are one layer."""
    between = [la for la in _layers(evidence) if la.kind not in {"Dropout", "Flatten"}]
    pairs = pairwise(between)
    layer = _first(a for a, b in pairs if a.kind == b.kind == "Dense" and a.activation == "linear")
    if layer is None:
        return None
    found = f"{layer.name} ({layer.units} units) has no activation, and another follows at once"
    fix = f'Give {layer.name} an activation ("relu")'
    return Finding("layers.linear", LINEAR, "warning", found, "a nonlinearity between", fix, 0.5)


def _layers(evidence: Evidence) -> tuple[Layer, ...]:
    return evidence.network.layers if evidence.network else ()


def _first(layers: Iterable[Layer]) -> Layer | None:
    return next(iter(layers), None)


CHECKS = (frozen, early, dead, dropout, alike, narrow, formats, linear)
