"""Many photo files explained: in order, the broken ones named, whatever the batch."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from florascope.audit.card import trust
from florascope.audit.photo_by_photo import MANY, Explained, explain_photos
from florascope.errors import PhotoError
from florascope.explanation.explanation import Question, explain
from florascope.explanation.inference import PAIR
from florascope.nets.classifier import Classifier


@pytest.fixture
def files(tmp_path: Path, photos: list[np.ndarray]) -> list[str]:
    """More than four batches of photos, each another shade, with a broken one in the middle."""
    paths = [tmp_path / f"{n}.png" for n in range(4 * PAIR + 1)]
    for n, path in enumerate(paths):
        Image.fromarray((photos[n % len(photos)] * (1 - n / 30)).astype(np.uint8)).save(path)
    paths[PAIR + 1].write_bytes(b"no photo")
    assert len(paths) > MANY
    return [str(path) for path in paths]


def test_each_photo_as_if_it_were_the_only_one(
    patch_classifier: Classifier, files: list[str]
) -> None:
    question = Question.of(patch_classifier, "cam")
    told: list[tuple[int, int]] = []
    made = explain_photos(
        patch_classifier,
        question,
        files,
        lambda explained: explained,
        progress=lambda _, done, total: told.append((done, total)),
    )
    for path, found in zip(files, made, strict=True):
        if path == files[PAIR + 1]:
            assert isinstance(found, PhotoError)
            continue
        assert isinstance(found, Explained)
        alone = explain(patch_classifier, path, "cam")
        (figures,) = trust(patch_classifier, [alone])
        assert found.photo == path
        assert found.trust is not None
        assert found.trust.to_json() == pytest.approx(figures.to_json(), abs=1e-5)
        np.testing.assert_allclose(found.explanation.values, alone.values, atol=1e-6)
    assert told[-1] == (5, 5)


def test_trust_is_measured_only_where_asked(patch_classifier: Classifier, files: list[str]) -> None:
    question = Question.of(patch_classifier, "cam", target=0)
    (found,) = explain_photos(
        patch_classifier, question, files[:1], lambda explained: explained, trusted=False
    )
    assert isinstance(found, Explained)
    assert found.trust is None
