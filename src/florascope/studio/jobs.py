"""One long piece of work at a time, in a process of its own that can be stopped."""

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

from florascope.app.problem import Refusal

State = Literal["running", "done", "failed", "stopped"]
Work = Literal["inspect", "train", "doctor", "suggest", "web"]
GRACE = 5.0  # seconds from asking a worker to stop to making it
LOG = "worker.log"
LINE = 2**20  # bytes of a worker's longest line


@dataclass
class Job:
    """What one worker does or did.

    Attributes:
        work: which.
        run: number of the run that it is about; 0 for none.
        state: "failed" comes with an error.
        step: what it says it does.
        done: of the step's total.
        total: 0 where there is no step yet.
        steps: those that came before.
        rows: figures of each epoch, for a curve.
        error: message, found, expected and fix.
        started: seconds since the epoch.
        seconds: it took; None while it runs.
    """

    work: Work
    run: int = 0
    state: State = "running"
    step: str = ""
    done: int = 0
    total: int = 0
    steps: list[str] = field(default_factory=list)
    rows: list[dict[str, float]] = field(default_factory=list)
    error: dict[str, str] | None = None
    started: float = field(default_factory=time.time)
    seconds: float | None = None

    def hear(self, line: bytes) -> None:
        """Take in a line of the worker's; what a library prints is passed over."""
        try:
            told = json.loads(line)
        except ValueError:
            return
        if not isinstance(told, dict):
            return
        if "row" in told:
            self.rows.append(told["row"])
        elif "error" in told:
            self.error = told["error"]
        elif "step" in told:
            name, _, _ = self.step.partition(":")
            if name and name != told["step"].partition(":")[0] and name not in self.steps:
                self.steps.append(name)
            self.step, self.done, self.total = told["step"], told["done"], told["total"]

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {**asdict(self), "elapsed": self.seconds or time.time() - self.started}


class Jobs:
    """Starts workers, one at a time.

    Args:
        folder: the project's; what workers write on standard error goes to a file in it.

    Attributes:
        job: the one that runs, or the last; None where there was none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.job: Job | None = None
        self._process: Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether one runs."""
        return self.job is not None and self.job.state == "running"

    def told(self) -> dict[str, Any] | None:
        """Return the job as JSON values."""
        return None if self.job is None else self.job.to_json()

    def check(self) -> None:
        """Refuse where work is not done yet.

        Raises:
            Refusal: it is not.
        """
        if self.busy:
            told = "Other work is not done yet. Wait for it, or stop it."
            raise Refusal(HTTPStatus.CONFLICT, told)

    async def start(
        self, work: Work, run: int = 0, ended: Callable[[Job], None] | None = None
    ) -> Job:
        """Start a worker.

        Args:
            work: what it does.
            run: number of the run.
            ended: told of the job when it is over, whatever came of it.

        Raises:
            Refusal: another one is at work.
        """
        self.check()
        job = self.job = Job(work, run)
        command = (sys.executable, "-m", "florascope.studio.worker", work, self._folder, str(run))
        with (self._folder / LOG).open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, stderr=log, limit=LINE
            )
        self._watch = asyncio.create_task(self._follow(job, self._process, ended))
        return job

    async def stop(self) -> None:
        """Stop the worker, if one runs, and wait for its end."""
        process, job = self._process, self.job
        if job is None or process is None or not self.busy:
            return
        job.state = "stopped"
        with suppress(ProcessLookupError):
            process.terminate()
            try:
                async with asyncio.timeout(GRACE):
                    await process.wait()
            except TimeoutError:
                process.kill()
        await self.wait()

    async def wait(self) -> None:
        """Wait for the end of what runs."""
        if self._watch is not None:
            await asyncio.shield(self._watch)

    async def _follow(
        self, job: Job, process: Process, ended: Callable[[Job], None] | None
    ) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            job.hear(line)
        code = await process.wait()
        job.seconds = time.time() - job.started
        if job.state == "running":
            job.state = "failed" if code or job.error else "done"
        if job.state == "failed" and job.error is None:
            job.error = _broken(code)
        if ended is not None:
            ended(job)


def _broken(code: int) -> dict[str, str]:
    found = f"the work ended with status {code}"
    fix = f"{LOG} in the project's folder says more"
    return {"message": f"{found}. {fix}.", "found": found, "expected": "", "fix": fix}
