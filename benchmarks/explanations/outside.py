"""ONNX and Keras models: is the map found, do map and bias sum to the logit, is the import exact?

    KERAS_BACKEND=torch python benchmarks/explanations/outside.py

Networks of timm and torchvision exported by both of PyTorch's exporters, and Keras models on the
torch backend, with random weights, norms and biases moved away from where they start; 96 pixels.
"map + bias - logit" is what opening the graph measures on three drawn pictures: the largest
difference to the graph's own logits as a share of the largest. "import - original" holds a bundle's
logits against those of the model itself (PyTorch, Keras), two runtimes through all layers.

Two minutes on two cores. Writes results/outside.md beside this file.
"""

import io
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import onnx
import timm
import torch
import torchvision
from keras import layers
from torch import nn

from florascope.explanation.attribution import fitting_methods
from florascope.files import write_text
from florascope.nets.graph_network import drawn
from florascope.nets.keras_network import keras_graph
from florascope.nets.onnx_parts import relative_gap
from florascope.nets.outside import of_graph
from florascope.nets.told import Told
from florascope.preprocessing import Preprocessing

SIZE, CLASSES = 96, 10
OUT = Path(__file__).parent / "results" / "outside.md"
HEADERS = (
    *("model", "made by", "map", "map + bias - logit", "import - original"),
    *("opened in", "first method"),
)
Layer = Any  # Keras has no types


class Case(NamedTuple):
    """A graph, and the logits that it should give.

    Attributes:
        name: of the network.
        maker: of the graph.
        graph: exported.
        scaling: of its pixels.
        logits: of the model itself, for normalised pictures; up to a common shift for softmaxes.
    """

    name: str
    maker: str
    graph: onnx.ModelProto
    scaling: str
    logits: Callable[[Any], Any]


def moved(net: nn.Module) -> nn.Module:
    """Move norms and biases away from where they start."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d | nn.LayerNorm):
            nn.init.uniform_(module.weight, 0.7, 1.3)
            nn.init.normal_(module.bias, 0, 0.1)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.normal_(module.bias, 0, 0.1)
    return net.eval()


def of_timm(name: str, **arguments: Layer) -> nn.Module:
    """A network of timm."""
    return moved(timm.create_model(name, num_classes=CLASSES, **arguments))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "resnet18": lambda: moved(torchvision.models.resnet18(num_classes=CLASSES)),
    "mobilenet_v2": lambda: moved(torchvision.models.mobilenet_v2(num_classes=CLASSES)),
    "squeezenet1_1": lambda: moved(torchvision.models.squeezenet1_1(num_classes=CLASSES)),
    "densenet121": lambda: moved(torchvision.models.densenet121(num_classes=CLASSES)),
    "convnext_atto": lambda: of_timm("convnext_atto"),
    "efficientnet_b0": lambda: of_timm("efficientnet_b0"),
    "vit_tiny, averaged": lambda: of_timm(
        "vit_tiny_patch16_224", img_size=SIZE, global_pool="avg", class_token=False
    ),
    "vit_tiny": lambda: of_timm("vit_tiny_patch16_224", img_size=SIZE),
    "mobilenetv3_small": lambda: of_timm("mobilenetv3_small_100"),
}


def exports() -> Iterator[Case]:
    """Export every network twice."""
    for name, make in NETWORKS.items():
        torch.manual_seed(0)
        net = make()
        for dynamo in (False, True):
            maker = f"torch.onnx, {'dynamo' if dynamo else 'TorchScript'}"
            yield Case(name, maker, _exported(net, dynamo=dynamo), "torch", net)


def _exported(net: nn.Module, *, dynamo: bool) -> onnx.ModelProto:
    file, example = io.BytesIO(), (torch.zeros(1, 3, SIZE, SIZE),)
    path: Any = None if dynamo else file
    program: Any = torch.onnx.export(net, example, path, dynamo=dynamo, verbose=False)
    return program.model_proto if dynamo else onnx.load_from_string(file.getvalue())


def sequential(*parts: Layer) -> Layer:
    """A model of pixels from 0 to 255."""
    return keras.Sequential([keras.Input((SIZE, SIZE, 3)), layers.Rescaling(1 / 127.5, -1), *parts])


def application(name: str, **arguments: Layer) -> Layer:
    """A network of keras.applications without its top."""
    shape = (SIZE, SIZE, 3)
    return getattr(keras.applications, name)(
        weights=None, include_top=False, input_shape=shape, **arguments
    )


def dense(units: int = CLASSES, activation: str | None = "softmax") -> Layer:
    """A last layer."""
    return layers.Dense(units, activation=activation)


def pooled(backbone: Layer, *head: Layer) -> Layer:
    """A backbone of its own in a Sequential model."""
    return sequential(backbone, layers.GlobalAveragePooling2D(), *(head or (dense(),)))


MODELS: dict[str, Callable[[], Any]] = {
    "MobileNetV2, nested": lambda: pooled(application("MobileNetV2"), layers.Dropout(0.2), dense()),
    "ResNet50V2, nested": lambda: pooled(application("ResNet50V2")),
    "DenseNet121, nested": lambda: pooled(application("DenseNet121")),
    "EfficientNetB0, nested": lambda: pooled(application("EfficientNetB0")),
    "MobileNet with its top": lambda: sequential(
        keras.applications.MobileNet(weights=None, input_shape=(SIZE, SIZE, 3), classes=CLASSES)
    ),
    "flattened": lambda: sequential(
        layers.Conv2D(16, 5, strides=4, activation="relu"), layers.Flatten(), dense()
    ),
    "two layers": lambda: pooled(application("MobileNetV2"), dense(64, "relu"), dense()),
}


def keras_models() -> Iterator[Case]:
    """Export every Keras model by Keras's own means."""
    for name, make in MODELS.items():
        keras.utils.set_random_seed(0)
        model = make()
        _move(model)
        maker = f"Keras {keras.__version__}, torch backend"
        yield Case(name, maker, keras_graph(model, SIZE), "pixels", _logarithms(model))


def _move(model: Layer) -> None:
    draw = np.random.default_rng(0)
    for variable in model.weights:
        if variable.path.endswith(("gamma", "moving_variance")):
            variable.assign(draw.uniform(0.7, 1.3, variable.shape))
        elif variable.path.endswith(("beta", "bias", "moving_mean")):
            variable.assign(draw.normal(0, 0.1, variable.shape))


def _logarithms(model: Layer) -> Callable[[Any], Any]:
    return lambda images: model(images.permute(0, 2, 3, 1), training=False).log()


def row(case: Case) -> tuple[str, ...]:
    """Open a graph and measure."""
    contract = {"scaling": case.scaling, "size": SIZE}
    began = time.perf_counter()
    classifier = of_graph(case.graph, Told(None, contract), case.name)
    took = time.perf_counter() - began
    network = classifier.backbone
    images = torch.from_numpy(drawn(Preprocessing.from_json(network.preprocessing.to_json())))
    with torch.no_grad():
        found, truth = classifier(images).numpy(), case.logits(images).numpy()
        shape = " x ".join(map(str, network(images).map.shape[1:]))
    if case.scaling == "pixels":  # a softmax leaves a common shift open
        found, truth = (part - part.mean(1, keepdims=True) for part in (found, truth))
    linear = not network.obstacle
    return (
        case.name,
        case.maker,
        shape if linear else f"none ({network.obstacle.partition('(')[2].rstrip(')')})",
        f"{network.gap:.1e}" if linear else "",
        f"{relative_gap(found, truth):.1e}",
        f"{took:.1f} s",
        fitting_methods(network)[0],
    )


def main() -> None:
    """Write the table."""
    rows = [HEADERS, ("---",) * len(HEADERS)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for cases in (exports(), keras_models()):
            while True:
                with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                    case = next(cases, None)
                if case is None:
                    break
                rows.append(row(case))
                print(*rows[-1], sep=" | ", flush=True)
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    title = "# ONNX and Keras models\n\nMade by `benchmarks/explanations/outside.py`.\n\n"
    write_text(OUT, f"{title}{table}\n")


if __name__ == "__main__":
    main()
