"""Classifiers that were made elsewhere, opened: PyTorch's, Keras's, and files of ONNX and Keras."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
from torch import nn

from florascope.bundle.config import find_bundle, shipped_bundles
from florascope.errors import ExplanationError, check_arguments, described
from florascope.nets.classifier import Classifier
from florascope.nets.graph_network import Entrance, GraphNetwork
from florascope.nets.keras_models import is_keras, opened
from florascope.nets.keras_network import KerasNetwork, keras_contract, keras_graph
from florascope.nets.onnx_parts import Graph, read_onnx
from florascope.nets.saving import load_classifier
from florascope.nets.told import (
    ImageProcessor,
    Names,
    Told,
    contract,
    of_processor,
    scaling_named,
)
from florascope.nets.wrapped import preprocessing_of, with_head
from florascope.nets.wrapped import wrap as wrap_module
from florascope.preprocessing import SCALINGS, Preprocessing

ENDINGS = (".onnx", ".keras", ".h5")


@check_arguments(ExplanationError)
def wrap(
    model: Any,  # noqa: ANN401 (any network)
    classes: Names | None = None,
    preprocessing: Preprocessing | str | ImageProcessor | Mapping[str, Any] | None = None,
) -> Classifier:
    """Make any image classifier one that can be explained.

        net = fs.wrap(torchvision.models.resnet18(weights="DEFAULT"), classes=names)
        net = fs.wrap("model.onnx", preprocessing="torch")
        net = fs.wrap(keras_model)
        net = fs.wrap(vit, preprocessing=AutoImageProcessor.from_pretrained(name))
        fs.explain(net, "photo.jpg").save("why.png")

    How a network's head reads its map is found by watching it (`florascope.nets.reading`), or in
    its graph (`florascope.nets.graph_reading`), and *measured*. Where the logits do not split over
    a map, `backbone.obstacle` says why, and methods that need no such form are left.

    Args:
        model: a PyTorch module from (b, 3, H, W) to (b, K), on any device, in any precision; a
            Keras 3 model; or the path of an .onnx, .keras or .h5 file, of a bundle or a run
            (or its archive, or a shipped bundle's name). A single score, a sigmoid's, makes two
            classes. Modules are not copied: their weights are read whenever they answer.
        classes: names of the K classes. None takes the model's own: `config.id2label`, or what
            the file beside it says (see below); else the indexes.
        preprocessing: how photos are prepared; the name of a scaling in
            `florascope.preprocessing.SCALINGS` at the model's own size; or Hugging Face's image
            processor. None takes what the model says: timm's configuration, the
            preprocessor_config.json beside Hugging Face's weights (else ImageNet's at 224 pixels),
            scaling layers inside it, an application of Keras in it; or the file beside it.

    A file model.json beside model.onnx or model.keras may say what that does not: `classes` (names,
    or records of `id` and `name`) and `preprocessing`, any of the settings of
    `florascope.Preprocessing` and `scaling`, one's name.

    Returns:
        A classifier in eval mode; a module itself is left in whatever mode it is in.

    Raises:
        BundleError: the path is a folder or an archive that holds no bundle.
        ExplanationError: the model takes no such pictures, gives no scores, or does not say how
            photos are prepared; or it has another number of classes.
    """
    if not isinstance(preprocessing, Preprocessing | str | None):
        preprocessing = of_processor(preprocessing)
    told = Told.of(classes, preprocessing)
    if isinstance(model, str | os.PathLike):
        return open_model(Path(os.fspath(model)), told)
    check_network(
        model, "a PyTorch module, a Keras model, or the path of a bundle, an ONNX or Keras file"
    )
    if is_keras(model):
        return of_keras(model, told, str(model.name))
    if isinstance(preprocessing, str):
        preprocessing = replace(scaling_named(preprocessing), size=preprocessing_of(model).size)
    return wrap_module(model, classes, preprocessing)


CURES = {
    "Run": "Ask the run itself (`run.explain(photo)`, `run.diagnosis`), or hand over"
    " `run.classifier`",
    "type": "Make an object of it first: Net()",
    "dict": "Load the weights into their network first: net.load_state_dict(weights)",
    "OrderedDict": "Load the weights into their network first: net.load_state_dict(weights)",
}
"""By the type of what is handed over for a network."""


def check_network(model: object, taken: str = "a PyTorch module or a Keras model") -> None:
    """Refuse what is neither a PyTorch module nor a Keras model.

    Args:
        model: what was handed over for a network.
        taken: what the caller takes, for the message.

    Raises:
        ExplanationError: it is neither.
    """
    if isinstance(model, type) or not (isinstance(model, nn.Module) or is_keras(model)):
        raise ExplanationError(
            f"{described(model)} is no network",
            expected=taken,
            fix=_cure(model),
        )


def _cure(model: object) -> str:
    if isinstance(model, str | os.PathLike):  # of those who take no path
        return f"Ask the run that made it: `florascope.open_run({os.fspath(model)!r}).diagnosis`"
    told = CURES.get(type(model).__name__)
    return told or "Hand one over, such as torchvision.models.resnet18()"


def open_model(path: Path, told: Told) -> Classifier:
    """Open an ONNX or Keras file, or a bundle; see `wrap`.

    Raises:
        BundleError: it is a folder or an archive that holds no bundle.
        ExplanationError: it cannot be opened, explained, or prepared for.
    """
    if path.is_dir() or path.suffix == ".zip" or str(path) in shipped_bundles():
        return _open_bundle(path, told)
    check_file(path)
    if path.suffix == ".onnx":
        return of_graph(read_onnx(path), told.beside(path), path.name)
    return of_keras(open_keras(path), told.beside(path), path.name)


def check_file(path: Path) -> None:
    """Refuse what is no file, or whose name is no model's.

    Raises:
        ExplanationError: it is none.
    """
    if path.suffix not in ENDINGS or not path.is_file():
        what = "no model file" if path.exists() else "no file or folder"
        endings = ", ".join(ENDINGS)
        raise ExplanationError(f"{path} is {what}", expected=f"a file that ends in {endings}")


def _open_bundle(path: Path, told: Told) -> Classifier:
    if told != Told(None, {}):
        raise ExplanationError(
            f"classes or preprocessing for the bundle {path}",
            expected="neither: a bundle says both itself",
        )
    return load_classifier(find_bundle(str(path)))


def open_keras(path: Path) -> Any:  # noqa: ANN401 (a Keras model)
    """Open a Keras file, on PyTorch's backend unless another is asked for: it has gradients."""
    if "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", "torch")
    return opened(path)


def of_graph(model: onnx.ModelProto, told: Told, name: str) -> Classifier:
    """Make a classifier of a graph; its metadata may hold what florascope's own exports say."""
    graph = Graph(model)
    texts = {p.key: p.value for p in model.metadata_props if p.key in {"classes", "preprocessing"}}
    try:
        values = {key: json.loads(text) for key, text in texts.items()}
    except ValueError:
        values = {}  # others use such keys in their own way
    told = told.after(values, name)
    entrance = Entrance.of(graph)
    known = entrance.range and SCALINGS[entrance.range]
    backbone = GraphNetwork(graph, contract(told.settings, entrance.size, known, name), name)
    return with_head(backbone, backbone.head, model, told.classes)


def of_keras(model: Any, told: Told, name: str) -> Classifier:  # noqa: ANN401
    """Explain through PyTorch where that is Keras's backend, else through Keras's ONNX export."""
    settings = keras_contract(model, told, name)
    if isinstance(model, nn.Module):
        backbone = KerasNetwork(model, settings, name)
        return with_head(backbone, backbone.head, None, told.classes)
    return of_graph(keras_graph(model, settings.size), Told(told.classes, settings.to_json()), name)
