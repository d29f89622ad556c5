"""What a photo is recognised by wherever it lies: a digest of its content, and its look."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from florascope.data.dataset import Dataset, Indexes, Photo, read_shrunken
from florascope.data.local_features import Marks
from florascope.errors import PhotoError
from florascope.images import RGB
from florascope.parallel import in_order
from florascope.preprocessing import Preprocessing
from florascope.progress import Progress, silent, track
from florascope.shapes import Bool, Int64, UInt8, UInt16, UInt64

SIDE = 16
BITS = SIDE * SIDE
NEAR = 20  # of 256 bits: re-encoded and resized photos differ in fewer, different ones in ~128
FLAT = 0.1  # share of set bits, or of clear ones, below which a photo has too little structure

Hash = Bool[np.ndarray, "bits"]
Hashes = Bool[np.ndarray, "n bits"]
Contents = UInt64[np.ndarray, "n"]
Looks = UInt8[np.ndarray, "n bytes"]


@dataclass(frozen=True, eq=False)
class PhotoKeys:
    """What n photos are recognised by, in 40 bytes each and 256 where there are marks.

    Attributes:
        contents: (n,) see `content_keys`.
        looks: (n, 32) the packed `difference_hash` of each photo's crop, as the network sees it.
            Of 200 originals of Oxford 102 and the same photos at half the size, saved again, it
            differed in 14 of 256 bits at most; from the other 8,188 in 39 at least, but for one
            that is there twice.
        marks: (n, 16, 16) keypoints, by which derived photos are recognised; None where nobody
            recorded them.
    """

    contents: Contents
    looks: Looks
    marks: Marks | None = None

    def __len__(self) -> int:
        return len(self.contents)

    def __getitem__(self, indexes: Indexes) -> "PhotoKeys":
        marks = None if self.marks is None else self.marks[indexes]
        return PhotoKeys(self.contents[indexes], self.looks[indexes], marks)

    @property
    def hashes(self) -> Hashes:
        """The looks as bits, (n, 256)."""
        return unpack_looks(self.looks)


def content_key(text: str) -> int:
    """Return the first 8 bytes of the BLAKE2b of a photo's digest, or of a name, as a number."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def content_keys(dataset: Dataset) -> Contents:
    """Return a key of each photo that stays the same wherever the photo lies, (n,).

    It is made of the content (a file's bytes; the pixels of a photo that lies in no file), so that
    moving, copying and renaming change nothing, and saving again changes it. In a published
    collection it is made of the collection's and the photo's name, which are the same on every
    machine while the bytes may be those of a smaller copy; no photo is then read.

    Photos that cannot be read get a key of their own.
    """
    if dataset.published:
        named = (f"{dataset.published}/{photo.name}" for photo in dataset.photos)
        return np.fromiter(map(content_key, named), np.uint64, len(dataset))
    keys = in_order(_content, dataset.photos)
    return np.fromiter(keys, np.uint64, len(dataset))


def _content(photo: Photo) -> int:
    try:
        return content_key(photo.digest())
    except PhotoError as error:
        return content_key(str(error))


def pack_look(rgb: RGB) -> UInt8[np.ndarray, "bytes"]:
    """Pack the difference hash of a photo or a crop, (32,)."""
    return np.packbits(difference_hash(rgb))


def no_looks(count: int) -> Looks:
    """Return the looks of photos that cannot be read, (count, 32): they resemble nothing."""
    return np.zeros((count, BITS // 8), np.uint8)


def looks_of(
    photos: Sequence[Photo], preprocessing: Preprocessing, progress: Progress = silent
) -> Looks:
    """Read photos and return the looks of their crops, (n, 32); zeros where one is unreadable."""

    def look(photo: Photo) -> UInt8[np.ndarray, "bytes"]:
        try:
            return pack_look(preprocessing.crop(read_shrunken(photo, preprocessing.shorter)))
        except PhotoError:
            return no_looks(1)[0]

    rows = list(track(in_order(look, photos), len(photos), "Comparing photos", progress))
    return np.stack(rows) if rows else no_looks(0)


def unpack_looks(looks: Looks) -> Hashes:
    """Turn packed looks into bits, (n, 256)."""
    return np.unpackbits(looks, axis=1).astype(bool)


def difference_hash(rgb: RGB) -> Hash:
    """Whether each of 16 x 16 grey places is brighter than its right neighbour, (256,).

    N. Krawetz, "Kind of like that", 2013 (dHash), on 17 x 16 pixels.
    """
    grey = Image.fromarray(rgb).convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BOX)
    values = np.asarray(grey, np.int16)
    return (values[:, :-1] > values[:, 1:]).ravel()


def near_pairs(
    hashes: Hashes, others: Bool[np.ndarray, "m bits"] | None = None, limit: int = NEAR
) -> Int64[np.ndarray, "p 2"]:
    """Find pairs whose hashes differ in at most limit bits.

    Photos without structure (a plain wall hashes to nearly no bits) are left out.

    Args:
        hashes: (n, bits).
        others: (m, bits); None pairs hashes with themselves, each pair once, i < j.
        limit: most differing bits.

    Returns:
        (p, 2) indexes into hashes and others.
    """
    packed = None if others is None else np.packbits(others, axis=1)
    return near_looks(np.packbits(hashes, axis=1), packed, limit)


def near_looks(
    looks: UInt8[np.ndarray, "n bytes"],
    others: UInt8[np.ndarray, "m bytes"] | None = None,
    limit: int = NEAR,
) -> Int64[np.ndarray, "p 2"]:
    """Do the same with packed hashes."""
    return _near(looks, others, limit)[0]


def nearest(
    hashes: Hashes, others: Bool[np.ndarray, "m bits"], limit: int = NEAR
) -> Int64[np.ndarray, "n"]:
    """Return the index of the nearest of the others for each hash; -1: none within limit bits.

    Of several that are equally near the first is taken.
    """
    pairs, distances = _near(np.packbits(hashes, axis=1), np.packbits(others, axis=1), limit)
    order = np.lexsort((pairs[:, 1], distances, pairs[:, 0]))
    rows, first = np.unique(pairs[order, 0], return_index=True)
    best = np.full(len(hashes), -1, np.int64)
    best[rows] = pairs[order[first], 1]
    return best


Pairs = Int64[np.ndarray, "p 2"]


def _near(
    one: UInt8[np.ndarray, "n bytes"], other: UInt8[np.ndarray, "m bytes"] | None, limit: int
) -> tuple[Pairs, Int64[np.ndarray, "p"]]:
    """Return the pairs in order, and their distances.

    Exact, without looking at all pairs: of limit + 1 bands of bits, hashes that differ in at most
    limit bits agree in one wholly (Manku, Jain & Das Sarma, "Detecting near-duplicates for web
    crawling", WWW 2007), so only those that agree in a band are compared.
    """
    rows = np.flatnonzero(_structured(one))
    columns = rows if other is None else np.flatnonzero(_structured(other))
    words = _words(one[rows])
    against = words if other is None else _words(other[columns])
    found = [np.zeros((0, 2), np.int64)]
    for band in range(limit + 1):
        keys = _band(one[rows], band, limit + 1)
        theirs = keys if other is None else _band(other[columns], band, limit + 1)
        order = np.argsort(theirs, kind="stable")
        first, last = (np.searchsorted(theirs[order], keys, side) for side in ("left", "right"))
        if other is None:
            first[order] = np.arange(1, len(order) + 1)  # each pair once: with what lies behind
        for asked, place in _ranges(first, last):
            differing = np.bitwise_count(words[asked] ^ against[order[place]])
            near = differing.sum(1, dtype=np.int64) <= limit
            found.append(np.stack([asked[near], order[place[near]]], 1))
    pairs = np.concatenate(found)
    pairs = np.unique(np.sort(pairs, 1) if other is None else pairs, axis=0)
    distances = np.bitwise_count(words[pairs[:, 0]] ^ against[pairs[:, 1]]).sum(1, dtype=np.int64)
    return np.stack([rows[pairs[:, 0]], columns[pairs[:, 1]]], 1), distances


def _ranges(first: Indexes, last: Indexes) -> Iterator[tuple[Indexes, Indexes]]:
    """Go through all ranges at once: yield which go on, and where each is."""
    at, step = np.arange(len(first)), 0
    while len(at := at[first[at] + step < last[at]]):
        yield at, first[at] + step
        step += 1


def _band(looks: UInt8[np.ndarray, "n bytes"], band: int, count: int) -> UInt16[np.ndarray, "n"]:
    """Return each hash's bits of one of count bands as a number; at most 16 of them.

    A band takes bits from all over the picture: neighbouring ones tend to agree anyway.
    """
    key = np.zeros(len(looks), np.uint16)
    for place in range(band, 8 * looks.shape[1], count)[:16]:
        bit = (looks[:, place // 8] >> (7 - place % 8)) & 1
        key = (key << np.uint16(1)) | bit.astype(np.uint16)
    return key


def _words(looks: UInt8[np.ndarray, "n bytes"]) -> UInt64[np.ndarray, "n w"]:
    """View packed bits as numbers of 64, with zeros added where there are too few."""
    padded = np.pad(looks, ((0, 0), (0, -looks.shape[1] % 8)))
    return np.ascontiguousarray(padded).view(np.uint64)


def _structured(looks: UInt8[np.ndarray, "n bytes"]) -> Bool[np.ndarray, "n"]:
    share = np.bitwise_count(looks).mean(1) / 8
    return (share > FLAT) & (share < 1 - FLAT)
