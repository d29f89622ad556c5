"""timm, imported and its networks outlined without PyTorch's compiler, and PyTorch's defaults.

To import `torch._dynamo` takes longer than timm and torchvision together. They want two functions
of it that only their use calls, not their import.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Lock
from types import ModuleType
from typing import Any

import torch
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


_LOCK = Lock()
_OTHERS: list[torch.dtype] = []  # the user's dtype, once for each call that keeps it away


@contextmanager
def torch_defaults() -> Iterator[None]:
    """Compute as PyTorch does from its start, whatever it has been set to: float32, CPU, gradients.

    The default dtype is the process's, so that the last of several threads gives it back; the rest
    is the thread's own. Also a decorator: `@torch_defaults()`.
    """
    with ExitStack() as stack:
        stack.enter_context(_float32())
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if torch.is_autocast_enabled("cpu"):
            stack.enter_context(torch.autocast("cpu", enabled=False))
        stack.enter_context(torch.inference_mode(mode=False))
        stack.enter_context(torch.enable_grad())
        yield


@contextmanager
def _float32() -> Iterator[None]:
    with _LOCK:
        changed = bool(_OTHERS) or torch.get_default_dtype() != torch.float32
        if changed:
            _OTHERS.append(_OTHERS[0] if _OTHERS else torch.get_default_dtype())
            torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        with _LOCK:
            if changed and len(_OTHERS) == 1:
                torch.set_default_dtype(_OTHERS[0])
            if changed:
                _OTHERS.pop()


@contextmanager
def making_networks() -> Iterator[None]:
    """Make networks as PyTorch's defaults are, without a draw that the user's own would miss."""
    with torch_defaults(), torch.random.fork_rng(devices=[]):
        yield


with compiler_postponed():
    import timm

import timm  # noqa: E402 (where it asked for more)
