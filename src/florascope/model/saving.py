"""A classifier into a bundle and back."""

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from florascope.errors import BundleError, WeightsError
from florascope.files import new_folder
from florascope.model import bundle
from florascope.model.backbone import Backbone
from florascope.model.bundle import BundleConfig, read_config
from florascope.model.classifier import Classifier
from florascope.model.onnx_graph import classifier_graph
from florascope.model.weights import load_state, read_state


def save_bundle(
    classifier: Classifier, path: Path, provenance: dict[str, Any], card: str = ""
) -> BundleConfig:
    """Write a bundle, wholly or not at all, replacing one that is there.

    Args:
        classifier: the network; moved to nothing, changed in nothing.
        path: the bundle's folder.
        provenance: JSON values that say how the classifier came to be.
        card: the model card, Markdown.

    Returns:
        The configuration that was written.
    """
    config = _config(classifier, provenance)
    graph = classifier_graph(classifier)
    with new_folder(path) as draft:
        text = json.dumps(config.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
        (draft / bundle.CONFIG).write_text(text + "\n", encoding="utf-8")
        save_file(_state(classifier), draft / bundle.WEIGHTS, metadata={"format": "pt"})
        (draft / bundle.GRAPH).write_bytes(graph.SerializeToString())
        (draft / bundle.CARD).write_text(card, encoding="utf-8")
    return config


def load_classifier(path: Path) -> Classifier:
    """Read a bundle's network, in eval mode.

    Raises:
        BundleError: the folder is no bundle, or its weights do not fit its config.
    """
    config = read_config(path)
    try:
        backbone = Backbone(config.architecture, config.preprocessing, config.model_args)
        classifier = Classifier(backbone, config.classes)
        _load(classifier, read_state(path / bundle.WEIGHTS), str(path))
    except WeightsError as error:
        raise BundleError(f"the bundle {path} is damaged: {error}") from error
    return classifier.eval()


def _config(classifier: Classifier, provenance: dict[str, Any]) -> BundleConfig:
    backbone = classifier.backbone
    return BundleConfig(
        architecture=backbone.name,
        model_args=backbone.model_args,
        classifier=backbone.classifier_name,
        num_features=backbone.num_features,
        classes=classifier.classes,
        preprocessing=classifier.preprocessing,
        provenance=provenance,
    )


def _state(classifier: Classifier) -> dict[str, Tensor]:
    """All weights in timm's names."""
    name = classifier.backbone.classifier_name
    head = {f"{name}.{key}": value for key, value in classifier.head.state_dict().items()}
    state = {**classifier.backbone.net.state_dict(), **head}
    return {key: value.detach().contiguous().clone() for key, value in state.items()}


def _load(classifier: Classifier, state: dict[str, Tensor], source: str) -> None:
    name = classifier.backbone.classifier_name
    weight, bias = state.pop(f"{name}.weight", None), state.pop(f"{name}.bias", None)
    wanted = tuple(classifier.head.weight.shape)
    if weight is None or bias is None or tuple(weight.shape) != wanted:
        raise WeightsError(
            f"classifier of shape {None if weight is None else tuple(weight.shape)} in {source}",
            expected=f"{name}.weight of shape {wanted} and {name}.bias",
        )
    load_state(classifier.backbone, state, source)
    classifier.set_head(weight, bias)
