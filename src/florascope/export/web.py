"""The browser edition: the app's page with a model that runs inside it."""

import hashlib
import json
from importlib.resources import files
from pathlib import Path

from florascope.app.server import static_folder
from florascope.export.facts import facts
from florascope.export.web_runtime import INTEGRITY, NAMES, PACKAGE, VERSION, web_runtime
from florascope.files import new_folder
from florascope.model.bundle import GRAPH, read_config

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self';"
    " img-src 'self' data: blob:; connect-src 'self'; worker-src 'self'; base-uri 'none';"
    " form-action 'none'"
)
NOTICE = f"""\
{", ".join(NAMES)}: unchanged files of the npm package {PACKAGE} {VERSION} (SHA-512 in base64:
{INTEGRITY}).
Copyright (c) Microsoft Corporation, MIT License: see the package for its text.
"""
REPLACED = "static/remote.js"
ANSWERER = 'export * from "./local.js";\n'
MODULES = ("local.js", "photo.js", "preprocessing.js", "resampling.js", "verdict.js")


def export_web(bundle: Path, out: Path, runtime: Path | None = None) -> int:
    """Write a static folder that answers and explains in the browser, wholly or not at all.

    Args:
        bundle: the bundle's folder.
        out: the folder to write.
        runtime: ONNX Runtime Web's npm package; None has npm fetch it.

    Returns:
        Bytes written.

    Raises:
        BundleError: the folder is no bundle.
        DownloadError: see `web_runtime`.
    """
    told = facts(read_config(bundle))
    parts = {
        **_page(),
        **{f"static/ort/{name}": data for name, data in web_runtime(runtime).items()},
        "static/ort/README.txt": NOTICE.encode(),
        "static/model/model.json": json.dumps(told, ensure_ascii=False).encode(),
        "static/model/model.onnx": (bundle / GRAPH).read_bytes(),
    }
    parts["worker.js"] = _worker(parts)
    with new_folder(out) as draft:
        for name, data in parts.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            (draft / name).write_bytes(data)
    return sum(map(len, parts.values()))


def _page() -> dict[str, bytes]:
    """The app's page, its answerer exchanged."""
    root = static_folder()
    paths = (path for path in root.rglob("*") if path.is_file())
    page = {f"static/{path.relative_to(root).as_posix()}": path.read_bytes() for path in paths}
    del page[REPLACED]
    index = page.pop("static/index.html").decode()
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    page["index.html"] = index.replace("<head>", f"<head>\n{policy}", 1).encode()
    page["static/answerer.js"] = ANSWERER.encode()
    for name in MODULES:
        page[f"static/{name}"] = _own(name)
    return page


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
