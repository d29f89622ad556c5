"""Real servers on free ports, around the shipped model."""

import io
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import ExifTags, Image
from playwright.sync_api import Browser, Page
from tests.support.chromium import opened
from tests.support.serving import served

from florascope.app import static_folder
from florascope.app.collection import Collection
from florascope.app.guards import Access
from florascope.app.limits import Limits, protocol_with_timeouts
from florascope.app.server import create_app
from florascope.app.similar import Album, open_album
from florascope.bundle.config import find_bundle
from florascope.data.folder import folder
from florascope.identify.identification import Observation
from florascope.identify.identifier import Identifier
from florascope.images import RGB

MODEL = "flowers102-mobilenetv2"
Serve = Callable[..., str]
ANYBODY = Access()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/healthz").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"nothing answers at {url}")


@pytest.fixture(scope="session")
def identifier() -> Identifier:
    return Identifier(find_bundle(MODEL))


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A drawing that goes with the page."""
    return (static_folder() / "samples" / "4.webp").read_bytes()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """`florascope serve` as a user starts it; its address."""
    port = free_port()
    command = [sys.executable, "-m", "florascope", "serve", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        assert process.wait(20) == 143  # uvicorn ends its work, then SIGTERM the command


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers in this process, so that a test may bring its own limits and identifier."""
    with ExitStack() as running:

        def start(
            identifier: Any,
            limits: Limits,
            access: Access = ANYBODY,
            album: Album | None = None,
            collection: Collection | None = None,
        ) -> str:
            app = create_app(identifier, limits, access, album, collection)
            return running.enter_context(served(app, http=protocol_with_timeouts(limits)))

        yield start


@pytest.fixture(scope="session")
def shelf(identifier: Identifier, photo: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six photos each of the first two candidates for the drawing, and of what nobody knows.

    They are the drawing under more and more noise, so that the first is the nearest; one file of
    each class is no photo.
    """
    root = tmp_path_factory.mktemp("shelf")
    pixels = np.asarray(Image.open(io.BytesIO(photo)).convert("RGB"), np.float64)
    one, two = (c.class_id for c in identifier(photo).candidates(top=2))
    for k, name in enumerate((one, two, "no such flower")):
        (root / name).mkdir()
        for number in range(6):
            noise = np.random.default_rng(10 * k + number).normal(0, 1 + 20 * number, pixels.shape)
            drawn = Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8))
            drawn.save(root / name / f"{number}.png", exif=_place())
        (root / name / "broken.jpg").write_bytes(b"\xff\xd8\xff no photo")
    return root


def _place() -> Image.Exif:
    """What a camera tells of where it was, which no thumbnail may."""
    told = Image.Exif()
    told[ExifTags.Base.ImageDescription] = "a secret garden"
    return told


@pytest.fixture(scope="session")
def album(
    identifier: Identifier, shelf: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Album]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLORASCOPE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield open_album(identifier, folder(shelf))


class Planted(Identifier):
    """Answers every photo with planted shares by class id, and resemblance.

    What is left is spread over all classes.
    """

    def __init__(
        self,
        identifier: Identifier,
        shares: dict[str, float],
        alike: float = 0.99,
        nearest: str = "1",
    ) -> None:
        vars(self).update(vars(identifier))
        ids = [c.id for c in identifier.config.classes]
        probabilities = np.full(len(ids), (1 - sum(shares.values())) / len(ids))
        for class_id, share in shares.items():
            probabilities[ids.index(class_id)] += share
        calibration = identifier.config.calibration
        temperature = calibration.temperature if calibration else 1.0
        logits = (temperature * np.log(probabilities)).astype(np.float32)
        self.planted = {"logits": logits, "alike": alike, "nearest": ids.index(nearest)}

    def observe(self, photo: RGB | bytes | Path) -> Observation:
        return replace(super().observe(photo), **self.planted)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"\xff\xd8\xff no photo")
    return path


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def page(browser: Browser, server: str, complaints: list[str]) -> Iterator[Page]:
    """The page as it is first seen; whatever the console says must be expected."""
    yield from opened(browser, server, complaints)
    assert complaints == []
