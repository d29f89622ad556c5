"""The DATA argument: which data set is meant."""

from pathlib import Path

from florascope.data.dataset import Dataset
from florascope.errors import DataError
from florascope.progress import Progress, silent


def open_dataset(spec: str, data_dir: Path | None = None, progress: Progress = silent) -> Dataset:
    """Open oxford102, garden, a folder or a CSV.

    Args:
        spec: one of the two names, or a path.
        data_dir: folder that holds flowers-102/.
        progress: told of a download.

    Raises:
        DataError: it is none of the four, or cannot be used.
    """
    if spec == "oxford102":
        from florascope.data.oxford102 import oxford102

        return oxford102(data_dir, progress)
    if spec == "garden":
        from florascope.data.garden import garden

        return garden()
    return _open_path(Path(spec))


def _open_path(path: Path) -> Dataset:
    if path.is_dir():
        from florascope.data.folder import folder
        from florascope.data.oxford102 import oxford102_at_hand, read_oxford102

        oxford = oxford102_at_hand(path)
        return read_oxford102(oxford) if oxford else folder(path)
    if path.is_file() and path.suffix.lower() == ".csv":
        from florascope.data.manifest import manifest

        return manifest(path)
    raise DataError(
        f"no data set {str(path)!r}",
        expected="oxford102, garden, a folder of class folders, or a CSV (path,label[,split])",
        fix="Try: florascope data inspect garden",
    )
