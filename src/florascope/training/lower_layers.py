"""The layers below those that learn, run once a photo: their maps are kept for every epoch."""

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32
from lightning_fabric import Fabric
from torch import nn

from florascope.files import cache_dir, clear_errors
from florascope.nets.backbone import learning, stages
from florascope.nets.classifier import Classifier, above, input_of
from florascope.nets.extractor import Images
from florascope.parallel import in_order
from florascope.progress import Progress, silent, track
from florascope.training.batches import KeptMaps, LabelledPhotos

Rows = Float32[np.ndarray, "b d h w"]


class Cut(NamedTuple):
    """A classifier cut where its layers begin to learn.

    Attributes:
        first: the whole classifier's first module that learns.
        upper: a classifier that takes that module's inputs in place of images.
    """

    first: nn.Module
    upper: Classifier


def cut(classifier: Classifier, unfreeze: int, example: Images) -> Cut | None:
    """Take the layers out that do not learn.

    Everything before the first learning module, as the modules were registered, becomes the
    identity. That the rest gives the same logits is *measured* on the example, not assumed.

    Args:
        classifier: with its backbone in eval mode; it is not changed.
        unfreeze: how many of its last stages learn.
        example: (b, 3, H, W) inputs to compare the two on.

    Returns:
        None where the network cannot be cut there (no stage learns, or all do; transformers, which
        add positions on the way), or where the maps would be larger than the images.
    """
    net = classifier.backbone.net
    learns = learning(stages(net, classifier.backbone.name), unfreeze)
    path = _first_within(net, learns)
    if not path:  # none learns, or the whole network
        return None
    first = net.get_submodule(path)
    with torch.no_grad():
        inputs, _ = input_of(classifier, first, example)
    if inputs.ndim != 4 or inputs.numel() > example.numel():
        return None  # tokens; or dearer to keep than the photos themselves
    upper = above(classifier, first, example)
    return None if upper is None else Cut(first, upper)


def keep(
    labelled: LabelledPhotos,
    classifier: Classifier,
    first: nn.Module,
    fabric: Fabric,
    progress: Progress = silent,
) -> LabelledPhotos:
    """Return the same photos as the inputs of a module, which lie in a file without a name.

    Args:
        labelled: n photos whose transform shows each alike in every epoch.
        classifier: the whole network.
        first: a module of it.
        fabric: device and precision.
        progress: told after each batch.

    Raises:
        FlorascopeError: the cache's disk is full.
    """
    classifier = classifier.to(fabric.device)
    indexes = range(len(labelled.photos))
    parts = [indexes[at : at + labelled.batch_size] for at in indexes[:: labelled.batch_size]]
    read = in_order(partial(labelled.shown, 0), parts)
    watched = track(read, len(parts), "Running the layers that stand still", progress)
    with torch.no_grad(), fabric.autocast():
        passes = (input_of(classifier, first, fabric.to_device(images)) for images in watched)
        maps = _filed(inputs.float().cpu().numpy() for inputs, _ in passes)
    return replace(labelled, transform=KeptMaps(maps, labelled.transform.seed))


def _filed(parts: Iterable[Rows]) -> Rows:
    """Write arrays into a file that goes with the last use of what is returned."""
    folder = cache_dir()
    with clear_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            shape = [0, 0, 0, 0]
            for rows in parts:
                file.write(rows.tobytes())
                shape = [shape[0] + len(rows), *rows.shape[1:]]
            file.flush()
            return np.memmap(file, np.float32, "r", shape=tuple(shape))


def _first_within(net: nn.Module, learns: set[str]) -> str | None:
    """Find the first module, from the outside, all of whose parameters learn."""
    for path, module in net.named_modules():
        names = {name for name, _ in module.named_parameters(path)}
        if names and names <= learns:
            return path
    return None
