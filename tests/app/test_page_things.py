"""A model of cats and mugs speaks of no flowers, and says what its owner knows of them."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, expect
from tests.support.chromium import opened

from florascope.app.limits import Limits
from florascope.bundle.config import FACTS
from florascope.calibration.calibration import Calibrated, Calibration
from florascope.data.dataset import ClassName
from florascope.identify.identifier import Identifier
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.nets.saving import save_bundle

from .conftest import Serve
from .test_page import upload

CLASSES = tuple(ClassName(name, name) for name in ("cat", "mug", "plate"))
OF_PLANTS = re.compile("flower|plant|species|flor(es)?\\b|planta|especie", re.IGNORECASE)
LINES = """\
class_id,name_en,name_es,group,people,caution_en,caution_es,source,lookalikes
cat,cat,gato,,harmful,it scratches,araña,everybody,mug
mug,mug,taza,crockery,,,,,
plate,plate,plato,crockery,,,,,
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Always sure, of whatever it says; calibrated on 12 photos."""
    figures = Calibration(12, 1.0, 0.2, 0.1, 0.9, (0.01,) * 3, alike=-1.0, sure=0.0)
    means = np.eye(3, 96, dtype=np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLORASCOPE_CACHE", str(tmp_path_factory.mktemp("cache")))
        torch.manual_seed(0)
        path = tmp_path_factory.mktemp("things") / "bundle"
        network = Classifier(Backbone("test_resnet"), CLASSES).eval()
        save_bundle(network, path, {}, calibrated=Calibrated(figures, means))
        yield path


def test_it_speaks_of_things(browser: Browser, bundle: Path, serve: Serve) -> None:
    complaints: list[str] = []
    server = serve(Identifier(bundle), Limits())
    for page in opened(browser, server, complaints):
        expect(page.locator("h1")).to_have_text("What is this?")
        expect(page.locator("#known-count")).to_have_text("It knows 3 kinds, and nothing else.")
        expect(page.locator("#samples")).to_be_hidden()
        upload(page, Path(__file__).parents[2] / "src/florascope/app/static/samples/1.webp")
        expect(page.locator("#level")).to_have_text("Named")
        expect(page.locator("#basis")).to_contain_text("12 photos")
        assert not OF_PLANTS.search(page.locator("body").inner_text())
        page.get_by_role("button", name="Español").click()
        expect(page.locator("h1")).to_have_text("¿Qué es esto?")
        expect(page.locator("#status")).to_contain_text("lista")
        expect(page.locator("#basis")).to_contain_text("12 fotos")
        assert not OF_PLANTS.search(page.locator("body").inner_text())
    assert complaints == []
    told = httpx.get(f"{server}/api/model").json()
    assert (told["subject"], told["calibration"]["photos"]) == ("things", 12)


def test_it_says_what_its_owner_knows(
    browser: Browser, bundle: Path, serve: Serve, tmp_path: Path
) -> None:
    for name in ("config.json", "model.onnx"):
        (tmp_path / name).write_bytes((bundle / name).read_bytes())
    (tmp_path / FACTS).write_text(LINES, encoding="utf-8")
    for page in opened(browser, serve(Identifier(tmp_path), Limits()), [], locale="es-ES"):
        upload(page)
        cat = page.locator("#candidates li", has_text="gato")
        expect(cat.locator(".harm")).to_have_text("dañina para personas")
