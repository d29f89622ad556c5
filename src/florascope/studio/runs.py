"""The runs of a project: their folders, figures with intervals, answers and comparisons."""

import csv
import hashlib
import io
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from florascope.data.dataset import SUBSETS
from florascope.data.table import read_table
from florascope.errors import DataError
from florascope.evaluation.intervals import difference
from florascope.files import as_utf8, write_json, write_text
from florascope.metrics import wilson_share
from florascope.studio.project import Project

FOLDER = "runs"
LIST, REQUEST, RUN, ANSWERS, DOCTOR, NEXT, WEB = (
    *("photos.csv", "request.json", "run", "answers.json", "doctor.json", "next.json", "web"),
)
SHARE = 10  # every tenth photo selects, and every tenth measures
CHECKPOINT = "checkpoint.safetensors"
Recipe = Literal["probe", "finetune"]


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asked of a training.

    Attributes:
        recipe: "probe" learns a head in seconds, "finetune" the network in minutes to hours.
        title: how people call the run.
        backbone: timm's architecture name.
        weights: see `florascope.nets.weights.load_backbone`; None takes what is at hand.
        settings: of the recipe, by name.
    """

    recipe: Recipe = "probe"
    title: str = ""
    backbone: str = "mobilenetv2_100"
    weights: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunFolder:
    """RUNS/N: the list of photos, the request, run/ as `florascope train` writes it, answers.json.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def number(self) -> int:
        """The run's number."""
        return int(self.path.name)

    @property
    def bundle(self) -> Path:
        """The bundle's folder."""
        return self.path / RUN / "bundle"

    @property
    def finished(self) -> bool:
        """Whether its training ended and its answers are there."""
        return (self.path / ANSWERS).is_file()

    @property
    def resumable(self) -> bool:
        """Whether a stopped training left a checkpoint to go on from."""
        return not self.finished and (self.path / RUN / CHECKPOINT).is_file()

    def request(self) -> Request:
        """Return what was asked."""
        return Request(**json.loads((self.path / REQUEST).read_text("utf-8")))

    def figures(self) -> dict[str, Any]:
        """Return metrics.json, its accuracies with 95 % intervals."""
        told: dict[str, Any] = json.loads((self.path / RUN / "metrics.json").read_text("utf-8"))
        for subset in SUBSETS:
            measured = told[subset]
            measured["interval"] = list(wilson_share(measured["top1"], measured["n"]))
        return told

    def summary(self) -> dict[str, Any]:
        """Return what a list of runs shows."""
        head = {"number": self.number, "finished": self.finished, **asdict(self.request())}
        if not self.finished:
            return head
        told = self.figures()
        shown = ("photos", "classes", "skipped", "seconds", *SUBSETS)
        return {**head, **{key: told[key] for key in shown}}

    @cached_property
    def answers(self) -> "Answers":
        """What the classifier answered."""
        told = json.loads((self.path / ANSWERS).read_text("utf-8"))
        return Answers(tuple(told["classes"]), [Answer(*row) for row in told["photos"]])


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run's classifier says of one photo.

    Attributes:
        photo: its name in the project.
        subset: what it did in the training.
        label: its class when the run was trained, as an index.
        predicted: index of the answer.
        probability: of the answer.
    """

    photo: str
    subset: str
    label: int
    predicted: int
    probability: float

    @property
    def right(self) -> bool:
        """Whether it is the label."""
        return self.label == self.predicted


@dataclass(frozen=True)
class Answers:
    """All answers of a run.

    Attributes:
        classes: names of the classes.
        photos: one a readable photo.
    """

    classes: tuple[str, ...]
    photos: list[Answer]

    def of(self, subset: str) -> list[Answer]:
        """Return those of a subset."""
        return [answer for answer in self.photos if answer.subset == subset]

    def confusions(self, subset: str) -> list[list[int]]:
        """Count a subset's photos by label and answer, without zeros: [label, predicted, count]."""
        counts = Counter((a.label, a.predicted) for a in self.of(subset))
        return [[*pair, count] for pair, count in sorted(counts.items())]

    def cell(self, subset: str, label: int, predicted: int) -> list[Answer]:
        """Return the photos of one class that got one answer, the surest first."""
        found = [a for a in self.of(subset) if (a.label, a.predicted) == (label, predicted)]
        return sorted(found, key=lambda answer: -answer.probability)

    def write(self, path: Path) -> None:
        """Write answers.json."""
        rows = [list(asdict(answer).values()) for answer in self.photos]
        write_json(path, {"classes": list(self.classes), "photos": rows})


class Runs:
    """All runs of a project.

    Args:
        project: the project's folder.
    """

    def __init__(self, project: Path) -> None:
        self._folder = project / FOLDER
        self._open: dict[int, RunFolder] = {}
        self._last = 0  # a deleted run's number is not given again: its model may still be open

    def __iter__(self) -> Iterator[RunFolder]:
        """Yield them, the latest first."""
        if self._folder.is_dir():
            numbers = (int(p.name) for p in self._folder.iterdir() if p.name.isdecimal())
            yield from (self[n] for n in sorted(numbers, reverse=True))

    def __getitem__(self, number: int) -> RunFolder:
        path = self._folder / str(number)
        if not (path / REQUEST).is_file():
            raise DataError(
                f"there is no run {number} in this project", expected="a run of this project"
            )
        return self._open.setdefault(number, RunFolder(path))

    def begin(self, request: Request) -> RunFolder:
        """Make the folder of a run that is to be trained."""
        number = self._last = max([self._last, *(run.number for run in self)]) + 1
        path = self._folder / str(number)
        path.mkdir(parents=True)
        write_json(path / REQUEST, asdict(request))
        return self[number]

    def remove(self, number: int) -> None:
        """Delete a run's folder."""
        shutil.rmtree(self[number].path)
        self._open.pop(number, None)


def compared(one: RunFolder, other: RunFolder) -> dict[str, Any]:
    """Compare two runs' test accuracy.

    Returns:
        The difference of the shares with its 95 % interval (Newcombe 1998, for independent
        samples, so rather too wide where both measured the same photos), and on how many test
        photos both were measured.
    """
    first, second = (_measured(run.answers.of("test")) for run in (one, other))
    low, high = difference(first, second)
    shared = {a.photo for a in one.answers.of("test")} & {a.photo for a in other.answers.of("test")}
    return {
        "run": other.number,
        "difference": first[0] - second[0],
        "interval": [low, high],
        "shared": len(shared),
    }


def _measured(answers: Sequence[Answer]) -> tuple[float, int]:
    return sum(a.right for a in answers) / max(len(answers), 1), len(answers)


def write_list(project: Project, path: Path) -> None:
    """Write a project's labelled photos as a list that `florascope train` takes.

    Its columns are path, label, split and photo (the name in the project). A photo's side follows
    from its name, so that it stays where it is while others are mended, and runs are measured on
    the same photos. Where the source divides its photos, its own division holds and what was added
    trains.

    Raises:
        DataError: a file's name can stand in no list.
    """
    at = project.labelled()
    sides = _own_sides(project, at) or dealt(
        [(str(project.labels[i]), project.photos[i].name) for i in at]
    )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("path", "label", "split", "photo"))
    for i, side in zip(at, sides, strict=True):
        photo = project.photos[i]
        place = str(photo.path.absolute())
        _check_utf8(place)
        writer.writerow((place, project.labels[i], side, photo.name))
    write_text(path, text.getvalue())


def listed_names(path: Path) -> list[str]:
    """Return the photos' names of a list that `write_list` wrote, in its order."""
    return [row.cells["photo"] for row in read_table(path).rows]


def _own_sides(project: Project, at: Sequence[int]) -> list[str]:
    sides = [project.photos[i].subset for i in at]
    return [side or "train" for side in sides] if set(SUBSETS) <= set(sides) else []


def dealt(photos: Sequence[tuple[str, str]]) -> list[str]:
    """Divide photos, given as (class, name), into train, val and test by their names' hashes.

    The photos of a class are ranked by hash: the first tenth measures, the next selects, at least
    one each. A photo with a small hash measures in whatever class it is.
    """
    ranks: dict[str, list[tuple[bytes, int]]] = {}
    for i, (label, name) in enumerate(photos):
        key = hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest()
        ranks.setdefault(label, []).append((key, i))
    sides = ["train"] * len(photos)
    for ranked in ranks.values():
        part = max(1, round(len(ranked) / SHARE))
        for place, (_, i) in enumerate(sorted(ranked)[: 2 * part]):
            sides[i] = "test" if place < part else "val"
    return sides


def _check_utf8(path: str) -> None:
    if as_utf8(path) != path:
        raise DataError(
            f"the name of {as_utf8(path)} is no UTF-8, so that no list can hold it",
            fix="Rename the file, or leave it out of the project",
        )
