"""Real workers: what they tell, how they fail, and that they can be stopped."""

import json
import subprocess
import sys
import time
from typing import Any

from starlette.testclient import TestClient

from florascope.studio.jobs import Job
from florascope.studio.project import Project
from florascope.studio.runs import Runs

MISSPELT = {"recipe": "probe", "settings": {"viws": 4}}


def ended(client: TestClient) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        job: dict[str, Any] = client.get("api/job").json()
        if job["state"] != "running":
            return job
        time.sleep(0.05)
    raise AssertionError(job)


def test_one_works_at_a_time_and_can_be_stopped(client: TestClient, trained: Project) -> None:
    assert client.post("api/job", json={"work": "inspect"}).json()["state"] == "running"
    refused = client.post("api/runs", json=MISSPELT)
    assert refused.status_code == 409
    assert "not done yet" in refused.json()["detail"]
    stopped = client.delete("api/job").json()
    assert (stopped["state"], stopped["error"]) == ("stopped", None)
    assert not (trained.folder / "health.json").exists()
    assert client.delete("api/job").json()["state"] == "stopped"


def test_a_training_that_fails_says_why_and_leaves_nothing(
    client: TestClient, trained: Project
) -> None:
    client.post("api/runs", json=MISSPELT).raise_for_status()
    job = ended(client)
    assert job["state"] == "failed"
    assert "viws" in job["error"]["message"]
    assert [run.number for run in Runs(trained.folder)] == [1]


def test_a_worker_ends_with_its_studio(trained: Project) -> None:
    command = [sys.executable, "-m", "florascope.studio.worker", "train", str(trained.folder), "1"]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert worker.stdout is not None
    assert worker.stdin is not None
    first = json.loads(worker.stdout.readline())
    assert first == {"step": "Getting ready", "done": 0, "total": 1}
    worker.stdin.close()
    assert worker.wait(20) == 1
    worker.stdout.close()


def test_steps_are_noted_once() -> None:
    job = Job("train", 1)
    for line in (
        b'{"step": "Reading", "done": 1, "total": 2}',
        b"a library prints",
        b"5",
        b'{"step": "Fine-tuning: loss 3", "done": 1, "total": 9}',
        b'{"step": "Fine-tuning: loss 2", "done": 2, "total": 9}',
        b'{"row": {"epoch": 1, "val_top1": 0.5}}',
        b'{"step": "Fitting", "done": 0, "total": 0}',
    ):
        job.hear(line)
    assert job.steps == ["Reading", "Fine-tuning"]
    assert (job.step, job.rows) == ("Fitting", [{"epoch": 1, "val_top1": 0.5}])
