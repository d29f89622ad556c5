"""The browser's engine in Node, a small calibrated bundle, and its browser edition as served."""

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page
from tests.support.chromium import opened

from florascope.calibration.calibration import Calibrated, Calibration
from florascope.calibration.likelihood_ratio import LikelihoodRatio
from florascope.data.dataset import ClassName
from florascope.data.oxford102 import oxford102_classes
from florascope.errors import DownloadError
from florascope.export.web import export_web
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.nets.saving import save_bundle

ENGINE = Path(str(files("florascope.export") / "web"))
Engine = Callable[..., list[Any]]


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """Call the engine's functions in Node, all in one process; skips where there is no Node."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node: install Node.js to test the browser's engine")

    def call(calls: Sequence[dict[str, Any]], **shared: Any) -> list[Any]:
        cases, answers = tmp_path / "cases.json", tmp_path / "answers.json"
        cases.write_text(json.dumps({"shared": shared, "calls": calls}))
        driver = Path(__file__).with_name("engine.mjs")
        subprocess.run([node, driver, ENGINE, cases, answers], check=True)
        return list(json.loads(answers.read_text()))

    return call


def flowers(path: Path, **calibration: Any) -> Path:
    """A bundle of the 102 flowers whose network is random, with means, ratios and a calibration."""
    classes = oxford102_classes()
    torch.manual_seed(0)
    backbone = Backbone("test_resnet")
    rng, width = np.random.default_rng(1), backbone.num_features
    means = rng.uniform(0, 1, (len(classes), width))
    unit = (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)
    thresholds = (0.8,) * len(classes)
    figures = Calibration(
        **{
            "photos": 818,
            "temperature": 0.7,
            "ece_before": 0.02,
            "ece_after": 0.01,
            "level": 0.9,
            "thresholds": thresholds,
            "alike": -1.0,
            "sure": 0.9,
            **calibration,
        }
    )
    classifier = Classifier(backbone, classes)
    with torch.no_grad():  # a head of small random weights answers everything alike
        classifier.head.weight.mul_(40)
    ratio = LikelihoodRatio.fit(rng.uniform(0, 1, (204, width)), np.arange(204) % 102, 102)
    save_bundle(classifier.eval(), path, {}, "# A card\n", Calibrated(figures, unit, ratio))
    return path


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLORASCOPE_CACHE", str(tmp_path_factory.mktemp("cache")))
        return flowers(tmp_path_factory.mktemp("flowers") / "bundle")


@pytest.fixture(scope="session")
def unmapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose network has no class maps, without means and calibration."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLORASCOPE_CACHE", str(tmp_path_factory.mktemp("cache")))
        names = tuple(ClassName(str(k), f"class {k}") for k in range(4))
        torch.manual_seed(0)
        path = tmp_path_factory.mktemp("unmapped") / "bundle"
        save_bundle(Classifier(Backbone("test_mambaout"), names).eval(), path, {})
        return path


BELOW = "some/place"  # the edition need not lie at a server's root


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


class Site(NamedTuple):
    """The edition as it is served."""

    folder: Path
    address: str
    server: ThreadingHTTPServer


@pytest.fixture(scope="session")
def edition(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Needs the real ONNX Runtime Web: from the user's cache or by npm."""
    root = tmp_path_factory.mktemp("site")
    try:
        export_web(bundle, root / BELOW)
    except DownloadError as error:
        pytest.skip(f"ONNX Runtime Web is not at hand: {error}")
    return root


@pytest.fixture
def site(edition: Path) -> Iterator[Site]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(edition)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Site(edition / BELOW, f"http://127.0.0.1:{server.server_port}/{BELOW}/", server)
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """The edition, which may ask its own server and nobody else."""
    complaints: list[str] = []
    asked: set[str] = set()
    for page in opened(browser, "about:blank", complaints):
        page.context.on("request", lambda request: asked.add(request.url))  # the worker's too
        page.goto(site.address)
        yield page
    strangers = {
        url for url in asked if not url.startswith((site.address, "data:", "blob:http://127"))
    }
    assert strangers == set()
    assert complaints == []
