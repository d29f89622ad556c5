"""A bundle's ONNX file in plain ONNX Runtime, with the server's decoding; photos a second as JSON.

python bare.py BUNDLE PHOTO... [--seconds 30]
"""

import argparse
import itertools
import json
import threading
import time
from pathlib import Path

import onnxruntime as ort

from florascope.app.limits import Limits
from florascope.bundle.config import GRAPH, read_config
from florascope.images import read_photo


def main() -> None:
    """Decode, crop and run in a thread a worker of the server's, one photo at a time."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    settings = read_config(options.bundle).preprocessing
    plain = ort.SessionOptions()
    plain.intra_op_num_threads = 1
    graph = str(options.bundle / GRAPH)
    session = ort.InferenceSession(graph, plain, providers=["CPUExecutionProvider"])
    photos = itertools.cycle([path.read_bytes() for path in options.photos])
    done = [0] * Limits().workers
    start, before = time.perf_counter(), time.process_time()

    def run(worker: int) -> None:
        while time.perf_counter() - start < options.seconds:
            rgb = read_photo(next(photos), shorter=settings.shorter)
            session.run(None, {"image": settings(rgb)[None]})
            done[worker] += 1

    threads = [threading.Thread(target=run, args=(worker,)) for worker in range(len(done))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passed = time.perf_counter() - start
    cpu = 1000 * (time.process_time() - before) / sum(done)
    print(json.dumps({"photos/s": sum(done) / passed, "threads": len(done), "cpu": cpu}))


if __name__ == "__main__":
    main()
