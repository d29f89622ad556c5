"""What the figures say, in words: each function looks at one question and answers from numbers.

Thresholds are named and few. Wherever two shares are compared, the sampling error decides
(95 % intervals of `florascope.evaluation.intervals`), not the bare difference.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from florascope.calibration.calibration import FEW
from florascope.evaluation.intervals import difference
from florascope.metrics import wilson_share
from florascope.report.figures import Figures
from florascope.report.words import Words
from florascope.training.recipes import Probe

Tone = Literal["alarm", "advice", "sound"]
TONES: tuple[Tone, ...] = ("alarm", "advice", "sound")

NEAR_CHANCE = 0.1  # of the way from guessing to perfect: below it nothing was learnt
WELL_FITTED = 0.9  # training top-1 from which the head has room enough
LARGE_GAP = 0.1  # between training and test top-1
BY_CHANCE = 0.025  # of true nulls lie wholly above a 95 % interval
MAIN_PAIRS = 5
MAIN_SHARE = 1 / 3  # of all errors: from here on the main pairs dominate
NAMED = 4  # classes listed by name
PARTS = ("claim", "evidence", "proposal")


@dataclass(frozen=True, slots=True)
class Statement:
    """One finding.

    Attributes:
        claim: what is the case.
        evidence: the numbers that show it.
        proposal: what to do about it.
        tone: whether it asks for action at once, for thought, or for nothing.
    """

    claim: str
    evidence: str
    proposal: str
    tone: Tone = "sound"


def analyse(figures: Figures, words: Words, *, trusted: bool = True) -> list[Statement]:
    """Answer every question the figures allow, the most pressing first.

    Where nothing was learnt, gaps and confusions mean nothing and are left out.

    Args:
        figures: of the run.
        words: of the language.
        trusted: whether the figures can be trusted; elsewhere nothing is called sound: validation
            and test also agree where copies of photos are in both.
    """
    found = [ask(figures, words) for ask in (BASIC if near_chance(figures) else QUESTIONS)]
    statements = [s for s in found if s and (trusted or s.tone != "sound")]
    return sorted(statements, key=lambda s: TONES.index(s.tone))


def near_chance(figures: Figures) -> bool:
    """Whether test top-1 is hardly better than answering without looking at the photo."""
    return _skill(figures, "test") < NEAR_CHANCE


def learning(figures: Figures, words: Words) -> Statement:
    """Say whether the head learnt anything: test loss against ln K, top-1 against chance."""
    test, train = figures.metrics["test"], figures.metrics["train"]
    bounds = wilson_share(test.top1, test.n)
    worse = test.loss >= figures.uniform_loss
    values = {
        "top1": words.percent(test.top1),
        "interval": words.between(*bounds),
        "n": words.integer(test.n),
        "guess": words.percent(1 / len(figures.names)),
        "majority": words.percent(figures.majority),
        "loss": words.number(test.loss),
        "uniform": words.number(figures.uniform_loss),
        "verdict": words("loss.worse" if worse else "loss.better"),
        "train": words.percent(train.top1),
        "perplexity": words.number(np.exp(min(test.loss, 50.0)), 2),
        "classes": words.integer(len(figures.names)),
    }
    if near_chance(figures):
        learnt_train = _skill(figures, "train") > 0.5
        return _say(words, "apart" if learnt_train else "broken", "alarm", values)
    if bounds.low <= figures.chance:
        return _say(words, "inconclusive", "advice", values)
    if worse:
        return _say(words, "costly", "alarm", values)
    return _say(words, "learnt", "sound", values)


def fit(figures: Figures, words: Words) -> Statement:
    """Compare training with test: too much, too little or about right."""
    train, test = figures.metrics["train"], figures.metrics["test"]
    gap = train.top1 - test.top1
    values = {
        "train": words.percent(train.top1),
        "test": words.percent(test.top1),
        "gap": words.points(gap),
        "train_loss": words.number(train.loss),
        "test_loss": words.number(test.loss),
    }
    if gap >= LARGE_GAP:
        return _say(words, "overfit", "advice", values)
    if train.top1 < WELL_FITTED:
        return _say(words, "underfit", "advice", values)
    return _say(words, "fitted", "sound", values)


def consistency(figures: Figures, words: Words) -> Statement:
    """Ask whether validation and test agree within their sampling error."""
    val, test = figures.metrics["val"], figures.metrics["test"]
    bounds = difference((val.top1, val.n), (test.top1, test.n))
    width = wilson_share(test.top1, test.n)
    values = {
        "val": words.percent(val.top1),
        "test": words.percent(test.top1),
        "val_n": words.integer(val.n),
        "test_n": words.integer(test.n),
        "val_interval": words.between(*wilson_share(val.top1, val.n)),
        "test_interval": words.between(*width),
        "low": words.signed(100 * bounds.low, 1),
        "high": words.signed(100 * bounds.high, 1),
        "resolution": words.points((width.high - width.low) / 2),
    }
    if bounds.holds(0.0):
        return _say(words, "consistent", "sound", values)
    return _say(words, "optimistic" if bounds.low > 0 else "harder", "advice", values)


def rare_classes(figures: Figures, words: Words) -> Statement | None:
    """Ask whether the quarter of the classes with fewest training photos is recognised less."""
    trained = np.array(figures.trained)
    rare = trained <= np.quantile(trained, 0.25)
    if rare.all():  # (nearly) equal classes: the question does not arise
        return None
    few, many = _pooled(figures, rare), _pooled(figures, ~rare)
    if not few[1] or not many[1]:
        return None
    bounds = difference(many, few)
    worst = [k for k in _by_recall(figures) if rare[k] and figures.classes[k].recall < 1]
    values = {
        "limit": words.counted("photos", int(trained[rare].max())),
        "few": words.percent(few[0]),
        "many": words.percent(many[0]),
        "low": words.signed(100 * bounds.low, 1),
        "high": words.signed(100 * bounds.high, 1),
        "names": words.listed([figures.names[k] for k in worst[:NAMED]]),
    }
    if bounds.low > 0 and worst:
        return _say(words, "scarce", "advice", values)
    return _say(words, "enough", "sound", values)


def weak_classes(figures: Figures, words: Words) -> Statement | None:
    """Name the classes whose recall lies below the overall top-1 by more than sampling error.

    Where no more are found than K such tests find by chance, nothing is said.
    """
    top1, found = figures.metrics["test"].top1, figures.classes
    weak = [
        k
        for k in _by_recall(figures)
        if wilson_share(found[k].recall, found[k].support).high < top1
    ]
    chance = BY_CHANCE * len(found)
    if len(weak) <= chance:
        return None
    usual = float(np.median(figures.trained))
    scarce = sum(figures.trained[k] < usual for k in weak) > len(weak) / 2
    values = {
        "count": words.counted("classes", len(weak)),
        "top1": words.percent(top1),
        "chance": words.short(chance),
        "classes": words.integer(len(found)),
        "names": words.listed([_class_line(figures, k, words) for k in weak[:NAMED]]),
        "usual": words.short(usual),
        "first": figures.names[weak[0]],
    }
    return _say(words, "weak.scarce" if scarce else "weak.alike", "advice", values)


def confusions(figures: Figures, words: Words) -> Statement:
    """Say whether a few pairs of classes make most of the errors."""
    n, errors = figures.metrics["test"].n, figures.errors
    if not errors:
        top = words.percent(1 - wilson_share(1.0, n).low)
        return _say(words, "flawless", "sound", {"n": words.integer(n), "most": top})
    main = figures.confusions[:MAIN_PAIRS]
    share = sum(c.count for c in main) / errors
    dominant = share >= MAIN_SHARE and main[0].count > 1
    worst = main[0]
    values = {
        "errors": words.counted("errors", errors),
        "pairs": words.counted("pairs", len(main)),
        "kinds": words.integer(len(figures.confusions)),
        "share": words.percent(share, 0),
        "true": figures.names[worst.true],
        "predicted": figures.names[worst.predicted],
        "count": words.counted("times", worst.count),
        "rate": words.percent(worst.share, 0),
    }
    if dominant:
        return _say(words, "dominant", "advice", values)
    return _say(words, "spread", "sound", values)


def fit_end(figures: Figures, words: Words) -> Statement:
    """Ask whether the chosen iteration or epoch is the last one."""
    losses = [row["val_loss"] for row in figures.history]
    values = {
        "chosen": words.integer(figures.best + 1),
        "loss": words.number(losses[figures.best]),
        "last_loss": words.number(losses[-1]),
        "steps": words.integer(len(losses)),
    }
    at_end = figures.best == len(losses) - 1
    if not isinstance(figures.recipe, Probe):
        return _say(words, "epochs.more" if at_end else "epochs.stop", "advice", values)
    if at_end and len(losses) == figures.recipe.max_iterations:
        return _say(words, "iterations.more", "advice", values)
    return _say(words, "iterations.stop", "sound", values)


def confidence(figures: Figures, words: Words) -> Statement:
    """Compare the mean probability of the answers with how many are right."""
    test = figures.metrics["test"]
    bounds = wilson_share(test.top1, test.n)
    values = {
        "confidence": words.percent(figures.confidence),
        "top1": words.percent(test.top1),
        "interval": words.between(*bounds),
    }
    if bounds.holds(figures.confidence):
        return _say(words, "honest", "sound", values)
    key = "boastful" if figures.confidence > bounds.high else "modest"
    return _say(words, key, "advice", values)


def rough(figures: Figures, words: Words) -> Statement | None:
    """Say on how few photos the bundle's percentages rest."""
    calibration = figures.calibration
    if calibration is None or not calibration.rough:
        return None
    values = {
        "count": words.counted("photos", calibration.photos),
        "doubt": words.percent(calibration.photos**-0.5, 0),
        "few": words.integer(FEW),
    }
    return _say(words, "rough", "advice", values)


def skipped(figures: Figures, words: Words) -> Statement | None:
    """Say what the unreadable photos amount to."""
    if not figures.skipped:
        return None
    values = {
        "count": words.counted("photos", figures.skipped),
        "share": words.percent(figures.skipped / figures.photos, 2),
        "photos": words.integer(figures.photos),
    }
    return _say(words, "skipped", "advice", values)


Question = Callable[[Figures, Words], Statement | None]
BASIC: Sequence[Question] = (learning, consistency, skipped)
QUESTIONS: Sequence[Question] = (
    learning,
    fit,
    consistency,
    confusions,
    weak_classes,
    rare_classes,
    confidence,
    rough,
    fit_end,
    skipped,
)


def _say(words: Words, key: str, tone: Tone, values: dict[str, str]) -> Statement:
    claim, evidence, proposal = (words(f"analysis.{key}.{part}", **values) for part in PARTS)
    return Statement(claim, evidence, proposal, tone)


def _skill(figures: Figures, subset: str) -> float:
    """Share of the way from chance (0) to always right (1)."""
    return (figures.metrics[subset].top1 - figures.chance) / max(1e-9, 1 - figures.chance)


def _by_recall(figures: Figures) -> list[int]:
    """Classes with test photos, lowest recall first."""
    measured = [k for k, c in enumerate(figures.classes) if c.support]
    return sorted(measured, key=lambda k: figures.classes[k].recall)


def _pooled(figures: Figures, chosen: np.ndarray) -> tuple[float, int]:
    """Top-1 and number of the test photos of the chosen classes."""
    classes = [c for c, keep in zip(figures.classes, chosen, strict=True) if keep]
    n = sum(c.support for c in classes)
    return sum(c.recall * c.support for c in classes) / max(1, n), n


def _class_line(figures: Figures, k: int, words: Words) -> str:
    found = figures.classes[k]
    return words(
        "class.line",
        name=figures.names[k],
        recall=words.percent(found.recall, 0),
        support=words.integer(found.support),
        trained=words.integer(figures.trained[k]),
    )
