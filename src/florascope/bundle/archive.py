"""A bundle that travels as one ZIP file, such as the browser edition gives."""

import hashlib
import shutil
import zipfile
from collections.abc import Collection
from pathlib import Path

from florascope.errors import BundleError
from florascope.files import cache_dir, new_folder

MAX_FILES = 1000
MAX_BYTES = 2**31  # of all that is taken out of an archive
DAMAGED = (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError)
"""What zipfile raises: RuntimeError for encryption, NotImplementedError for odd compression."""


def unpacked(path: Path, names: Collection[str], main: str) -> Path:
    """Take a bundle out of an archive, once: a folder in the cache, named by the content.

    Nothing is written under a name that the archive chose: of its files, those called as in
    `names` are taken that lie beside the one called `main`.

    Args:
        path: the archive.
        names: of a bundle's files.
        main: of the file that every bundle has.

    Raises:
        BundleError: it is no ZIP archive, damaged, too large, or holds no bundle or several.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
            folder = cache_dir() / "bundles" / digest
            if not folder.is_dir():
                with zipfile.ZipFile(file) as archive, new_folder(folder) as draft:
                    _take(archive, _members(archive, names, main), draft)
    except DAMAGED as error:
        raise BundleError(
            f"{path} cannot be unpacked ({getattr(error, 'strerror', None) or error})",
            expected="a ZIP archive of a bundle",
        ) from error
    return folder


def _members(
    archive: zipfile.ZipFile, names: Collection[str], main: str
) -> dict[str, zipfile.ZipInfo]:
    """Return a bundle's files by name.

    Raises:
        ValueError: there is no bundle, there are several, or it is too large.
    """
    listed = archive.infolist()
    if len(listed) > MAX_FILES:
        raise ValueError(f"{len(listed):,} files in it, at most {MAX_FILES:,}")
    inside = [entry.filename for entry in listed]
    roots = {name.removesuffix(main) for name in inside if name.split("/")[-1] == main}
    if len(roots) != 1:
        raise ValueError(f"{len(roots)} files {main} in it, not one")
    (root,) = roots
    found = {name: archive.getinfo(root + name) for name in names if root + name in inside}
    size = sum(entry.file_size for entry in found.values())
    if size > MAX_BYTES:
        raise ValueError(f"{size:,} bytes in it, at most {MAX_BYTES:,}")
    return found


def _take(archive: zipfile.ZipFile, found: dict[str, zipfile.ZipInfo], folder: Path) -> None:
    """Write a bundle's files; zipfile gives no more bytes of each than the archive states."""
    for name, entry in found.items():
        with archive.open(entry) as source, (folder / name).open("wb") as target:
            shutil.copyfileobj(source, target)
