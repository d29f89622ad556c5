"""A bundle as a web page that answers by itself."""

import base64
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from florascope.app import TEXTS, page_texts, static_folder
from florascope.bundle.config import GRAPH, ONNX, BundleConfig, read_config
from florascope.bundle.facts import genus_of, read_facts, row_of
from florascope.calibration.calibration import (
    DOUBTED,
    DOUBTED_TOO,
    FEW,
    LEVEL,
    LOGITS,
    PRIOR,
    REFUSED,
    REFUSED_TOO,
    UNFAMILIAR,
)
from florascope.data.dataset import ClassName
from florascope.data.species import LANGUAGES, Harm, Species, species102
from florascope.errors import DownloadError
from florascope.files import cache_dir, new_folder
from florascope.identify.catalogue import Catalogue
from florascope.identify.caution import cautions
from florascope.identify.conclusion import NAMED, TOP
from florascope.identify.prior import LEAST, TablePrior, read_prior
from florascope.identify.verdict import PLAUSIBLE, RANKS, TAIL
from florascope.identify.words import Words, calibration_remark, words_of
from florascope.images import MAX_PIXELS
from florascope.preprocessing import LONGEST
from florascope.sentences import sentences

RULES = {
    "plausible": PLAUSIBLE,
    "tail": TAIL,
    "named": NAMED,
    "ranks": RANKS,
    "least": LEAST,
    "top": TOP,
    "longest": LONGEST,
    "max_pixels": MAX_PIXELS,
    "reached": round(100 * (1 - REFUSED)),
    "reached_too": round(100 * (1 - REFUSED_TOO)),
}
FIGURES = {
    "level": LEVEL,
    "prior": PRIOR,
    "few": FEW,
    "logits": LOGITS,
    "refused": REFUSED,
    "refused_too": REFUSED_TOO,
    "unfamiliar": UNFAMILIAR,
    "doubted": DOUBTED,
    "doubted_too": DOUBTED_TOO,
}
UNTOLD = "None was asked (taught from photos) / Ninguna (enseñado con fotos)"
SENTENCES = (
    *("species", *RANKS, "unsure", "uncalibrated", "none", "either", "others"),
    *("resemblance", "disagreeing", "uncounted", "weighted", "month", "unweighted"),
)


def facts(
    config: BundleConfig,
    own: Mapping[str, Species] | None = None,
    prior: TablePrior | None = None,
) -> dict[str, Any]:
    """Return preprocessing, calibration, rules, classes with their facts, and sentences.

    Args:
        config: the bundle's.
        own: its owner's facts, by class id.
        prior: how likely each class is by month and place; None for none.
    """
    catalogue = Catalogue.of(config.classes, own)
    return {
        "subject": catalogue.subject,
        "shorter": config.preprocessing.shorter,
        "preprocessing": config.preprocessing.to_json(),
        "calibration": config.calibration.to_json() if config.calibration else None,
        "remark": {lang: calibration_remark(config.calibration, lang) for lang in LANGUAGES},
        "rules": RULES,
        "classes": [_class(catalogue, k) for k in range(len(config.classes))],
        "prior": prior and _lines(prior, config),
        "words": {language: _words(catalogue.words(language)) for language in LANGUAGES},
    }


def teaching(config: BundleConfig, own: Mapping[str, Species] | None = None) -> dict[str, Any]:
    """Return what the browser needs to make another bundle of this one's network.

    Its config without classes, the figures of a calibration, sentences of models of anything, and
    the species whose facts go with a class that is taught under their name: the bundle's own, then
    those of the 102 flowers.

    Args:
        config: the bundle's.
        own: its owner's facts, by class id.
    """
    theirs = [one for one in Catalogue.of(config.classes, own).species if one]
    table = [one for one in species102().values() if one not in theirs]
    plain = replace(config, architecture=ONNX, model_args={}, classes=(), calibration=None)
    return {
        "config": plain.to_json(),
        "figures": FIGURES,
        "remark": {language: words_of(language, "things").rough for language in LANGUAGES},
        "words": {language: _words(words_of(language, "things")) for language in LANGUAGES},
        "species": [*_named(theirs, 0), *_named(table, len(theirs))],
        "known": {one.id: place for place, one in enumerate(theirs)},
        "harms": {language: _harms(words_of(language)) for language in LANGUAGES},
        "resembled": {lang: sentences("teaching", lang)["resembled"] for lang in LANGUAGES},
        "unlisted": UNTOLD,
    }


def _named(species: Collection[Species], start: int) -> list[dict[str, Any]]:
    """Tell what classes taught under these names are told of; look-alikes by place in the list."""
    places = {one.id: place for place, one in enumerate(species, start)}
    return [
        {
            "names": sorted({one.label, *one.names.values(), one.scientific} - {""}),
            "facts": row_of(one),
            "genus": genus_of(one.scientific),
            "texts": _texts(one),
            "lookalikes": [places[name] for name in one.lookalikes if name in places],
        }
        for one in species
    ]


def _harms(words: Words) -> dict[str, dict[Harm, str]]:
    return {"people": words.people, "pets": words.pets}


def _texts(species: Species) -> dict[str, str] | None:
    if not species.toxic:
        return None
    alone = Catalogue((ClassName(species.id, species.label),), (species,), "things")
    return {language: cautions(alone, [0], language)[0].text for language in LANGUAGES}


def _class(catalogue: Catalogue, index: int) -> dict[str, Any]:
    species = catalogue.species[index]
    told = {language: cautions(catalogue, [index], language) for language in LANGUAGES}
    return {
        "class_id": catalogue.classes[index].id,
        "names": {language: catalogue.name(index, language) for language in LANGUAGES},
        "scientific_name": catalogue.scientific_name(index),
        **_kin(species),
        "cautions": {k: v[0].to_json() for k, v in told.items()} if told["en"] else None,
    }


def _lines(
    prior: TablePrior, config: BundleConfig
) -> list[tuple[int, int | None, str | None, float]]:
    places = {c.id: k for k, c in enumerate(config.classes)}
    lines = prior.weights.items()
    return [(places[name], month, cell, weight) for (name, month, cell), weight in lines]


def _kin(species: Species | None) -> dict[str, Any]:
    if species is None:
        return {"lookalikes": []}
    names = (*RANKS, "people", "pets")
    return {**{n: getattr(species, n) for n in names}, "lookalikes": list(species.lookalikes)}


def _words(own: Words) -> dict[str, str]:
    kept = {f.name for f in fields(own)} & {*SENTENCES, "advice"}
    return {name: getattr(own, name) for name in sorted(kept)}


PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
FILE = f"{PACKAGE}-{VERSION}.tgz"
INTEGRITY = (
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
"""SHA-512 of the package, in base64, as npm states it."""

WASM = "ort-wasm-simd-threaded.wasm"
NAMES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", WASM)
MAX_PACKAGE = MAX_MEMBER = 64 * 2**20
SECONDS = 600  # that npm may take


def web_runtime(package: Path | None = None) -> dict[str, bytes]:
    """Return the files that a page needs, by name.

    Args:
        package: the npm package's .tgz; None has npm fetch it, once.

    Raises:
        DownloadError: there is no npm, it fails, or the package is not the one that was tested.
    """
    data = _checked(package or _fetched())
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {name: _member(archive, f"package/dist/{name}") for name in NAMES}


def _checked(path: Path) -> bytes:
    """Read the package, if it is the very one that was tested."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PACKAGE + 1)
    except OSError as error:
        raise DownloadError(f"{path} cannot be read ({error.strerror})", expected=FILE) from error
    found = base64.b64encode(hashlib.sha512(data).digest()).decode()
    if found != INTEGRITY:
        raise DownloadError(
            f"{path} has the SHA-512 {found[:12]}...",
            expected=f"{INTEGRITY[:12]}..., that of {PACKAGE} {VERSION}",
            fix=f"Get it with: npm pack {PACKAGE}@{VERSION}",
        )
    return data


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    """Read one file into memory; nothing is unpacked."""
    file = archive.extractfile(name)
    if file is None:
        raise DownloadError(f"{name} in {PACKAGE} is no file", expected="a file")
    return file.read(MAX_MEMBER)


def _fetched() -> Path:
    kept = cache_dir() / "npm" / f"{PACKAGE}-{VERSION}"
    if not kept.is_dir():
        with new_folder(kept) as draft:
            _pack(draft)
            _checked(draft / FILE)  # what is wrong is not kept
    return kept / FILE


def _pack(folder: Path) -> None:
    npm = shutil.which("npm")
    advice = f"Fetch {FILE} elsewhere and name it: `runtime='FILE'`"
    if npm is None:
        raise DownloadError(
            "there is no npm to fetch ONNX Runtime Web with", expected="Node.js", fix=advice
        )
    wanted = f"{PACKAGE}@{VERSION}"
    command = [npm, "pack", wanted, "--ignore-scripts", "--pack-destination", str(folder)]
    try:
        ended = subprocess.run(  # noqa: S603 (nothing in it comes from outside)
            command, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise DownloadError(f"npm pack {wanted} took over {SECONDS} seconds", fix=advice) from error
    if ended.returncode or not (folder / FILE).is_file():
        reason = (ended.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise DownloadError(f"npm pack {wanted} failed: {reason}", fix=advice)


POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self';"
    " img-src 'self' data: blob:; connect-src 'self'; worker-src 'self'; manifest-src 'self';"
    " base-uri 'none'; form-action 'none'"
)
NOTICE = f"""\
{", ".join(NAMES)}: unchanged files (.mjs is called .js here) of the npm package
{PACKAGE} {VERSION} (SHA-512 in base64: {INTEGRITY}).
Copyright (c) Microsoft Corporation, MIT License: see the package for its text.
"""
REPLACED = "static/remote.js"
ANSWERER = 'export * from "./local.js";\n'
TEACHING = "teach.html"
MODULES = (
    *("local.js", "network.js", "download.js", "photo.js", "preprocessing.js", "resampling.js"),
    *("verdict.js", "teaching.js", "teaching.css", "taught.js", "naming.js", "kept.js", "look.js"),
    *("head.js", "held-out.js", "likelihood-ratio.js", "calibrating.js", "matrix.js", "onnx.js"),
    *("zip.js", "given.js", "prior.js", "retelling.js", "jpeg.js"),
)


def export_web(
    bundle: Path, out: Path, runtime: Path | None = None, prior: Path | None = None
) -> int:
    """Write a static folder that answers and explains in the browser, wholly or not at all.

    Args:
        bundle: the bundle's folder.
        out: the folder to write.
        runtime: ONNX Runtime Web's npm package; None has npm fetch it.
        prior: a CSV of how likely each class is by month and place (`read_prior`); None for none.

    Returns:
        Bytes written.

    Raises:
        BundleError: the folder is no bundle.
        DataError: its facts.csv, or the prior, tells what cannot be.
        DownloadError: see `web_runtime`.
    """
    config = read_config(bundle)
    own = read_facts(bundle, config.classes)
    told = facts(config, own, None if prior is None else read_prior(prior, config.classes))
    library, graph = web_runtime(runtime), (bundle / GRAPH).read_bytes()
    lesson = json.dumps(teaching(config, own), ensure_ascii=False)
    told["network_bytes"] = len(graph) + len(library[WASM])
    told["network"] = hashlib.blake2b(graph, digest_size=8).hexdigest()
    parts = {
        **_page(),
        **{f"static/ort/{_served(name)}": data for name, data in library.items()},
        "static/ort/README.txt": NOTICE.encode(),
        "static/model/model.json": json.dumps(told, ensure_ascii=False).encode(),
        "static/model/teaching.json": lesson.encode(),
        "static/model/model.onnx": graph,
    }
    parts["worker.js"] = _worker(parts)
    with new_folder(out) as draft:
        for name, data in parts.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            (draft / name).write_bytes(data)
    return sum(map(len, parts.values()))


def _served(name: str) -> str:
    """Name a module .js: some servers, Debian's nginx for one, give .mjs as plain text."""
    return name.replace(".mjs", ".js")


def _page() -> dict[str, bytes]:
    """The app's page, its answerer exchanged."""
    root = static_folder()
    paths = (path for path in root.rglob("*") if path.is_file())
    page = {f"static/{path.relative_to(root).as_posix()}": path.read_bytes() for path in paths}
    del page[REPLACED]
    index = page.pop("static/index.html").decode()
    page["index.html"] = _guarded(index)
    page[TEACHING] = _guarded(_own(TEACHING).decode())
    page[f"static/{TEXTS}"] = page_texts()
    page["static/teaching-texts.js"] = page_texts("teaching")
    page["static/answerer.js"] = ANSWERER.encode()
    for name in MODULES:
        page[f"static/{name}"] = _own(name)
    return page


def _guarded(html: str) -> bytes:
    """A page that may ask nobody but where it came from."""
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    return html.replace("<head>", f"<head>\n{policy}", 1).encode()


def _worker(parts: dict[str, bytes]) -> bytes:
    """The service worker, which knows every file, under a name that changes with any of them."""
    digest = hashlib.blake2b(digest_size=8)
    for name in sorted(parts):
        digest.update(name.encode() + parts[name])
    listed = json.dumps(["./", *sorted(parts)])
    text = _own("worker.js").decode()
    return text.replace("{{edition}}", digest.hexdigest()).replace("{{files}}", listed).encode()


def _own(name: str) -> bytes:
    return Path(str(files("florascope.export") / "web" / name)).read_bytes()
