"""A bundle that answers, for Python: no PyTorch needed."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from florascope.bundle.config import find_bundle
from florascope.data.dataset import ClassName
from florascope.errors import BundleError, FlorascopeError, PhotoError, check_arguments
from florascope.identify.identification import Identification
from florascope.identify.identifier import Identifier
from florascope.identify.prior import Occasion, Prior, read_prior
from florascope.identify.together import Group
from florascope.images import as_rgb

SHIPPED = "flowers102-mobilenetv2"


class Model:
    """Names what is in a photo; safe to call from several threads at once.

        model = fs.Model("runs/mine")
        answer = model.identify("new.jpg")
        answer.statement("es"); answer.to_json()

    Args:
        bundle: a run's folder, a bundle's, or the name of a shipped one.
        threads: that one photo may use; 0 means one a core.
        prior: how likely each class is at a month and place: a table (docs/prior.md) or a function
            of class id, month and cell. It is asked only where a month or a place is given.

    Raises:
        DataError: the prior's table tells what cannot be.
        BundleError: there is no such bundle, or its graph does not do what its config says.
    """

    @check_arguments(BundleError)
    def __init__(
        self,
        bundle: str | os.PathLike[str] = SHIPPED,
        *,
        threads: int = 1,
        prior: Prior | str | os.PathLike[str] | None = None,
    ) -> None:
        self._threads = threads
        self._identifier = Identifier(find_bundle(os.fspath(bundle)), threads)
        if isinstance(prior, str | os.PathLike):
            prior = read_prior(Path(prior), self.classes)
        self._identifier.prior = prior

    def __reduce__(self) -> tuple[Any, ...]:
        """Open the bundle anew, where another process gets the model (multiprocessing, Ray)."""
        anew = partial(Model, threads=self._threads, prior=self._identifier.prior)
        return anew, (str(self._identifier.bundle.absolute()),)

    def __fspath__(self) -> str:
        """Return the bundle's folder: a model goes wherever a path to a bundle is taken."""
        return str(self._identifier.bundle)

    @property
    def classes(self) -> tuple[ClassName, ...]:
        """The K classes, in the order of the logits."""
        return self._identifier.config.classes

    @check_arguments()
    def identify(
        self,
        photo: Any,  # noqa: ANN401 (see `as_rgb`)
        *,
        month: int | None = None,
        place: tuple[float, float] | None = None,
    ) -> Identification:
        """Answer for one photo of any size.

        Args:
            photo: a path, bytes, a PIL image, pixels (h, w, 3); see `florascope.images.as_rgb`.
            month: when it was taken, 1 to 12, for the prior.
            place: where, (latitude, longitude) in degrees, for the prior.

        Raises:
            PhotoError: it is no photo that can be read.
            FlorascopeError: there is no such month or place, or no prior to ask.
        """
        return self._answer(photo, self._occasion(month, place))

    @check_arguments(PhotoError)
    def identify_together(
        self,
        photos: Sequence[Any],
        *,
        month: int | None = None,
        place: tuple[float, float] | None = None,
    ) -> Group:
        """Answer for several photos of one thing, such as views of a plant; see `combine`.

        Args:
            photos: 1 to 20, each as `identify` takes it; `Group.photos` has the answer to each.
            month: see `identify`.
            place: see `identify`.

        Raises:
            PhotoError: one cannot be read, or there are none or too many.
            FlorascopeError: see `identify`.
        """
        occasion = self._occasion(month, place)
        return self._identifier.together([self._answer(photo) for photo in photos], occasion)

    def _answer(self, photo: Any, occasion: Occasion | None = None) -> Identification:  # noqa: ANN401
        shorter = self._identifier.config.preprocessing.shorter
        return self._identifier(as_rgb(photo, shorter=shorter), occasion)

    def _occasion(self, month: int | None, place: tuple[float, float] | None) -> Occasion | None:
        if month is None and place is None:
            return None
        if self._identifier.prior is None:
            raise FlorascopeError(
                "a month or place without a prior", fix="Model(bundle, prior=...)"
            )
        return Occasion.of(month, place)

    def __repr__(self) -> str:
        calibration = self._identifier.config.calibration
        rests = f"calibrated on {calibration.photos:,} photos" if calibration else "not calibrated"
        return f"<Model {self._identifier.bundle.name}: {len(self.classes)} classes, {rests}>"
