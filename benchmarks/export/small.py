"""What fewer bits of the weights cost: one row a size, measured on validation photos.

    python benchmarks/export/small.py BUNDLE --split FILE.csv [--megabytes 2.5 2.2 1.8]

Needs FLORASCOPE_DATA with flowers-102. Test photos are not looked at. Writes results/small.csv
beside this file, a row as soon as it is measured; the first has 8 bits for every weight.
"""

import argparse
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from ways import HEADERS, observed

from florascope.bundle.config import GRAPH, find_bundle
from florascope.data.oxford102 import oxford102
from florascope.data.splits import choose_split
from florascope.export.int8 import fidelity
from florascope.export.packing import pack
from florascope.identify.identifier import Identifier


def main() -> None:
    """Measure every size and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle")
    parser.add_argument("--split", required=True)
    parser.add_argument("--megabytes", nargs="*", type=float, default=[2.5, 2.2, 1.8])
    options = parser.parse_args()
    with (Path(__file__).parent / "results" / "small.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["megabytes", "bytes", *HEADERS])
        for row in rows(find_bundle(options.bundle), options.split, options.megabytes):
            print(*row)
            writer.writerow(row)
            file.flush()


def rows(bundle: Path, split: str, megabytes: Sequence[float]) -> Iterator[list[str]]:
    """Yield each size's figures on the validation photos."""
    dataset, plain = oxford102(), Identifier(bundle)
    val = choose_split(dataset, split, 0).val
    photos = [dataset.photos[i].read() for i in val]
    before = [plain.observe(photo) for photo in photos]
    for most in (None, *megabytes):
        graph = pack(bundle / GRAPH, most)
        after = observed(graph, bundle, photos)
        cost = fidelity(before, after, dataset.labels[val]).to_json()
        figures = [f"{cost[header]:.4f}" for header in HEADERS]
        yield ["8 bits" if most is None else f"{most:g}", str(graph.ByteSize()), *figures]


if __name__ == "__main__":
    main()
