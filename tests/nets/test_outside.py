"""Files and models of other frameworks, opened with what is told of them."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torchvision.transforms.functional import rgb_to_grayscale

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

from tests.support.graphs import BIAS, SIDE, WEIGHT, body  # noqa: E402

from florascope.data.dataset import ClassName  # noqa: E402
from florascope.errors import ExplanationError, FlorascopeError  # noqa: E402
from florascope.explanation.attribution import fitting_methods  # noqa: E402
from florascope.explanation.cam import class_maps  # noqa: E402
from florascope.explanation.explanation import explain  # noqa: E402
from florascope.nets.graph_network import GraphNetwork  # noqa: E402
from florascope.nets.keras_network import keras_graph  # noqa: E402
from florascope.nets.onnx_graph import backbone_graph  # noqa: E402
from florascope.nets.outside import of_graph, of_keras, wrap  # noqa: E402
from florascope.nets.told import Told  # noqa: E402
from florascope.preprocessing import SCALINGS, Preprocessing  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
layers, SIZE = keras.layers, 24
PHOTO = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)


def inner() -> Any:
    """A backbone of its own, as an application is nested in another model."""
    given = keras.Input((SIZE, SIZE, 3))
    found = layers.Conv2D(6, 5, strides=2, padding="same", bias_initializer="normal")(given)
    found = layers.BatchNormalization(moving_mean_initializer="normal")(found)
    skipped = layers.Conv2D(6, 3, padding="same")(layers.ReLU(6.0)(found))
    return keras.Model(given, layers.Activation("relu")(layers.Add()([found, skipped])))


def sequential(*head: Any, front: Any = None) -> Any:
    keras.utils.set_random_seed(0)
    scaled = [front or layers.Rescaling(1 / 127.5, -1)]
    return keras.Sequential([keras.Input((SIZE, SIZE, 3)), *scaled, inner(), *head])


def pooled(units: int = 4, activation: str | None = "softmax") -> list[Any]:
    head = layers.Dense(units, activation=activation, bias_initializer="normal")
    return [layers.GlobalAveragePooling2D(), layers.Dropout(0.2), head]


def functional() -> Any:
    given = keras.Input((SIZE, SIZE, 3))
    means, variances = (np.array([110.0, 120, 130]), np.array([3000.0, 3500, 4000]))
    found = inner()(layers.Normalization(mean=means, variance=variances)(given))
    return keras.Model(given, pooled()[2](layers.GlobalAveragePooling2D()(found)))


MODELS: dict[str, Any] = {
    "nested": lambda: sequential(*pooled()),
    "functional": functional,
    "logits": lambda: sequential(*pooled(activation=None)),
    "one score": lambda: sequential(*pooled(1, "sigmoid")),
    "flattened": lambda: sequential(layers.Flatten(), layers.Dense(4, activation="softmax")),
    "convolved": lambda: sequential(
        layers.GlobalAveragePooling2D(keepdims=True),
        layers.Conv2D(4, 1),
        layers.Flatten(),
        layers.Softmax(),
    ),
    "resized inside": lambda: sequential(*pooled(), front=layers.Rescaling(1 / 255)),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_keras_model_is_split_exactly_and_so_is_its_export(name: str) -> None:
    """Maps and bias are the logits, whose softmax or sigmoid Keras gives; both ways agree."""
    model = MODELS[name]()
    classifier = wrap(model)
    exported = of_graph(
        keras_graph(model, SIZE), Told(None, classifier.preprocessing.to_json()), name
    )
    images = torch.from_numpy(
        classifier.preprocessing.normalise(classifier.preprocessing.crop(PHOTO)[None])
    )
    scores = np.asarray(model(images.permute(0, 2, 3, 1), training=False).detach())
    found = class_maps(classifier, images)
    sums = found.maps.sum((2, 3)) + classifier.head.bias.detach()
    torch.testing.assert_close(sums, found.logits, rtol=1e-5, atol=1e-6)
    shares = found.logits if name == "logits" else found.logits.softmax(1)
    shares = shares[:, 1:] if name == "one score" else shares
    np.testing.assert_allclose(shares.detach(), scores, rtol=1e-4, atol=1e-6)
    other = class_maps(exported, images)
    torch.testing.assert_close(other.maps, found.maps, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(other.logits, found.logits, rtol=1e-4, atol=1e-5)


def test_a_keras_head_of_two_layers_has_gradients() -> None:
    model = sequential(layers.GlobalAveragePooling2D(), layers.Dense(9, "relu"), layers.Dense(4))
    classifier = wrap(model)
    assert "does more than average and a linear layer" in classifier.backbone.obstacle
    assert fitting_methods(classifier.backbone)[0] == "gradcam"
    found = explain(classifier, PHOTO, method="ig")
    assert found.gap is not None
    assert found.gap < 0.01
    exported = of_graph(
        keras_graph(model, SIZE), Told(None, classifier.preprocessing.to_json()), "x"
    )
    assert fitting_methods(exported.backbone) == ("occlusion",)
    with pytest.raises(ExplanationError, match="gives no gradients.*`method='occlusion'`"):
        explain(exported, PHOTO, method="ig")


def test_a_keras_model_in_onnx_runtime_is_keras_s_own_export() -> None:
    classifier = wrap(sequential(*pooled()))
    model = onnx.load(backbone_graph(classifier.backbone))
    assert [o.name for o in model.graph.output] == ["map", "features"]
    flat = wrap(
        sequential(layers.GlobalAveragePooling2D(), layers.Dense(9, "relu"), layers.Dense(4))
    )
    with pytest.raises(FlorascopeError, match="has no graph of its features"):
        backbone_graph(flat.backbone)


@pytest.mark.parametrize(
    ("front", "scaling"),
    [
        (layers.Rescaling(1 / 255), "pixels"),
        (layers.Rescaling(2, -1), "unit"),
        (layers.Normalization(mean=[0.4, 0.4, 0.4], variance=[0.1, 0.1, 0.1]), "unit"),
    ],
)
def test_the_scaling_that_keras_layers_expect(front: Any, scaling: str) -> None:
    found = wrap(sequential(*pooled(), front=front)).preprocessing
    wanted = SCALINGS[scaling]
    assert (found.mean, found.std, found.size) == (wanted.mean, wanted.std, SIZE)
    assert (found.crop_mode, found.crop_pct) == ("squash", 1.0)


def test_an_application_says_what_it_expects() -> None:
    model = keras.applications.MobileNetV2(
        weights=None, include_top=False, alpha=0.35, input_shape=(32, 32, 3), pooling="avg"
    )
    found = wrap(keras.Sequential([model, layers.Dense(3)]))
    assert found.preprocessing.mean == (0.5, 0.5, 0.5)


def test_a_model_that_says_nothing_asks_for_the_scaling() -> None:
    with pytest.raises(ExplanationError, match="does not say how the pixels") as raised:
        wrap(sequential(*pooled(), front=layers.Activation("linear")))
    assert "`preprocessing='torch'`" in raised.value.fix
    assert wrap(sequential(*pooled(), front=layers.Activation("linear")), preprocessing="tf")


def test_other_backends_go_through_the_export() -> None:
    """A Keras model that is no module of PyTorch's, as on TensorFlow's or JAX's backend."""
    model = sequential(*pooled())

    class Foreign:
        name = "foreign"
        input_shape = model.input_shape
        layers = model.layers
        export = staticmethod(model.export)

        def __call__(self, *given: Any, **settings: Any) -> Any:
            return model(*given, **settings)

    found = of_keras(Foreign(), Told(None, {}), "foreign")
    assert isinstance(found.backbone, GraphNetwork)
    ours = explain(wrap(model), PHOTO, method="cam")
    np.testing.assert_allclose(explain(found, PHOTO).values, ours.values, rtol=1e-3, atol=1e-7)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    chain = body().then("GlobalAveragePool").then("Flatten")
    onnx.save(chain.then("Gemm", WEIGHT, BIAS, transB=1).model(), path)
    return path


def test_a_file_is_asked_about_until_it_is_known(file: Path) -> None:
    with pytest.raises(ExplanationError, match="does not say how the pixels"):
        wrap(file)
    with pytest.raises(ExplanationError, match="2 names for 3 classes"):
        wrap(file, classes=["a", "b"], preprocessing="torch")
    found = explain(wrap(file, classes=["a", "b", "c"], preprocessing="torch"), PHOTO)
    assert found.target.name in {"a", "b", "c"}
    assert (found.method, found.crop.shape) == ("cam", (SIDE, SIDE, 3))
    assert found.gap == pytest.approx(0, abs=1e-5)


def test_the_json_beside_a_file(file: Path) -> None:
    beside = {"classes": ["x", {"id": "7", "name": "y"}, "z"], "preprocessing": {"scaling": "tf"}}
    file.with_suffix(".json").write_text(json.dumps(beside))
    found = wrap(str(file))
    assert found.classes[1] == ClassName("7", "y")
    assert found.preprocessing.mean == (0.5, 0.5, 0.5)
    assert wrap(file, preprocessing="caffe").preprocessing.channel_order == "bgr"
    file.with_suffix(".json").write_text('{"classes": [1]}')
    with pytest.raises(ExplanationError, match="garbles its classes"):
        wrap(file)
    file.with_suffix(".json").write_text('{"preprocessing": {"sise": 3, "scaling": "tf"}}')
    with pytest.raises(ExplanationError, match="preprocessing settings do not fit"):
        wrap(file)


def test_contradictions_and_unknown_names(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ExplanationError, match="takes pictures of 8 x 8 pixels.*expected 16"):
        wrap(file, preprocessing=Preprocessing(size=16))
    with pytest.raises(ExplanationError, match="no scaling 'bytes'.*pixels, unit, tf"):
        wrap(file, preprocessing="bytes")
    with pytest.raises(ExplanationError, match=r"ends in .onnx"):
        wrap(tmp_path / "model.pt")
    (tmp_path / "bad.onnx").write_bytes(b"no network")
    with pytest.raises(ExplanationError, match="bad.onnx cannot be read"):
        wrap(tmp_path / "bad.onnx")


def test_a_graph_of_any_size_asks_for_one(tmp_path: Path) -> None:
    chain = body().then("GlobalAveragePool").then("Flatten")
    onnx.save(
        chain.then("Gemm", WEIGHT, BIAS, transB=1).model(("b", 3, "h", "w")), tmp_path / "m.onnx"
    )
    with pytest.raises(ExplanationError, match="takes pictures of any size.*`preprocessing="):
        wrap(tmp_path / "m.onnx", preprocessing="unit")
    assert wrap(tmp_path / "m.onnx", preprocessing=Preprocessing(size=16)).preprocessing.size == 16


def test_a_model_of_grey_pictures_takes_photos_as_its_refusal_says() -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((SIZE, SIZE, 1)), layers.Conv2D(4, 3), *pooled()])
    with pytest.raises(ExplanationError, match="grey pictures: hand over") as raised:
        wrap(model, preprocessing="unit")
    cure = raised.value.fix.partition("hand over ")[2]
    coloured = eval(cure, {"keras": keras, "model": model})
    shown = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    grey = rgb_to_grayscale(shown).permute(0, 2, 3, 1)
    found = wrap(coloured, preprocessing="unit")(shown).softmax(1)
    np.testing.assert_allclose(found.detach(), model.predict(grey, verbose=0), atol=1e-4)


def test_a_graph_of_grey_pictures_is_told_how_to_take_photos(tmp_path: Path) -> None:
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    )
    torch.onnx.export(net, (torch.zeros(1, 1, 16, 16),), tmp_path / "grey.onnx", dynamo=False)
    with pytest.raises(ExplanationError, match=r"grey pictures.*transforms\.Grayscale\(\), net"):
        wrap(tmp_path / "grey.onnx", preprocessing="unit")
