"""A bundle that answers, for Python: no PyTorch needed."""

import os
from typing import Any

from florascope.bundle.config import find_bundle
from florascope.data.dataset import ClassName
from florascope.identify.identification import Identification
from florascope.identify.identifier import Identifier
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

    Raises:
        BundleError: there is no such bundle, or its graph does not do what its config says.
    """

    def __init__(self, bundle: str | os.PathLike[str] = SHIPPED, *, threads: int = 1) -> None:
        self._identifier = Identifier(find_bundle(os.fspath(bundle)), threads)

    @property
    def classes(self) -> tuple[ClassName, ...]:
        """The K classes, in the order of the logits."""
        return self._identifier.config.classes

    def identify(self, photo: Any) -> Identification:  # noqa: ANN401 (see `as_rgb`)
        """Answer for one photo of any size.

        Args:
            photo: a path, bytes, a PIL image, pixels (h, w, 3); see `florascope.images.as_rgb`.

        Raises:
            PhotoError: it is no photo that can be read.
        """
        shorter = self._identifier.config.preprocessing.shorter
        return self._identifier(as_rgb(photo, shorter=shorter))

    def __repr__(self) -> str:
        calibration = self._identifier.config.calibration
        rests = f"calibrated on {calibration.photos:,} photos" if calibration else "not calibrated"
        return f"<Model {self._identifier.bundle.name}: {len(self.classes)} classes, {rests}>"
