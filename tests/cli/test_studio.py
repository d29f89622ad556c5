"""The workbench as it is started, in a process of its own."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/([\w-]{20,})/")


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "florascope", "studio", *map(str, arguments), "--no-open"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_it_says_its_address_and_keeps_the_project(photo_folder: Path, tmp_path: Path) -> None:
    process = start(photo_folder, "--project", tmp_path / "mine")
    assert process.stdout is not None
    found = ADDRESS.search(process.stdout.readline())
    assert found is not None
    told = httpx.get(f"{found[0]}api/project").json()
    assert told["classes"] == ["daisy", "rose", "violet"]
    assert told["source"] == str(photo_folder)
    assert httpx.get(found[0].replace(found[1], "guess")).status_code == 404
    second = start("--project", tmp_path / "mine")
    _, said = second.communicate(timeout=60)
    assert second.returncode == 1
    assert "a studio is open on" in said
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert (tmp_path / "mine" / "project.json").is_file()


def test_photos_that_are_not_there(tmp_path: Path) -> None:
    process = start(tmp_path / "nothing", "--project", tmp_path / "mine")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "nothing is not there. expected a folder of photos, or a list." in said
    assert not (tmp_path / "mine").exists()
