"""Does the page say what it must of harm, and do its figures go with its verdicts?

    python benchmarks/app/safety.py

Every test photo of the 80/10/10 split goes through `florascope serve` and its page in a real
Chromium, as a person chooses it. Counted are photos

- with a deadly plant named anywhere without a visible mark that says "deadly", or with a deadly
  look-alike that is neither marked beside the verdict nor read aloud;
- whose figures contradict their verdict: a percentage, map or caution where nothing is known; a
  species that is not the first candidate, or less sure than naming needs; a certainty where nothing
  is named, or one candidate that would have sufficed.

Needs FLORASCOPE_DATA and /usr/bin/chromium. Writes results.md beside this file.
"""

import csv
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, sync_playwright

from florascope.data.species import species102
from florascope.files import write_text

HOME = Path(os.environ.get("FLORASCOPE_DATA", "")) / "flowers-102"
PORT = 8797
DEADLY = [s for s in species102().values() if s.harm == "deadly"]
READ = """() => {
    const text = (id) => document.getElementById(id).innerText;
    const marked = (node) => [...node.querySelectorAll(".harm")].map((mark) => mark.innerText);
    const all = (query) => [...document.querySelectorAll(query)];
    const shown = (query) => all(query).filter((node) => node.checkVisibility());
    return {
        level: document.getElementById("result").dataset.level,
        statement: text("statement"), certainty: text("certainty"), status: text("status"),
        result: text("result"), basis: text("basis"),
        beside: shown(".verdict li").map((node) => [node.innerText, marked(node)]),
        named: shown("#result li, #nearest").map((node) => [node.innerText, marked(node)]),
        map: shown("#evidence").length, cautions: shown("#cautions").length,
    };
}"""


def main() -> None:
    """Ask about every photo and write the table."""
    photos = list(test_photos())
    counts: Counter[str] = Counter()
    with server() as address, sync_playwright() as playwright:
        sure = httpx.get(f"{address}/api/model").json()["named_from"]
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = browser.new_page(locale="en-GB", viewport={"width": 390, "height": 800})
        page.goto(address)
        for number, photo in enumerate(photos, 1):
            counts.update(faults(*ask(page, address, photo), sure))
            print(f"\r{number}/{len(photos)}", end="", flush=True)
        browser.close()
    write_text(Path(__file__).with_name("results.md"), table(counts, len(photos)))


def test_photos() -> Iterator[Path]:
    """Yield the test photos' paths."""
    with (HOME / "split_80_10_10_udacity.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["split"] == "test":
                yield HOME / "jpg" / f"image_{int(row['image_id']):05d}.jpg"


@contextmanager
def server() -> Iterator[str]:
    """Start `florascope serve`."""
    address = f"http://127.0.0.1:{PORT}"
    command = [sys.executable, "-m", "florascope", "serve", "--port", str(PORT)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 (our own)
    try:
        for _ in range(600):
            try:
                httpx.get(f"{address}/healthz")
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def ask(page: Page, address: str, photo: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the API's result of a photo and what the page shows of it."""
    told = httpx.post(f"{address}/api/identify", content=photo.read_bytes(), timeout=60)
    page.set_input_files("#file", photo)
    page.wait_for_selector("#result[aria-busy='false']")
    return told.json()["results"][0], page.evaluate(READ)


def faults(result: dict[str, Any], seen: dict[str, Any], sure: float) -> set[str]:
    """Return what is wrong with an answer, and what kind it is."""
    found = {f"verdict: {seen['level']}"}
    alike = [e["name"] for e in result["lookalikes"] if "deadly" in (e["people"], e["pets"])]
    if alike and seen["level"] != "none":
        found.add("deadly look-alikes")
    if unmarked(seen, [] if seen["level"] == "none" else alike):
        found.add("unmarked")
    if contradicts(result, seen, sure):
        found.add("contradicts")
    return found


def unmarked(seen: dict[str, Any], alike: list[str]) -> bool:
    """Whether a deadly plant is named without its mark, beside the verdict or anywhere."""
    names = [name for s in DEADLY for name in (s.names["en"], s.scientific)]
    for text, marks in seen["named"]:
        plain = text.lower()
        named = [name for name in names if name.lower() in plain]
        if named and not any("deadly" in mark for mark in marks):
            return True
    beside = [text for text, marks in seen["beside"] if any("deadly" in mark for mark in marks)]
    return any(
        name not in seen["status"] or not any(name in text for text in beside) for name in alike
    )


def contradicts(result: dict[str, Any], seen: dict[str, Any], sure: float) -> bool:
    """Whether figures, map or cautions say something else than the verdict."""
    first, certainty = result["candidates"][0], result["verdict"]["probability"]
    if seen["level"] == "none":
        return "%" in seen["result"] or bool(seen["map"] or seen["cautions"])
    if seen["level"] == "unsure":
        alone = len(result["prediction_set"]) == 1
        return bool(seen["certainty"]) or (alone and first["probability"] >= sure)
    right = first["name"] in seen["statement"] or seen["level"] != "species"
    return not right or certainty < sure or not seen["certainty"]


def table(counts: Counter[str], photos: int) -> str:
    """Write the page in Markdown."""
    rows = [
        ("photos", photos),
        *sorted((name, n) for name, n in counts.items() if name.startswith("verdict")),
        ("answers with a deadly look-alike", counts["deadly look-alikes"]),
        ("**photos with an unmarked deadly plant**", counts["unmarked"]),
        ("**answers whose figures contradict their verdict**", counts["contradicts"]),
    ]
    lines = ["# What the page says of harm and certainty", "", "| what | photos |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {n} |" for name, n in rows), ""])


if __name__ == "__main__":
    main()
