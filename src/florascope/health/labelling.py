"""Which photos are worth a label: those that stand for many others of which little is known."""

import numpy as np
from jaxtyping import Float, Int64

Features = Float[np.ndarray, "n c"]
Indexes = Int64[np.ndarray, "_"]

LEAST = 0.2
"""Doubt about the surest photo: a classifier of few labels is often sure without reason. Anything
from 0.05 to 0.5 does as well, on other species and seeds than reported (benchmarks/open_world)."""

MOST = 8000
"""Photos that are weighed against each other, or memory would grow with their square."""


def worth_labelling(
    features: Features,
    doubts: Float[np.ndarray, "n"],
    labelled: Float[np.ndarray, "m c"],
    count: int,
    seed: int = 0,
) -> Indexes:
    """Return photos to label next, the most helpful first.

    Each adds the most to sum over i of u_i max over j of s_ij: how well the photos i are stood for
    by those that are labelled or chosen (j), s being the cosine of centred features and u_i the
    doubt about photo i. This facility location is submodular, so that taking the best one at a
    time reaches 1 - 1/e of the optimum (Nemhauser et al. 1978; for active learning Wei, Iyer and
    Bilmes 2015, "Submodularity in data subset selection and active learning").

    Args:
        features: (n, c) of the unlabelled photos.
        doubts: (n,) how little is known of each, 0 to 1; such as 1 - the largest probability.
            u is LEAST of 0 and 1 of 1.
        labelled: (m, c) features of photos that have a label; m may be 0.
        count: how many to return; fewer where there are fewer photos.
        seed: of the sample that is weighed where there are more than `MOST`.
    """
    some = np.arange(len(features))
    if len(some) > MOST:
        some = np.sort(np.random.default_rng(seed).choice(some, MOST, replace=False))
    middle = features[some].mean(0) if len(some) else 0.0
    unit, known = _unit(features[some] - middle), _unit(labelled - middle)
    covered = np.full(len(some), -1.0, np.float32)
    if len(known):
        covered = (unit @ known.T).max(1)
    weights = (LEAST + (1 - LEAST) * doubts[some]).astype(np.float32)
    chosen = _greedy(unit @ unit.T, weights, covered, count)
    return some[chosen]


def _greedy(
    alike: Float[np.ndarray, "n n"],
    doubts: Float[np.ndarray, "n"],
    covered: Float[np.ndarray, "n"],
    count: int,
) -> Indexes:
    """Take the photo of the largest gain, again and again."""
    gains = np.full(len(alike), np.inf, np.float32)  # of before: bounds, as gains only shrink
    chosen: list[int] = []
    for _ in range(min(count, len(alike))):
        best = _best(alike, doubts, covered, gains)
        chosen.append(best)
        gains[best] = -np.inf
        covered = np.maximum(covered, alike[best])
    return np.array(chosen, np.int64)


def _best(
    alike: Float[np.ndarray, "n n"],
    doubts: Float[np.ndarray, "n"],
    covered: Float[np.ndarray, "n"],
    gains: Float[np.ndarray, "n"],
) -> int:
    """Weigh photos anew until one's gain is above all others' bounds (Minoux 1978)."""
    fresh: set[int] = set()
    if np.isposinf(gains).any():  # the first time all at once
        for k, row in enumerate(alike):
            gains[k] = doubts @ np.maximum(row - covered, 0)
        return int(gains.argmax())
    while (best := int(gains.argmax())) not in fresh:
        gains[best] = doubts @ np.maximum(alike[best] - covered, 0)
        fresh.add(best)
    return best


def _unit(rows: Features) -> Features:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Features = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return unit
