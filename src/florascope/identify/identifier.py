"""Answers from a bundle with NumPy and ONNX Runtime alone."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from florascope.bundle.config import GRAPH, MAX_GRAPH, BundleConfig, read_config, read_own_file
from florascope.bundle.facts import read_facts
from florascope.bundle.onnx_check import check_graph
from florascope.bundle.runtime import open_session, quiet_options
from florascope.errors import BundleError, PhotoError
from florascope.identify.catalogue import Catalogue
from florascope.identify.identification import Identification, Observation, is_strange
from florascope.identify.prior import Occasion, Prior, Weighting, weigh, weights
from florascope.identify.together import Group, combine
from florascope.identify.verdict import Judgement, judge, unnamed
from florascope.images import RGB, read_photo
from florascope.metrics import softmax
from florascope.preprocessing import Crop
from florascope.shapes import Float32

if TYPE_CHECKING:  # importing it takes a fortieth of an answer
    from numpy.typing import NDArray

OUTPUTS = ("logits", "cam", "similarities", "features", "ratios")


class Identifier:
    """Names what is in a photo; safe to call from several threads at once.

        answer = Identifier(find_bundle("flowers"))(photo_bytes)
        answer.verdict.level, answer.statement("es"), answer.cautions(), answer.to_json()

    Args:
        bundle: the bundle's folder.
        threads: that one photo may use; 0 means one a core. Where several photos are asked about
            at once, the callers' threads are the parallelism.

    Attributes:
        bundle: the folder.
        config: what it says of itself.
        catalogue: its classes.
        prior: how likely each class is at a time and place, asked where an occasion is given; None
            until somebody sets one.

    Raises:
        BundleError: the folder is no bundle, or its graph does not do what its config says.
        DataError: its facts.csv tells what cannot be; see `read_facts`.
    """

    def __init__(self, bundle: Path, threads: int = 1) -> None:
        self.bundle, self.config = bundle, read_config(bundle)
        self.prior: Prior | None = None
        facts = read_facts(bundle, self.config.classes)
        self.catalogue = Catalogue.of(self.config.classes, facts)
        self._session = _open(bundle, self.config, threads)
        self._widths = dict.fromkeys(OUTPUTS, len(self.config.classes))
        self._widths["features"] = self.config.num_features
        found = _check(self._session, self._widths, bundle)
        self._outputs = [name for name in OUTPUTS if name in found]
        self._takes_several = not isinstance(self._session.get_inputs()[0].shape[0], int)

    def __call__(
        self, photo: RGB | bytes | Path, occasion: Occasion | None = None
    ) -> Identification:
        """Answer for one photo of any size: pixels (h, w, 3), a file's bytes, or its path.

        Args:
            photo: as above.
            occasion: when and where, for the prior; None asks none.

        Raises:
            PhotoError: the bytes or the file are no photo that can be read.
        """
        return self.conclude(self.observe(photo), occasion)

    def several(
        self, photos: Sequence[RGB | bytes | Path], occasion: Occasion | None = None
    ) -> list[Identification | PhotoError]:
        """Answer for some photos in one pass of the network; `CPU_BATCH` of them are the fastest.

        What cannot be read leaves its error in its place. Other errors as `observe`.
        """
        cut = [self._cut(photo) for photo in photos]
        crops = [crop for crop in cut if not isinstance(crop, PhotoError)]
        seen = iter(self.observe_crops(crops))
        return [
            crop if isinstance(crop, PhotoError) else self.conclude(next(seen), occasion)
            for crop in cut
        ]

    def _cut(self, photo: RGB | bytes | Path) -> Crop | PhotoError:
        try:
            return self._crop(photo)
        except PhotoError as error:
            return error

    def _crop(self, photo: RGB | bytes | Path) -> Crop:
        pre = self.config.preprocessing
        rgb = photo if isinstance(photo, np.ndarray) else read_photo(photo, shorter=pre.shorter)
        return pre.crop(rgb)

    def observe(self, photo: RGB | bytes | Path) -> Observation:
        """Run the network: logits, every class's map, similarity and features in one pass.

        Raises:
            PhotoError: the bytes or the file are no photo that can be read.
            BundleError: the network gives no finite numbers, or others than it promised.
        """
        return self.observe_crop(self._crop(photo))

    def observe_crop(self, crop: Crop) -> Observation:
        """Run the network on what the preprocessing cut out of a photo, (size, size, 3).

        Raises:
            BundleError: see `observe`.
        """
        (seen,) = self.observe_crops([crop])
        return seen

    def observe_crops(self, crops: Sequence[Crop]) -> list[Observation]:
        """Do the same for several in one pass, where the graph takes more than one at a time."""
        if not crops:
            return []
        if len(crops) > 1 and not self._takes_several:
            return [self.observe_crop(crop) for crop in crops]
        try:
            found = self._run(self.config.preprocessing.normalise(np.stack(crops)))
        except BundleError:
            if len(crops) == 1:
                raise
            self._takes_several = False  # whatever the graph says of its input
            return self.observe_crops(crops)
        rows = [{name: values[i] for name, values in found.items()} for i in range(len(crops))]
        return [self._observation(crop, row) for crop, row in zip(crops, rows, strict=True)]

    def _observation(self, crop: Crop, found: "dict[str, NDArray[np.float32]]") -> Observation:
        maps, ratios = found.get("cam"), found.get("ratios")
        features = found.get("features")
        seen = Observation(crop, found["logits"], maps, None, features, ratios=ratios)
        if (alike := found.get("similarities")) is None:
            return seen
        return replace(seen, alike=float(alike.max()), nearest=int(alike.argmax()))

    def _run(self, image: Float32[np.ndarray, "b 3 size size"]) -> "dict[str, NDArray[np.float32]]":
        """Return the outputs by name, a row an image."""
        try:
            rows = self._session.run(self._outputs, {"image": image})
        except Exception as error:  # ONNX Runtime raises many kinds
            raise BundleError(
                f"the bundle's network failed ({str(error).splitlines()[0]})",
                expected="a network that runs on a photo",
            ) from error
        found = dict(zip(self._outputs, rows, strict=True))
        _check_answer(found, self._widths, len(image))
        return found

    def conclude(
        self, observation: Observation, occasion: Occasion | None = None
    ) -> Identification:
        """Turn what was observed into an answer."""
        calibration = self.config.calibration
        temperature = calibration.temperature if calibration else 1.0
        probabilities = softmax(observation.logits[None] / np.float64(temperature))[0]
        judged = judge(probabilities, observation.alike, calibration, self.catalogue)
        if is_strange(observation, calibration):
            judged = unnamed(judged)
        judged, weighting = self._weighed(judged, occasion)
        return Identification(self.catalogue, observation, *judged, calibration, weighting)

    def together(self, photos: Sequence[Identification], occasion: Occasion | None = None) -> Group:
        """Answer for several photos of one thing; see `combine`.

        Args:
            photos: this identifier's answers.
            occasion: when and where, for the prior; None asks none.
        """
        group = combine(photos)
        judged, weighting = self._weighed(group.judgement, occasion)
        return replace(group, **judged._asdict(), weighting=weighting)

    def _weighed(
        self, judged: Judgement, occasion: Occasion | None
    ) -> tuple[Judgement, Weighting | None]:
        if self.prior is None or occasion is None:
            return judged, None
        weight = weights(self.prior, self.config.classes, occasion)
        weighting = Weighting(occasion, judged.probabilities)
        return weigh(judged, weight, self.config.calibration), weighting


def _open(bundle: Path, config: BundleConfig, threads: int) -> Any:  # noqa: ANN401 (onnxruntime has no types)
    """Make a session of the very bytes that were checked."""
    path = bundle / GRAPH
    graph = read_own_file(bundle, GRAPH, MAX_GRAPH)
    check_graph(graph, config, str(path))
    options = quiet_options(threads, spinning=False)
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        return open_session(graph, options)
    except Exception as error:  # ONNX Runtime raises many kinds
        raise BundleError(
            f"{path} cannot be run ({str(error).splitlines()[0]})", expected="an ONNX model"
        ) from error


def _check(session: Any, promised: dict[str, int], bundle: Path) -> dict[str, int]:  # noqa: ANN401
    """Return the width of each output, as ONNX Runtime infers it, if the config promises it."""
    inputs = [i.name for i in session.get_inputs()]
    widths = {o.name: o.shape[1] for o in session.get_outputs()}
    known = {name: width for name, width in widths.items() if name in promised}
    if inputs != ["image"] or "logits" not in known or not known.items() <= promised.items():
        raise BundleError(
            f"{bundle / GRAPH} takes {inputs} and gives {widths}",
            expected=f"image in, {promised} out, as its config.json says",
        )
    return known


def _check_answer(found: "dict[str, NDArray[np.float32]]", widths: dict[str, int], n: int) -> None:
    """Hold what a run gave against the promise: a graph may state one shape and give another."""
    right = all(
        v.shape[:2] == (n, widths[name]) and v.ndim == (4 if name == "cam" else 2)
        for name, v in found.items()
    )
    if not right or not all(np.isfinite(v).all() for v in found.values()):
        given = {name: v.shape for name, v in found.items()}
        raise BundleError(
            f"the bundle's network gives {given}{', not all finite numbers' if right else ''}",
            expected=f"finite numbers, a row for each of {n} photos, {widths['logits']} classes",
        )
