"""Take down which photos of Oxford 102 trained, selected and measured the shipped model.

    python benchmarks/shipped/record.py SPLIT.csv [--data-dir DIR]

SPLIT.csv is the 80/10/10 split that the model was trained with (see README.md here). Photos are
taken down by their names in the published collection and by their looks, so that they are known
again as the authors' originals, as smaller copies, and in folders sorted otherwise.
"""

import argparse
from pathlib import Path

from florascope.bundle.config import PHOTOS, find_bundle, read_config
from florascope.bundle.participation import Participation
from florascope.data.identity import PhotoKeys, content_keys, looks_of
from florascope.data.oxford102 import oxford102
from florascope.data.splits import split_from_csv
from florascope.files import write_json
from florascope.progress import progress_bars

BUNDLE = "flowers102-mobilenetv2"


def main() -> None:
    """Write the bundle's photos.json."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("split", type=Path)
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    bundle = find_bundle(BUNDLE)
    config = read_config(bundle)
    with progress_bars() as progress:
        dataset = oxford102(options.data_dir, progress)
        looks = looks_of(dataset.photos, config.preprocessing, progress)
    split = split_from_csv(options.split, dataset)
    keys = PhotoKeys(content_keys(dataset), looks)
    record = Participation.of(dataset, split, int(config.provenance["seed"]), keys)
    write_json(bundle / PHOTOS, record.to_json())
    sizes = {subset: len(part) for subset, part in record.photos.items()}
    print(f"{bundle / PHOTOS}: {sizes}, of {len(dataset)} photos")


if __name__ == "__main__":
    main()
