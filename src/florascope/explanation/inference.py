"""Explanations of many photos: every pass that needs no gradient runs in ONNX Runtime."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from florascope.explanation.attribution import Attribution, Explainer, Targets
from florascope.explanation.cam import ClassActivationMap
from florascope.explanation.sharp import Contributions, Sharp, contributions, weigh
from florascope.features.engines import OnnxRuntime
from florascope.nets.classifier import Classifier
from florascope.nets.cutting import above, input_of
from florascope.nets.extractor import Embedding, FeatureExtractor, FeatureMap, Images
from florascope.nets.fusing import fuse


def at_inference_speed(classifier: Classifier) -> Classifier:
    """Return the classifier as it is now, its backbone in ONNX Runtime: no gradients.

    Same logits and maps within rounding, a fraction of the time of eager PyTorch on a CPU; safe to
    call from several threads at once.

    Raises:
        FlorascopeError: PyTorch cannot export the network.
    """
    fast = Classifier(_InRuntime(classifier.backbone), classifier.classes)
    fast.head = classifier.head
    return fast.eval()


def hastened(explainer: Explainer, classifier: Classifier) -> Explainer:
    """Return an explainer of this classifier that gives the same maps in less time.

    The class activation map takes its one pass in ONNX Runtime; the sharp map takes what lies
    below the last block there, most of its passes' work. Others stay as they are. To make the
    graphs takes a second or two, so that it pays from about ten photos on.

    Args:
        explainer: any.
        classifier: the only one that it will be asked to explain, its weights at rest.
    """
    if isinstance(explainer, Sharp):
        return replace(explainer, look=SplitPasses())
    if isinstance(explainer, ClassActivationMap):
        return _Instead(explainer, at_inference_speed(classifier))
    return explainer


@contextmanager
def one_core_each() -> Iterator[None]:
    """Keep PyTorch to the calling thread's core: the callers' threads are the parallelism."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class _InRuntime(FeatureExtractor):
    """Another extractor's graph in ONNX Runtime."""

    def __init__(self, backbone: FeatureExtractor) -> None:
        super().__init__()
        self.name, self.preprocessing = backbone.name, backbone.preprocessing
        self.num_features, self.obstacle = backbone.num_features, backbone.obstacle
        self.pools_linearly, self.reads_map = backbone.pools_linearly, backbone.reads_map
        self.net = nn.Identity()
        self._runtime = OnnxRuntime(backbone)

    def forward(self, images: Images) -> Embedding:
        """Embed a normalised batch."""
        found = self._runtime.embed(images.detach().contiguous().numpy())
        return Embedding(*map(torch.from_numpy, found))


@dataclass(frozen=True)
class _Instead:
    """An explainer that asks another classifier than the one that it is given."""

    explainer: Explainer
    classifier: Classifier

    @property
    def name(self) -> str:
        return self.explainer.name

    def __call__(self, classifier: Classifier, images: Images, targets: Targets) -> Attribution:  # noqa: ARG002 (an Explainer)
        return self.explainer(self.classifier, images, targets)


class _Below(FeatureExtractor):
    """A network up to its last block's input, in place of its map.

    Args:
        backbone: the whole.
        block: its last block.
        size: of the pictures.
    """

    def __init__(self, backbone: FeatureExtractor, block: nn.Module, size: int) -> None:
        super().__init__()
        self._backbone, self._block = backbone, block
        self.net, self.pools_linearly = backbone.net, True
        self.preprocessing = replace(backbone.preprocessing, size=size)
        with torch.no_grad():
            places = self(self.example(1)).map.shape[1:]
        self.num_features = places[0]
        self.name = f"{backbone.name} below its last block, {tuple(places)}"

    def forward(self, images: Images) -> Embedding:
        found, _ = input_of(self._backbone, self._block, images)
        return Embedding(found, found.mean((2, 3)))

    def as_map(self, raw: Tensor) -> FeatureMap:
        return raw


class _Split(NamedTuple):
    below: OnnxRuntime
    upper: Classifier


@dataclass(frozen=True)
class SplitPasses:
    """`contributions`, what lies below the last block in ONNX Runtime, the rest with gradients.

    Graphs are made for each network and size when they first come, and kept; networks that cannot
    be cut there are looked at as ever.
    """

    _splits: dict[tuple[nn.Module, int], _Split | None] = field(default_factory=dict)
    _making: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, classifier: Classifier, images: Images, targets: Targets) -> Contributions:
        """Return what `contributions` does."""
        split = self._split(classifier, images)
        if split is None:
            return contributions(classifier, images, targets)
        found, _ = split.below.embed(images.detach().contiguous().numpy())
        below = torch.from_numpy(found).contiguous(memory_format=torch.channels_last)
        with torch.enable_grad():
            answer = split.upper.answer(below.requires_grad_())
        return weigh(split.upper, answer, below, targets)

    def _split(self, classifier: Classifier, images: Images) -> _Split | None:
        key = (classifier.backbone.net, images.shape[2])
        with self._making:
            if key not in self._splits:
                self._splits[key] = _cut(classifier, images)
            return self._splits[key]


def _cut(classifier: Classifier, images: Images) -> _Split | None:
    block = classifier.backbone.last_block()
    if block is None or images.shape[2] != images.shape[3]:
        return None
    upper = above(classifier, block, images[:1])
    if upper is None:
        return None
    below = OnnxRuntime(_Below(classifier.backbone, block, images.shape[2]))
    example, _ = below.embed(images[:1].detach().numpy())
    upper.backbone.net = fuse(upper.backbone.net, torch.from_numpy(example)).net
    upper.requires_grad_(requires_grad=False).to(memory_format=torch.channels_last)
    return _Split(below, upper)
