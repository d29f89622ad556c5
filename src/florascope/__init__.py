"""From a folder of photos to an image classifier that can be trusted.

    import florascope as fs

    data = fs.load("photos/")
    run = fs.train(data, fs.Probe(views=8), seed=3)
    run.metrics["test"]; run.confusions; run.mistakes(9).show(methods=["gradcam", "ig"])
    run.explain("new.jpg", against="rose").save("why.png")
    run.save("runs/mine")

    fs.Model("runs/mine").identify("new.jpg").statement("es")    # without PyTorch

What `__all__` names is public: it changes only after a release in which the old way still works
and warns. Everything else may change with any release.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from florascope.api.importing import import_keras as import_keras
    from florascope.api.importing import import_onnx as import_onnx
    from florascope.api.run import Run as Run
    from florascope.api.suggesting import suggest as suggest
    from florascope.api.training import open_run as open_run
    from florascope.api.training import train as train
    from florascope.cluster.engines import map as map  # noqa: A004 (fs.map)
    from florascope.data.dataset import Dataset as Dataset
    from florascope.doctor.dispatch import diagnose as diagnose
    from florascope.doctor.watch import watch as watch
    from florascope.errors import FlorascopeError as FlorascopeError
    from florascope.explanation.explanation import Explanation as Explanation
    from florascope.explanation.explanation import explain as explain
    from florascope.identify.identification import Identification as Identification
    from florascope.identify.model import Model as Model
    from florascope.nets.outside import wrap as wrap
    from florascope.preprocessing import Preprocessing as Preprocessing
    from florascope.source import load as load
    from florascope.training.recipes import ClassReport as ClassReport
    from florascope.training.recipes import Finetune as Finetune
    from florascope.training.recipes import Probe as Probe

__version__ = "0.2.0"

_HOMES = {
    "ClassReport": "training.recipes",
    "Dataset": "data.dataset",
    "Explanation": "explanation.explanation",
    "Finetune": "training.recipes",
    "FlorascopeError": "errors",
    "Identification": "identify.identification",
    "Model": "identify.model",
    "Preprocessing": "preprocessing",
    "Probe": "training.recipes",
    "Run": "api.run",
    "explain": "explanation.explanation",
    "diagnose": "doctor.dispatch",
    "import_keras": "api.importing",
    "import_onnx": "api.importing",
    "load": "source",
    "map": "cluster.engines",
    "open_run": "api.training",
    "suggest": "api.suggesting",
    "train": "api.training",
    "wrap": "nets.outside",
    "watch": "doctor.watch",
}
"""Public names by the module they live in, imported when first used: PyTorch is heavy."""

__all__ = [  # noqa: PLE0604 (names of `_HOMES`)
    "__version__",
    *_HOMES,
]

# Some builds of ONNX Runtime keep a device id and a telemetry store from their import on; whoever
# wants that sets the variable to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def __getattr__(name: str) -> Any:  # noqa: ANN401 (any public name)
    """Import a public name when it is first asked for."""
    if name == "keras":
        return import_module("florascope.keras")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Name what completes in a notebook."""
    return sorted(__all__)
