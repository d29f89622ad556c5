"""ONNX Runtime Web, taken from its npm package and checked, never kept in this project."""

import base64
import hashlib
import io
import shutil
import subprocess
import tarfile
from pathlib import Path

from florascope.errors import DownloadError
from florascope.files import cache_dir, new_folder

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
FILE = f"{PACKAGE}-{VERSION}.tgz"
INTEGRITY = (
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
"""SHA-512 of the package, in base64, as npm states it."""

NAMES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
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
    advice = f"Fetch {FILE} elsewhere and name it with --runtime FILE"
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
