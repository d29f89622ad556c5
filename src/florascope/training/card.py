"""The model card that travels with a bundle."""

from florascope.evaluation.metrics import per_class
from florascope.training.experiment import Experiment
from florascope.training.recipe import describe

OUTLINE = "Answers with one of {} classes. Backbone {}, linear head."
LICENCE = (
    "The photos of {} belong to their authors; none is in this bundle. Training started from the"
    " weights named below: their licence, and that of the photos, may bind whoever passes these"
    " weights on."
)
LIMITS = (
    "For photos like those of {}. It always names one of its classes, also for a photo of something"
    " else. Do not use it to decide whether a plant is safe to touch or eat."
)


def model_card(experiment: Experiment) -> str:
    """Write a bundle's README.md (Mitchell et al. 2019, "Model Cards for Model Reporting")."""
    name = experiment.dataset.name
    return "\n".join(
        [
            f"# Image classifier for {name}",
            "",
            OUTLINE.format(len(experiment.dataset.classes), experiment.recipe.backbone),
            "",
            "## Figures",
            "",
            *_figures(experiment),
            "",
            "## Data and licence",
            "",
            LICENCE.format(name),
            "",
            "## How it was made",
            "",
            *(f"- {key}: {value}" for key, value in describe(experiment.recipe).items()),
            f"- split: {experiment.split.name}",
            f"- photos that could not be read: {len(experiment.bank.problems)}",
            "",
            "## Intended use and limits",
            "",
            LIMITS.format(name),
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
        shares = " | ".join(f"{value:.4f}" for value in (m.top1, m.top5, m.mean_class, m.loss))
        rows.append(f"| {subset} | {m.n} | {shares} |")
    return rows


def _classes(experiment: Experiment) -> list[str]:
    test = experiment.split.test
    found = per_class(experiment.logits[test], experiment.dataset.labels[test])
    rows = ["| id | class | test photos | recall | precision |", "|---|---|---|---|---|"]
    for c, m in zip(experiment.dataset.classes, found, strict=True):
        figures = f"{m.support} | {m.recall:.3f} | {m.precision:.3f}"
        rows.append(f"| {_cell(c.id)} | {_cell(c.name)} | {figures} |")
    return rows


def _cell(text: str) -> str:
    """Keep a name from ending its cell or row."""
    return " ".join(text.split()).replace("|", "\\|")
