"""Large photos in the browser edition: the same logits as in Python, and what each way costs.

    python benchmarks/app/decoding.py

Flowers 102's originals are enlarged to 12 megapixels and given grain (a deviation of 4 levels), as
phones take photos. The browser edition of the shipped model answers them in a real Chromium, three
ways: decoded at a share of their size (WebCodecs), decoded whole with squares averaged (a browser
without WebCodecs), and decoded whole, as the edition did before. Logits are held against
`Identifier`'s; milliseconds are of decoding and crop, without the network.

Needs FLORASCOPE_DATA with flowers-102-originals, /usr/bin/chromium and npm (or its cache). Writes
decoding.md beside this file.
"""

import os
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from florascope.bundle.config import find_bundle
from florascope.export.web import export_web
from florascope.files import write_text
from florascope.identify.identifier import Identifier
from florascope.identify.model import SHIPPED

HOME = Path(os.environ.get("FLORASCOPE_DATA", "")) / "flowers-102-originals"
PHOTOS = 12
SIZE = (4000, 3000)
WAYS: dict[str, dict[str, Any]] = {
    "a share of the size": {"wanted": 0, "codecs": True},
    "whole, squares averaged": {"wanted": 0, "codecs": False},
    "whole, as before": {"wanted": 1e9, "codecs": True},
}
ASK = """async ([name, { wanted, codecs }]) => {
    const { decoded } = await import("./static/photo.js");
    const { crop } = await import("./static/preprocessing.js");
    const { model, session, run } = await import("./static/network.js");
    const { preprocessing, rules, shorter } = await model();
    const blob = await (await fetch(name)).blob();
    const kept = globalThis.ImageDecoder;
    if (!codecs) globalThis.ImageDecoder = undefined;
    const start = performance.now();
    const photo = await decoded(blob, rules.max_pixels, wanted || shorter);
    const square = crop(photo, preprocessing, rules.longest);
    const milliseconds = performance.now() - start;
    photo.close();
    globalThis.ImageDecoder = kept;
    const { logits } = await run(await session(), square, preprocessing);
    return { milliseconds, logits: [...logits.data] };
}"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Ask Chromium about every photo in every way, and write the table."""
    bundle = find_bundle(SHIPPED)
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site"
        export_web(bundle, site)
        photos = [enlarged(path, site / f"{k}.jpg") for k, path in enumerate(originals())]
        runtime = Identifier(bundle)
        truth = np.stack([runtime.observe(photo).logits for photo in photos])
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox"]
            )
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
            rows = [row(page, photos, truth, name, way) for name, way in WAYS.items()]
            browser.close()
    head = ["# 12 megapixels in the browser edition", "", f"{PHOTOS} photos in Chromium:", ""]
    titles = "| decoded | logits off, median | at most | decoding and crop, ms |"
    lines = [*head, titles, "|---|---|---|---|", *rows, ""]
    write_text(Path(__file__).with_suffix(".md"), "\n".join(lines))


def originals() -> list[Path]:
    """Return as many photos as are asked about, from all over the folder."""
    found = sorted(HOME.rglob("*.jpg"))
    return found[:: max(1, len(found) // PHOTOS)][:PHOTOS]


def enlarged(path: Path, out: Path) -> Path:
    """Write a photo of 12 megapixels with grain."""
    pixels = np.asarray(Image.open(path).convert("RGB").resize(SIZE, Image.Resampling.LANCZOS))
    grain = np.random.default_rng(0).normal(0, 4, pixels.shape)
    Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8)).save(out, quality=92)
    return out


def row(page: Page, photos: list[Path], truth: np.ndarray, name: str, way: dict[str, Any]) -> str:
    """Ask about every photo in one way, the first one twice: decoders warm up."""
    page.evaluate(ASK, [photos[0].name, way])
    found = [page.evaluate(ASK, [photo.name, way]) for photo in photos]
    off = np.abs(np.array([one["logits"] for one in found]) - truth).max(1)
    cost = np.median([one["milliseconds"] for one in found])
    return f"| {name} | {np.median(off):.1e} | {off.max():.1e} | {cost:.0f} |"


if __name__ == "__main__":
    main()
