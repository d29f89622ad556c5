"""Recorded photos, searched for the one that a photo derives from: cropped, mirrored, edited.

Keypoints with similar codes are matched by hashing (Indyk & Motwani, "Approximate nearest
neighbors", STOC 1998). Each match is a similarity transform, and those that agree about it add up;
unlike photos of one plant, a derived photo has several that agree closely.
"""

from collections.abc import Iterator, Sequence
from itertools import islice, takewhile
from typing import NamedTuple

import numpy as np
from PIL import Image

from florascope.data.dataset import Photo, read_shrunken
from florascope.data.local_features import (
    ASKED_SIDE,
    BITS,
    RECORDED_SIDE,
    Codes,
    Indexes,
    LocalFeatures,
    Marks,
    PhotoMarks,
    Places,
    Values,
    cosines,
    local_features,
    marks_of,
    no_marks,
    unpack_marks,
)
from florascope.errors import PhotoError
from florascope.images import RGB
from florascope.parallel import in_order
from florascope.progress import Progress, silent, track
from florascope.shapes import Float32, Int64, UInt8, UInt32, UInt64

NEAR, SURE = 23, 34  # bits that may differ; a match is worth SURE less those that do
BANDS = 9  # of bits; matches agree in one wholly, as 3 in 4 of those with 18 differing bits do
OCTAVES, RADIANS = 0.35, 0.35  # in which the transforms of two confirming matches may differ
OFF, OFF_FAR, LEAST = 0.015, 0.08, 0.03  # how far off a place may be, near and far; how near not
CONFIRMED = 2  # times: two keypoints fix a similarity transform, others must agree with it
ENOUGH, TENFOLD = 46, 7  # evidence of 1,000 recorded photos; more for ten times as many
EACH = 6  # evidence for each keypoint that should be visible: photos of one plant share few
"""Chosen on the training and validation photos of Oxford 102; see docs/measured-photos.md."""

RELATED = 8  # recorded photos of which one photo is said to share its picture
SIDE = 64  # pixels at which two photos are laid over each other
SAME = 0.92  # correlation of grey levels where they overlap; see benchmarks/leak/both_sides.py
RECORDED = 1000
"""Photos whose keypoints are recorded unasked: it takes as long as their features do again."""


class _Matches(NamedTuple):
    """Pairs of a keypoint of an asked photo and one of a recorded photo with similar codes.

    Attributes:
        asked, recorded: indexes of the two keypoints.
        evidence: how few bits differ, at most `SURE`.
        group: of the recorded photo, and of the photo as its mirror image.
        start, goal: (m, 2) the places of the recorded (mirrored where need be) and the asked one.
        octaves, angles: what takes the recorded keypoint to the asked one.
    """

    asked: Indexes
    recorded: Indexes
    evidence: Values
    group: Indexes
    start: Places
    goal: Places
    octaves: Values
    angles: Values

    def moved(self, at: int | Indexes, places: Places) -> Places:
        """Where the similarity transforms of some matches take places."""
        scale, angle = 2 ** self.octaves[at], self.angles[at]
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        x, y = (places - self.start[at]).T
        return np.stack([cos * x - sin * y, sin * x + cos * y], 1) + self.goal[at]

    def placement(self, which: Indexes, *, mirrored: bool) -> "Placement":
        """Fit one similarity transform to some matches, by least squares."""
        start, goal = (places[which] @ np.array([1, 1j]) for places in (self.start, self.goal))
        off, moved = start - start.mean(), goal - goal.mean()
        turn = np.vdot(off, moved) / np.vdot(off, off).real
        return Placement(complex(turn), complex(goal.mean() - turn * start.mean()), mirrored)


class Likeliest(NamedTuple):
    """The recorded photo for which the most speaks.

    Attributes:
        source: its index; -1: nothing speaks for any.
        evidence: of the keypoints that agree.
        visible: how many of its keypoints would lie in the photo, did that derive from it.
    """

    source: int
    evidence: float
    visible: int


class Placement(NamedTuple):
    """How a recorded photo lies in another, places x + iy being complex numbers.

    Attributes:
        turn, shift: take a place z of the recorded photo to turn z + shift.
        mirrored: whether x of the recorded photo changes its sign before.
    """

    turn: complex
    shift: complex
    mirrored: bool


class RecordedPhotos:
    """Photos that are recorded by their marks, laid out to be searched.

    Args:
        marks: (n, 16, 16) see `marks_of`.
    """

    def __init__(self, marks: Marks) -> None:
        used = marks.any(2)
        self._owners = np.nonzero(used)[0]
        self._features = unpack_marks(marks[used])
        self._words = _words(self._features.codes)
        self._tables = [_table(keys) for keys in _band_keys(self._features.codes)]
        self._enough = ENOUGH + TENFOLD * max(0.0, float(np.log10(max(1, len(marks)) / 1000)))

    def source_of(self, rgb: RGB) -> int:
        """Return the index of the recorded photo that a photo derives from; -1: of none."""
        found = self.likeliest(rgb)
        return found.source if self._suffices(found) else -1

    def likeliest(self, rgb: RGB) -> Likeliest:
        """Return the recorded photo for which the most speaks."""
        return next(self._candidates(rgb), (Likeliest(-1, 0.0, 0), None))[0]

    def related_to(self, rgb: RGB) -> list[tuple[int, Placement]]:
        """Return the recorded photos that derive from a photo or from which that derives.

        Copies and the photo itself are among them, where they are recorded. The surest is first,
        and `RELATED` are enough: all photos of a fixed camera are like one another.
        """
        strong = takewhile(lambda c: c[0].evidence >= self._enough, self._candidates(rgb))
        related = ((found.source, how) for found, how in strong if self._suffices(found))
        return list(islice(related, RELATED))

    def _suffices(self, found: Likeliest) -> bool:
        return found.evidence >= max(self._enough, EACH * found.visible)

    def _candidates(self, rgb: RGB) -> Iterator[tuple[Likeliest, Placement]]:
        """Recorded photos by their evidence; one may come twice, as it is and mirrored."""
        asked = local_features(rgb)
        plain, mirrored = (self._matches(asked, mirrored=flag) for flag in (False, True))
        matches = _Matches(*map(np.concatenate, zip(plain, mirrored, strict=True)))
        height, width = rgb.shape[:2]
        edges = np.sqrt([width / height, height / width]) / 2
        for at, evidence, agreeing in _strongest(matches):
            source, mirror = divmod(int(matches.group[at]), 2)
            start = self._features.places[self._owners == source] * _flip(mirrored=bool(mirror))
            visible = (np.abs(matches.moved(at, start)) <= edges).all(1)
            found = Likeliest(source, evidence, int(visible.sum()))
            yield found, matches.placement(agreeing, mirrored=bool(mirror))

    def _matches(self, asked: LocalFeatures, *, mirrored: bool) -> _Matches:
        codes = asked.codes ^ cosines()[1] if mirrored else asked.codes
        one, other, differing = self._near(codes)
        recorded = self._features[other]
        angles = np.pi - recorded.angles if mirrored else recorded.angles
        return _Matches(
            one,
            other,
            (SURE - differing).astype(np.float32),
            2 * self._owners[other] + mirrored,
            recorded.places * _flip(mirrored=mirrored),
            asked.places[one],
            asked.octaves[one] - recorded.octaves,
            asked.angles[one] - angles,
        )

    def _near(self, codes: Codes) -> tuple[Indexes, Indexes, Indexes]:
        """Find recorded codes that differ in at most `NEAR` bits and agree in one band wholly.

        Returns:
            The index of each code, of the recorded one, and how many bits differ, all (m,).
        """
        words, count, found = _words(codes), max(1, len(self._owners)), []
        for keys, (order, edges) in zip(_band_keys(codes), self._tables, strict=True):
            one, place = _ranges(edges[keys], edges[keys + 1])
            other, differing = order[place], np.zeros(len(place), np.uint8)
            for asked, recorded in zip(words, self._words, strict=True):
                # most differ too much in the first word already
                differing = differing + np.bitwise_count(asked[one] ^ recorded[other])
                near = differing <= NEAR
                one, other, differing = one[near], other[near], differing[near]
            found.append(np.stack([one * count + other, differing]))
        pairs, distances = np.concatenate(found, 1)
        pairs, first = np.unique(pairs, return_index=True)
        one, other = np.divmod(pairs, count)
        return one, other, distances[first]


def sources_of(photos: Sequence[Photo], marks: Marks, progress: Progress = silent) -> Indexes:
    """Return the index of the recorded photo that each photo derives from; -1: of none, (n,).

    Args:
        photos: n photos; unreadable ones derive from none.
        marks: of the recorded photos.
        progress: told of each photo.
    """
    recorded = RecordedPhotos(marks)

    def source(photo: Photo) -> int:
        try:
            return recorded.source_of(read_shrunken(photo, ASKED_SIDE))
        except PhotoError:
            return -1

    found = track(in_order(source, photos), len(photos), "Looking for parts of photos", progress)
    return np.array(list(found), np.int64)


def related_photos(
    photos: Sequence[Photo], sources: Sequence[Photo], marks: Marks, progress: Progress = silent
) -> Int64[np.ndarray, "p 2"]:
    """Find pairs of a photo and a recorded one that are parts or edits of one picture.

    Crops, turned or recoloured photos and plain copies count, whichever of the two was first. What
    keypoints propose must agree pixel by pixel where the two overlap: flowers that are drawn alike
    have keypoints in common. It takes some 25 ms of a core a photo.

    Args:
        photos: m photos; unreadable ones are in no pair.
        sources: n photos, likewise.
        marks: (n, 16, 16) of the sources.
        progress: told of each of the m photos.

    Returns:
        (p, 2) indexes into photos and sources, in order.
    """
    recorded = RecordedPhotos(marks)

    def related(photo: Photo) -> list[int]:
        try:
            rgb = read_shrunken(photo, ASKED_SIDE)
            return [
                source
                for source, how in recorded.related_to(rgb)
                if correlation(rgb, read_shrunken(sources[source], ASKED_SIDE), how) >= SAME
            ]
        except PhotoError:
            return []

    found = track(in_order(related, photos), len(photos), "Looking for parts of photos", progress)
    pairs = [(index, source) for index, some in enumerate(found) for source in some]
    return np.unique(np.array(pairs, np.int64).reshape(-1, 2), axis=0)


def correlation(rgb: RGB, recorded: UInt8[np.ndarray, "y x 3"], how: Placement) -> float:
    """Correlate the grey levels of two photos where they overlap, -1 to 1; 0 where they do not.

    Args:
        rgb: (h, w, 3).
        recorded: (y, x, 3).
        how: the second lies in the first.
    """
    scale = abs(how.turn)
    one, other = _grey(rgb, SIDE / max(1, scale)), _grey(recorded, SIDE * min(1, scale))
    back = _pixels_back(one.size, other.size, how)
    laid, inside = (
        np.asarray(
            image.transform(one.size, Image.Transform.AFFINE, back, Image.Resampling.BILINEAR)
        )
        for image in (other, Image.new("L", other.size, 255))
    )
    both = inside == 255
    if np.count_nonzero(both) < SIDE:
        return 0.0
    levels = np.stack([np.asarray(one)[both], laid[both]]).astype(np.float64)
    levels -= levels.mean(1, keepdims=True)
    size = float(np.prod(np.linalg.norm(levels, axis=1)))
    return float(levels[0] @ levels[1]) / size if size else 0.0


def _grey(rgb: RGB, side: float) -> Image.Image:
    """Reduce to the area of a square of a side."""
    scale = side / np.sqrt(rgb.shape[0] * rgb.shape[1])
    size = [max(2, round(scale * pixels)) for pixels in (rgb.shape[1], rgb.shape[0])]
    return Image.fromarray(rgb).convert("L").resize(size, Image.Resampling.BILINEAR)


def _pixels_back(
    size: tuple[int, int], other: tuple[int, int], how: Placement
) -> tuple[float, float, float, float, float, float]:
    """What takes a pixel of a photo of one size to one of the other, as Pillow asks for it."""
    ratio = np.sqrt(other[0] * other[1] / (size[0] * size[1]))
    turn = ratio / how.turn
    shift = -how.shift / how.turn * np.sqrt(other[0] * other[1]) - turn * complex(*size) / 2
    x = -1 if how.mirrored else 1
    return (
        x * turn.real,
        -x * turn.imag,
        x * shift.real + other[0] / 2,
        turn.imag,
        turn.real,
        shift.imag + other[1] / 2,
    )


def record(photos: Sequence[Photo], progress: Progress = silent) -> Marks:
    """Read photos and record them, (n, 16, 16); zeros where one is unreadable."""

    def marks(photo: Photo) -> PhotoMarks:
        try:
            return marks_of(read_shrunken(photo, RECORDED_SIDE))
        except PhotoError:
            return no_marks(1)[0]

    made = track(in_order(marks, photos), len(photos), "Recording keypoints", progress)
    return np.stack(list(made)) if photos else no_marks(0)


def _flip(*, mirrored: bool) -> Float32[np.ndarray, "2"]:
    """What mirrors places, or does not."""
    return np.array([-1 if mirrored else 1, 1], np.float32)


def _lengths(places: Places) -> Values:
    return np.hypot(places[:, 0], places[:, 1])


def _words(codes: Codes) -> tuple[UInt64[np.ndarray, "n"], UInt32[np.ndarray, "n"]]:
    """The codes' first 64 and last 32 bits as numbers."""
    first, last = (np.ascontiguousarray(part) for part in (codes[:, :8], codes[:, 8:]))
    return first.view(np.uint64)[:, 0], last.view(np.uint32)[:, 0]


def _band_keys(codes: Codes) -> list[Indexes]:
    """Each code's bits of each band as a number; a band takes bits of all frequencies."""
    bits = np.unpackbits(codes, axis=1).astype(np.int64)
    bands = [bits[:, band::BANDS] for band in range(BANDS)]
    return [band @ (1 << np.arange(band.shape[1])) for band in bands]


def _table(keys: Indexes) -> tuple[Indexes, Indexes]:
    """Sort by key: the order, and where each key begins in it; the last number is where it ends."""
    order = np.argsort(keys, kind="stable")
    return order, np.searchsorted(keys[order], np.arange(2 ** -(-BITS // BANDS) + 1))


def _ranges(first: Indexes, last: Indexes) -> tuple[Indexes, Indexes]:
    """Every place of each range: which range, and the place."""
    counts = last - first
    ends = np.cumsum(counts)
    which = np.repeat(np.arange(len(counts)), counts)
    return which, np.arange(len(which)) + np.repeat(first - ends + counts, counts)


def _strongest(matches: _Matches) -> Iterator[tuple[int, float, Indexes]]:
    """Of each group the match whose transform most others confirm, the strongest group first.

    With each, the evidence of them together, and all of them; of the matches of one recorded
    keypoint the best counts. A group without a transform that is confirmed is left out.
    """
    one, other = _confirming(matches)
    if not len(one):
        return
    keypoints = int(matches.recorded.max()) + 1
    pairs, place = np.unique(one * keypoints + matches.recorded[other], return_inverse=True)
    evidence = np.zeros(len(pairs), np.float32)
    np.maximum.at(evidence, place, matches.evidence[other])
    count = np.bincount(pairs // keypoints, minlength=len(matches.asked))
    confirmed = np.bincount(pairs // keypoints, evidence, len(matches.asked))
    total = np.where(count >= CONFIRMED, confirmed + matches.evidence, 0)
    order = np.argsort(-total, kind="stable")[: np.count_nonzero(total)]
    first = np.unique(matches.group[order], return_index=True)[1]
    for at in order[np.sort(first)].tolist():
        yield at, float(total[at]), np.append(other[one == at], at)


def _confirming(matches: _Matches) -> tuple[Indexes, Indexes]:
    """Pairs of matches of one group where the first's similarity transform takes in the second."""
    order = np.argsort(matches.group, kind="stable")
    groups = matches.group[order]
    first, last = (np.searchsorted(groups, groups, side) for side in ("left", "right"))
    one, other = (order[k] for k in _ranges(first, last))
    turn = matches.angles[other] - matches.angles[one]
    alike = (
        (np.abs(matches.octaves[other] - matches.octaves[one]) < OCTAVES)
        & (np.cos(turn) > np.cos(RADIANS))
        & (matches.asked[one] != matches.asked[other])
    )
    one, other = one[alike], other[alike]
    off = _lengths(matches.moved(one, matches.start[other]) - matches.goal[other])
    apart = _lengths(matches.start[other] - matches.start[one])
    near = (off <= 2 ** matches.octaves[one] * (OFF + OFF_FAR * apart)) & (apart > LEAST)
    return one[near], other[near]
