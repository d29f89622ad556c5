"""Pretrained backbone weights: found in a folder first, downloaded by timm otherwise."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from florascope.bundle.config import WEIGHTS, find_bundle, read_config, shipped_bundles
from florascope.bundle.safetensors_header import read_header
from florascope.errors import WeightsError
from florascope.nets.backbone import Backbone, classifier_name, outline
from florascope.nets.library import making_networks, timm
from florascope.preprocessing import Preprocessing


@dataclass(frozen=True)
class NamedWeights:
    """Weights this project knows by name.

    Attributes:
        file: the file's name in the weights folder.
        backbone: timm's architecture name.
        preprocessing: the contract they were trained with.
        model_args: what `timm.create_model` needs besides the name.
        embedded: whether the file is in the package instead of the weights folder.
    """

    file: str
    backbone: str
    preprocessing: Preprocessing
    model_args: dict[str, Any] = field(default_factory=dict)
    embedded: bool = False


NAMED = {
    "torchvision": NamedWeights(
        "mobilenetv2_100.torchvision_folded.safetensors", "mobilenetv2_100", Preprocessing()
    ),
    # Google's TensorFlow weights, as Keras ships them: "same" padding, input in [-1, 1].
    "google": NamedWeights(
        "mobilenetv2_100.google_tf_folded.safetensors",
        "mobilenetv2_100",
        Preprocessing(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
        {"pad_type": "same"},
    ),
    # This project's own, trained on the 6,552 training photos of Oxford 102 (80/10/10), halved in
    # precision; in the package, so that the demo runs without a network.
    "flowers": NamedWeights(
        "mobilenetv2_100.flowers.safetensors", "mobilenetv2_100", Preprocessing(), embedded=True
    ),
}


def weights_dir() -> Path | None:
    """Return the folder named by FLORASCOPE_WEIGHTS, if it is set."""
    value = os.environ.get("FLORASCOPE_WEIGHTS")
    return Path(value) if value else None


def default_weights(backbone: str) -> str:
    """Choose the weights when none are named: a file at hand, else timm's own."""
    folder = weights_dir()
    for name, known in NAMED.items():
        if known.backbone == backbone and folder is not None and (folder / known.file).is_file():
            return name
    return "timm"


def load_backbone(name: str, weights: str | None = None) -> Backbone:
    """Make a backbone with pretrained weights, in eval mode.

    Args:
        name: timm's architecture name.
        weights: "torchvision" or "google" (files in FLORASCOPE_WEIGHTS), "timm" (downloaded),
            "random" (always the same draw), the name of a shipped bundle (its backbone starts
            another task), or the path of a safetensors file in timm's names.

    Raises:
        WeightsError: they cannot be found, read or downloaded, or do not fit the backbone.
    """
    chosen = weights or default_weights(name)
    if chosen == "random":
        return _random(name).eval()
    if chosen == "timm":
        return _from_timm(name).eval()
    if chosen in shipped_bundles():
        return _from_bundle(name, find_bundle(chosen)).eval()
    known = NAMED.get(chosen)
    if known is None:
        return _from_file(Backbone(name), Path(chosen)).eval()
    if known.backbone != name:
        raise WeightsError(
            f"weights {chosen!r} are for {known.backbone}, not {name}",
            fix=f"Use `backbone={known.backbone!r}`, or `weights='timm'`",
        )
    backbone = Backbone(name, known.preprocessing, known.model_args)
    return _from_file(backbone, _named_file(chosen, known)).eval()


def _random(name: str) -> Backbone:
    with making_networks():
        torch.manual_seed(0)
        return Backbone(name)


def _named_file(name: str, known: NamedWeights) -> Path:
    if known.embedded:
        return Path(str(files("florascope.nets"))) / "pretrained" / known.file
    folder = weights_dir()
    if folder is None:
        raise WeightsError(
            f"weights {name!r} lie in a folder, and FLORASCOPE_WEIGHTS is not set",
            fix=f"Set FLORASCOPE_WEIGHTS to the folder that holds {known.file},"
            " or use `weights='timm'` to download",
        )
    return folder / known.file


def _from_bundle(name: str, bundle: Path) -> Backbone:
    config = read_config(bundle)
    if config.architecture != name:
        raise WeightsError(
            f"the bundle {bundle.name} holds a {config.architecture}, not a {name}",
            fix=f"Use `backbone={config.architecture!r}`, or `weights='timm'`",
        )
    backbone = Backbone(name, config.preprocessing, config.model_args)
    return _from_file(backbone, bundle / WEIGHTS)


def _from_file(backbone: Backbone, path: Path) -> Backbone:
    state = read_state(path)
    prefix = backbone.classifier_name + "."
    body = {key: value for key, value in state.items() if not key.startswith(prefix)}
    load_state(backbone, body, str(path))
    return backbone


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file, its header checked first.

    Raises:
        WeightsError: it is missing, is no safetensors file, or holds what is no finite number.
    """
    if not path.is_file():
        raise WeightsError(
            f"no weights at {path}",
            expected=f"a safetensors file, or one of {', '.join([*NAMED, 'timm', 'random'])}",
        )
    read_header(path)
    try:
        state = dict(load_file(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(
            f"{path} is not a safetensors file ({error})",
            expected="safetensors (pickled weights are never loaded)",
        ) from error
    broken = [key for key, tensor in state.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise WeightsError(
            f"{path} holds weights that are not finite numbers ({broken[0]}"
            f"{f' and {len(broken) - 1} more' if len(broken) > 1 else ''})",
            expected="finite weights; these come of a training that diverged, or of damage",
        )
    return state


def load_state(backbone: Backbone, state: dict[str, Tensor], source: str) -> None:
    """Load weights into a backbone, every one of them.

    Raises:
        WeightsError: a weight is missing, left over or of another shape.
    """
    _check_fit(backbone.net, {key: t.shape for key, t in state.items()}, backbone.name, source)
    backbone.net.load_state_dict(state)


def check_header(path: Path, name: str, model_args: dict[str, Any]) -> None:
    """Hold a file's header against a network, before anything as large as either is made.

    Raises:
        WeightsError: the file is no safetensors file, or does not hold the network's weights.
    """
    net = outline(name, model_args)
    prefix = classifier_name(net) + "."
    shapes = {k: t.shape for k, t in read_header(path).items() if not k.startswith(prefix)}
    _check_fit(net, shapes, name, str(path))


def _check_fit(
    net: nn.Module, state: Mapping[str, tuple[int, ...]], name: str, source: str
) -> None:
    wanted = {key: tuple(tensor.shape) for key, tensor in net.state_dict().items()}
    missing = sorted(key for key in wanted if key not in state)
    extra = sorted(key for key in state if key not in wanted)
    shapes = [k for k in wanted if k in state and tuple(state[k]) != wanted[k]]
    if missing or extra or shapes:
        raise WeightsError(
            f"{source} does not fit {name}: {len(missing)} weights missing,"
            f" {len(extra)} left over, {len(shapes)} of another shape"
            f" (first: {(missing + extra + shapes)[0]})",
            expected=f"all {len(wanted)} weights in timm's names",
        )


def _from_timm(name: str) -> Backbone:
    backbone = Backbone(name)
    try:
        with making_networks():
            pretrained = timm.create_model(name, pretrained=True, num_classes=0)
    except Exception as error:  # the hub client raises many kinds
        raise WeightsError(
            f"timm could not load pretrained weights for {name} ({type(error).__name__}: {error})",
            fix="Check the network, or give `weights='FILE'` (safetensors in timm's names)"
            + _without_network(name),
        ) from error
    load_state(backbone, pretrained.state_dict(), f"timm's {name}")
    return backbone


def _without_network(name: str) -> str:
    """Name what comes with the package for an architecture."""
    for key, known in NAMED.items():
        if known.embedded and known.backbone == name:
            return f", or `weights={key!r}`, which come with the package"
    return ""


def with_preprocessing(backbone: Backbone, **changes: Any) -> Backbone:  # noqa: ANN401
    """Change settings of a backbone's preprocessing (a recipe's input range, say).

    Raises:
        BundleError: a setting is out of range.
        WeightsError: the backbone takes photos of one size alone.
    """
    changed = replace(backbone.preprocessing, **changes)
    changed.check()
    fixed = backbone.model_args.get("img_size", changed.size)
    if fixed != changed.size:
        raise WeightsError(
            f"{backbone.name} takes photos of {fixed} x {fixed} pixels, not {changed.size}",
            fix=f"Use `size={fixed}`, or another backbone",
        )
    backbone.preprocessing = changed
    return backbone
