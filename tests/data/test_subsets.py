"""Words for train, val and test."""

import pytest

from florascope.data.subsets import SUBSETS, WORDS, subset_named


def test_every_word_means_one_subset_in_any_case() -> None:
    words = [(word, subset) for subset in SUBSETS for word in WORDS[subset].split()]
    assert len({word for word, _ in words}) == len(words)
    for word, subset in words:
        for written in (word, word.upper(), f" {word.title()} ", f"{word}_set", f"{word}-images"):
            assert subset_named(written) == subset, written


@pytest.mark.parametrize("word", ["", "rose", "set", "images", "trains", "my train", "1"])
def test_other_words_mean_none(word: str) -> None:
    assert subset_named(word) is None
