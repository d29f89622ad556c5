"""A network in eval mode for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """Put a network into eval mode, and back into the mode it was in, whatever happens."""
    was_training = net.training
    net.eval()
    try:
        yield
    finally:
        net.train(was_training)
