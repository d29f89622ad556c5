"""A network's answers and the features its last layer sees, without touching the network."""

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from florascope.doctor.evidence import Answers, Modes
from florascope.errors import FlorascopeError
from florascope.progress import Progress, silent, track

Batches = Sequence[tuple[Tensor, Tensor]]


class Head(NamedTuple):
    """The last linear layer to be called.

    Attributes:
        name: of the module; "" where the network has none.
        module: the layer, or None.
    """

    name: str
    module: nn.Module | None


def find_head(model: nn.Module, images: Tensor) -> Head:
    """Find the linear layer that is called last."""
    called: list[Head] = []
    handles = [
        module.register_forward_hook(lambda m, _i, _o, n=name: called.append(Head(n, m)))
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear)
    ]
    try:
        run(model, images)
    finally:
        for handle in handles:
            handle.remove()
    return called[-1] if called else Head("", None)


def run(model: nn.Module, images: Tensor) -> Tensor:
    """Outputs (b, K) without gradients, on the network's own device and in its own precision.

    Raises:
        FlorascopeError: the network fails on the batch, or its outputs are not (b, K).
    """
    like = next(model.parameters(), images)
    try:
        with torch.no_grad():
            outputs: Any = model(images.to(like.device, like.dtype))
    except (RuntimeError, ValueError, TypeError) as error:
        raise FlorascopeError(
            f"the network fails on a batch of shape {tuple(images.shape)} ({error})",
            expected="a network that takes the loader's batches",
        ) from error
    if not isinstance(outputs, Tensor) or outputs.ndim != 2:
        shape = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise FlorascopeError(f"the network gives {shape}", expected="outputs of shape (b, K)")
    return outputs.float().cpu()


def answers(
    twin: nn.Module,
    head: Head,
    data: Batches,
    what: str = "Asking the network",
    progress: Progress = silent,
) -> Answers:
    """Outputs, and the features that enter the last linear layer.

    Args:
        twin: a copy of the network, in eval mode.
        head: its last linear layer.
        data: batches of (images, labels).
        what: the step, for progress.
        progress: told after each batch.
    """
    seen: list[Tensor] = []
    layer = head.module or twin
    handle = layer.register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0].float()))
    try:
        outputs = [run(twin, images) for images, _ in track(data, len(data), what, progress)]
    finally:
        handle.remove()
    features = torch.cat([part.detach().flatten(1).cpu() for part in seen])
    labels = torch.cat([labels for _, labels in data])
    return Answers(labels.numpy(), torch.cat(outputs).numpy(), features.numpy())


def modes(model: nn.Module, images: Tensor, labels: Tensor, deployed: Any = None) -> Modes:  # noqa: ANN401
    """One batch in every mode, each on a copy: a pass in train mode changes the network."""
    evaluated = run(copy.deepcopy(model).eval(), images).numpy()
    still = not any(module.training for module in model.modules())
    narrow = next(model.parameters(), images).dtype in {torch.float16, torch.bfloat16}
    single = run(copy.deepcopy(model).float().eval(), images).numpy() if narrow else None
    with torch.no_grad():
        other = None if deployed is None else torch.as_tensor(deployed(images)).float().cpu()
    return Modes(
        training=model.training,
        labels=labels.numpy(),
        given=evaluated if still else run(copy.deepcopy(model), images).numpy(),
        evaluated=evaluated,
        trained=run(copy.deepcopy(model).train(), images).numpy(),
        single=single,
        deployed=None if other is None else other.numpy(),
    )
