"""The workbench with a large folder: first screen, scrolling, edits and memory, in Chromium.

    python benchmarks/studio/run.py [--photos N] [--side PIXELS] [--folder DIR] [--out FILE.md]

A folder of class folders is made of hard links to 400 garden photos drawn at --side pixels; a path
is a photo to the workbench, which decodes each. A real `florascope studio` process is opened in
headless Chromium at 1366 x 768. Measured: seconds until the page's first pictures are all there,
with no thumbnail on disk; frame times while it scrolls for ten seconds at two rows a frame and at
a third of a row a frame; seconds to give 5,000 photos another class and to undo it; megabytes of
the page's objects and of the server.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from florascope.garden import garden
from florascope.parallel import in_order

CHROMIUM = "/usr/bin/chromium"
DRAWN = 400
SCROLL = """([step, milliseconds]) => new Promise((done) => {
  const grid = document.querySelector(".grid"), times = [];
  grid.scrollTop = 0;
  const start = performance.now();
  let last = start;
  requestAnimationFrame(function frame(now) {
    times.push(now - last);
    last = now;
    grid.scrollTop += step;
    if (now - start < milliseconds) requestAnimationFrame(frame);
    else done(times.slice(2));
  });
})"""
FULL = """() => {
  const images = [...document.querySelectorAll(".tile img")];
  return images.length > 0 && images.every((i) => i.complete && i.naturalWidth > 0);
}"""


def make_folder(root: Path, photos: int, side: int) -> Path:
    """Draw some photos and link them under as many names as are wanted, unless they are there."""
    if (root / "photos").is_dir():
        return root / "photos"
    flowers = garden(-(-DRAWN // 18), size=256)
    drawn = root / "drawn"
    drawn.mkdir(parents=True)

    def draw(i: int) -> Path:
        image = Image.fromarray(flowers.photos[i].read()).resize((side, side))
        image.save(drawn / f"{i}.jpg", quality=88)
        return drawn / f"{i}.jpg"

    files = list(in_order(draw, range(DRAWN)))
    folder = root / "photos"
    for n in range(photos):
        label = flowers.classes[int(flowers.labels[n % DRAWN])].name
        (folder / label).mkdir(parents=True, exist_ok=True)
        (folder / label / f"{n}.jpg").hardlink_to(files[n % DRAWN])
    return folder


def wait_full(page: Page) -> None:
    """Wait until all pictures in sight are there; asked, since the page allows no eval."""
    deadline = time.monotonic() + 60
    while not page.evaluate(FULL):
        if time.monotonic() > deadline:
            raise TimeoutError("the pictures did not come")
        time.sleep(0.02)


def frames(page: Page, step: float) -> dict[str, float]:
    """Scroll for ten seconds and return frame times in milliseconds."""
    times = page.evaluate(SCROLL, [step, 10_000])
    cuts = quantiles(times, n=100)
    late = sum(t > 50 for t in times) / len(times)
    return {
        "frames": len(times),
        "median": median(times),
        "p95": cuts[94],
        "p99": cuts[98],
        "late": late,
    }


def edits(page: Page) -> tuple[float, float]:
    """Give 5,000 photos another class by the page's own calls, and undo it; seconds of both."""
    script = """async (wish) => {
      const store = await import(new URL("static/store.js", location.href).href);
      const start = performance.now();
      await (wish ? store.edit(wish) : store.undo());
      await new Promise(requestAnimationFrame);
      return (performance.now() - start) / 1000;
    }"""
    wish = {"kind": "label", "photos": list(range(5000)), "to": "another"}
    return page.evaluate(script, wish), page.evaluate(script, None)


def measure(page: Page, address: str, server: int) -> dict[str, Any]:
    """Measure one page around one server."""
    start = time.perf_counter()
    page.goto(address)
    wait_full(page)
    found: dict[str, Any] = {"first": time.perf_counter() - start}
    found["fast"], found["slow"] = frames(page, 280), frames(page, 48)
    start = time.perf_counter()
    wait_full(page)
    found["settled"] = time.perf_counter() - start
    found["edit"], found["undo"] = edits(page)
    page.evaluate("globalThis.gc?.()")
    found["heap"] = page.evaluate("performance.memory.usedJSHeapSize") / 2**20
    found["tiles"] = page.locator(".tile").count()
    status = Path(f"/proc/{server}/status").read_text(encoding="ascii")
    found["server"] = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]
    start = time.perf_counter()
    page.reload()
    wait_full(page)
    return {**found, "again": time.perf_counter() - start}


def main() -> None:
    """Make the folder, open it, and write a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", type=int, default=20_000)
    parser.add_argument("--side", type=int, default=800)
    parser.add_argument("--folder", type=Path, help="where photos lie or shall lie")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as room:
        folder = make_folder(options.folder or Path(room), options.photos, options.side)
        command = [
            sys.executable,
            "-m",
            "florascope",
            "studio",
            str(folder.absolute()),
            "--no-open",
        ]
        start = time.perf_counter()
        server = subprocess.Popen(command, cwd=room, stdout=subprocess.PIPE, text=True)  # noqa: S603
        assert server.stdout is not None
        address = server.stdout.readline().split()[2]
        opened = time.perf_counter() - start
        with sync_playwright() as playwright:
            flags = [
                "--no-sandbox",
                "--disable-gpu",
                "--enable-precise-memory-info",
                "--js-flags=--expose-gc",
            ]
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
            page = browser.new_page(viewport={"width": 1366, "height": 768}, locale="en-GB")
            page.set_default_timeout(120_000)
            found = {"opened": opened, **measure(page, address, server.pid)}
            browser.close()
        server.terminate()
        server.wait(20)
    print(json.dumps(found, indent=2))
    if options.out:
        options.out.write_text(table(found, options), encoding="utf-8")


def table(found: dict[str, Any], options: argparse.Namespace) -> str:
    """Write the figures for people."""
    fast, slow = found["fast"], found["slow"]
    rows = [
        ("server ready, all names listed", f"{found['opened']:.1f} s"),
        ("first screen, every thumbnail made then", f"{found['first']:.1f} s"),
        ("first screen again, thumbnails on disk", f"{found['again']:.1f} s"),
        ("frame, flying by (2 rows a frame): median, 95 %, 99 %", spread(fast)),
        ("frame, scrolling (1/3 row a frame): median, 95 %, 99 %", spread(slow)),
        ("frames over 50 ms: flying by, scrolling", f"{fast['late']:.1%}, {slow['late']:.1%}"),
        ("pictures complete after scrolling stopped", f"{found['settled']:.1f} s"),
        ("5,000 photos another class; undone", f"{found['edit']:.2f} s; {found['undo']:.2f} s"),
        ("tiles in the page", str(found["tiles"])),
        ("the page's objects", f"{found['heap']:.0f} MB"),
        ("the server, at most", f"{found['server']:.0f} MB"),
    ]
    title = f"{options.photos:,} photos of {options.side} x {options.side} pixels"
    head = f"# The workbench with {title}\n\n{(__doc__ or '').strip()}\n\n"
    date = f"{datetime.now(UTC):%Y-%m-%d}, two CPU cores, software rendering (no GPU).\n\n"
    return (
        head
        + date
        + "| what | measured |\n|---|---|\n"
        + "".join(f"| {a} | {b} |\n" for a, b in rows)
    )


def spread(frame: dict[str, float]) -> str:
    """Write a distribution of frame times."""
    return f"{frame['median']:.0f}, {frame['p95']:.0f}, {frame['p99']:.0f} ms"


if __name__ == "__main__":
    main()
