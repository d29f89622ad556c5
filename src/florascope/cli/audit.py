"""`florascope audit`: can a bundle's explanations be believed?"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from florascope.cli.console import LOCAL_PATH, SCHEMA, json_option, note, print_json, print_table
from florascope.progress import progress_bars

if TYPE_CHECKING:
    from florascope.audit.photos import AuditPhotos, Selection
    from florascope.audit.report import AuditReport
    from florascope.evaluation.held_out import Subset
    from florascope.evaluation.intervals import Interval

COLUMNS = {
    "deletion": "deletion",
    "insertion": "insertion",
    "gain": "gain",
    "gain_neighbours": "gain, filled",
    "pointing": "pointing",
    "energy_ratio": "energy / area",
    "auroc": "AUROC",
    "noise_correlation": "noise",
    "flip_correlation": "mirror",
    "grid": "grid",
}
NEED_MASKS = {"pointing", "energy_ratio", "auroc"}


@click.command()
@click.argument("bundle")
@click.argument("source", metavar="DATA")
@click.option(
    "--method", "methods", multiple=True, help="May be repeated.  [default: all that fit but ig]"
)
@click.option("--masks", type=LOCAL_PATH, help="Folder of PNGs, named as photos.")
@click.option("--flower", default=1, show_default=True, help="Value of a flower pixel in --masks.")
@click.option("--background", default=3, show_default=True, help="Value of a background pixel.")
@click.option(
    "--subset",
    type=click.Choice(["train", "val", "test", "all"]),
    help="[default: the run's own test photos and unseen ones]",
)
@click.option(
    "--split",
    help="official, 80-10-10, folder, csv, garden or FILE.csv.  [default: the run's own]",
)
@click.option("--limit", type=click.IntRange(2), default=100, show_default=True, help="Photos.")
@click.option("--seed", default=0, show_default=True, help="Of everything that is drawn.")
@click.option("--data-dir", type=LOCAL_PATH, help="Folder that holds flowers-102/.")
@click.option("--out", type=LOCAL_PATH, help="Also write the JSON to this FILE.")
@json_option
def audit(
    bundle: str,
    methods: tuple[str, ...],
    subset: "Subset | None",
    split: str | None,
    seed: int,
    out: Path | None,
    *,
    as_json: bool,
    **selection: Any,  # noqa: ANN401 (options of `_selection`)
) -> None:
    """Measure whether BUNDLE's explanations are true, on photos of DATA.

    DATA may also be a plain folder of photos: what is explained is the class that BUNDLE answers.
    Two maps that know nothing, a random one and a blob in the middle, are measured beside.

    \b
    faithful     the answer falls as the places named are removed (deletion) and rises as they
                 come back (insertion); the gain, their difference, must beat a random map's
    informative  the gain must beat that of a blob in the middle
    localised    the evidence lies on the flower (with --masks, or the garden's own)
    grid         without masks: of four photos in one, a class's evidence lies in its own
    learned      another map once the network's weights are shuffled
    stable       the same map with noise that nobody sees
    mirrored     the mirrored map for the mirrored photo
    complete     the map sums to the logit, where it promises to

    A method passes where the whole 95 % interval does. Mask pixels of any other value are unknown
    and left out; with --masks, only photos that have one are measured.
    """  # noqa: D301 (\b keeps click from filling the paragraph)
    from florascope.bundle.config import find_bundle
    from florascope.evaluation.held_out import Asked, Origin
    from florascope.files import check_file

    if out is not None:
        check_file(out)
    path = find_bundle(bundle)
    asked = Asked(subset, split, None if split is None else seed)
    chosen = _selection(origin=Origin.read(path), asked=asked, **selection)
    report, photos = _run(path, methods, chosen, seed)
    for problem in photos.problems:
        note(f"Skipped: {problem}")
    values = {**_json(report, len(photos.problems)), "statement": photos.statement}
    if out:
        from florascope.files import write_json

        write_json(out, {"schema": SCHEMA, **values})
    if as_json:
        print_json(values)
        return
    _print(report, values)


def _selection(
    source: str,
    masks: Path | None,
    flower: int,
    background: int,
    data_dir: Path | None,
    **options: Any,  # noqa: ANN401 (fields of Selection)
) -> "Selection":
    from florascope.audit.localisation import MaskFolder, MaskIds
    from florascope.audit.photos import Selection

    folder = None if masks is None else MaskFolder(masks, MaskIds(flower, background))
    return Selection(source, masks=folder, data_dir=data_dir, **options)


def _run(
    bundle: Path, methods: tuple[str, ...], selection: "Selection", seed: int
) -> tuple["AuditReport", "AuditPhotos"]:
    from florascope.audit.audit import audit as run
    from florascope.audit.audit import methods_for
    from florascope.audit.faithfulness import Perturbation
    from florascope.audit.report import AuditSettings
    from florascope.explanation.explanation import explainer
    from florascope.nets.saving import load_classifier

    classifier = load_classifier(bundle)
    explainers = [explainer(name) for name in methods or methods_for(classifier)]
    how = AuditSettings(Perturbation.of(classifier.preprocessing.size, seed=seed), seed=seed)
    with progress_bars() as progress:
        audit_photos = selection.prepare_photos(classifier, progress)
        return run(classifier, audit_photos, explainers, how, progress), audit_photos


def _json(report: "AuditReport", skipped: int) -> dict[str, Any]:
    from florascope.audit.verdict import disagreements, summary, verdict

    findings = verdict(report)
    return {
        **report.to_json(),
        "skipped": skipped,
        "findings": [finding.to_json() for finding in findings],
        "verdict": list(summary(findings)),
        "disagreements": list(disagreements(report)),
    }


def _print(report: "AuditReport", values: dict[str, Any]) -> None:
    shown = [key for key in COLUMNS if report.masked or key not in NEED_MASKS]
    rows = [
        (scores.method, *(_cell(report.interval(scores.method, key)) for key in shown))
        for scores in report.methods
    ]
    masked = f", {report.masked} with a mask" if report.masked else ""
    title = f"{values['photos']} photos{masked}: mean and 95 % interval"
    print_table(("method", *(COLUMNS[key] for key in shown)), rows, title)
    click.echo(f"Chosen from: {values['statement']}.")
    for sentence in values["verdict"]:
        click.echo(f"{sentence}.")
    for finding in values["findings"]:
        click.echo(f"  {finding['text']}.")
    for sentence in values["disagreements"]:
        click.echo(f"The order depends on how photos are taken apart: {sentence}.")


def _cell(interval: "Interval") -> str:
    """Write the interval below the mean, so that the table stays narrow."""
    return str(interval).replace(" [", "\n[")
