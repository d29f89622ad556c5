"""The npm package: checked, never unpacked; npm is a program that stands in the PATH."""

import base64
import io
import json
import os
import re
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect
from tests.support.chromium import opened

from florascope.app import static_folder
from florascope.bundle.config import read_config
from florascope.data.folder import folder
from florascope.data.oxford102 import oxford102_classes
from florascope.errors import DownloadError
from florascope.export import web as module
from florascope.export.packing import METADATA, pack
from florascope.export.web import FILE, NAMES, export_web, facts, web_runtime
from florascope.identify.identifier import Identifier
from florascope.identify.prior import Occasion, read_prior
from florascope.images import read_photo

from .conftest import BELOW, Site


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLORASCOPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small package in the place of the real one, and a program that tries to climb out."""
    path = tmp_path / "package.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name in (
            *(f"package/dist/{n}" for n in NAMES),
            "../../escaped",
            "package/package.json",
        ):
            member = tarfile.TarInfo(name)
            member.size = len(name)
            archive.addfile(member, io.BytesIO(name.encode()))
    monkeypatch.setattr(module, "INTEGRITY", integrity(path))
    return path


def integrity(path: Path) -> str:
    """What `openssl dgst -sha512 -binary | base64` prints."""
    import base64
    import hashlib

    return base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


def npm(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program of that name first in the PATH."""
    folder.mkdir()
    program = folder / "npm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_only_the_files_that_a_page_needs(package: Path, tmp_path: Path) -> None:
    found = web_runtime(package)
    assert found == {name: f"package/dist/{name}".encode() for name in NAMES}
    assert not list(tmp_path.parent.rglob("escaped"))


def test_another_package_is_refused(package: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.tgz"
    changed.write_bytes(package.read_bytes() + b"\0")
    with pytest.raises(
        DownloadError, match=r"has the SHA-512 .* npm pack onnxruntime-web@1\.30\.0"
    ):
        web_runtime(changed)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"none\.tgz cannot be read \(No such file"):
        web_runtime(tmp_path / "none.tgz")


def test_no_npm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DownloadError, match="there is no npm .* name it: `runtime='FILE'`"):
        web_runtime()


def test_npm_fetches_once(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = tmp_path / "count"
    npm(tmp_path / "bin", f'echo "$@" >> {count}; cp {package} "$5/{FILE}"', monkeypatch)
    assert set(web_runtime()) == set(web_runtime()) == set(NAMES)
    (call,) = count.read_text().splitlines()
    assert call.startswith("pack onnxruntime-web@1.30.0 --ignore-scripts --pack-destination ")


def test_npm_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    npm(tmp_path / "bin", "echo npm error offline >&2; exit 1", monkeypatch)
    with pytest.raises(DownloadError, match=r"failed: npm error offline.*`runtime='FILE'`"):
        web_runtime()
    assert not list(cache.rglob("*.tgz"))


def test_npm_brings_something_else(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    npm(tmp_path / "bin", f'echo other > "$5/{FILE}"', monkeypatch)
    with pytest.raises(DownloadError, match="has the SHA-512"):
        web_runtime()
    assert not list(cache.rglob("*.tgz"))  # and it is not kept for the next time


def test_npm_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm(tmp_path / "bin", "exec sleep 30", monkeypatch)
    monkeypatch.setattr(module, "SECONDS", 0.2)
    with pytest.raises(DownloadError, match="took over"):
        web_runtime()


LINKED = "https://www.gbif.org/species/search?q="
DRAWING = static_folder() / "samples" / "4.webp"
ASK = """async (text) => {
    const { identify } = await import(new URL("static/local.js", document.baseURI));
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return identify(new Blob([bytes]), { language: "en" });
}"""


def ask(page: Page, photo: Path) -> dict[str, Any]:
    answer: dict[str, Any] = page.evaluate(ASK, base64.b64encode(photo.read_bytes()).decode())
    return answer


def test_views_of_one_plant_are_answered_together(page: Page, bundle: Path) -> None:
    """As Python answers them, without anything that leaves the device."""
    photos = [static_folder() / "samples" / f"{k}.webp" for k in (1, 2, 4)]
    page.set_input_files("#file", photos)
    expect(page.locator("#together")).to_be_visible()
    page.locator("#together").click()
    expect(page.locator("#views button")).to_have_count(3)
    identifier = Identifier(bundle)
    group = identifier.together([identifier(photo) for photo in photos])
    expect(page.locator("#statement")).to_have_text(group.statement())
    first = page.locator("#candidates button").first
    expect(first).to_have_attribute("data-class", group.candidates()[0].class_id)
    page.locator("#views button").last.click()
    expect(page.locator("#views button").last).to_have_attribute("aria-pressed", "true")


def files(folder: Path) -> dict[str, Path]:
    """Photos whose pixels hang on how a browser decodes them; made here."""
    pixels = np.random.default_rng(0).integers(0, 256, (150, 210, 4), dtype=np.uint8)
    upright = Image.fromarray(np.asarray(Image.open(DRAWING).convert("RGB").resize((300, 200))))
    turned = Image.Exif()
    turned[274] = 6  # the camera was held upright
    made = {name: folder / name for name in ("noise.png", "clear.png", "turned.jpg", "grey.jpg")}
    Image.fromarray(pixels[..., :3]).save(made["noise.png"])
    clear = pixels.copy()
    clear[..., 3] = np.where(clear[..., 3] > 127, 255, 0)
    Image.fromarray(clear).save(made["clear.png"])
    upright.save(made["turned.jpg"], exif=turned, quality=90)
    upright.convert("L").save(made["grey.jpg"])
    made["phone.jpg"] = phone(folder)
    flat = folder / "flat.jpg"  # 1.5 megapixels as web sites keep them: decoded at a quarter
    Image.open(made["phone.jpg"]).resize((1400, 1050)).save(flat, progressive=True, quality=85)
    return {**made, "flat.jpg": flat, "drawing": DRAWING}


def phone(folder: Path) -> Path:
    """A photo of 12 megapixels that was held upright, with fine grain: decoded at an eighth."""
    grain = np.random.default_rng(1).integers(0, 256, (750, 1000, 3), dtype=np.uint8)
    turned = Image.Exif()
    turned[274] = 6
    photo = Image.blend(
        Image.open(DRAWING).convert("RGB").resize((4000, 3000), Image.Resampling.BICUBIC),
        Image.fromarray(grain).resize((4000, 3000), Image.Resampling.NEAREST),
        0.3,
    )
    photo.save(folder / "phone.jpg", exif=turned, quality=88)
    return folder / "phone.jpg"


def test_logits_are_the_runtimes(page: Page, bundle: Path, tmp_path: Path) -> None:
    runtime = Identifier(bundle)
    for name, photo in files(tmp_path).items():
        found, truth = ask(page, photo), runtime(photo)
        logits = truth.observation.logits
        assert np.abs(np.array(found["logits"]) - logits).max() <= 1e-3, name
        assert found["verdict"]["statement"] == truth.statement(), name
        assert truth.observation.maps is not None
        first = truth.candidates()[0]
        expected = truth.observation.maps[first.index].ravel()
        np.testing.assert_allclose(found["maps"]["values"][first.class_id], expected, atol=1e-3)
        for class_id, values in found["maps"]["values"].items():
            k = truth.catalogue.ids(range(len(logits))).index(class_id)
            whole = sum(values) + found["maps"]["bias"][class_id]
            assert whole == pytest.approx(logits[k], abs=1e-3), name


def test_a_browser_that_cannot_reduce_comes_near(page: Page, bundle: Path, tmp_path: Path) -> None:
    """It averages squares: within three levels, and far nearer than all of the photo's pixels."""
    page.evaluate("() => delete globalThis.ImageDecoder")
    photo, runtime = phone(tmp_path), Identifier(bundle)
    crop = runtime.observe(photo).crop.astype(int)
    whole = np.abs(runtime.observe(read_photo(photo)).crop - crop)
    off = np.abs(shown(page, ask(page, photo)) - crop)
    assert off.max() <= 3
    assert off.mean() < whole.mean() / 2


def test_month_and_place_are_asked_where_the_export_was_given_them(
    browser: Browser, bundle: Path, edition: Path, site: Site, tmp_path: Path
) -> None:
    """The answer is weighed on the device as Python weighs it, and says so."""
    (tmp_path / "prior.csv").write_text("class,month,cell,weight\n94,6,,50\n3,,N52E013,20\n")
    prior = read_prior(tmp_path / "prior.csv", oxford102_classes())
    config = read_config(bundle)
    told = json.loads((edition / BELOW / "static/model/model.json").read_text())
    told["prior"] = facts(config, None, prior)["prior"]
    runtime = Identifier(bundle)
    runtime.prior = prior
    answer = runtime(DRAWING, Occasion.of(6, (52.5, 13.4)))
    for page in opened(browser, "about:blank", service_workers="block"):
        page.route("**/model.json", lambda route: route.fulfill(body=json.dumps(told)))
        page.goto(site.address)
        page.locator("#occasion summary").click()
        page.locator("#month").select_option("6")
        page.locator("#place").fill("52.5, 13.4")
        page.set_input_files("#file", DRAWING)
        expect(page.locator("#weighted")).to_have_text(str(answer.weighting_remark()))
        expect(page.locator("#statement")).to_have_text(answer.statement())


def test_named_photos_are_taken_along_for_training(page: Page, tmp_path: Path) -> None:
    photo = phone(tmp_path)
    page.set_input_files("#file", photo)
    expect(page.locator("#statement")).to_be_visible()
    expect(page.locator("#given")).to_be_hidden()
    page.locator("#tell summary").click()
    expect(page.locator("#tell-note")).to_contain_text("stay on this device")
    for name, sure in (("DEDALERA", True), ("DEDALERA", True), ("my own rose", False)):
        page.locator("#tell-name").fill(name)
        page.locator("#tell-sure").set_checked(sure)
        page.locator("#tell-send").click()
        expect(page.locator("#told")).to_contain_text("kept as “foxglove" if sure else "my own")
    page.locator("#tell-name").fill("../etc")
    page.locator("#tell-send").click()
    expect(page.locator("#told")).to_contain_text("It was not kept.")
    expect(page.locator("#given-count")).to_contain_text(": 2.")  # the same photo but once
    with page.expect_download() as saved:
        page.locator("#given-save").click()
    with zipfile.ZipFile(saved.value.path()) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "given")
    data = folder(tmp_path / "given")
    assert ([c.name for c in data.classes], len(data)) == (["foxglove"], 1)
    (unsure,) = (tmp_path / "given/.unsure/my own rose").iterdir()
    with Image.open(unsure) as kept:
        assert not kept.getexif()
        assert kept.width < kept.height  # upright, as the photo is shown
    page.locator("#given-forget").click()
    expect(page.locator("#given")).to_be_hidden()


def test_an_address_works_without_a_server(page: Page, site: Site, bundle: Path) -> None:
    page.set_input_files("#file", DRAWING)
    expect(page.locator("#statement")).to_have_text(Identifier(bundle)(DRAWING).statement())
    address = str(page.locator("#link").get_attribute("href"))
    gone(page, site)
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator("#shared")).to_be_visible()
    expect(page.locator("#statement")).to_have_text(Identifier(bundle)(DRAWING).statement())


def test_packed_weights_answer_in_the_browser_as_in_python(
    browser: Browser, site: Site, bundle: Path, tmp_path: Path
) -> None:
    """In 8 bits and, the largest tensor, in 4."""
    smaller = (pack(bundle / "model.onnx").ByteSize() + METADATA - 1) / 1e6
    packed = shutil.copytree(bundle, tmp_path / "packed")
    onnx.save(pack(bundle / "model.onnx", smaller), packed / "model.onnx")
    graph = (packed / "model.onnx").read_bytes()
    for page in opened(browser, "about:blank"):
        page.route("**/model.onnx", lambda route: route.fulfill(body=graph))
        page.goto(site.address)
        found = np.array(ask(page, DRAWING)["logits"])
        truth, whole = (Identifier(p)(DRAWING).observation.logits for p in (packed, bundle))
        assert np.abs(found - truth).max() <= 1e-3 < np.abs(found - whole).max()


def gone(page: Page, site: Site) -> None:
    """Stop the server once the edition is kept whole on the device."""
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    site.server.shutdown()
    site.server.server_close()


def test_it_works_when_the_server_is_gone(page: Page, site: Site, bundle: Path) -> None:
    gone(page, site)
    page.reload()
    expect(page.locator("h1")).to_have_text("Which flower is this?")
    page.set_input_files("#file", DRAWING)
    expect(page.locator("#statement")).to_have_text(Identifier(bundle)(DRAWING).statement())
    page.get_by_role("button", name="Español").click()
    expect(page.locator("#statement")).to_have_text(Identifier(bundle)(DRAWING).statement("es"))
    expect(page.locator("#privacy")).to_contain_text("no salen de este dispositivo")


def test_the_person_sees_what_the_network_saw(page: Page, bundle: Path) -> None:
    crop = Identifier(bundle)(DRAWING).observation.crop.astype(int)
    assert np.abs(shown(page, ask(page, DRAWING)) - crop).max() <= 1


def shown(page: Page, found: dict[str, Any]) -> np.ndarray:
    """(size, size, 3) of the square that an answer shows."""
    pixels = page.evaluate(
        """async ({ size, image }) => {
            const picture = Object.assign(new Image(), { src: image });
            await picture.decode();
            const pen = new OffscreenCanvas(size, size).getContext("2d");
            pen.drawImage(picture, 0, 0);
            return [...pen.getImageData(0, 0, size, size).data];
        }""",
        found["crop"],
    )
    size = found["crop"]["size"]
    return np.array(pixels).reshape(size, size, 4)[..., :3]


def test_modules_are_called_js_everywhere(edition: Path) -> None:
    """Servers that do not know .mjs give it as plain text, which browsers do not run."""
    assert not list(edition.rglob("*.mjs"))


def test_it_says_why_where_it_cannot_start(browser: Browser, edition: Path, site: Site) -> None:
    told = "This page needs JavaScript, and a web server"
    for page in opened(browser, (edition / BELOW / "index.html").as_uri()):
        expect(page.locator("#unstarted")).to_contain_text(told)
        expect(page.locator("#unstarted")).to_have_css("visibility", "visible")
    for page in opened(browser, site.address, java_script_enabled=False):
        expect(page.locator("#unstarted")).to_be_visible()
    for page in opened(browser, site.address):
        expect(page.locator("#unstarted")).to_be_hidden()


def test_a_model_that_did_not_come_is_asked_for_again(browser: Browser, site: Site) -> None:
    for page in opened(browser, "about:blank"):
        page.route("**/model.onnx", lambda route: route.abort())
        page.goto(site.address)
        page.set_input_files("#file", DRAWING)
        expect(page.locator("#error")).to_contain_text("The connection broke off")
        page.unroute_all(behavior="ignoreErrors")
        page.get_by_role("button", name="Try again").click()
        expect(page.locator("#statement")).to_be_visible()


def test_the_download_says_how_far_it_is(browser: Browser, site: Site) -> None:
    held: list[Route] = []
    for page in opened(browser, "about:blank"):
        page.route("**/model.onnx", lambda route: held.insert(0, route))
        page.goto(site.address)
        page.set_input_files("#file", DRAWING)
        for _ in range(300):
            if page.locator("#progress").evaluate("bar => bar.value") > 0.5:
                break
            page.wait_for_timeout(100)
        else:
            pytest.fail("the bar does not move")
        held[0].continue_()
        expect(page.locator("#statement")).to_be_visible()


def test_it_can_be_installed(browser: Browser, site: Site) -> None:
    """Chromium's own opinion of the manifest."""
    for page in opened(browser, site.address):
        session = page.context.new_cdp_session(page)
        told = session.send("Page.getAppManifest")
        assert told["errors"] == []
        assert told["url"].endswith("static/manifest.json")
        found = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
        assert {error["errorId"] for error in found} <= {"in-incognito"}  # as every test's page is


def test_a_file_that_is_no_photo_is_explained(page: Page, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff no photo")
    page.set_input_files("#file", tmp_path / "broken.jpg")
    expect(page.locator("#error")).to_contain_text("not a photo that can be read")
    expect(page.locator("#result")).to_be_hidden()


def test_a_browser_that_alters_pixels_gets_no_answer(page: Page) -> None:
    """As protection against fingerprinting does: one channel of one pixel is enough."""
    page.evaluate(
        """() => {
            const { prototype } = OffscreenCanvasRenderingContext2D;
            const honest = prototype.getImageData;
            prototype.getImageData = function (...window) {
                const picture = honest.apply(this, window);
                picture.data[0] ^= 1;
                return picture;
            };
        }"""
    )
    page.set_input_files("#file", DRAWING)
    expect(page.locator("#error")).to_contain_text("changes the pixels that a page reads")


def test_nothing_in_it_points_elsewhere(edition: Path) -> None:
    """The policy forbids every other origin; the page names one, in links to be clicked."""
    index = (edition / BELOW / "index.html").read_text()
    assert "connect-src 'self'" in index
    assert "default-src 'none'" in index
    for path in (p for p in (edition / BELOW).rglob("*.js") if p.parent.name != "ort"):
        named = re.findall(r"https?://[^\"]*", path.read_text())
        assert named == [LINKED] * (path.name == "similar.js"), path.name


def test_an_edition_is_named_by_its_content(bundle: Path, package: Path, tmp_path: Path) -> None:
    """So that a changed model replaces the one that a browser keeps."""
    changed = tmp_path / "bundle"
    shutil.copytree(bundle, changed)
    text = (changed / "config.json").read_text()
    (changed / "config.json").write_text(text.replace('"temperature": 0.7', '"temperature": 0.8'))
    names = []
    for source, out in ((bundle, tmp_path / "one"), (changed, tmp_path / "other")):
        export_web(source, out, runtime=package)
        names += re.findall(r"florascope-[0-9a-f]{16}", (out / "worker.js").read_text())
    assert len(set(names)) == len(names) == 2
