"""Explanations of many photos: every pass that needs no gradient runs in ONNX Runtime."""

import copy
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from florascope.errors import FlorascopeError
from florascope.explanation.attribution import Attribution, Explainer, Targets
from florascope.explanation.cam import ClassActivationMap
from florascope.explanation.integrated_gradients import IntegratedGradients
from florascope.explanation.occlusion import Occlusion
from florascope.explanation.sharp import Contributions, Sharp, contributions, unstrided, weigh
from florascope.features.engines import OnnxRuntime
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Answer, Classifier, Logits, above, input_of
from florascope.nets.extractor import Embedding, FeatureExtractor, FeatureMap, Images
from florascope.nets.fusing import fuse
from florascope.parallel import in_order

Item = TypeVar("Item")
Result = TypeVar("Result")


class FastClassifier(Classifier):
    """A classifier as it is now, its backbone in ONNX Runtime: no gradients.

    Same logits and maps within rounding, a fraction of the time of eager PyTorch on a CPU; safe to
    call from several threads at once. One that is an ONNX graph already, or that PyTorch cannot
    export, is asked itself.

    Args:
        classifier: the original.
        threads: of each pass; 1 where the callers' threads are the parallelism, 0 for all cores.

    Attributes:
        splits: what was cut of it so far, for all that explain it.
    """

    def __init__(self, classifier: Classifier, threads: int = 0) -> None:
        super().__init__(_InRuntime(classifier.backbone, threads), classifier.classes)
        self.head = classifier.head
        self.threads = threads
        self.splits: dict[tuple[nn.Module, int], _Split | None] = {}
        self._cutting = threading.Lock()
        self.eval()

    def split(self, classifier: Classifier, images: Images) -> "_Split | None":
        """Return a network cut below its last block, cutting it where nobody has; see `_cut`."""
        key = (classifier.backbone.net, images.shape[2])
        with self._cutting:
            if key not in self.splits:
                self.splits[key] = _cut(classifier, images, self.threads)
            return self.splits[key]


class Hastened(NamedTuple):
    """An explainer of one classifier, and that classifier's logits.

    Attributes:
        how: the explainer.
        network: to the logits. What it has computed of a batch, `how` does not compute again if it
            is asked about the same images next, in the same thread.
    """

    how: Explainer
    network: Callable[[Images], Logits]


def hastened(explainer: Explainer, classifier: Classifier, fast: FastClassifier) -> Hastened:
    """Return an explainer of this classifier that gives the same maps in less time.

    The class activation map and occlusion take their passes in ONNX Runtime; the sharp map takes
    what lies below the last block there, most of its passes' work. Integrated Gradients, all of
    whose passes need gradients, take them in PyTorch with BatchNorm folded into the convolutions.
    Others stay as they are. To make the graphs takes a second or two, so that it pays from about
    ten photos on.

    Sharp maps agree to 1e-6 of their maximum, but for photos in which a unit of the last block lies
    within rounding of a ReLU's kink: there, any two ways of adding up differ by some thousandths,
    float32 and float64 in PyTorch alike.

    Args:
        explainer: any.
        classifier: the only one that it will be asked to explain, its weights at rest.
        fast: the same, at inference speed.
    """
    if isinstance(explainer, Sharp):
        passes = SplitPasses(classifier, fast)
        return Hastened(replace(explainer, look=passes, finer=cache(unstrided)), passes.logits)
    linear = isinstance(explainer, ClassActivationMap) and classifier.backbone.pools_linearly
    if linear or isinstance(explainer, Occlusion):
        return Hastened(_Instead(explainer, fast), fast)
    if isinstance(explainer, IntegratedGradients) and isinstance(classifier.backbone, Backbone):
        return Hastened(_Instead(explainer, _folded(classifier)), fast)
    return Hastened(explainer, fast)


def _folded(classifier: Classifier) -> Classifier:
    """Copy a classifier without its BatchNorms, its weights laid out channels last."""
    folded = copy.deepcopy(classifier)
    folded.backbone.net = fuse(folded.backbone.net, folded.backbone.example(2)).net
    return folded.requires_grad_(requires_grad=False).to(memory_format=torch.channels_last)


@contextmanager
def one_core_each() -> Iterator[None]:
    """Keep PyTorch to the calling thread's core: the callers' threads are the parallelism."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def spread(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Return function(item) for every item, a thread a core at whole items.

    Threads that share the work of a layer wait for one another at each.
    """
    with one_core_each():
        return list(in_order(function, items))


@dataclass(frozen=True)
class Abreast:
    """An explainer that several threads may ask, a pair of images each.

    Attributes:
        explainer: of each image for itself.
    """

    explainer: Explainer

    @property
    def name(self) -> str:
        """The explainer's own."""
        return self.explainer.name

    def __call__(self, classifier: Classifier, images: Images, targets: Targets) -> Attribution:
        """Explain one logit an image; see `Explainer`."""
        pairs = zip(images.split(PAIR), targets.split(PAIR), strict=True)
        found = spread(lambda pair: self.explainer(classifier, *pair), pairs)
        values, totals = (torch.cat([getattr(f, n) for f in found]) for n in ("values", "total"))
        return replace(found[0], values=values, total=totals)


PAIR = 2  # images a turn: few enough to stay in a core's cache


class _Last(threading.local):
    """This thread's last images, and what was computed of them."""

    def __init__(self) -> None:
        self.images: Images | None = None
        self.computed: Any = None
        self._version = 0

    def keep(self, images: Images, computed: Any) -> None:  # noqa: ANN401 (whatever it was)
        self.images, self.computed, self._version = images, computed, images._version  # noqa: SLF001 (PyTorch's count of changes in place)

    def of(self, images: Images) -> Any:  # noqa: ANN401
        """What was kept of these images; None where the last ones were others."""
        kept = self.images
        same = (
            kept is not None
            and kept.data_ptr() == images.data_ptr()
            and kept.shape == images.shape
            and self._version == images._version  # noqa: SLF001
        )
        return self.computed if same else None


class _InRuntime(FeatureExtractor):
    """Another extractor's graph in ONNX Runtime."""

    def __init__(self, backbone: FeatureExtractor, threads: int) -> None:
        super().__init__()
        self.name, self.preprocessing = backbone.name, backbone.preprocessing
        self.num_features, self.obstacle = backbone.num_features, backbone.obstacle
        self.pools_linearly, self.reads_map = backbone.pools_linearly, backbone.reads_map
        self.net = nn.Identity()
        self._look = _look(backbone, threads)
        self._last = _Last()

    def forward(self, images: Images) -> Embedding:
        """Embed a normalised batch; the last one again for nothing."""
        found: Embedding | None = self._last.of(images)
        if found is None:
            with torch.no_grad():
                found = self._look(images.detach())
            self._last.keep(images, found)
        return found


def _look(backbone: FeatureExtractor, threads: int) -> Callable[[Images], Embedding]:
    """Return the fastest way to a network's features: in the end, the network."""
    if not backbone.differentiable:
        return partial(backbone)  # no part of whatever keeps it
    try:
        runtime = OnnxRuntime(backbone, threads)
    except FlorascopeError:
        return partial(backbone)  # no part of whatever keeps it
    return lambda images: Embedding(
        *map(torch.from_numpy, runtime.embed(images.contiguous().numpy()))
    )


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


class _Passed(NamedTuple):
    answer: Answer
    below: Tensor


@dataclass(frozen=True)
class SplitPasses:
    """`contributions`, what lies below the last block in ONNX Runtime, the rest with gradients.

    Graphs are made for each network and size when they first come, and kept in `fast`; networks
    that cannot be cut there are looked at as ever.

    Attributes:
        classifier: whose logits are asked for.
        fast: the same, in ONNX Runtime.
    """

    classifier: Classifier
    fast: FastClassifier
    _last: _Last = field(default_factory=_Last)

    def logits(self, images: Images) -> Logits:
        """Logits of the classifier, by a pass that a look at the same images takes up."""
        split = self.fast.split(self.classifier, images)
        if split is None:
            return self.fast(images)
        passed = _pass(split, images)
        self._last.keep(images, passed)
        return passed.answer.logits.detach()

    def __call__(self, classifier: Classifier, images: Images, targets: Targets) -> Contributions:
        """Return what `contributions` does."""
        split = self.fast.split(classifier, images)
        if split is None:
            return contributions(classifier, images, targets)
        passed = self._last.of(images) if classifier is self.classifier else None
        answer, below = passed or _pass(split, images)
        return weigh(split.upper, answer, below, targets)


def _pass(split: _Split, images: Images) -> _Passed:
    found, _ = split.below.embed(images.detach().contiguous().numpy())
    below = torch.from_numpy(found).contiguous(memory_format=torch.channels_last)
    with torch.enable_grad():
        return _Passed(split.upper.answer(below.requires_grad_()), below)


def _cut(classifier: Classifier, images: Images, threads: int) -> _Split | None:
    block = classifier.backbone.last_block()
    if block is None or images.shape[2] != images.shape[3]:
        return None
    upper = above(classifier, block, images[:1])
    if upper is None:
        return None
    below = OnnxRuntime(_Below(classifier.backbone, block, images.shape[2]), threads)
    example, _ = below.embed(images[:1].detach().numpy())
    upper.backbone.net = fuse(upper.backbone.net, torch.from_numpy(example)).net
    upper.requires_grad_(requires_grad=False).to(memory_format=torch.channels_last)
    return _Split(below, upper)
