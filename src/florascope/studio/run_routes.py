"""What the page asks of runs: training, figures, confusions with maps, the doctor, downloads."""

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import FileResponse
from PIL import Image
from pydantic import BaseModel, Field

from florascope.app.answer import index_of, spoken
from florascope.app.problem import Refusal
from florascope.app.workers import Admission
from florascope.data.species import Language
from florascope.files import new_file
from florascope.identify.identifier import Identifier
from florascope.sentences import told
from florascope.studio.jobs import Job, Jobs, Work
from florascope.studio.project import FEWEST, UNSORTED, Project
from florascope.studio.runs import (
    DOCTOR,
    LIST,
    NEXT,
    WEB,
    Answer,
    Recipe,
    Request,
    RunFolder,
    Runs,
    compared,
    write_list,
)

SENTENCES = ("cause", "found", "expected", "fix")  # of a finding
Spoken = Annotated[Language, Depends(spoken)]
Subset = Literal["train", "val", "test"]
Number = Annotated[int, Field(ge=0)]
ClassIndex = Annotated[int, Query(ge=0)]
TOO_SMALL = "Too few photos of {}: a class needs at least {}, to train, to select and to measure."
FEW_CLASSES = "Photos of at least two classes are needed to tell them apart."
ALL_SORTED = "There are no unsorted photos to label."
UNFINISHED = "Run {} is not finished."


class Asked(BaseModel):
    """What somebody asks of a training; see `florascope.studio.runs.Request`."""

    recipe: Recipe = "probe"
    title: str = Field("", max_length=80)
    backbone: str = Field("mobilenetv2_100", max_length=80)
    weights: str | None = Field(None, max_length=80)
    settings: dict[str, float | int | str | bool | None] = Field(default_factory=dict)


class Wanted(BaseModel):
    """Work that somebody asks for: "train" goes on with a run that was stopped."""

    work: Work
    run: Number = 0


def work_routes(project: Project, runs: Runs, jobs: Jobs, threads: Admission) -> APIRouter:
    """Make the routes of what takes long.

    Args:
        project: the project.
        runs: its runs.
        jobs: where work is done.
        threads: where files are written, beside the event loop.
    """
    routes = APIRouter()

    @routes.get("/api/job")
    async def job() -> dict[str, Any] | None:
        """Say how far the work is."""
        return jobs.told()

    @routes.post("/api/job")
    async def work(wanted: Wanted) -> dict[str, Any]:
        """Start work on the photos or on a run, or go on with a training."""
        if wanted.work != "inspect":
            _check_fit(wanted.work, runs[wanted.run])
        if wanted.work == "suggest" and UNSORTED not in project.labels:
            raise Refusal(HTTPStatus.CONFLICT, ALL_SORTED)
        return (await jobs.start(wanted.work, wanted.run)).to_json()

    @routes.delete("/api/job")
    async def stop() -> dict[str, Any] | None:
        """Stop the work and wait for its end."""
        await jobs.stop()
        return jobs.told()

    @routes.post("/api/runs")
    async def train(asked: Asked) -> dict[str, Any]:
        """Train on the photos as they are labelled now."""
        jobs.check()
        _check_trainable(project)
        run = runs.begin(Request(**asked.model_dump()))
        try:
            await threads.run(lambda: write_list(project, run.path / LIST))
            started = await jobs.start("train", run.number, _without_ruins(runs))
        except BaseException:
            runs.remove(run.number)
            raise
        return started.to_json()

    return routes


def run_routes(
    project: Project,
    runs: Runs,
    jobs: Jobs,
    threads: Admission,
    models: Callable[[int], Identifier],
) -> APIRouter:
    """Make the routes of finished runs; as `work_routes`.

    Args:
        project: the project.
        runs: its runs.
        jobs: where work is done.
        threads: where maps are drawn and archives packed, beside the event loop.
        models: the model of a run, by its number.
    """
    routes = APIRouter()

    @routes.get("/api/runs")
    async def listed() -> list[dict[str, Any]]:
        """List the runs, the latest first, each compared with the best."""
        return await threads.run(lambda: _listed(runs))

    @routes.get("/api/runs/{number}")
    async def one(number: Number, language: Spoken) -> dict[str, Any]:
        """Tell a run's figures, its request, what the doctor found and what to label next."""
        run = _finished(runs, number)
        told = {"number": number, "request": asdict(run.request()), "next": _next(project, run)}
        return {**run.figures(), **told, **_doctor(run, language)}

    @routes.delete("/api/runs/{number}")
    async def remove(number: Number) -> dict[str, int]:
        """Delete a run's folder."""
        if jobs.busy and jobs.job and jobs.job.run == number:
            jobs.check()
        await threads.run(lambda: runs.remove(number))
        return {"removed": number}

    @routes.get("/api/runs/{number}/confusions")
    async def confusions(number: Number, subset: Subset = "test") -> dict[str, Any]:
        """Count a subset's photos by class and answer."""
        answers = _finished(runs, number).answers
        return {"classes": answers.classes, "cells": answers.confusions(subset)}

    @routes.get("/api/runs/{number}/answers")
    async def cell(
        number: Number, label: ClassIndex, predicted: ClassIndex, subset: Subset = "test"
    ) -> list[dict[str, Any]]:
        """List the photos of one class that got one answer, the surest first."""
        return _cell(project, _finished(runs, number).answers.cell(subset, label, predicted))

    @routes.get("/api/runs/{number}/map/{photo}")
    async def evidence(
        number: Number, photo: Number, target: ClassIndex, against: ClassIndex | None = None
    ) -> Response:
        """Draw what in a photo speaks for a class, or for it and not for another."""
        answers = _finished(runs, number).answers
        _check_there(photo, project.photos)
        _check_there(max(target, against or 0), answers.classes)
        path = project.photos[photo].path
        names = [answers.classes[k] for k in (target, against) if k is not None]
        drawn = await threads.run(lambda: _map(models(number), path, *names))
        return Response(drawn, media_type="image/png")

    @routes.get("/api/runs/{number}/{part}.zip")
    async def archive(number: Number, part: Literal["bundle", "web"]) -> FileResponse:
        """Download the bundle, or the page that answers in the browser alone."""
        run = _finished(runs, number)
        packed = await threads.run(lambda: _packed(run, part))
        name = f"{project.folder.absolute().name}-{number}-{part}.zip"
        return FileResponse(packed, media_type="application/zip", filename=name)

    return routes


def _cell(project: Project, answers: Sequence[Answer]) -> list[dict[str, Any]]:
    ids = ((project.id_of(a.photo), a) for a in answers)
    return [
        {"id": i, "name": a.photo, "probability": a.probability} for i, a in ids if i is not None
    ]


def _check_there(place: int, things: Sequence[object]) -> None:
    if place >= len(things):
        raise Refusal(HTTPStatus.NOT_FOUND, "There is no such photo or class.")


def _packed(run: RunFolder, part: str) -> Path:
    """Return a run's archive, made when it is first asked for."""
    folder = run.bundle if part == "bundle" else run.path / WEB
    if not folder.is_dir():
        raise Refusal(HTTPStatus.NOT_FOUND, "The web page of this run was not written yet.")
    packed = run.path / f"{part}.zip"
    if not packed.is_file():
        pack(folder, packed)
    return packed


def pack(folder: Path, out: Path) -> None:
    """Write a folder's files into a ZIP archive, in one folder that is called as it."""
    with new_file(out) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, Path(folder.name) / path.relative_to(folder))


def _check_fit(work: Work, run: RunFolder) -> None:
    if work == "train" and run.finished:
        raise Refusal(HTTPStatus.CONFLICT, f"Run {run.number} is finished already.")
    if work != "train" and not run.finished:
        raise Refusal(HTTPStatus.CONFLICT, UNFINISHED.format(run.number))


def _check_trainable(project: Project) -> None:
    if len(project.classes()) < 2:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, FEW_CLASSES)
    if small := project.too_small():
        told = TOO_SMALL.format(", ".join(small[:5]), FEWEST)
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, told)


def _without_ruins(runs: Runs) -> Callable[[Job], None]:
    """Remove a run that failed, or was stopped before there was anything to go on with."""

    def clean(job: Job) -> None:
        if job.state != "done" and not runs[job.run].resumable:
            runs.remove(job.run)

    return clean


def _finished(runs: Runs, number: int) -> RunFolder:
    run = runs[number]
    if not run.finished:
        raise Refusal(HTTPStatus.CONFLICT, UNFINISHED.format(number))
    return run


def _listed(runs: Runs) -> list[dict[str, Any]]:
    every = list(runs)
    finished = [run for run in every if run.finished]
    best = max(finished, key=lambda run: run.figures()["test"]["top1"], default=None)
    return [
        {**run.summary(), "compared": compared(run, best) if best and run.finished else None}
        for run in every
    ]


def _doctor(run: RunFolder, language: Language) -> dict[str, Any]:
    """Tell whether the doctor was asked, and what it found then, else while the run was trained."""
    path = run.path / DOCTOR
    asked = path.is_file()
    found = json.loads(path.read_text("utf-8")) if asked else run.figures()
    findings = [_translated(finding, language) for finding in found.get("findings", ())]
    return {"asked": asked, "findings": findings, "web": (run.path / WEB).is_dir()}


def _translated(finding: dict[str, Any], language: Language) -> dict[str, Any]:
    """Add to a finding how its sentences are said in a language."""
    said = {part: told("doctor", finding[part], language)._asdict() for part in SENTENCES}
    return {**finding, "told": said}


def _next(project: Project, run: RunFolder) -> list[list[Any]] | None:
    """Return (id, class it looks like, probability) of photos to label; None if nobody asked."""
    path = run.path / NEXT
    if not path.is_file():
        return None
    rows = ((project.id_of(name), *rest) for name, *rest in json.loads(path.read_text("utf-8")))
    return [list(row) for row in rows if row[0] is not None]


def _map(model: Identifier, photo: Path, target: str, against: str | None = None) -> bytes:
    found = model(photo)
    rival = None if against is None else index_of(found, against)
    file = io.BytesIO()
    Image.fromarray(found.picture(index_of(found, target), rival)).save(file, "PNG")
    return file.getvalue()
