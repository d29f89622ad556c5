"""Are photos answered as they were trained?"""

import numpy as np
from jaxtyping import Float

from florascope.doctor.evidence import Evidence
from florascope.doctor.finding import Finding, Severity
from florascope.doctor.photometry import CONTRACT, EXACT

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


CHECKS = (exif, served, geometry, precision)
