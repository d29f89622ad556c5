"""How fast is everything, beside its peers, on this machine?

    python benchmarks/speed/run.py --split FILE.csv --bundle BUNDLE [--keras KERAS/bin/python]
        [--only experiment report engines identify start finetune memory] [--photos 500]
        [--many 200000]

Needs FLORASCOPE_DATA with flowers-102/, FLORASCOPE_WEIGHTS, florascope[train,fast] and a bundle of
MobileNetV2. KERAS is an environment of its own: python -m venv KERAS; pip install tensorflow-cpu
safetensors. --photos takes that many photos of Oxford 102 only (a quick try). Each section writes
its rows into results/SECTION.csv; results/results.md shows them all, ratios first. Run it on a
quiet machine: every figure is a wall-clock time. Memory is no matter of the network: 200,000
photos take half an hour with a bundle of 64 px (train oxford102 --set size=64), hours with 224.
"""

import argparse
import csv
import json
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from process import Measured, florascope, measured, typical

HERE = Path(__file__).parent
RESULTS = HERE / "results"
GOOGLE = "mobilenetv2_100.google_tf_folded.safetensors"
PHOTOS_OF_SPEED = 200
OXFORD = 8_189  # photos of Oxford 102: fewer leave a class without


@dataclass(frozen=True)
class Row:
    """Attributes: what was measured, whose figure, its ratio to the peer or limit, the goal."""

    what: str
    who: str
    value: str
    unit: str
    ratio: str = ""
    goal: str = ""


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--split", type=Path, required=True, help="CSV of the 80/10/10 split")
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--keras", type=Path, help="a Python that has tensorflow")
    parser.add_argument("--only", nargs="*", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--photos", type=int, help="of Oxford 102; all by default")
    parser.add_argument("--epochs", type=int, default=6, help="of the Keras recipe")
    parser.add_argument("--many", type=int, default=200_000, help="links for the memory")
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    for name in options.only:
        with tempfile.TemporaryDirectory() as folder:
            write(RESULTS / f"{name}.csv", list(SECTIONS[name](options, Path(folder))))
    (RESULTS / "results.md").write_text(page(options), encoding="utf-8")


def experiment(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """Photos on disk -> probe -> test accuracy, and the Keras recipe on the same table."""
    what = "whole experiment"
    table = folder / "table.csv"
    limit = ("--limit", str(options.photos)) if options.photos else ()
    run_script("photos.py", "table", str(table), "--split", str(options.split), *limit)
    keras = None
    if options.keras:
        weights = Path(os.environ["FLORASCOPE_WEIGHTS"]) / GOOGLE
        script = (str(options.keras), str(HERE / "keras_recipe.py"), str(table), str(weights))
        keras = measured((*script, "--epochs", str(options.epochs)))
        yield timed(what, f"Keras, {options.epochs} epochs", keras, keras)
    for engine, size in (("auto", 224), ("auto", 160), ("onnxruntime", 224)):
        cached = {"FLORASCOPE_ENGINE": engine, "FLORASCOPE_CACHE": str(folder / f"{engine}{size}")}
        command = (*probe(table, options), "--set", f"size={size}", "--out", str(folder / "run"))
        for cache, goal in (("cold", "<= 22 s, >= 24 x"), ("warm", "<= 4 s")):
            ended = measured(command, cached)
            who = f"florascope train, {size} px, engine {engine}, {cache} cache"
            yield timed(what, who, ended, keras, goal if engine == "auto" else "")
            inner = json.loads(ended.output)["seconds"]
            yield Row(what, f"{who}: up to the test accuracy", f"{inner:.1f}", "s")


def probe(table: Path, options: argparse.Namespace) -> tuple[str, ...]:
    """The command a user types who wants the figures; a part of the photos comes as a table."""
    data = (str(table),) if options.photos else ("oxford102", "--split", str(options.split))
    asked = ("--recipe", "probe", "--weights", "torchvision", "--no-report", "--json")
    return florascope("train", *data, *asked)


def timed(what: str, who: str, run: Measured, peer: Measured | None, goal: str = "") -> Row:
    """A run with its test accuracy, beside its peer."""
    test = json.loads(run.output)["test"]
    top1 = test["top1"] if isinstance(test, dict) else test
    ratio = f"{peer.seconds / run.seconds:.1f} x" if peer else ""
    return Row(what, f"{who} (test {100 * top1:.2f} %)", f"{run.seconds:.1f}", "s", ratio, goal)


def report(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """A training whose features lie in the cache, with its report and without."""
    data = ("oxford102", "--split", str(options.split), "--weights", "torchvision")
    usual = florascope("train", *data, "--overwrite", "--out", str(folder / "run"))
    plain, whole = (typical(command, 1) for command in ((*usual, "--no-report"), usual))
    what, ratio = "second training", f"{whole.seconds / plain.seconds:.1f} of no report"
    yield Row(what, "florascope train", f"{whole.seconds:.1f}", "s", ratio, "<= 15 s")
    yield Row(what, "florascope train --no-report", f"{plain.seconds:.1f}", "s", "", "<= 4 s")


def engines(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """Decoding, the engines alone, and the pipeline; the engines bare."""
    run_script("photos.py", "tree", str(folder / "tree"), "--photos", str(PHOTOS_OF_SPEED))
    bench = measured(florascope("bench", str(folder / "tree"), "--seconds", "8", "--json"))
    found = json.loads(bench.output)
    rates = found["photos_per_second"]
    share = f"{100 * found['share_of_limit']:.0f} %"
    who = f"florascope, {found['engine']}"
    yield Row("photos to features", who, f"{rates['pipeline']:.0f}", "photos/s", share, ">= 85 %")
    for name in rates.keys() - {"pipeline"}:
        yield Row("alone", name, f"{rates[name]:.0f}", "photos/s")
    photos = sorted(str(path) for path in (folder / "tree").rglob("*.jpg"))
    bare = json.loads(run_script("bare.py", str(options.bundle), *photos).output)
    limit = bare["ONNX Runtime, maps"]
    for name, value in bare.items():
        goal = ">= 80 % of ONNX Runtime" if name.startswith("identify") else ""
        ratio = f"{100 * value / limit:.0f} %"
        yield Row("classifier with maps", name, f"{value:.0f}", "photos/s", ratio, goal)


def identify(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """One photo with its map, from process start to answer."""
    run_script("photos.py", "tree", str(folder / "tree"), "--photos", "1")
    (photo,) = (str(path) for path in (folder / "tree").rglob("*.jpg"))
    asked = ("identify", photo, "--model", str(options.bundle), "--overlay", str(folder / "o.png"))
    ours = typical(florascope(*asked))
    graph = str(options.bundle / "model.onnx")
    bare = typical((florascope()[0], str(HERE / "bare_identify.py"), graph, photo))
    ratio = f"{ours.seconds / bare.seconds:.2f} of bare"
    what = "one photo with map"
    yield Row(what, "florascope identify", f"{ours.seconds:.2f}", "s", ratio, "<= 0.35 s")
    yield Row(what, "ONNX Runtime bare", f"{bare.seconds:.2f}", "s")
    ratio = f"{ours.megabytes / bare.megabytes:.2f} of bare"
    yield Row(what, "florascope identify", f"{ours.megabytes:.0f}", "MB", ratio, "<= 150 MB")
    yield Row(what, "ONNX Runtime bare", f"{bare.megabytes:.0f}", "MB")


def start(_options: argparse.Namespace, _folder: Path) -> Iterator[Row]:
    """The help, process start to end, beside an empty Python."""
    ours, empty = typical(florascope("--help")), typical((florascope()[0], "-c", ""))
    ratio = f"{ours.seconds / empty.seconds:.1f} of an empty Python"
    yield Row("start", "florascope --help", f"{ours.seconds:.3f}", "s", ratio, "<= 0.15 s")


def finetune(_options: argparse.Namespace, _folder: Path) -> Iterator[Row]:
    """Photos a second that are learnt from."""
    found = json.loads(run_script("finetuning.py", "--steps", "12", "--compiled").output)
    for name, value in found.items():
        ratio = f"{value / found['PyTorch eager bf16']:.2f} of eager bf16"
        goal = ">= 32" if name == "florascope bf16" else ""
        yield Row("fine-tuning at 224", name, f"{value:.1f}", "photos/s", ratio, goal)


def memory(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """Peak memory with few and with many photos."""
    few, many = min(OXFORD, options.many), options.many
    commands: dict[str, Callable[[str], tuple[str, ...]]] = {
        "data inspect": lambda tree: florascope("data", "inspect", tree, "--json"),
        "identify": lambda tree: florascope(
            "identify", tree, "--model", str(options.bundle), "--json"
        ),
        "evaluate": lambda tree: florascope(
            "evaluate", str(options.bundle), tree, "--subset", "train", "--json"
        ),
    }
    for count in (few, many):
        run_script("photos.py", "tree", str(folder / str(count)), "--photos", str(count))
    for name, command in commands.items():
        peaks = []
        for count in (few, many):
            cache = {"FLORASCOPE_CACHE": str(folder / f"cache-{name}-{count}")}
            peaks.append(measured(command(str(folder / str(count))), cache).megabytes)
        ratio = f"{peaks[1] / peaks[0]:.2f}"
        value = f"{peaks[0]:.0f} -> {peaks[1]:.0f}"
        yield Row(f"memory, {few:,} -> {many:,} photos", name, value, "MB", ratio, "<= 1.10")


SECTIONS: dict[str, Callable[[argparse.Namespace, Path], Iterator[Row]]] = {
    "experiment": experiment,
    "report": report,
    "engines": engines,
    "identify": identify,
    "start": start,
    "finetune": finetune,
    "memory": memory,
}


def run_script(name: str, *arguments: str) -> Measured:
    """Run another script of this folder with this Python."""
    return measured((florascope()[0], str(HERE / name), *arguments))


def write(path: Path, rows: list[Row]) -> None:
    """Write a section's table, and show it."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(Row.__dataclass_fields__), lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    for row in rows:
        print(*(part for part in asdict(row).values() if part), sep=" | ")


def page(options: argparse.Namespace) -> str:
    """All sections that were ever measured, ratios first."""
    photos = f"{options.photos} photos of" if options.photos else "all photos of"
    lines = [
        "# Speed",
        "",
        f"{os.cpu_count()} cores ({processor()}), Python {platform.python_version()},"
        f" {photos} Oxford Flowers 102. Wall-clock times; made by `run.py`.",
        "",
        "| ratio | goal | what | who | figure |",
        "|---|---|---|---|---|",
    ]
    for name in SECTIONS:
        path = RESULTS / f"{name}.csv"
        if path.is_file():
            with path.open(newline="", encoding="utf-8") as file:
                rows = csv.DictReader(file)
                lines += [
                    f"| {r['ratio']} | {r['goal']} | {r['what']} | {r['who']} |"
                    f" {r['value']} {r['unit']} |"
                    for r in rows
                ]
    return "\n".join(lines) + "\n"


def processor() -> str:
    """What the CPU can multiply in hardware, where Linux says so."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text(encoding="utf-8").split() if info.is_file() else []
    return ", ".join(f for f in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f in flags)


if __name__ == "__main__":
    main()
