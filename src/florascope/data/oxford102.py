"""Oxford Flowers 102: 8,189 photos of 102 flowers, with the authors' own split.

M.-E. Nilsback and A. Zisserman, "Automated flower classification over a large number of classes",
ICVGIP 2008, https://www.robots.ox.ac.uk/~vgg/data/flowers/102/.
"""

import csv
import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from jaxtyping import Integer

from florascope.data.dataset import ClassName, Dataset, FilePhoto, Labels, Split
from florascope.data.download import Checksum, download, unpack
from florascope.errors import DataError
from florascope.files import cache_dir
from florascope.progress import Progress, silent

NAME = "Oxford Flowers 102"
FOLDER = "flowers-102"
PHOTOS = "jpg"
LABELS = "imagelabels.mat"
SPLITS = "setid.mat"
SETS = ("trnid", "valid", "tstid")
"""The authors' names for train, val and test."""


@dataclass(frozen=True, slots=True)
class Release:
    """What the authors published.

    Attributes:
        url: the address that the file names below are joined to.
        archive: the photos' archive, which holds the folder jpg/.
        archive_md5: its MD5.
        labels_sha256: SHA-256 of imagelabels.mat.
        splits_sha256: SHA-256 of setid.mat.
        photos: how many there are.
    """

    url: str
    archive: str
    archive_md5: str
    labels_sha256: str
    splits_sha256: str
    photos: int


OXFORD = Release(
    url="https://www.robots.ox.ac.uk/~vgg/data/flowers/102/",
    archive="102flowers.tgz",
    archive_md5="52808999861908f626f3c1f4e79d11fa",
    labels_sha256="4903e94206bac23bf772aadf06451916df56b58fc483a62db32a97b82656651d",
    splits_sha256="46b8678f91fd95d3c8f4feab80d271a6c834a1dd896fe29fd3e6ad9ce5c8dccd",
    photos=8189,
)


def oxford102(
    data_dir: Path | None = None, progress: Progress = silent, *, release: Release = OXFORD
) -> Dataset:
    """Open Oxford Flowers 102, downloading it (345 MB) where it is not at hand.

    It is looked for in data_dir, then in the folder that FLORASCOPE_DATA names, then in the cache,
    and downloaded to the first of these that is set.

    Args:
        data_dir: a folder that holds (or shall hold) flowers-102/{jpg/, imagelabels.mat,
            setid.mat}, the layout that torchvision uses too.
        progress: told of the download.
        release: the files to expect.

    Returns:
        The photos in the authors' order, classes "1" to "102", and the split "official"
        (1,020 / 1,020 / 6,149).

    Raises:
        DataError: photos are missing, or the labels or split are not the published files.
        DownloadError: the download failed.
    """
    home = oxford102_at_hand(data_dir) or _fetch(_homes(data_dir)[0] / FOLDER, release, progress)
    return oxford102_in(home, release)


def oxford102_at_hand(data_dir: Path | None = None) -> Path | None:
    """Find the folder with jpg/, imagelabels.mat and setid.mat that `oxford102` would open.

    Returns:
        The folder, or None where nothing is at hand and opening would download.
    """
    places = (place for home in _homes(data_dir) for place in (home / FOLDER, home))
    return next((p for p in places if is_layout(p) and (p / SPLITS).is_file()), None)


def is_layout(folder: Path) -> bool:
    """Whether a folder looks like Oxford's own: jpg/ and imagelabels.mat in it."""
    return (folder / PHOTOS).is_dir() and (folder / LABELS).is_file()


def oxford102_in(folder: Path, release: Release = OXFORD) -> Dataset:
    """Open Oxford Flowers 102 from the folder that holds jpg/, imagelabels.mat and setid.mat.

    Raises:
        DataError: photos are missing, or the labels or split are not the published files.
    """
    paths = _photos(folder / PHOTOS, release)
    labels = _labels(folder / LABELS, release)
    names = oxford102_classes()[: int(labels.max()) + 1]
    photos = [FilePhoto(path, folder / PHOTOS) for path in paths]
    official = _official(folder / SPLITS, release)
    splits = {"official": official}
    return Dataset(NAME, photos, labels, names, splits, published=NAME)


def oxford102_classes() -> tuple[ClassName, ...]:
    """Name the 102 classes, in numeric order.

    The names are the authors' English ones with slips of spelling mended; two that are other
    plants than the photos show (89, a nasturtium, and 93, a pink quill) are named for the photos.
    """
    table = (resources.files("florascope.data") / "oxford102_names.csv").read_text("utf-8")
    return tuple(ClassName(row["id"], row["name"]) for row in csv.DictReader(table.splitlines()))


def _homes(data_dir: Path | None) -> list[Path]:
    """List the folders that may hold data sets, the first choice first."""
    named = [data_dir] if data_dir is not None else []
    if value := os.environ.get("FLORASCOPE_DATA"):
        named.append(Path(value).expanduser())
    return [*named, cache_dir() / "data"]


def _fetch(home: Path, release: Release, progress: Progress) -> Path:
    """Download whatever is missing of the release; what is there stays."""
    digests = {LABELS: release.labels_sha256, SPLITS: release.splits_sha256}
    for name, sha256 in digests.items():
        download(release.url + name, home / name, sha256=sha256, progress=progress)
    if not (home / PHOTOS).is_dir():
        archive = home / release.archive
        put_by_hand = archive.is_file()
        md5 = release.archive_md5
        download(release.url + release.archive, archive, md5=md5, progress=progress)
        unpack(archive, home / PHOTOS, progress=progress)
        if not put_by_hand:
            archive.unlink(missing_ok=True)  # another process may have been quicker
    return home


def _photos(folder: Path, release: Release) -> list[Path]:
    expected = [f"image_{number:05d}.jpg" for number in range(1, release.photos + 1)]
    found = {path.name for path in folder.glob("*.jpg")}
    missing = [name for name in expected if name not in found]
    if missing or len(found) != len(expected):
        odd = f"the first missing is {missing[0]}" if missing else "some are not the authors'"
        raise DataError(
            f"{folder} holds {len(found):,} photos; {odd}",
            expected=f"{release.photos:,}, named {expected[0]} to {expected[-1]}",
            fix=f"Unpack {release.archive} there again",
        )
    return [folder / name for name in expected]


def _labels(path: Path, release: Release) -> Labels:
    labels = _read_mat(path, release.labels_sha256, release.url)["labels"]
    return labels.ravel().astype(np.int64) - 1


def _official(path: Path, release: Release) -> Split:
    table = _read_mat(path, release.splits_sha256, release.url)
    parts = (np.sort(table[key].ravel().astype(np.int64)) - 1 for key in SETS)
    return Split("official", *parts)


def _read_mat(path: Path, sha256: str, url: str) -> dict[str, Integer[np.ndarray, "1 _"]]:
    """Read a MATLAB file, only if it is the published one."""
    from scipy.io import loadmat

    found = Checksum("sha256", sha256).of(path) if path.is_file() else "no such file"
    if found != sha256:
        raise DataError(
            f"{path}: SHA-256 is {found}" if path.is_file() else f"{path} is missing",
            expected=f"SHA-256 {sha256}, the published file",
            fix=f"Replace it by {url}{path.name}",
        )
    return {key: table for key, table in loadmat(path).items() if not key.startswith("_")}
