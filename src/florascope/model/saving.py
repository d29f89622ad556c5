"""A classifier into a bundle and back."""

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from florascope.errors import BundleError, WeightsError
from florascope.evaluation.calibration import Calibrated, Calibration
from florascope.files import new_folder
from florascope.model import bundle
from florascope.model.backbone import Backbone
from florascope.model.bundle import BundleConfig, read_config
from florascope.model.classifier import Classifier
from florascope.model.half import halved, rounded
from florascope.model.onnx_graph import classifier_graph
from florascope.model.weights import check_header, load_state, read_state


def save_bundle(
    classifier: Classifier,
    path: Path,
    provenance: dict[str, Any],
    card: str = "",
    calibrated: Calibrated | None = None,
    *,
    half: bool = False,
) -> BundleConfig:
    """Write a bundle, wholly or not at all, replacing one that is there.

    Args:
        classifier: the network; moved to nothing, changed in nothing.
        path: the bundle's folder.
        provenance: JSON values that say how the classifier came to be.
        card: the model card, Markdown.
        calibrated: what verdicts rest on; its class means go into the graph.
        half: store the weights in half precision, rounding them first; see `model.half`.

    Returns:
        The configuration that was written.
    """
    config = _config(classifier, provenance, calibrated.calibration if calibrated else None)
    kept = rounded(classifier) if half else classifier
    graph = classifier_graph(kept, calibrated.means if calibrated else None)
    graph, state = (halved(graph), _halved(kept)) if half else (graph, _state(kept))
    with new_folder(path) as draft:
        text = json.dumps(config.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
        (draft / bundle.CONFIG).write_text(text + "\n", encoding="utf-8")
        # not save_file, which reports a full disk as its own kind of error
        (draft / bundle.WEIGHTS).write_bytes(save(state, metadata={"format": "pt"}))
        (draft / bundle.GRAPH).write_bytes(graph.SerializeToString())
        (draft / bundle.CARD).write_text(card, encoding="utf-8")
    return config


def load_classifier(path: Path) -> Classifier:
    """Read a bundle's network, in eval mode.

    Raises:
        BundleError: the folder is no bundle, or its weights do not fit its config.
    """
    config = read_config(path)
    weights = bundle.own_file(path, bundle.WEIGHTS, bundle.MAX_WEIGHTS)
    try:
        check_header(weights, config.architecture, config.model_args)
        backbone = Backbone(config.architecture, config.preprocessing, config.model_args)
        classifier = Classifier(backbone, config.classes)
        _load(classifier, read_state(weights), str(path))
    except WeightsError as error:
        raise BundleError(f"the bundle {path} is damaged: {error}") from error
    _check_claims(config, backbone, path)
    return classifier.eval()


def _check_claims(config: BundleConfig, backbone: Backbone, path: Path) -> None:
    found = (backbone.num_features, backbone.classifier_name)
    claimed = (config.num_features, config.classifier)
    if found != claimed:
        raise BundleError(
            f"the bundle {path} claims {claimed[0]} features and a classifier {claimed[1]!r}",
            expected=f"{found[0]} and {found[1]!r}, as {backbone.name} has",
        )


def _config(
    classifier: Classifier, provenance: dict[str, Any], calibration: Calibration | None
) -> BundleConfig:
    backbone = classifier.backbone
    return BundleConfig(
        architecture=backbone.name,
        model_args=backbone.model_args,
        classifier=backbone.classifier_name,
        num_features=backbone.num_features,
        classes=classifier.classes,
        preprocessing=classifier.preprocessing,
        provenance=provenance,
        calibration=calibration,
    )


def _state(classifier: Classifier) -> dict[str, Tensor]:
    """All weights in timm's names and shapes."""
    backbone, head = classifier.backbone, classifier.head
    state = {
        **backbone.net.state_dict(),
        f"{backbone.classifier_name}.weight": head.weight.reshape(-1, *backbone.head_shape),
        f"{backbone.classifier_name}.bias": head.bias,
    }
    return {key: value.detach().contiguous().clone() for key, value in state.items()}


def _halved(classifier: Classifier) -> dict[str, Tensor]:
    return {k: v.half() if v.ndim > 1 else v for k, v in _state(classifier).items()}


def _load(classifier: Classifier, state: dict[str, Tensor], source: str) -> None:
    backbone, classes = classifier.backbone, len(classifier.classes)
    wanted = {
        f"{backbone.classifier_name}.weight": (classes, *backbone.head_shape),
        f"{backbone.classifier_name}.bias": (classes,),
    }
    found = {key: tuple(state[key].shape) for key in wanted if key in state}
    if found != wanted:
        raise WeightsError(f"classifier of shapes {found} in {source}", expected=f"{wanted}")
    weight, bias = (state.pop(key) for key in wanted)
    load_state(backbone, state, source)
    classifier.set_head(weight.flatten(1), bias)
