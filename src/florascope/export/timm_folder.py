"""A folder that plain timm reads: weights, configuration and labels, without this project."""

import json
from pathlib import Path

import numpy as np
import timm
import torch

from florascope.bundle.config import CARD, CONFIG, GRAPH, ONNX, WEIGHTS, BundleConfig, read_config
from florascope.bundle.runtime import open_session
from florascope.errors import BundleError
from florascope.export.graph import card_with
from florascope.files import new_folder

TOLERANCE = 1e-3  # of the largest logit: kernels differ
TAGS = "---\nlibrary_name: timm\npipeline_tag: image-classification\ntags:\n- timm\n---\n"
USE = """\
With nothing but timm (this folder in the place of FOLDER):

```python
import timm
from timm.data import create_transform, resolve_data_config

model = timm.create_model("local-dir:FOLDER", pretrained=True).eval()
transform = create_transform(**resolve_data_config({}, model=model))
logits = model(transform(photo).unsqueeze(0))  # photo: a PIL image in RGB
names = model.pretrained_cfg["label_names"]
```

Weights alone, in timm's names: `timm.create_model("%s", num_classes=%d,
checkpoint_path="FOLDER/model.safetensors"%s)`."""


def export_timm(bundle: Path, out: Path) -> list[str]:
    """Write config.json, model.safetensors and a card for timm, checked by loading them with timm.

    A bundle's config.json and weights are timm's already; its graph and this project's own
    section of the configuration are left out.

    Args:
        bundle: the bundle's folder.
        out: the folder to write, wholly or not at all.

    Returns:
        The names of the files.

    Raises:
        BundleError: the folder is no bundle, or timm computes something else from it.
    """
    config = read_config(bundle)
    if config.architecture == ONNX:
        raise BundleError(
            f"{bundle} holds a network that was imported from elsewhere as a graph",
            expected="one of timm's networks",
            fix="Export it as onnx, web or int8",
        )
    if not (bundle / WEIGHTS).is_file():
        raise BundleError(
            f"{bundle} has no {WEIGHTS}",
            expected="a bundle that training wrote",
            fix="Export the bundle itself, not an export of it",
        )
    arguments = "".join(f", {name}={value!r}" for name, value in config.model_args.items())
    use = USE % (config.architecture, len(config.classes), arguments)
    with new_folder(out) as draft:
        text = json.dumps(_settings(config), indent=2, ensure_ascii=False)
        (draft / CONFIG).write_text(text + "\n", encoding="utf-8")
        (draft / WEIGHTS).write_bytes((bundle / WEIGHTS).read_bytes())
        card = TAGS + card_with(bundle, "With timm", use.splitlines())
        (draft / CARD).write_text(card, encoding="utf-8")
        _check(draft, bundle / GRAPH, config)
    return [CARD, CONFIG, WEIGHTS]


def _settings(config: BundleConfig) -> dict[str, object]:
    values = config.to_json()
    del values["florascope"]
    return values


def _check(folder: Path, graph: Path, config: BundleConfig) -> None:
    """Compare timm's logits of a drawn image with those of the bundle's graph."""
    size = config.preprocessing.size
    image = np.random.default_rng(0).normal(size=(1, 3, size, size)).astype(np.float32)
    try:
        model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    except Exception as error:  # timm and torch raise many kinds
        raise BundleError(
            f"timm cannot load the bundle ({error})", fix="Export it as ONNX instead: `to='onnx'`"
        ) from error
    with torch.no_grad():
        found = model(torch.from_numpy(image)).numpy()
    (truth,) = open_session(graph.read_bytes()).run(["logits"], {"image": image})
    gap = float(np.abs(found - truth).max())
    if not gap <= TOLERANCE * max(1.0, float(np.abs(truth).max())):
        raise BundleError(
            f"timm's logits differ from the bundle's by {gap:.3g}",
            expected=f"the same network in {WEIGHTS} and {GRAPH}",
        )
