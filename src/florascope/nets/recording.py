"""Every tensor that a network's forward pass makes, in order, without hooks."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from florascope.errors import ExplanationError


class Call(NamedTuple):
    """One function of PyTorch that was called.

    Attributes:
        function: its name ("linear", "relu", "mean").
        args: its positional arguments.
        kwargs: its named ones.
        output: what it gave; where a later function changed it in place, as that left it.
    """

    function: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    output: Tensor

    def argument(self, place: int, name: str) -> Any:  # noqa: ANN401 (whatever it was given)
        """Return an argument that may have been given by place or by name; None if by neither."""
        return self.kwargs.get(name, self.args[place] if place < len(self.args) else None)


class Recorder(TorchFunctionMode):
    """Notes each function that gives a tensor of floats; hooks none and changes nothing.

    A call is known by its place *from the end*: what comes before a feature map may differ with
    gradients or batch size (attention takes other routes), the few steps from there to the logits
    do not.

    Args:
        keep: how many of the last calls to keep; None for all.
    """

    def __init__(self, keep: int | None = None) -> None:
        super().__init__()
        self.calls: deque[Call] = deque(maxlen=keep)

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 (whatever the function gives)
        """Call the function and note what it gave."""
        output = function(*args, **(kwargs or {}))
        if isinstance(output, Tensor) and output.is_floating_point():
            name = getattr(function, "__name__", "")
            self.calls.append(Call(name, args, kwargs or {}, output))
        return output


def record(net: nn.Module, images: Tensor, keep: int | None = None) -> tuple[Tensor, list[Call]]:
    """Run a network; return its answers and its calls.

    The images are brought to the network's device and into its precision first.

    Raises:
        ExplanationError: its output is not one row of numbers an image.
    """
    weight = next((p for p in net.parameters() if p.is_floating_point()), None)
    moved = images if weight is None else images.to(weight.device, weight.dtype)
    with Recorder(keep) as recorder:
        output = scores_in(net(moved))
    if output is None or output.ndim != 2 or len(output) != len(images):
        found = "nothing of the kind" if output is None else f"shape {tuple(output.shape)}"
        raise ExplanationError(
            f"{type(net).__name__} gives {found}",
            expected=f"scores ({len(images)}, classes) for {len(images)} images: a classifier",
        )
    return output, list(recorder.calls)


def scores_in(output: Any) -> Tensor | None:  # noqa: ANN401 (a network's output)
    """Find the scores in what a network returns: a tensor, a `logits` in a record, a first item."""
    if isinstance(output, Mapping):
        output = output.get("logits", next(iter(output.values()), None))
    elif not isinstance(output, Tensor):
        output = getattr(output, "logits", output)
    if isinstance(output, tuple | list) and output:
        output = output[0]
    return output if isinstance(output, torch.Tensor) else None
