"""Messages by hand."""

import pickle

import pytest

from florascope.errors import (
    BundleError,
    DataError,
    DownloadError,
    ExplanationError,
    FlorascopeError,
    PhotoError,
    TrainingError,
    WeightsError,
)


@pytest.mark.parametrize(
    ("found", "expected", "fix", "message"),
    [
        ("x is a file", "", "", "x is a file."),
        ("x is a file.", "", "", "x is a file."),
        ("x is a file", "a folder", "", "x is a file. expected a folder."),
        ("x is a file", "", "Choose another.", "x is a file. Choose another."),
        ("x is a file", "a folder", "Move it", "x is a file. expected a folder. Move it."),
    ],
)
def test_a_message_says_what_was_found_expected_and_to_do(
    found: str, expected: str, fix: str, message: str
) -> None:
    error = FlorascopeError(found, expected=expected, fix=fix)
    assert str(error) == message
    assert (error.found, error.expected, error.fix) == (found, expected, fix)


@pytest.mark.parametrize(
    "kind",
    [
        BundleError,
        DataError,
        DownloadError,
        ExplanationError,
        PhotoError,
        TrainingError,
        WeightsError,
    ],
)
def test_every_kind_is_caught_as_one(kind: type[FlorascopeError]) -> None:
    with pytest.raises(FlorascopeError, match=r"^gone\. Look\.$"):
        raise kind("gone", fix="Look")


def test_a_message_survives_another_process() -> None:
    error = PhotoError("x.jpg is empty", expected="a photo", fix="Remove it")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is PhotoError
    assert str(again) == str(error)
