"""A network up to the features that its linear head reads, whoever made it."""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from florascope.preprocessing import Preprocessing


def close(found: Tensor, truth: Tensor, tolerance: float = 1e-3) -> bool:
    """Whether two tensors of one shape differ by float rounding alone, through many layers."""
    return torch.allclose(found, truth, atol=tolerance / 10, rtol=tolerance)


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """Put a network into eval mode, and each module back into its own, whatever happens."""
    training = [module for module in net.modules() if module.training]
    net.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


Before = Callable[[tuple[Any, ...]], tuple[Any, ...] | None]
"""Called with a module's arguments; what it returns takes their place, unless that is None."""
After = Callable[[Any], None]
"""Called with what a module gave."""


@contextmanager
def hooked(
    before: Mapping[nn.Module, Before] | None = None, after: Mapping[nn.Module, After] | None = None
) -> Iterator[None]:
    """Have modules call back before and after their work, in this thread's passes alone.

    PyTorch's own hooks belong to the module: with several threads, each would be called in the
    others' passes, too.
    """
    owner = threading.get_ident()

    def ours() -> bool:  # what compiles a network cannot trace a thread's number
        return torch.compiler.is_compiling() or threading.get_ident() == owner

    def arriving(call: Before) -> Callable[[nn.Module, Any], Any]:
        return lambda _, given: call(given) if ours() else None

    def leaving(call: After) -> Callable[[nn.Module, Any, Any], None]:
        return lambda _module, _, gave: call(gave) if ours() else None

    handles = [m.register_forward_pre_hook(arriving(c)) for m, c in (before or {}).items()]
    handles += [m.register_forward_hook(leaving(c)) for m, c in (after or {}).items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


Images = Float[Tensor, "b c height width"]
"""Normalised, three channels; of a network without its lower layers, what those would hand on."""
FeatureMap = Float[Tensor, "b c h w"]


class Embedding(NamedTuple):
    """What a backbone says of a batch.

    Attributes:
        map: (b, c, h, w) feature map A.
        features: (b, c) pooled features f. Where the backbone `pools_linearly`,
            f is the mean of A over h and w, up to float rounding.
    """

    map: FeatureMap
    features: Float[Tensor, "b f"]


class FeatureExtractor(nn.Module):
    """A network up to what its linear head reads: image -> map, features.

    Attributes:
        name: of the architecture.
        preprocessing: the contract of the input.
        net: the network itself.
        num_features: width of f.
        pools_linearly: whether f is the mean of the map over its places, so that logits split
            over them exactly.
        obstacle: why it is not; empty where it is.
        reads_map: whether f depends on the map at all: one that reads a token of its own does not.
        takes_any_size: whether it takes pictures of other sizes than the preprocessing's.
        differentiable: whether PyTorch can follow it back to the picture.
    """

    name: str
    preprocessing: Preprocessing
    net: Any
    num_features: int
    pools_linearly: bool
    obstacle: str = ""
    reads_map: bool = True
    takes_any_size: bool = False
    differentiable: bool = True

    def forward(self, images: Images) -> Embedding:
        """Embed a normalised batch."""
        raise NotImplementedError

    def as_map(self, raw: Tensor) -> FeatureMap:
        """Bring what a layer of the network puts out into (b, c, h, w)."""
        raise NotImplementedError

    def last_block(self) -> nn.Module | None:
        """Return the network's last block, at whose input maps look one block below; or None."""
        return last_block(self.net)

    def parts(self) -> list[tuple[str, nn.Module]]:
        """Return the parts of the network by name, from input to features."""
        return list(_taken_apart(self.net))

    def example(self, count: int) -> Images:
        """Draw (count, 3, size, size) images, always the same, to compare networks on."""
        size = self.preprocessing.size
        draw = torch.Generator().manual_seed(0)
        return torch.rand(count, 3, size, size, generator=draw, dtype=torch.float32)

    def own_graph(self) -> Any:  # noqa: ANN401 (an ONNX model, which this module does not import)
        """Return the network as ONNX, image -> map, features, where PyTorch need not export it."""
        return None

    def digest(self) -> str:
        """BLAKE2b over architecture, arguments and every weight: equal networks, equal digest."""
        state = hashlib.blake2b(self._described().encode(), digest_size=16)
        for key, tensor in sorted(self.net.state_dict().items()):
            state.update(key.encode())
            state.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
        return state.hexdigest()

    def _described(self) -> str:
        """Everything about the network but its weights, as text."""
        return self.name


def last_block(net: nn.Module, among: Iterable[nn.Module] | None = None) -> nn.Module | None:
    """Return the last block of the last stage, or None where the network has no stages.

    Stages are the network's sequences of modules: it is blocks[-1][-1] of MobileNetV2 and
    EfficientNet, layer4[-1] of a ResNet, stages[-1].blocks[-1] of a ConvNeXt, blocks[-1] of a ViT.

    Args:
        net: the network.
        among: the children that count; None for all.
    """
    children = net.children() if among is None else among
    sequences = [m for m in children if is_sequence(m) and learns(m)]
    block: Any = sequences[-1] if sequences else None
    while is_sequence(inner := getattr(block, "blocks", block)) and learns(inner[-1]):
        block = inner[-1]
    return block


def learns(module: nn.Module) -> bool:
    """Whether a module has parameters."""
    return any(True for _ in module.parameters())


def is_sequence(module: Any) -> bool:  # noqa: ANN401 (any attribute)
    """Whether a module is a sequence of others, and not an empty one."""
    return isinstance(module, nn.Sequential | nn.ModuleList) and len(module) > 0


def _taken_apart(net: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield a network's children by name, sequences taken apart."""
    for name, child in net.named_children():
        if isinstance(child, nn.Sequential):
            yield from ((f"{name}.{index}", block) for index, block in child.named_children())
        else:
            yield name, child
