"""Which explanations of this network can be believed, in words and numbers."""

import itertools
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from florascope.audit.report import AuditReport
from florascope.evaluation.intervals import Interval

SIMILAR = 0.5  # rank correlation: a quarter of the variance in common
STABLE = 0.9  # correlation: four fifths of the variance in common
MIRRORED = 0.7  # correlation: half of the variance in common
EXACT = 0.01  # of the sum

SETTINGS = {
    "gain": "probability under a blur",
    "gain_logit": "logit under a blur",
    "gain_neighbours": "probability with holes filled from around them",
}
"""Measures of one question, whether the network obeys a map, with what sets them apart."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One criterion held against one method.

    Attributes:
        method: the explainer's name.
        criterion: the criterion's name.
        passed: whether the whole 95 % interval lies on the right side.
        measured: that interval.
        text: the same for people, with the numbers.
    """

    method: str
    criterion: str
    passed: bool
    measured: Interval
    text: str

    def to_json(self) -> dict[str, Any]:
        """Return the finding as JSON values."""
        return {**asdict(self), "measured": self.measured.to_json()}


Criterion = Callable[[AuditReport, str], Finding | None]


def verdict(report: AuditReport) -> tuple[Finding, ...]:
    """Hold every criterion against every method that was asked for.

    A criterion passes where the whole 95 % interval does, so that few photos prove nothing. What
    cannot be judged (localisation without masks) gives no finding.
    """
    findings = (criterion(report, method) for method in report.explained for criterion in CRITERIA)
    return tuple(finding for finding in findings if finding is not None)


def summary(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """One sentence a method: how many criteria it passes, and which it fails."""
    methods = dict.fromkeys(finding.method for finding in findings)
    return tuple(_sentence([f for f in findings if f.method == method]) for method in methods)


def disagreements(report: AuditReport) -> tuple[str, ...]:
    """One sentence for each two maps whose order depends on how photos are taken apart.

    Places that are removed are blurred or filled from around them, and probability or logit is
    followed (`SETTINGS`). Only orders that are sure by their intervals (paired, 95 %) are held
    against each other: what is near a tie has no order to lose.
    """
    pairs = itertools.combinations([scores.method for scores in report.methods], 2)
    found = (_reversed(report, *pair) for pair in pairs)
    return tuple(sentence for sentence in found if sentence)


def _reversed(report: AuditReport, one: str, other: str) -> str:
    sure = {words: report.difference(one, other, m) for m, words in SETTINGS.items()}
    above = [f"by {words} ({found})" for words, found in sure.items() if found.low > 0]
    below = [f"by {words} ({found})" for words, found in sure.items() if found.high < 0]
    if not (above and below):
        return ""
    return f"{one} is ahead of {other} {', '.join(above)}, behind it {', '.join(below)}"


def faithful(report: AuditReport, method: str) -> Finding:
    """The answer hangs on the places named: the gain is above that of a random order.

    The gain is insertion less deletion; a random order's is 0 on average whatever the network does
    with perturbed photos, which is not true of either curve alone.
    """
    more = report.difference(method, "random", "gain")
    deletion, insertion = (report.interval(method, name) for name in ("deletion", "insertion"))
    chance = [report.interval("random", name).mean for name in ("deletion", "insertion")]
    return _finding(
        (method, "faithful"),
        f"deletion AUC {deletion} against {chance[0]:.2f} of random, insertion AUC {insertion}"
        f" against {chance[1]:.2f}; gain over random {more}, must be above 0",
        more,
        passed=more.low > 0,
    )


def informative(report: AuditReport, method: str) -> Finding:
    """The map says more than "look at the middle": the gain is above the centre blob's.

    Photographers put their subject in the middle, so a blob there passes for an explanation.
    """
    more = report.difference(method, "centre", "gain")
    return _finding(
        (method, "informative"),
        f"gain {report.interval(method, 'gain')}, over a blob in the middle {more},"
        " must be above 0",
        more,
        passed=more.low > 0,
    )


def localised(report: AuditReport, method: str) -> Finding | None:
    """The evidence lies on the flower: a flower pixel has more of it than a background pixel.

    The rank statistic is indifferent to scale and offset, which differ between methods. A network
    that rightly or wrongly uses the background fails here with a faithful map, and where flowers
    fill the middle a blob there passes (its figure stands beside): read this one with the others.
    """
    auroc = report.interval(method, "auroc")
    if auroc.n == 0:
        return None
    energy, area = (report.interval(method, name) for name in ("energy", "area"))
    return _finding(
        (method, "localised"),
        f"pixel AUROC {auroc} flower against background (a blob in the middle"
        f" {report.interval('centre', 'auroc').mean:.2f}), must be above 0.5;"
        f" {energy} of the positive evidence on {area.mean:.2f} of the area",
        auroc,
        passed=auroc.low > 0.5,
    )


def grid(report: AuditReport, method: str) -> Finding | None:
    """Among photos of four classes in one picture, each class's evidence lies in its own photo.

    The stand-in for localisation where no photo has a mask. It also asks whether maps tell classes
    apart; networks see the photos smaller than they are used to.
    """
    share = report.interval(method, "grid")
    if report.masked or share.n == 0:
        return None
    return _finding(
        (method, "grid"),
        f"{share} of the positive evidence for a class in its own photo of four, must be above"
        " 0.25",
        share,
        passed=share.low > 0.25,
    )


def learned(report: AuditReport, method: str) -> Finding:
    """The map depends on the weights: with all of them shuffled, it is another map.

    Both the signed and the absolute map must fall below a rank correlation of SIMILAR with the
    trained network's (Adebayo et al. 2018 set no bound; absolute maps of any network share the
    photo's contrast, which leaves 0.2 to 0.3 for gradients times inputs).
    """
    last = report[method].sanity[-1]
    signed, absolute = (report.bootstrapped(x) for x in (last.signed, last.absolute))
    worse = max(signed, absolute, key=lambda interval: interval.high)
    return _finding(
        (method, "learned"),
        f"rank correlation {signed} (absolute values {absolute}) with the trained network's map"
        f" once all weights are shuffled, must be below {SIMILAR}",
        worse,
        passed=worse.high < SIMILAR,
    )


def stable(report: AuditReport, method: str) -> Finding:
    """Noise that nobody sees leaves the map as it is: a correlation above STABLE."""
    return _above(
        (method, "stable"),
        report.interval(method, "noise_correlation"),
        STABLE,
        f"with noise of {report.settings.noise:g} levels of 255",
    )


def mirrored(report: AuditReport, method: str) -> Finding:
    """The map moves with the flower: a correlation above MIRRORED when the photo is mirrored.

    The bound is lower than for noise because a network with strides is not exactly equivariant.
    """
    flip = report.interval(method, "flip_correlation")
    return _above((method, "mirrored"), flip, MIRRORED, "with the photo mirrored")


def complete(report: AuditReport, method: str) -> Finding | None:
    """A map that promises to sum to the logit does, to EXACT of it."""
    gap = report.interval(method, "gap")
    if gap.n == 0:
        return None
    return _finding(
        (method, "complete"),
        f"the map misses its sum by {gap.mean:.2%} of it, must be below {EXACT:.0%}",
        gap,
        passed=gap.high < EXACT,
    )


CRITERIA: tuple[Criterion, ...] = (
    faithful,
    informative,
    localised,
    grid,
    learned,
    stable,
    mirrored,
    complete,
)


def _above(subject: tuple[str, str], found: Interval, bound: float, when: str) -> Finding:
    text = f"correlation {found} {when}, must be above {bound}"
    return _finding(subject, text, found, passed=found.low > bound)


def _finding(subject: tuple[str, str], text: str, measured: Interval, *, passed: bool) -> Finding:
    method, criterion = subject
    result = "passes" if passed else "does not pass"
    return Finding(method, criterion, passed, measured, f"{method}, {criterion}: {text}: {result}")


def _sentence(findings: list[Finding]) -> str:
    failed = [finding.criterion for finding in findings if not finding.passed]
    passed = len(findings) - len(failed)
    method = findings[0].method
    if not failed:
        return f"{method} passes all {passed} criteria"
    return f"{method} passes {passed} of {len(findings)} criteria, not {', '.join(failed)}"
