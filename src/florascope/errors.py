"""Errors that say what was found, what was expected and what to do next."""

from collections.abc import Callable
from typing import Self


class FlorascopeError(Exception):
    """Anything a user can mend: bad input, a missing file, an option that does not fit.

    Parameters and calls stand between backticks, as Python writes them: "Use `size=160`". The
    command line says them as options, prints the message alone, without a traceback, and exits with
    status 1.

    Args:
        found: what was met, naming the file or value.
        expected: what would have been right, as a phrase ("a folder of class folders").
        fix: what to do or type next, as a sentence.
    """

    def __init__(self, found: str, *, expected: str = "", fix: str = "") -> None:
        self.found, self.expected, self.fix = found, expected, fix
        sentences = [found, f"expected {expected}" if expected else "", fix]
        super().__init__(". ".join(s.rstrip(".") for s in sentences if s) + ".")

    def reworded(self, say: Callable[[str], str]) -> Self:
        """Return the same error in other words."""
        return type(self)(say(self.found), expected=say(self.expected), fix=say(self.fix))


class PhotoError(FlorascopeError):
    """A photo that cannot be read, or that is refused for its size or format."""


class DataError(FlorascopeError):
    """A data set, split or manifest that cannot be used as it is."""


class DownloadError(FlorascopeError):
    """A download that failed or whose bytes are not the published ones."""


class WeightsError(FlorascopeError):
    """Backbone weights that are missing or do not fit the backbone."""


class BundleError(FlorascopeError):
    """A folder that is not a usable model bundle."""


class ExplanationError(FlorascopeError):
    """An explanation that does not exist for this network or request."""


class TrainingError(FlorascopeError):
    """A training run that cannot start or go on."""
