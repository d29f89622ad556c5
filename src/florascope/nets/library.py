"""timm, imported and its networks outlined without PyTorch's compiler.

To import `torch._dynamo` takes longer than timm and torchvision together. They want two functions
of it that only their use calls, not their import.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

import torch._compile
from torch.overrides import TorchFunctionMode

__all__ = ["timm"]

COMPILER = "torch._dynamo"
UTILS = f"{COMPILER}.utils"


def disable(function: Callable[..., Any], recursive: bool = True, **_reason: Any) -> Any:  # noqa: ANN401, FBT001, FBT002 (PyTorch's signature)
    """Keep a function from being compiled, as PyTorch does for its own: at its first call."""
    return torch._compile._disable_dynamo(function, recursive)  # noqa: SLF001


def is_compile_supported(device: str) -> bool:
    """Ask the compiler itself."""
    from torch._dynamo import utils

    return bool(utils.is_compile_supported(device))


@contextmanager
def compiler_postponed() -> Iterator[None]:
    """Let the two functions above take the compiler's place, unless it is there already.

    What asks for more of it meets an AttributeError or ImportError, which ends the block alone.
    """
    if COMPILER in sys.modules:
        yield
        return
    package: Any = ModuleType(COMPILER)
    utils: Any = ModuleType(UTILS)
    utils.is_compile_supported = is_compile_supported
    package.disable, package.utils = disable, utils
    sys.modules |= {COMPILER: package, UTILS: utils}
    try:
        with suppress(AttributeError, ImportError):
            yield
    finally:
        for name in (COMPILER, UTILS):
            sys.modules.pop(name, None)


class Undrawn(TorchFunctionMode):
    """Leaves tensors as they are where a network would draw its first weights.

    Without memory there is nothing to draw, and PyTorch would import its compiler to do that.
    """

    STEPS = frozenset({"normal_", "uniform_", "erfinv_", "mul_", "add_", "clamp_"})

    def __torch_function__(
        self,
        function: Callable[..., Any],
        _types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 (PyTorch's signature)
        """Call a function of PyTorch, unless it draws."""
        given = kwargs or {}
        if function.__name__ in self.STEPS:
            return args[0] if args else given["tensor"]
        return function(*args, **given)


@contextmanager
def without_memory() -> Iterator[None]:
    """Make networks of names and shapes alone."""
    with torch.device("meta"), Undrawn():
        yield


with compiler_postponed():
    import timm

import timm  # noqa: E402 (where it asked for more)
