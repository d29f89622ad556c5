"""Oxford Flowers 102 (Nilsback & Zisserman 2008) in torchvision's folder layout."""

import csv
import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from florascope.data.dataset import ClassName, Dataset, FilePhoto
from florascope.data.download import download, extract, file_digest
from florascope.data.split import Split
from florascope.errors import DataError
from florascope.files import cache_dir
from florascope.progress import Progress, silent

FOLDER = "flowers-102"
LABELS, SPLITS, ARCHIVE = "imagelabels.mat", "setid.mat", "102flowers.tgz"


@dataclass(frozen=True)
class Release:
    """What was published, and where.

    Attributes:
        url: of the folder that holds the three files.
        photos: how many there are.
        digests: of each file.
    """

    url: str
    photos: int
    digests: dict[str, str]


PUBLISHED = Release(
    url="https://www.robots.ox.ac.uk/~vgg/data/flowers/102",
    photos=8189,
    digests={
        ARCHIVE: "md5:52808999861908f626f3c1f4e79d11fa",
        LABELS: "sha256:4903e94206bac23bf772aadf06451916df56b58fc483a62db32a97b82656651d",
        SPLITS: "sha256:46b8678f91fd95d3c8f4feab80d271a6c834a1dd896fe29fd3e6ad9ce5c8dccd",
    },
)


def oxford102(
    data_dir: Path | None = None, progress: Progress = silent, release: Release = PUBLISHED
) -> Dataset:
    """Open Oxford Flowers 102, downloading it where it is not at hand.

    Args:
        data_dir: folder that holds flowers-102/; else FLORASCOPE_DATA, else the user's cache.
        progress: told of the download.
        release: what is expected, and from where.

    Returns:
        8,189 photos with class ids "1" to "102" and the split "official" (1020/1020/6149).

    Raises:
        DataError: a file is missing or is not the published one.
        DownloadError: the download failed.
    """
    root = oxford102_at_hand(data_dir) or _download(data_dir, progress, release)
    return read_oxford102(root, release)


def oxford102_at_hand(data_dir: Path | None = None) -> Path | None:
    """Return the folder with the labels in it, if there is one."""
    for parent in _places(data_dir):
        for root in (parent, parent / FOLDER):
            if (root / LABELS).is_file():
                return root
    return None


def read_oxford102(root: Path, release: Release = PUBLISHED) -> Dataset:
    """Read the folder flowers-102; see `oxford102`."""
    for name in (LABELS, SPLITS):
        _verify(root / name, release.digests[name])
    photos = [root / "jpg" / f"image_{i:05d}.jpg" for i in range(1, release.photos + 1)]
    there = {entry.name for entry in os.scandir(root / "jpg")} if (root / "jpg").is_dir() else set()
    missing = [p.name for p in photos if p.name not in there]
    if missing:
        raise DataError(
            f"{root / 'jpg'} lacks {len(missing)} of {release.photos:,} photos"
            f" (first: {missing[0]})",
            expected=f"exactly {release.photos:,}, image_00001.jpg and on",
            fix="Unpack 102flowers.tgz there again",
        )
    labels = _mat(root / LABELS, "labels") - 1
    parts = (_mat(root / SPLITS, key) - 1 for key in ("trnid", "valid", "tstid"))
    split = Split("official", *parts)
    photos_read = tuple(FilePhoto(path) for path in photos)
    name = "Oxford Flowers 102"
    return Dataset(name, photos_read, labels, class_names(), {"official": split})


def class_names() -> tuple[ClassName, ...]:
    """The 102 classes in the order of their ids."""
    text = (files("florascope.data") / "oxford102_names.csv").read_text(encoding="utf-8")
    return tuple(ClassName(row["id"], row["name"]) for row in csv.DictReader(text.splitlines()))


def _places(data_dir: Path | None) -> list[Path]:
    if data_dir is not None:
        return [data_dir]
    own = os.environ.get("FLORASCOPE_DATA")
    return [Path(own)] if own else [cache_dir() / "data"]


def _download(data_dir: Path | None, progress: Progress, release: Release) -> Path:
    root = _places(data_dir)[0] / FOLDER
    archive = root.parent / ARCHIVE
    if not (root / "jpg").is_dir():
        download(f"{release.url}/{ARCHIVE}", archive, release.digests[ARCHIVE], progress)
        extract(archive, root)
        archive.unlink()
    for name in (SPLITS, LABELS):  # the labels come last: where they are, all is there
        download(f"{release.url}/{name}", root / name, release.digests[name], progress)
    return root


def _verify(path: Path, digest: str) -> None:
    if not path.is_file():
        raise DataError(f"no file {path}", expected="the .mat files beside jpg/")
    found = file_digest(path, digest.partition(":")[0])
    if found != digest:
        raise DataError(
            f"{path} has {found}", expected=digest, fix="Download the published file again"
        )


def _mat(path: Path, key: str) -> Any:  # noqa: ANN401 (an int64 vector)
    from scipy.io import loadmat

    return loadmat(path)[key].ravel().astype(np.int64)
