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
INTEGRITY = (
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
"""SHA-512 of the package, in base64, as npm states it."""

NAMES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
MAX_MEMBER = 64 * 2**20


def web_runtime(package: Path | None = None) -> dict[str, bytes]:
    """Return the files that a page needs, by name.

    Args:
        package: the npm package's .tgz; None has npm fetch it, once.

    Raises:
        DownloadError: there is no npm, it fails, or the package is not the one that was tested.
    """
    path = package or _fetched()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DownloadError(
            f"{path} cannot be read ({error.strerror})", expected=f"{PACKAGE}-{VERSION}.tgz"
        ) from error
    found = base64.b64encode(hashlib.sha512(data).digest()).decode()
    if found != INTEGRITY:
        raise DownloadError(
            f"{path} has the SHA-512 {found[:12]}...",
            expected=f"{INTEGRITY[:12]}..., that of {PACKAGE} {VERSION}",
            fix=f"Get it with: npm pack {PACKAGE}@{VERSION}",
        )
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {name: _member(archive, f"package/dist/{name}") for name in NAMES}


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
    return kept / f"{PACKAGE}-{VERSION}.tgz"


def _pack(folder: Path) -> None:
    npm = shutil.which("npm")
    advice = f"Fetch {PACKAGE}-{VERSION}.tgz elsewhere and name it with --runtime FILE"
    if npm is None:
        raise DownloadError(
            "there is no npm to fetch ONNX Runtime Web with", expected="Node.js", fix=advice
        )
    command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--pack-destination", str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        reason = (ended.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise DownloadError(f"npm pack {PACKAGE}@{VERSION} failed: {reason}", fix=advice)
