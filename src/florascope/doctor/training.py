"""A training with the doctor beside it, before the first step and after the last."""

from collections.abc import Callable, Sequence
from typing import Any

from florascope.data.dataset import Dataset, Split
from florascope.doctor.finding import Finding, ordered
from florascope.doctor.own import after_training, before_training
from florascope.training.devices import is_first_process, leave_to_first_process
from florascope.training.experiment import Experiment, backbone_of, train
from florascope.training.recipes import Recipe

Say = Callable[[Sequence[Finding]], None]


def train_diagnosed(
    dataset: Dataset,
    split: Split,
    recipe: Recipe,
    say: Say,
    **options: Any,  # noqa: ANN401 (those of `train`, which checks them)
) -> tuple[Experiment, tuple[Finding, ...]]:
    """Train, told of what is wrong before the training starts and after it has ended.

    Findings stop nothing: only their reader can know that a warning does not matter. Of several
    processes that share a training, only the first is looked at, and only it returns.

    Args:
        dataset: the labelled photos.
        split: their division.
        recipe: how to fit.
        say: told of the findings before, then of those that came to light after.
        options: further ones of `florascope.training.experiment.train`.

    Returns:
        The finished run, and all findings, most likely cause first.

    Raises:
        FlorascopeError: whatever the training raises.
    """
    backbone = backbone_of(recipe)
    early = before_training(dataset, split, backbone) if is_first_process() else ()
    say(early)
    experiment = train(dataset, split, recipe, backbone=backbone, **options)
    leave_to_first_process()
    known = {finding.cause for finding in early}
    late = tuple(f for f in after_training(experiment) if f.cause not in known)
    say(late)
    return experiment, ordered((*early, *late))
