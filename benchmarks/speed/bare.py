"""The engines bare, without florascope's pipeline around them; prints photos a second as JSON.

python bare.py BUNDLE PHOTO... [--seconds 1] [--rounds 9]

Everything is measured once a round, in turn, so that a machine that grows slower slows all alike;
the figures are medians over the rounds.
"""

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnxruntime as ort
import torch

from florascope.bundle.config import GRAPH, read_config
from florascope.cli.identify import answers
from florascope.identify.identifier import Identifier
from florascope.images import read_photo
from florascope.nets.saving import load_classifier

BATCH = 16
IDENTIFY = "identify with maps"
CORES = os.cpu_count() or 1


def main() -> None:
    """Measure every engine on the same crops, then the identifier on the same photos."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each, each round")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    pre = read_config(options.bundle).preprocessing
    crops = np.stack([pre.crop(read_photo(p)) for p in options.photos[:BATCH]])
    batch = pre.normalise(crops)
    engines = {
        **onnx_engines(options.bundle / GRAPH),
        **openvino_engines(options.bundle / GRAPH),
        **torch_engines(options.bundle),
    }
    identifier = Identifier(options.bundle)
    rates: dict[str, list[float]] = {}
    for engine in engines.values():
        engine(batch)
    for _ in range(options.rounds):
        for name, engine in engines.items():
            rates.setdefault(name, []).append(rate(engine, batch, options.seconds))
        rates.setdefault(IDENTIFY, []).append(identified(identifier, options.photos))
    print(json.dumps({name: median(found) for name, found in rates.items()}))


def rate(engine: Callable[[Any], Any], batch: np.ndarray, seconds: float) -> float:
    """Photos a second."""
    start, done = time.perf_counter(), 0
    while (passed := time.perf_counter() - start) < seconds:
        done += engine(batch)
    return done / passed


def onnx_engines(graph: Path) -> dict[str, Callable[[Any], int]]:
    """ONNX Runtime: one photo at a time from a thread a core, logits and maps."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    pool = ThreadPoolExecutor(CORES)

    def run(batch: np.ndarray) -> int:
        ones = [batch[i : i + 1] for i in range(len(batch))]
        list(pool.map(lambda one: session.run(["logits", "cam"], {"image": one}), ones))
        return len(batch)

    return {"ONNX Runtime, maps": run}


def openvino_engines(graph: Path) -> dict[str, Callable[[Any], int]]:
    """OpenVINO for throughput, asynchronous requests."""
    import openvino as ov

    core = ov.Core()  # one: several that go in another order than the reverse break signals
    found: dict[str, Callable[[Any], int]] = {}
    for precision in ("f32", "bf16"):
        settings = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": precision}
        compiled = core.compile_model(str(graph), "CPU", settings)
        queue = ov.AsyncInferQueue(compiled)

        def run(batch: np.ndarray, queue: Any = queue) -> int:  # noqa: ANN401
            for _ in range(4):
                queue.start_async({"image": batch})
            queue.wait_all()
            return 4 * len(batch)

        found[f"OpenVINO {precision}"] = run
    return found


def torch_engines(bundle: Path) -> dict[str, Callable[[Any], int]]:
    """PyTorch eager and compiled, both channels last."""
    warnings.simplefilter("ignore")
    network = load_classifier(bundle).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    found: dict[str, Callable[[Any], int]] = {}
    for how, net in (("eager", network), ("compiled", torch.compile(network))):
        for precision, half in (("f32", False), ("bf16", True)):

            def run(batch: np.ndarray, net: Any = net, *, half: bool = half) -> int:  # noqa: ANN401
                images = torch.from_numpy(batch).contiguous(memory_format=torch.channels_last)
                with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
                    net(images)
                return len(batch)

            found[f"PyTorch {how} {precision}"] = run
    return found


def identified(identifier: Identifier, photos: list[Path]) -> float:
    """Photos a second from file to answer and map, as `florascope identify FOLDER` does."""
    start = time.perf_counter()
    found = answers(identifier, map(str, photos), many=True)
    done = sum(not isinstance(f, str) and f.observation.maps is not None for _, f in found)
    return done / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
