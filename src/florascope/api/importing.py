"""Classifiers of other frameworks, brought over as bundles, which is what identifies and serves."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from florascope.calibration.calibration import Calibrated
from florascope.calibration.fitting import calibrate
from florascope.data.splits import choose_split
from florascope.errors import BundleError, ExplanationError, check_arguments
from florascope.evaluation.evaluator import own_labels
from florascope.features.embedding import embed
from florascope.features.engines import Engine
from florascope.files import new_folder
from florascope.identify.identifier import Identifier
from florascope.metrics import softmax
from florascope.nets.classifier import Classifier
from florascope.nets.graph_network import GraphNetwork, drawn
from florascope.nets.keras_network import keras_contract, keras_graph, keras_shape
from florascope.nets.library import torch_defaults
from florascope.nets.onnx_parts import read_onnx, relative_gap
from florascope.nets.outside import check_file, check_network, of_graph, open_keras
from florascope.nets.saving import fill_bundle
from florascope.nets.told import Names, Told
from florascope.preprocessing import Preprocessing
from florascope.progress import Progress, silent
from florascope.source import load

TOLERANCE = 1e-4  # of the largest logit
TINY = 1e-30  # of a probability, whose logarithm is taken
CARD = """# {name}

Imported from {framework}: its graph is all there is of it. It identifies, is served, evaluated,
audited and exported (onnx, int8, web); it cannot be trained further, and plain timm cannot read it.

Its logits are those of the original within {gap:.1e} of the largest, on drawn pictures.
{maps}
"""
Scores = Float[np.ndarray, "b k"]


class Imported(NamedTuple):
    """What was written.

    Attributes:
        bundle: the folder.
        gap: largest difference to the original's logits, as a share of the largest, on drawn
            pictures.
        obstacle: why it has no class maps; empty where it has.
    """

    bundle: Path
    gap: float
    obstacle: str


class _Original(NamedTuple):
    """A model, and what it is like.

    Attributes:
        classifier: the same as a graph.
        scores: what it gives for normalised pictures.
        name: of its file.
        framework: that made it.
    """

    classifier: Classifier
    scores: Callable[[Float[np.ndarray, "b 3 h w"]], Scores]
    name: str
    framework: str


@check_arguments(ExplanationError)
def import_keras(
    model: Any,  # noqa: ANN401 (a path, or a Keras model)
    out: str | os.PathLike[str] | None = None,
    classes: Names | None = None,
    preprocessing: Preprocessing | str | None = None,
    data: Any = None,  # noqa: ANN401 (see `florascope.load`)
) -> Path:
    """Bring a Keras classifier over as a bundle, and hold its logits against the original's.

        bundle = fs.import_keras("model.keras", "runs/mine", classes=names)
        fs.Model(bundle).identify("new.jpg")

    Args:
        model: a Keras 3 model, or the path of a .keras or .h5 file.
        out: the bundle's folder, written wholly or not at all; None names it as the model.
        classes: see `florascope.wrap`.
        preprocessing: likewise.
        data: labelled photos that did not train the model, to calibrate it on; None leaves its
            probabilities as they are.

    Returns:
        The bundle's folder. Its card says how far its logits are from the original's.

    Raises:
        ExplanationError: as `florascope.wrap`.
        BundleError: the bundle would not give the original's logits, or holds what no bundle may.
        DataError: the photos are of other classes.
    """
    return import_model(model, out, Told.of(classes, preprocessing), data).bundle


@check_arguments(ExplanationError)
def import_onnx(
    model: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    classes: Names | None = None,
    preprocessing: Preprocessing | str | None = None,
    data: Any = None,  # noqa: ANN401 (see `florascope.load`)
) -> Path:
    """Bring an ONNX classifier over as a bundle; see `import_keras`."""
    return import_model(model, out, Told.of(classes, preprocessing), data).bundle


@torch_defaults()
def import_model(
    model: Any,  # noqa: ANN401 (a path, or a Keras model)
    out: str | os.PathLike[str] | None,
    told: Told,
    data: Any = None,  # noqa: ANN401 (see `florascope.load`)
    progress: Progress = silent,
) -> Imported:
    """Do what `import_keras` and `import_onnx` do, and say how well it went."""
    path = Path(model) if isinstance(model, str | os.PathLike) else None
    if path is None:
        check_network(model, "a Keras model, or the path of an .onnx, .keras or .h5 file")
    else:
        check_file(path)
    graph = path is not None and path.suffix == ".onnx"
    original = _of_onnx(path, told) if path and graph else _of_keras(model, path, told)
    folder = (
        Path(out) if out is not None else (path or Path(f"{original.name}.keras")).with_suffix("")
    )
    calibrated = None if data is None else _calibrated(original.classifier, data, progress)
    with new_folder(folder) as draft:
        gap = _fill(draft, original, calibrated)
    return Imported(folder, gap, original.classifier.backbone.obstacle)


def _of_onnx(path: Path, told: Told) -> _Original:
    model = read_onnx(path)
    classifier = of_graph(model, told.beside(path), path.name)
    framework = model.producer_name or "an ONNX file"
    return _Original(classifier, _network(classifier).scores, path.name, framework)


def _of_keras(model: Any, path: Path | None, told: Told) -> _Original:  # noqa: ANN401
    if path is not None:
        model, told = open_keras(path), told.beside(path)
    import keras

    from florascope.doctor.keras.network import run

    name = path.name if path else str(model.name)
    settings = keras_contract(model, told, name)
    graph = keras_graph(model, settings.size)
    classifier = of_graph(graph, Told(told.classes, settings.to_json()), name)
    last = keras_shape(model)[-1] == 3

    def scores(images: Float[np.ndarray, "b 3 h w"]) -> Scores:
        return run(model, images.transpose(0, 2, 3, 1) if last else images)

    return _Original(classifier, scores, name, f"Keras {keras.__version__}")


def _network(classifier: Classifier) -> GraphNetwork:
    """Return a classifier's graph.

    Raises:
        BundleError: it takes a fixed number of pictures.
    """
    network = classifier.backbone
    assert isinstance(network, GraphNetwork)
    if network.batch is not None:
        raise BundleError(
            f"{network.name} takes exactly {network.batch} pictures at a time",
            expected="a graph that takes any number",
            fix="Export it with a dynamic batch: dynamic_shapes=({0: 'batch'},) in PyTorch",
        )
    return network


def _calibrated(classifier: Classifier, data: Any, progress: Progress) -> Calibrated:  # noqa: ANN401
    """Fit what verdicts rest on: class means on most of the photos, the rest on others."""
    dataset = load(data, progress=progress)
    labels = own_labels(classifier.classes, dataset, np.arange(len(dataset)))
    bank = embed(dataset.photos, Engine(_network(classifier)), progress=progress)
    split = choose_split(dataset, None).only(bank.readable)
    head = classifier.fitted_head
    features = bank.values[0]
    return calibrate(features, head.logits(features), labels, split)


def _fill(draft: Path, original: _Original, calibrated: Calibrated | None) -> float:
    """Write the bundle, and open it as whoever identifies will."""
    classifier = original.classifier
    network = _network(classifier)
    images = drawn(classifier.preprocessing)
    truth = original.scores(images)
    with torch.no_grad():
        found = classifier(torch.from_numpy(images)).numpy()
    gap = relative_gap(*_comparable(found, truth))
    if not gap <= TOLERANCE:
        raise BundleError(
            f"as a graph, {original.name} differs from itself by {gap:.1e} of the largest logit",
            expected=f"at most {TOLERANCE}",
        )
    maps = f"It has no class maps: {network.obstacle}." if network.obstacle else ""
    card = CARD.format(name=original.name, framework=original.framework, gap=gap, maps=maps)
    provenance = {"imported": {"name": original.name, "framework": original.framework, "gap": gap}}
    fill_bundle(classifier, draft, provenance, card, calibrated)
    Identifier(draft)
    return gap


def _comparable(logits: Scores, scores: Scores) -> tuple[Scores, Scores]:
    """Bring logits and a model's scores, be they probabilities, into one form.

    Probabilities leave open what is common to all logits: their logarithms are compared, those of
    independent sigmoids as log-odds.
    """
    if scores.shape[1] == 1:
        logits = logits[:, 1:] - logits[:, :1]
    bounded = bool(scores.min() >= 0 and scores.max() <= 1)
    if bounded and scores.shape[1] > 1 and np.allclose(scores.sum(1), 1, atol=1e-3):
        return np.log(softmax(logits.astype(np.float64)) + TINY), np.log(scores + TINY)
    return logits, np.log((scores + TINY) / (1 - scores + TINY)) if bounded else scores
