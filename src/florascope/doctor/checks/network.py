"""Checks of the network: weights, BatchNorm, head."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from florascope.doctor.anatomy import Modes, Norm, Paired
from florascope.doctor.evidence import (
    Evidence,
    Finding,
    explained,
)

ALIKE = 0.5  # cosine: fine-tuning keeps weights far above, chance gives about 0
FRESH = 0.9  # share of normalisation layers as made

NOT_LOADED = "backbone weights not loaded"
PARTLY = "backbone weights partly loaded"
HIDDEN = "layers that the network does not know, and that never train"
FIX = "Load with strict=True and look at the missing and unexpected names (a prefix may differ)"


def loaded(evidence: Evidence) -> Finding | None:
    """Every pretrained weight is there, or has moved from there."""
    network = evidence.network
    if network is None:
        return None
    if not network.similarity:
        return _fresh(evidence)
    strange = [key for key, cosine in network.similarity.items() if cosine < ALIKE]
    share = len(strange) / len(network.similarity)
    if not strange:
        return None
    found = f"{len(strange)} of {len(network.similarity)} weights are not the pretrained ones"
    cause = NOT_LOADED if share > FRESH else PARTLY
    expected = "all of them (a cosine near 1)"
    return Finding(
        "weights.loaded", cause, "error", f"{found} ({strange[0]} first)", expected, FIX, 0.96
    )


def _fresh(evidence: Evidence) -> Finding | None:
    """Without the pretrained weights: a frozen network whose norms are as they were made."""
    network = evidence.network
    if network is None or network.untouched < FRESH:
        return None
    frozen = set(network.trainable) <= set(network.head)
    return Finding(
        "weights.loaded",
        NOT_LOADED,
        "error" if frozen else "note",
        f"{network.untouched:.0%} of the normalisation layers have scale 1 and shift 0 throughout",
        "values that training left there",
        FIX,
        0.9 if frozen else 0.3,
    )


def known(evidence: Evidence) -> Finding | None:
    """Every layer is the network's own, which trains, saves and moves it."""
    network = evidence.network
    if network is None or not network.hidden:
        return None
    return Finding(
        "weights.known",
        HIDDEN,
        "error",
        f"{len(network.hidden)} parameters of layers in a plain list or dictionary"
        f" ({network.hidden[0]} first): parameters() does not give them, so that no optimizer"
        " trains them, and they are neither saved nor moved to a device",
        "layers that are attributes of the network, or stand in nn.ModuleList or nn.ModuleDict",
        "Use nn.ModuleList or nn.ModuleDict; requires_grad_(False) where they shall not train",
        0.95,
    )


WEIGHT_CHECKS = (loaded, known)


DRIFTED = 0.05  # running standard deviations
TOLERANCE = 0.05  # of the logits' own spread

DRIFT = "BatchNorm statistics drift in a frozen backbone"
COMPANY = "answers depend on the other photos of the batch"
TRAIN_MODE = "train mode at evaluation"
RANDOM = "something random is active at evaluation (dropout, augmentation)"
LAGGING = "BatchNorm's running statistics do not fit the photos"
UNALIKE = "the network computes otherwise in eval mode than it learned to in train mode"
UNLIKE = "val photos differ from train's: BatchNorm's statistics fit train's alone"
BETTER = 0.25  # of accuracy, in train mode
SIGMAS_OF_MODES = 2.0  # that one mode has more photos right than the other
HALF = 0.5  # of what a run falls behind by: what statistics must make up to be a cause
FEWEST, MOST = 0.005, 0.95  # of the running statistics: what one batch usually makes up


def drift(evidence: Evidence) -> Finding | None:
    """A frozen backbone's running statistics are frozen, too."""
    network = evidence.network
    strange = loaded(evidence) is not None  # then statistics are others for that reason
    frozen = [n for n in network.norms if n.frozen] if network and not strange else []
    drifted = [n for n in frozen if n.drift is not None and n.drift > DRIFTED]
    fix = "Keep the frozen part in eval mode: backbone.eval() after every model.train()"
    expected = "running means as pretrained, since scale and shift are frozen"
    if drifted:
        worst = max(drifted, key=lambda n: n.drift or 0.0)
        found = (
            f"running means of {len(drifted)} of {len(frozen)} frozen layers moved, by up to"
            f" {worst.drift:.2g} standard deviations ({worst.name})"
        )
        return Finding("batchnorm.drift", DRIFT, "error", found, expected, fix, 0.97)
    if network is None or evidence.modes is None or network.similarity:
        return None
    moving = [n.name for n in frozen if n.moves]
    if not moving or not evidence.modes.training:
        return None
    found = f"a pass in train mode moves {len(moving)} frozen layers ({moving[0]} first)"
    return Finding("batchnorm.drift", DRIFT, "warning", found, expected, fix, 0.7)


def mode(evidence: Evidence) -> Finding | None:
    """The network is evaluated in eval mode: a photo's answer does not hang on its batch."""
    modes = evidence.modes
    if modes is None or not modes.training:
        return None
    gap = _relative(modes.given, modes.evaluated)
    if gap < TOLERANCE:
        return None
    given, evaluated = (
        (x.argmax(1) == modes.labels).mean() for x in (modes.given, modes.evaluated)
    )
    return Finding(
        "batchnorm.mode",
        TRAIN_MODE,
        "error",
        f"handed over in train mode: outputs differ from eval mode's by {gap:.0%} of their spread"
        f" (top-1 of a batch {given:.0%} against {evaluated:.0%})",
        "the network as it is evaluated, in eval mode",
        "Call model.eval() before evaluating",
        0.9,
    )


def alone(evidence: Evidence) -> Finding | None:
    """A photo's answer in eval mode does not hang on the other photos of its batch."""
    modes = evidence.modes
    if modes is None or modes.alone is None or len(modes.evaluated) < 2:
        return None
    gap = _relative(modes.alone, modes.evaluated[: len(modes.alone)])
    if not gap > TOLERANCE or steady(evidence) is not None:
        return None
    return Finding(
        "batchnorm.alone",
        COMPANY,
        "error",
        f"asked one by one, photos get other outputs than in a batch, by {gap:.0%} of their spread:"
        " the answer depends on the batch",
        "the same outputs",
        "Take softmax and norms over the classes (dim=1), not over the batch (dim=0); use running"
        " statistics in eval mode",
        0.96,
    )


def steady(evidence: Evidence) -> Finding | None:
    """In eval mode a photo gets the same answer every time."""
    modes = evidence.modes
    if modes is None or modes.again is None:
        return None
    gap = _relative(modes.again, modes.evaluated)
    if not gap > TOLERANCE:
        return None
    return Finding(
        "network.steady",
        RANDOM,
        "error",
        f"the same photos asked twice get other outputs, by {gap:.0%} of their spread: something"
        " random (dropout, noise or augmentation inside the network) works at evaluation, too",
        "the same outputs",
        "Let dropout and augmentation work in training alone: self.training as their flag, no"
        " training=True in the call",
        0.97,
    )


def lagging(evidence: Evidence) -> Finding | None:
    """Running statistics are those of the photos: eval mode answers as well as train mode.

    Train photos are asked, as they are trained on: in train mode they see what training saw, and
    dropout only makes it worse. Val photos are asked where those are not to be had; what they lose
    by the statistics is what these cost the run.
    """
    modes = _comparable(evidence)
    if modes is None:
        return None
    pair = modes.unseen if modes.learned is None else modes.learned
    trained, evaluated = pair.shares
    plain, gained = trained >= evaluated + BETTER, modes.unseen.gained
    share = explained(evidence, min(gained, pair.gained), 0.0)
    if not (plain or _better(evidence, pair, share)):
        return None
    norms = evidence.network.norms if evidence.network else ()
    certain = 0.95 if modes.learned is not None else 0.9
    return Finding(
        "batchnorm.lagging",
        LAGGING if norms or modes.learned is None else UNALIKE,
        "error",
        f"of {len(pair.trained)} {'val' if modes.learned is None else 'train'} photos {trained:.0%}"
        " are right with the batch's own mean and variance (train mode),"
        f" {evaluated:.0%} with the running statistics (eval mode){_statistics(norms)}",
        "about as many, or more, in eval mode",
        "Look at BatchNorm's momentum (PyTorch 0.1, Keras 0.99), at the size of train batches (of a"
        " single photo there is no mean), at what runs in train mode, and at weights that were"
        " averaged, or loaded, without their statistics",
        certain if plain else 0.75,
        None if plain and gained >= BETTER / 2 else share,
    )


def unlike(evidence: Evidence) -> Finding | None:
    """Statistics that fit train photos fit val's, too."""
    modes = _comparable(evidence)
    if modes is None or modes.learned is None or lagging(evidence) is not None:
        return None
    (trained, evaluated), (of_train, in_eval) = modes.unseen.shares, modes.learned.shares
    if trained < evaluated + BETTER:
        return None
    return Finding(
        "batchnorm.unlike",
        UNLIKE,
        "error",
        f"val photos are answered better with their own batch's mean and variance ({trained:.0%} of"
        f" {len(modes.labels)} in train mode) than with the running statistics ({evaluated:.0%} in"
        f" eval mode), which fit train photos ({of_train:.0%} and {in_eval:.0%})",
        "statistics of train photos that fit those of val",
        "Prepare val as train is, apart from what is random: the same scaling, size and colours",
        0.85,
        explained(evidence, trained, evaluated),
    )


def _comparable(evidence: Evidence) -> Modes | None:
    """Answers in both modes, where their difference speaks of statistics alone."""
    modes, weights = evidence.modes, loaded(evidence)
    if modes is None or modes.training or steady(evidence) is not None:
        return None
    if evidence.traces is not None and evidence.traces.as_made:  # then neither mode has learned
        return None
    return None if weights is not None and weights.severity == "error" else modes


def _statistics(norms: Sequence[Norm]) -> str:
    """What the layers say of their running statistics themselves."""
    made = sum(norm.as_made for norm in norms)
    if made:
        return f"; those of {made} of {len(norms)} layers are as made (mean 0, variance 1)"
    shares = [norm.share for norm in norms if norm.share is not None]
    if shares and not FEWEST <= max(shares) <= MOST:
        return f"; a batch makes up {max(shares):g} of them (the momentum)"
    return ""


def _better(evidence: Evidence, pair: Paired, share: float | None) -> bool:
    """Whether train mode has so many more photos right as half of what a run falls behind by.

    Beyond chance, by McNemar's test: of the photos that one mode alone has right, as many are
    expected of each.
    """
    if share is None or share < HALF or not evidence.network or not evidence.network.norms:
        return False
    won = int((pair.trained & ~pair.evaluated).sum())
    lost = int((pair.evaluated & ~pair.trained).sum())
    return won - lost > SIGMAS_OF_MODES * math.sqrt(won + lost)


def _relative(one: Float[np.ndarray, "b k"], other: Float[np.ndarray, "b k"]) -> float:
    """Root mean square difference in units of the other's spread."""
    return float(np.sqrt(np.square(one - other).mean()) / (other.std() + 1e-12))


BATCHNORM_CHECKS = (steady, drift, mode, alone, lagging, unlike)


TWICE = "softmax twice"
DROPOUT = "dropout after the last layer"
CLIPPED = "outputs are cut off behind the last layer: logits cannot go below (or above) a bound"
CUT = 0.1  # of the outputs: exactly at the lowest, or highest, value
LOGIT_LOSSES = frozenset({"CrossEntropyLoss", "cross_entropy"})


def softmax(evidence: Evidence) -> Finding | None:
    """A loss that applies softmax gets logits, not probabilities."""
    modes, loss = evidence.modes, _loss_of_logits(evidence)
    if modes is None or not loss or not _probabilities(modes.evaluated):
        return None
    if _dropped(evidence) > 0:
        return None
    low = np.log(np.e + evidence.classes - 1) - 1
    return Finding(
        "head.softmax",
        TWICE,
        "error",
        f"outputs of every photo are positive and sum to 1, and {loss} applies softmax again"
        f" (the loss cannot fall below {low:.2f})",
        "logits, of any sign and sum",
        "Drop the softmax from the network, or use NLLLoss on its logarithm",
        0.97,
    )


def _loss_of_logits(evidence: Evidence) -> str:
    """Name of the loss where it takes logits; "" where it takes something else."""
    loop = evidence.loop
    loss = loop.loss if loop else "CrossEntropyLoss"
    takes_logits = loop.takes == "logits" if loop and loop.takes else loss in LOGIT_LOSSES
    return loss if takes_logits else ""


def clipped(evidence: Evidence) -> Finding | None:
    """Logits are free of bounds: none of them cuts off what the last layer says."""
    answers, loss = evidence.val_answers, _loss_of_logits(evidence)
    if answers is None or not loss or not evidence.trained:
        return None
    outputs = np.unique(answers.outputs, axis=0)  # copies of a photo are answered alike
    varies = np.isfinite(outputs).all() and np.ptp(outputs, axis=0).any()
    if not varies or _probabilities(outputs) or _probabilities(np.exp(np.minimum(outputs, 1))):
        return None
    ends = {"below": float(outputs.min()), "above": float(outputs.max())}
    # Beyond the one that is the lowest, or the highest, wherever nothing is cut off.
    shares = {side: ((outputs == end).sum() - 1) / outputs.size for side, end in ends.items()}
    side = max(shares, key=lambda one: shares[one])
    if shares[side] < CUT:
        return None
    return Finding(
        "head.clipped",
        CLIPPED,
        "error",
        f"{shares[side]:.0%} of the outputs are exactly {ends[side]:g}, and none is {side}: an"
        f" activation or a clamp behind the last layer; {loss} takes logits, and gives what is cut"
        " off no gradient",
        "logits, of any sign and size",
        "Take the activation (ReLU or the like) off the last layer's outputs",
        0.9,
    )


def dropout(evidence: Evidence) -> Finding | None:
    """No answer is dropped: in train mode no output is exactly 0."""
    dropped, layer = _dropped(evidence), _dropout_after_head(evidence)
    if dropped == 0 and not layer:
        return None
    found = f"{dropped:.0%} of the outputs are exactly 0 in train mode, and not in eval mode"
    return Finding(
        "head.dropout",
        DROPOUT,
        "error",
        f"{layer} drops answers: it stands behind the last layer with weights" if layer else found,
        "none: dropout stands before the last layer",
        "Move the dropout before the last linear layer",
        0.97,
    )


def _dropout_after_head(evidence: Evidence) -> str:
    """Name of a dropout layer behind the last linear one; "" where there is none."""
    layers = evidence.network.layers if evidence.network else ()
    last = max((i for i, la in enumerate(layers) if la.kind in {"Dense", "Linear"}), default=-1)
    behind = (la.name for la in layers[last + 1 :] if la.dropped > 0)
    return next(behind, "") if last >= 0 else ""


def _probabilities(outputs: Float[np.ndarray, "b k"]) -> bool:
    return bool(outputs.min() >= 0 and np.abs(outputs.sum(1) - 1).max() < 1e-3)


def _dropped(evidence: Evidence) -> float:
    """Share of outputs that are 0 in train mode alone."""
    modes = evidence.modes
    # Probabilities that round to 0 are not dropped: they still sum to 1.
    if modes is None or (modes.evaluated == 0).any() or _probabilities(modes.trained):
        return 0.0
    return float((modes.trained == 0).mean())


HEAD_CHECKS = (softmax, clipped, dropout)
