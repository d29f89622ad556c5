"""What each part of a job takes, one thread, on real photos: the ground of the plan to 10^9.

    python benchmarks/cluster/parts.py PHOTOS

Parts of `florascope identify --out`: listing and planning, reading with the digest, decoding and
cropping, the network, the verdict with its sentences, and writing a shard; then what resuming costs
(the check of a shard that is there). Rows go to results/parts.csv.
"""

import csv
import hashlib
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from florascope.bundle.config import find_bundle
from florascope.cluster.job import Counts, open_job
from florascope.cluster.storage import read_whole
from florascope.cluster.tasks import SHIPPED, Identify, Photo, rows_of, schema_of
from florascope.identify.identifier import Identifier

RESULTS = Path(__file__).parent / "results" / "parts.csv"
PHOTOS = 500


def main() -> None:
    """Time the parts one after the other."""
    source = sys.argv[1]
    task = Identify(SHIPPED)
    worker, identifier = task.open(), Identifier(find_bundle(SHIPPED))
    with tempfile.TemporaryDirectory() as out:
        began = time.perf_counter()
        job = open_job(source, task, out, size=PHOTOS)
        rates = {"list and plan": job.photos / (time.perf_counter() - began)}
        listed = job.listed(0)
        data, rates["read and digest"] = timed(lambda one: _read(one.place), listed)
        crops, rates["decode and crop"] = timed(lambda one: worker.decode(one, ""), data)
        seen, rates["network"] = timed(identifier.observe_crop, crops)
        _, rates["verdict and sentences"] = timed(lambda o: identifier.conclude(o).to_json(), seen)
        rows = [Photo(one, "0" * 32, crop) for one, crop in zip(listed, crops, strict=True)]
        batches = [rows_of(worker, rows[at : at + 16]) for at in range(0, PHOTOS, 16)]
        table = pa.Table.from_batches(batches, schema_of(worker))
        began = time.perf_counter()
        job.commit(0, table, Counts(PHOTOS))
        rates["write a shard"] = PHOTOS / (time.perf_counter() - began)
        size = (Path(out) / "part-00000.parquet").stat().st_size / PHOTOS
        _, checks = timed(job.done, [0] * 100)
        rates["check a shard that is there"] = PHOTOS * checks
    rows_out = {part: f"{rate:.0f}" for part, rate in rates.items()}
    rows_out["bytes of a row"] = f"{size:.0f}"
    for part, rate in rows_out.items():
        print(f"{part:30} {rate:>9}")
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["date", "part", "photos_per_second_and_thread"])
        writer.writerows([f"{datetime.now(UTC):%Y-%m-%d}", *row] for row in rows_out.items())


def timed(function: Callable[[Any], Any], items: Sequence[Any]) -> tuple[list[Any], float]:
    """Apply a function to each item; return what it gave, and items a second."""
    began = time.perf_counter()
    made = [function(item) for item in items]
    return made, len(items) / (time.perf_counter() - began)


def _read(place: str) -> bytes:
    data = read_whole(place)
    hashlib.blake2b(data, digest_size=16).hexdigest()
    return data


if __name__ == "__main__":
    main()
