"""One process at a time: the others wait and then find the work done."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where a file that another process has open cannot be replaced
    fcntl = None  # type: ignore[assignment]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file of a target, waiting for whoever holds it (torchrun's other ranks, say).

    Args:
        path: the target; its lock is a file beside it whose name begins with a dot.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{path.name}.lock")
    with lock.open("w") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
        # Only when the work is done: whoever waits for this file looks at the target next.
        lock.unlink(missing_ok=True)
