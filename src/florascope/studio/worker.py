"""What takes long, as a process: `python -m florascope.studio.worker WORK PROJECT RUN`.

It says how far it is as JSON lines on standard output, and ends when its standard input does, so
that no worker outlives its studio.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from florascope.data.dataset import Dataset, FilePhoto
from florascope.errors import FlorascopeError
from florascope.files import json_text, write_json
from florascope.metrics import softmax
from florascope.progress import Progress
from florascope.studio.project import UNSORTED, Project
from florascope.studio.runs import (
    ANSWERS,
    DOCTOR,
    LIST,
    NEXT,
    RUN,
    WEB,
    Answer,
    Answers,
    Runs,
    listed_names,
)

HEALTH = "health.json"
SUGGESTED = 50  # photos, a good step before the next training
EVERY = 0.1  # seconds between two lines about one step
BACKBONE = "mobilenetv2_100"


def say(told: dict[str, Any]) -> None:
    """Write a line."""
    sys.stdout.write(json_text(told) + "\n")
    sys.stdout.flush()


class Teller:
    """Passes on progress, at most ten times a second."""

    def __init__(self) -> None:
        self._said, self._step = 0.0, ""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Say how far a step is; see `florascope.progress.Progress`."""
        now, step = time.monotonic(), what.partition(":")[0]
        if step == self._step and done < total and now - self._said < EVERY:
            return
        self._said, self._step = now, step
        say({"step": what, "done": done, "total": total})


def inspect(project: Path, _: int, tell: Progress) -> None:
    """Look for what is wrong with the photos and labels; PROJECT/health.json says it by name."""
    from florascope.health.examination import Inspection, examine

    opened = Project.open(project)
    at = opened.labelled()
    dataset, names = opened.dataset(at), [opened.photos[i].name for i in at]
    found = examine(dataset, _embedding(tell) if len(dataset.classes) > 1 else None, tell)
    broken = {names[i]: found.looks[i].problem for i in found.broken}
    told = Inspection.of(found)
    health = {
        "photos": len(names),
        "broken": broken,
        "duplicates": [[names[i] for i in group] for group in found.groups],
        "near": [[names[i], names[j]] for i, j in [*found.near.tolist(), *found.derived.tolist()]],
        "suspects": [
            [names[s.index], *(dataset.classes[k].name for k in (s.label, s.looks_like)), s.margin]
            for s in found.suspects
        ],
        "odd": [names[i] for i in found.odd],
        "noise": found.noise,
        "remarks": told.remarks,
    }
    write_json(project / HEALTH, health)


def _embedding(tell: Progress) -> Any:  # noqa: ANN401 (see `florascope.health.examination.Embed`)
    from florascope.features.embedding import embed
    from florascope.features.engines import Engine, choose_runtime
    from florascope.nets.weights import default_weights, load_backbone

    chosen = default_weights(BACKBONE)
    backbone = load_backbone(BACKBONE, "flowers" if chosen == "timm" else chosen)
    engine = Engine(backbone, choose_runtime())

    def features(dataset: Dataset) -> Any:  # noqa: ANN401 (two arrays)
        bank = embed(dataset.photos, engine, progress=tell)
        return bank.values[0], bank.readable

    return features


def train(project: Path, number: int, tell: Progress) -> None:
    """Train a run as it was asked for; a fine-tuning that was stopped goes on."""
    from florascope.training.recipes import make_recipe

    place = Runs(project)[number]
    asked = place.request()
    recipe = make_recipe(
        asked.recipe, backbone=asked.backbone, weights=asked.weights, **asked.settings
    )
    from florascope.api.training import train as trained  # takes seconds: mistakes come first
    from florascope.training.logbook import Logbook

    logbook = Logbook(place.path / RUN, listeners=[lambda row: say({"row": row})])
    run = trained(place.path / LIST, recipe, split="csv", checkpoints=logbook, progress=tell)
    run.save(place.path / RUN)
    _answers(run.experiment, listed_names(place.path / LIST)).write(place.path / ANSWERS)


def _answers(done: Any, names: list[str]) -> Answers:  # noqa: ANN401 (an Experiment)
    shares = softmax(done.logits)
    predicted = shares.argmax(1)
    rows = [
        Answer(names[i], subset, int(done.dataset.labels[i]), int(predicted[i]), float(p))
        for subset, at in done.split.items()
        for i, p in zip(at.tolist(), shares[at, predicted[at]], strict=True)
    ]
    return Answers(tuple(c.name for c in done.dataset.classes), rows)


def doctor(project: Path, number: int, tell: Progress) -> None:
    """Ask the doctor about a run; RUNS/N/doctor.json says what it found."""
    from florascope.doctor.target import Question, examine

    place = Runs(project)[number]
    diagnosis = examine(Question(str(place.path / RUN)), tell)
    write_json(place.path / DOCTOR, diagnosis.to_json())


def suggest(project: Path, number: int, tell: Progress) -> None:
    """Say which unsorted photos teach a run the most; RUNS/N/next.json lists them, those first."""
    from florascope.api.suggesting import suggest as suggested
    from florascope.api.training import open_run

    place, opened = Runs(project)[number], Project.open(project)
    waiting = [opened.photos[i] for i, label in enumerate(opened.labels) if label == UNSORTED]
    photos = [FilePhoto(one.path, Path(one.path.anchor)) for one in waiting]
    names = {photo.name: one.name for photo, one in zip(photos, waiting, strict=True)}
    found = suggested(open_run(place.path / RUN), photos, SUGGESTED, progress=tell)
    rows = [[names[one.photo], one.looks_like, one.probability] for one in found.label]
    write_json(place.path / NEXT, rows)


def web(project: Path, number: int, tell: Progress) -> None:
    """Write the page that answers in the browser alone."""
    from florascope.export.web import export_web

    place = Runs(project)[number]
    tell("Writing the web page", 0, 1)
    export_web(place.bundle, place.path / WEB)
    tell("Writing the web page", 1, 1)


WORKS: dict[str, Callable[[Path, int, Progress], None]] = {
    "inspect": inspect,
    "train": train,
    "doctor": doctor,
    "suggest": suggest,
    "web": web,
}


def main(arguments: list[str]) -> int:
    """Do one piece of work.

    Returns:
        The exit status: 1 where an error was told.
    """
    work, project, number = arguments
    threading.Thread(target=_end_with_input, daemon=True).start()
    tell = Teller()
    tell("Getting ready", 0, 1)
    try:
        WORKS[work](Path(project), int(number), tell)
    except (FlorascopeError, OSError) as error:
        found = getattr(error, "found", str(error))
        more = {key: getattr(error, key, "") for key in ("expected", "fix")}
        say({"error": {"message": str(error), "found": found, **more}})
        return 1
    return 0


def _end_with_input() -> None:
    while os.read(0, 4096):  # not sys.stdin, whose lock would be held when the process ends
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
