"""Does the network get what its weights were taught on?"""

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from florascope.doctor.evidence import (
    AS_IT_IS,
    LOST,
    Evidence,
    Finding,
    Inputs,
    Severity,
    performance,
)
from florascope.doctor.photometry import CONTRACT, EXACT, NORMALISATIONS, Fit
from florascope.preprocessing import Preprocessing

SCALE = 40.0  # ratios beyond this are a factor of 255, not another standard deviation
MEAN_OFF, STD_OFF = 0.03, 0.08  # in [0, 1] units, and relative
READABLE = 0.5  # R^2 from which a fit says something
GAIN = 0.05  # of accuracy that a remedy must bring, where it can be tried
SURER = 1.5  # times more sure: the canary asks for a remedy
SLACK = 0.02  # of [0, 1]: resampling overshoots a little
DIVIDED = 2.0  # at most: values that were divided by 255, or standardised
FLAT, LOUD = 0.02, 300.0  # deviation of inputs: pixels divided twice; pixels multiplied
FAR = 20.0  # deviations of the mean from 0
TIGHT = 0.1  # photos reach this close to black and to white

RANGE = "input range wrong for the weights"
TWICE = "input rescaled twice"
SWAPPED = "BGR for RGB"
STANDARDISED = "wrong mean or standard deviation"
LAYOUT = "wrong layout of the input"


def layout(evidence: Evidence) -> Finding | None:
    """Channels first, and not merely by a reshape."""
    inputs = evidence.inputs
    if inputs is None:
        return None
    shape = inputs.val.shape
    if len(shape) != 4 or shape[1] != 3:
        return _finding(
            "layout", LAYOUT, f"batches of shape {shape}", "(b, 3, height, width)", 0.99
        )
    if inputs.fit is not None and inputs.fit.order == "reshaped" and inputs.fit.r2 > READABLE:
        text = f"tensors that explain {inputs.fit.r2:.0%} of the photos once read as (h, w, 3)"
        return _finding("layout", LAYOUT, text, "a transposed photo", 0.99)
    one, three = _step(inputs, 1), _step(inputs, 3)
    if three < 0.7 * one:
        text = f"pixels 3 columns apart alike ({three:.3g}), neighbours not ({one:.3g})"
        return _finding("layout", LAYOUT, text, "neighbours that are the most alike", 0.9)
    return None


def _step(inputs: Inputs, columns: int) -> float:
    """Mean absolute difference of pixels that lie some columns apart."""
    val = inputs.val
    return float(np.abs(val[..., columns:] - val[..., :-columns]).mean())


def scale(evidence: Evidence) -> Finding | None:
    """The contract's scale, not 255 times more or less."""
    inputs = _usable(evidence)
    if inputs is None or inputs.contract is None:
        return None
    ratio, sure = _ratio(inputs, inputs.contract)
    low, high = _bounds(inputs.contract)
    found = f"values from {inputs.val.min():.3g} to {inputs.val.max():.3g}"
    expected = f"{low:.3g} to {high:.3g}, as the weights were taught"
    if ratio > SCALE:
        return _finding("scale", RANGE, f"{found} (0 to 255)", expected, sure)
    if ratio < 1 / SCALE:
        flat = f"{found}, {1 / ratio:.0f} times too flat"
        return _finding("scale", TWICE, flat, expected, sure)
    return None


def _ratio(inputs: Inputs, contract: Preprocessing) -> tuple[float, float]:
    """Contrast found over contrast expected, and how sure that is."""
    std = np.array(contract.std)
    if inputs.fit is not None and inputs.fit.r2 > READABLE:
        return float(np.abs(inputs.fit.gain * std).mean()), 0.99
    spread = inputs.val.std(axis=(0, 2, 3)) * std
    return float(spread.mean()) / 0.25, 0.9  # photos deviate by about 0.25 of [0, 1]


def standardisation(evidence: Evidence) -> Finding | None:
    """The contract's mean and standard deviation."""
    inputs = _usable(evidence)
    if inputs is None or inputs.contract is None or scale(evidence) or channels(evidence):
        return None
    gained = _gained(evidence)
    if gained is not None and gained.measured < GAIN:
        return None
    found = _standardised_wrong(inputs, inputs.contract)
    sure = gained is None or gained.least > 0
    return found if sure or found is None else replace(found, severity="warning")


def _standardised_wrong(inputs: Inputs, contract: Preprocessing) -> Finding | None:
    fit = inputs.fit
    expected = f"mean {_triple(contract.mean)}, std {_triple(contract.std)}"
    if fit is not None and fit.r2 > READABLE:
        if not _standardised_otherwise(fit, contract):
            return None
        found = f"mean {_triple(fit.mean)}, std {_triple(fit.std)}{_named(fit.mean, fit.std)}"
        return _standard_finding(contract, found, expected, 0.98)
    other = _other_normalisation(inputs, contract)
    found = f"values that fit {other}"
    return _standard_finding(contract, found, expected, 0.85) if other else None


class Gain(NamedTuple):
    """By how much of accuracy a remedy helps, and what that is at least (two standard errors)."""

    measured: float
    least: float


def _gained(evidence: Evidence) -> Gain | None:
    """What features gain of photos standardised as they should be; None where it was not tried."""
    inputs, probe = evidence.inputs, evidence.probe
    if inputs is None or inputs.standardised is None or probe is None:
        return None
    tried = inputs.standardised
    gain = tried - probe.val_top1
    spread = tried * (1 - tried) + probe.val_top1 * (1 - probe.val_top1)
    return Gain(gain, gain - 2 * math.sqrt(spread / len(probe.val.labels)))


def as_contracted(inputs: Inputs) -> Float[np.ndarray, "2 3"] | None:
    """Factor and shift a channel that bring values to the contract's mean and deviation.

    None where it is not known how they were standardised.
    """
    fit, contract = inputs.fit, inputs.contract
    if contract is None:
        return None
    if fit is not None and fit.r2 > READABLE:
        mean, std = fit.mean, fit.std
    else:
        named = _other_normalisation(inputs, contract)
        known = next((n for n in NORMALISATIONS if n.name == named), None)
        if known is None:
            return None
        mean, std = np.array(known.mean), np.array(known.std)
    return np.stack([std / contract.std, (mean - contract.mean) / contract.std])


def _standard_finding(contract: Preprocessing, found: str, expected: str, sure: float) -> Finding:
    """[0, 1] for [-1, 1], or the reverse, is a wrong range; anything else wrong constants."""
    plain = ("[0, 1]", "[-1, 1]")
    ours = _named(np.array(contract.mean), np.array(contract.std))
    ranges = any(name in found for name in plain) and any(name in ours for name in plain)
    return _finding("standardisation", RANGE if ranges else STANDARDISED, found, expected, sure)


def _standardised_otherwise(fit: Fit, contract: Preprocessing) -> bool:
    flip = -1 if contract.channel_order == "bgr" else 1
    mean, std = np.array(contract.mean)[::flip], np.array(contract.std)[::flip]
    off = np.abs(fit.mean - mean).max() > MEAN_OFF
    return bool(off or np.abs(fit.std / std - 1).max() > STD_OFF)


def _named(mean: Any, std: Any) -> str:  # noqa: ANN401
    for name, m, s in NORMALISATIONS:
        if np.abs(mean - np.array(m)).max() < MEAN_OFF and np.abs(std - np.array(s)).max() < 0.03:
            return f", which is {name}"
    return ""


def _other_normalisation(inputs: Inputs, contract: Preprocessing) -> str:
    """Name another known scaling that brings the batch tightly to [0, 1] where ours does not."""
    if _tight(inputs, contract.mean, contract.std):
        return ""
    fits = [n.name for n in NORMALISATIONS if _tight(inputs, n.mean, n.std)]
    return fits[0] if fits else ""


def _tight(inputs: Inputs, mean: tuple[float, ...], std: tuple[float, ...]) -> bool:
    """Whether undoing a scaling gives photos: within [0, 1], and reaching both ends."""
    unit = inputs.val * np.reshape(std, (3, 1, 1)) + np.reshape(mean, (3, 1, 1))
    low, high = unit.min(axis=(0, 2, 3)), unit.max(axis=(0, 2, 3))
    inside = low.min() > -SLACK and high.max() < 1 + SLACK
    return bool(inside and low.max() < TIGHT and high.min() > 1 - TIGHT)


def channels(evidence: Evidence) -> Finding | None:
    """Red first, or whatever the contract says."""
    inputs = _usable(evidence)
    if inputs is None or inputs.contract is None:
        return None
    expected = f"{inputs.contract.channel_order.upper()}, as the weights were taught"
    if inputs.fit is not None and inputs.fit.r2 > READABLE:
        if inputs.fit.order in {"rgb", "bgr"} and inputs.fit.order != inputs.contract.channel_order:
            found = f"{inputs.fit.order.upper()}: channel 0 follows that of the photos"
            return _finding("channels", SWAPPED, found, expected, 0.99)
        return None
    return None


def canary(evidence: Evidence) -> Finding | None:
    """The pretrained head is surest of the input as it is."""
    sung = evidence.canary
    if AS_IT_IS not in sung:
        return None
    best = max(sung, key=lambda name: sung[name])
    if sung[best] < SURER * sung[AS_IT_IS]:
        return None
    cause = CANARY[best]
    found = f"largest ImageNet probability {sung[AS_IT_IS]:.2f}, but {sung[best]:.2f} {best}"
    return _finding("canary", cause, found, "the input as it is to be the surest", 0.8)


CANARY = {
    "channels swapped": SWAPPED,
    "divided by 255": RANGE,
    "multiplied by 255": TWICE,
    "standardised first": STANDARDISED,
    "standardised once less": STANDARDISED,
    "reshaped": LAYOUT,
}

FIXES = {
    RANGE: "Scale the pixels as the weights' own preprocessing does, once",
    TWICE: "Drop one of the two divisions by 255 (ToTensor and Rescaling both divide)",
    SWAPPED: "Convert with image[..., ::-1] (OpenCV reads BGR), or open photos with Pillow",
    STANDARDISED: "Use the mean and std of the weights (timm: data.resolve_model_data_config)",
    LAYOUT: "Transpose with permute(0, 3, 1, 2); a reshape scrambles the pixels",
}


def _usable(evidence: Evidence) -> Inputs | None:
    inputs = evidence.inputs
    sound = inputs is not None and layout(evidence) is None and inputs.val.std() > 0
    return inputs if sound else None


def _bounds(contract: Preprocessing) -> tuple[float, float]:
    mean, std = np.array(contract.mean), np.array(contract.std)
    return float((-mean / std).min()), float(((1 - mean) / std).max())


def _triple(values: Any) -> str:  # noqa: ANN401
    return " ".join(f"{value:.3f}" for value in values)


def _finding(check: str, cause: str, found: str, expected: str, sure: float) -> Finding:
    return Finding(f"inputs.{check}", cause, "error", found, expected, FIXES[cause], sure)


def rescaled(evidence: Evidence) -> Finding | None:
    """A rescaling layer inside the network gets pixels, not what is rescaled already."""
    if evidence.inputs is None or scale(evidence) is not None:
        return None
    for layer in evidence.inputs.rescalings:
        if layer.scale < 1 / SCALE and 0 < layer.high <= DIVIDED:
            found = (
                f"{layer.name} multiplies values of {layer.low:.3g} to {layer.high:.3g}"
                f" by {layer.scale:.4f}"
            )
            return _finding("rescaled", TWICE, found, "values of 0 to 255", 0.95)
    return None


def extent(evidence: Evidence) -> Finding | None:
    """Whatever a network was taught on, its first layer gets numbers of a usual size."""
    inputs, reached = _usable(evidence), performance(evidence)
    if inputs is None or reached is None or scale(evidence) or rescaled(evidence):
        return None
    spread, middle = float(inputs.val.std()), abs(float(inputs.val.mean()))
    usual = FLAT < spread < LOUD and middle < FAR * spread
    if usual or (reached.lost < LOST and reached.learned):
        return None
    found = (
        f"what enters the first layer lies between {inputs.val.min():.3g} and"
        f" {inputs.val.max():.3g}, with a standard deviation of {spread:.2g}"
    )
    cause = TWICE if spread <= FLAT else RANGE
    return _finding("extent", cause, found, "a standard deviation of about 0.2 to 1", 0.9)


INPUT_CHECKS = (layout, scale, rescaled, channels, standardisation, canary, extent)


SKEW = "crop or interpolation differs from the contract"
SERVING = "crop or interpolation differs between training and serving"
EXIF = "EXIF rotation ignored"
PRECISION = "device or precision gives other logits"

CHANGED = 0.02  # of the answers
OFF = 0.05  # of the logits' spread


def geometry(evidence: Evidence) -> Finding | None:
    """The loaders cut photos as the contract says."""
    inputs = evidence.inputs
    if inputs is None or inputs.fit is None or inputs.val_repeats is False:
        return None
    if (
        inputs.contract is None
        or inputs.fit.geometry == CONTRACT
        or inputs.fit.r2 < 0.5
        or inputs.serving is not None
    ):
        return None
    fit = inputs.fit
    found = f"{fit.geometry} (explains {fit.r2:.2%}, the contract {fit.contract_r2:.2%})"
    return _skew(
        "geometry", SKEW, found, "the contract's resize, crop and interpolation", "warning"
    )


def served(evidence: Evidence) -> Finding | None:
    """Photos become the same tensors where the network answers."""
    inputs = evidence.inputs
    if inputs is None or inputs.fit is None or inputs.serving is None:
        return None
    ours, theirs = inputs.fit, inputs.serving
    same = ours.geometry == theirs.geometry and theirs.r2 > EXACT
    close = np.allclose(ours.gain, theirs.gain, rtol=0.02) and np.allclose(
        ours.offset, theirs.offset, atol=0.05
    )
    if (same and close and ours.order == theirs.order) or theirs.r2 >= ours.r2 > 1 - 1e-3 > EXACT:
        return None
    found = f"training: {ours.geometry} ({ours.order}); serving: {theirs.geometry} ({theirs.order})"
    return _skew("served", SERVING, found, "one preprocessing for both", "error")


def _skew(check: str, cause: str, found: str, expected: str, severity: Severity) -> Finding:
    fix = "Use one preprocessing object for training and serving"
    return Finding(f"serving.{check}", cause, severity, found, expected, fix, 0.93)


def exif(evidence: Evidence) -> Finding | None:
    """Photos stored lying are turned upright."""
    rotated = evidence.inputs.rotated if evidence.inputs is not None else None
    if rotated is None or rotated[1] <= rotated[0] or rotated[1] < 0.5:
        return None
    return Finding(
        "serving.exif",
        EXIF,
        "error",
        f"tensors of photos with an EXIF rotation follow the photo as stored ({rotated[1]:.0%}),"
        f" not upright ({rotated[0]:.0%})",
        "upright photos",
        "Call PIL.ImageOps.exif_transpose after opening a photo",
        0.96,
    )


def precision(evidence: Evidence) -> Finding | None:
    """The network answers alike in 32-bit floats and where it is deployed."""
    modes = evidence.modes
    if modes is None:
        return None
    others = [
        ("deployed", modes.deployed, modes.evaluated),
        ("narrow", modes.evaluated, modes.single),
    ]
    for name, one, other in others:
        if one is None or other is None:
            continue
        changed, off = _difference(one, other)
        if changed >= CHANGED or off > OFF:
            return _precision(name, changed, off)
    return None


def _difference(
    one: Float[np.ndarray, "b k"], other: Float[np.ndarray, "b k"]
) -> tuple[float, float]:
    """Share of changed answers, and root mean square difference in units of the spread."""
    changed = float((one.argmax(1) != other.argmax(1)).mean())
    return changed, float(np.sqrt(np.square(one - other).mean()) / (other.std() + 1e-12))


def _precision(name: str, changed: float, off: float) -> Finding:
    return Finding(
        "serving.precision",
        PRECISION,
        "error",
        f"the {name} network changes {changed:.0%} of the answers; its logits are off by {off:.0%}"
        " of their spread",
        f"under {CHANGED:.0%} and {OFF:.0%}",
        "Compare device, data type, quantisation and batch mode of the two networks",
        0.9,
    )


SERVING_CHECKS = (exif, served, geometry, precision)
