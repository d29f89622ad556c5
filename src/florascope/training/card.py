"""The model card that travels with a bundle."""

from florascope.evaluation.metrics import per_class
from florascope.training.experiment import Experiment
from florascope.training.recipe import describe


def model_card(experiment: Experiment) -> str:
    """Write a bundle's README.md (Mitchell et al. 2019, "Model Cards for Model Reporting")."""
    name = experiment.dataset.name
    return "\n".join(
        [
            f"# Image classifier for {name}",
            "",
            f"Answers with one of {len(experiment.dataset.classes)} classes."
            f" Backbone {experiment.recipe.backbone}, linear head.",
            "",
            "## Figures",
            "",
            *_figures(experiment),
            "",
            "## How it was made",
            "",
            *(f"- {key}: {value}" for key, value in describe(experiment.recipe).items()),
            f"- split: {experiment.split.name}",
            f"- photos that could not be read: {len(experiment.bank.problems)}",
            "",
            "## Intended use and limits",
            "",
            f"For photos like those of {name}. It always names one of its classes, also for a photo"
            " of something else. Do not use it to decide whether a plant is safe to touch or eat.",
            "",
            "## Every class on the test photos",
            "",
            *_classes(experiment),
            "",
        ]
    )


def _figures(experiment: Experiment) -> list[str]:
    rows = ["| photos | n | top-1 | top-5 | mean per class | loss |", "|---|---|---|---|---|---|"]
    for subset, m in experiment.metrics.items():
        rows.append(
            f"| {subset} | {m.n} | {m.top1:.4f} | {m.top5:.4f}"
            f" | {m.mean_class:.4f} | {m.loss:.4f} |"
        )
    return rows


def _classes(experiment: Experiment) -> list[str]:
    test = experiment.split.test
    found = per_class(experiment.logits[test], experiment.dataset.labels[test])
    rows = ["| id | class | test photos | recall | precision |", "|---|---|---|---|---|"]
    for c, m in zip(experiment.dataset.classes, found, strict=True):
        rows.append(f"| {c.id} | {c.name} | {m.support} | {m.recall:.3f} | {m.precision:.3f} |")
    return rows
