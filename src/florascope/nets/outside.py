"""Classifiers that were made elsewhere, opened: PyTorch's, Keras's, and files of ONNX and Keras."""

import json
import os
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnx
from onnx import inliner
from torch import Tensor, nn

from florascope.data.dataset import ClassName
from florascope.errors import BundleError, ExplanationError, FlorascopeError
from florascope.nets.classifier import Classifier
from florascope.nets.extractor import Images
from florascope.nets.graph_network import Entrance, GraphNetwork
from florascope.nets.keras_models import application, is_front, is_keras, leaves, opened
from florascope.nets.onnx_parts import Graph
from florascope.nets.wrapped import WrappedNetwork, preprocessing_of, with_head
from florascope.nets.wrapped import wrap as wrap_module
from florascope.preprocessing import SCALINGS, Preprocessing
from florascope.strict_json import parse_json

ENDINGS = (".onnx", ".keras", ".h5")
Names = Sequence[str | ClassName]


def wrap(
    model: Any,  # noqa: ANN401 (any network)
    classes: Names | None = None,
    preprocessing: Preprocessing | str | None = None,
) -> Classifier:
    """Make any image classifier one that can be explained.

        net = fs.wrap(torchvision.models.resnet18(weights="DEFAULT"), classes=names)
        net = fs.wrap("model.onnx", preprocessing="torch")
        net = fs.wrap(keras_model)
        fs.explain(net, "photo.jpg").save("why.png")

    How a network's head reads its map is found by watching it (`florascope.nets.reading`), or in
    its graph (`florascope.nets.graph_reading`), and *measured*. Where the logits do not split over
    a map, `backbone.obstacle` says why, and methods that need no such form are left.

    Args:
        model: a PyTorch module from (b, 3, H, W) to (b, K), on any device, in any precision; a
            Keras 3 model; or the path of an .onnx, .keras or .h5 file. A single score, a sigmoid's,
            makes two classes. Modules are not copied: their weights are read whenever they answer.
        classes: names of the K classes. None takes the model's own: `config.id2label`, or what
            the file beside it says (see below); else the indexes.
        preprocessing: how photos are prepared, or the name of a scaling in
            `florascope.preprocessing.SCALINGS` at the model's own size. None takes what the model
            says: timm's and Hugging Face's configuration (else ImageNet's at 224 pixels), scaling
            layers inside it, an application of Keras in it; or the file beside it.

    A file model.json beside model.onnx or model.keras may say what that does not: `classes` (names,
    or records of `id` and `name`) and `preprocessing`, any of the settings of
    `florascope.Preprocessing` and `scaling`, one's name.

    Returns:
        A classifier in eval mode; a module itself is left in whatever mode it is in.

    Raises:
        ExplanationError: the model takes no such pictures, gives no scores, or does not say how
            photos are prepared; or it has another number of classes.
    """
    told = Told.of(classes, preprocessing)
    if isinstance(model, str | os.PathLike):
        return open_model(Path(os.fspath(model)), told)
    if is_keras(model):
        return of_keras(model, told, str(model.name))
    if isinstance(preprocessing, str):
        preprocessing = replace(_scaling(preprocessing), size=preprocessing_of(model).size)
    return wrap_module(model, classes, preprocessing)


@dataclass(frozen=True)
class Told:
    """What is known of a model from elsewhere than itself.

    Attributes:
        classes: their names; None where nobody said.
        settings: of its preprocessing, some or all; "scaling" is a name in SCALINGS.
    """

    classes: Names | None
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, classes: Names | None, preprocessing: Preprocessing | str | None) -> Self:
        """Take what a caller says."""
        if isinstance(preprocessing, Preprocessing):
            return cls(classes, preprocessing.to_json())
        return cls(classes, {} if preprocessing is None else {"scaling": preprocessing})

    def after(self, values: Mapping[str, Any], source: str) -> "Told":
        """Add what is not known yet from JSON values, {"classes": [...], "preprocessing": {...}}.

        Raises:
            ExplanationError: they are of another kind.
        """
        names, settings = values.get("classes"), values.get("preprocessing", {})
        try:
            found = names and tuple(
                c if isinstance(c, str) else ClassName(str(c["id"]), str(c["name"])) for c in names
            )
            own = {"scaling": settings} if isinstance(settings, str) else dict(settings)
        except (KeyError, TypeError, ValueError) as error:
            raise ExplanationError(
                f"{source} garbles its classes or preprocessing ({error})",
                expected='{"classes": ["daisy", "rose"], "preprocessing": {"scaling": "torch"}}',
            ) from error
        scaled = SCALE if self.settings.keys() & SCALE else set()
        rest = {key: value for key, value in own.items() if key not in scaled}
        return Told(self.classes or found, {**rest, **self.settings})

    def beside(self, path: Path) -> "Told":
        """Add what is not known yet from the JSON file beside a model's, if there is one."""
        described = path.with_suffix(".json")
        return self.after(_read_json(described), str(described)) if described.is_file() else self


SCALE = {"scaling", "mean", "std", "channel_order"}
"""Settings that say together how pixels are scaled."""


def open_model(path: Path, told: Told) -> Classifier:
    """Open an ONNX or Keras file; see `wrap`.

    Raises:
        ExplanationError: it cannot be opened, explained, or prepared for.
    """
    if path.suffix == ".onnx":
        return of_graph(read_onnx(path), told.beside(path), path.name)
    if path.suffix not in ENDINGS:
        raise ExplanationError(
            f"{path} is no model file", expected=f"a file that ends in {', '.join(ENDINGS)}"
        )
    return of_keras(open_keras(path), told.beside(path), path.name)


def open_keras(path: Path) -> Any:  # noqa: ANN401 (a Keras model)
    """Open a Keras file, on PyTorch's backend unless another is asked for: it has gradients."""
    if "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", "torch")
    return opened(path)


def read_onnx(path: Path) -> onnx.ModelProto:
    """Read an ONNX file, with its external data, local functions written out.

    Raises:
        ExplanationError: it is none.
    """
    try:
        model = onnx.load(path)
        return inliner.inline_local_functions(model) if model.functions else model
    except Exception as error:  # protobuf and ONNX raise many kinds
        raise ExplanationError(
            f"{path} cannot be read ({str(error).splitlines()[0]})", expected="an ONNX file"
        ) from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = parse_json(path.read_bytes())
    except ValueError as error:
        raise ExplanationError(f"{path} cannot be read ({error})", expected="JSON") from error
    if not isinstance(values, dict):
        raise ExplanationError(f"{path} holds a {type(values).__name__}", expected="an object")
    return values


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


def contract(
    settings: Mapping[str, Any], size: int | None, known: Preprocessing | None, name: str
) -> Preprocessing:
    """Join what is told of a model's preprocessing to what it says itself.

    Args:
        settings: see `Told`.
        size: of its pictures; None where it takes any.
        known: how it is known to be prepared; None where it does not say.
        name: of the model.

    Raises:
        ExplanationError: something is missing or contradicts the model.
    """
    own = {key: value for key, value in settings.items() if key != "scaling"}
    base = _scaling(settings["scaling"]) if "scaling" in settings else known
    if base is None and not {"mean", "std"} <= own.keys():
        raise ExplanationError(
            f"{name} does not say how the pixels of its pictures are scaled",
            expected="a scaling: " + ", ".join(SCALINGS),
            fix="Say which, as `preprocessing='torch'`, or in a file"
            f' {Path(name).stem}.json beside it: {{"preprocessing": {{"scaling": "torch"}}}}',
        )
    if size is None and "size" not in own:
        raise ExplanationError(
            f"{name} takes pictures of any size",
            expected="the size that it was trained with",
            fix="Say which, as `preprocessing=florascope.Preprocessing(size=224)`",
        )
    values = {**(base or Preprocessing()).to_json(), **({"size": size} if size else {}), **own}
    try:
        made = Preprocessing.from_json(values)
    except BundleError as error:
        raise ExplanationError(error.found, expected=error.expected) from error
    if size not in {None, made.size}:
        raise ExplanationError(
            f"{name} takes pictures of {size} x {size} pixels", expected=f"{made.size}, as asked"
        )
    return made


def _scaling(name: str) -> Preprocessing:
    if name not in SCALINGS:
        raise ExplanationError(f"no scaling {name!r}", expected=f"one of {', '.join(SCALINGS)}")
    return SCALINGS[name]


class KerasModel(nn.Module):
    """A Keras model on PyTorch's backend, from (b, 3, H, W) to (b, K).

    Args:
        model: the model; its layers are modules.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        super().__init__()
        self.model = model
        self._last = keras_shape(model)[-1] == 3

    def forward(self, images: Images) -> Tensor:
        """Scores, as in `predict`."""
        pictures = images.permute(0, 2, 3, 1) if self._last else images
        scores: Tensor = self.model(pictures, training=False)
        return scores


class KerasNetwork(WrappedNetwork):
    """A Keras model on PyTorch's backend, up to the features that its head reads.

    Args:
        model: the model.
        preprocessing: the contract of its input.
        name: what to call it.
    """

    def __init__(self, model: Any, preprocessing: Preprocessing, name: str) -> None:  # noqa: ANN401
        super().__init__(KerasModel(model), preprocessing)
        self.name = name

    def own_graph(self) -> onnx.ModelProto:
        """Export by Keras's own means: PyTorch's exporters fail on what watches the model.

        Raises:
            ExplanationError: it cannot be, or the graph's map is not the one that was found.
        """
        graph = GraphNetwork(
            Graph(keras_graph(self.net.model, self.preprocessing.size)),
            self.preprocessing,
            self.name,
        )
        if self.obstacle or graph.obstacle or graph.num_features != self.num_features:
            raise ExplanationError(f"{self.name} has no graph of its features", expected="a map")
        return graph.model


def keras_shape(model: Any) -> tuple[int | None, ...]:  # noqa: ANN401
    """Return (None, H, W, 3) or (None, 3, H, W), as a Keras model takes pictures.

    Raises:
        ExplanationError: it takes none.
    """
    shape = getattr(model, "input_shape", None)
    if isinstance(shape, tuple) and len(shape) == 4 and 3 in {shape[1], shape[3]}:
        return shape
    raise ExplanationError(
        f"the Keras model takes inputs of shape {shape}",
        expected="pictures: (None, height, width, 3)",
        fix="Build it first, by calling it on a batch" if shape is None else "",
    )


def of_keras(model: Any, told: Told, name: str) -> Classifier:  # noqa: ANN401
    """Explain through PyTorch where that is Keras's backend, else through Keras's ONNX export."""
    settings = keras_contract(model, told, name)
    if isinstance(model, nn.Module):
        backbone = KerasNetwork(model, settings, name)
        return with_head(backbone, backbone.head, None, told.classes)
    return of_graph(keras_graph(model, settings.size), Told(told.classes, settings.to_json()), name)


def keras_contract(model: Any, told: Told, name: str) -> Preprocessing:  # noqa: ANN401
    """Photos are squashed to the model's size, as image_dataset_from_directory does."""
    shape = keras_shape(model)
    height, width = shape[1:3] if shape[-1] == 3 else shape[2:]
    if height != width:
        raise ExplanationError(
            f"{name} takes pictures of {height} x {width} pixels", expected="square ones"
        )
    squash = {"crop_mode": "squash", "crop_pct": 1.0}
    return contract({**squash, **told.settings}, height, _keras_scaling(model), name)


def _keras_scaling(model: Any) -> Preprocessing | None:  # noqa: ANN401
    """Return what a model expects: by its own scaling layer, or the application in it."""
    for layer in filter(is_front, leaves(model)):
        kind = type(layer).__name__
        if kind == "Rescaling":
            return SCALINGS["pixels" if np.abs(layer.scale).mean() < 0.1 else "unit"]
        if kind == "Normalization":
            return SCALINGS["pixels" if float(abs(layer.mean).max()) > 2 else "unit"]
    return application(model)[1]


def keras_graph(model: Any, size: int) -> onnx.ModelProto:  # noqa: ANN401
    """Export a Keras model by Keras's own means.

    Args:
        model: the model.
        size: of the pictures that it is tried on.

    Raises:
        ExplanationError: it cannot.
    """
    last = keras_shape(model)[-1] == 3
    shape = (1, size, size, 3) if last else (1, 3, size, size)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "model.onnx"
        try:
            with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
                model(
                    np.zeros(shape, np.float32), training=False
                )  # the exporter wants a called one
                model.export(path, format="onnx", verbose=False)
            return read_onnx(path)
        except FlorascopeError:
            raise
        except Exception as error:  # the exporters raise many kinds
            raise ExplanationError(
                f"Keras cannot export {model.name} to ONNX ({str(error).splitlines()[0]})",
                expected="a model of layers that ONNX knows",
            ) from error
