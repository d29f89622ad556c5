"""Work that is killed: what it does in a folder, and what must hold there at any instant."""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from florascope.data.dataset import ClassName, Dataset
from florascope.data.download import download, unpack
from florascope.features.embedding import embed
from florascope.features.engines import Engine
from florascope.garden import garden
from florascope.identify.identifier import Identifier
from florascope.images import read_photo
from florascope.nets.classifier import Classifier
from florascope.nets.saving import load_classifier, save_bundle
from florascope.nets.weights import load_backbone
from florascope.preprocessing import Preprocessing
from florascope.training.batches import LabelledPhotos, Transform
from florascope.training.finetune import finetune, training_transform
from florascope.training.logbook import Logbook, read_checkpoint
from florascope.training.recipes import Finetune

NETWORK, SIZE, PHOTOS = "test_resnet", 64, 40
REPEATS = 10  # of all photos, to be embedded
ORIGIN = {"seed": 0}


@dataclass(frozen=True)
class Job:
    """One kind of work.

    Attributes:
        run: do it in a folder, going on from whatever lies there; returns a digest of the result.
        check: raise where something that lies in the folder is not whole.
    """

    run: Callable[[Path], str]
    check: Callable[[Path], None]


@cache
def flowers() -> Dataset:
    """Some garden drawings."""
    drawn = garden(per_class=5, size=SIZE)
    keep = range(0, len(drawn), max(1, len(drawn) // PHOTOS))
    labels = np.arange(len(keep)) % 3
    photos = [Drawn(f"{i}", drawn.photos[i].read()) for i in keep]
    classes = tuple(ClassName(str(k), f"class {k}") for k in range(3))
    return Dataset("drawings", photos, labels, classes)


@dataclass(frozen=True)
class Drawn:
    """A drawing in memory."""

    name: str
    pixels: Any

    def read(self) -> Any:  # noqa: ANN401 (an array)
        """Return the pixels."""
        return self.pixels

    def digest(self) -> str:
        """Hash the pixels."""
        return hashlib.blake2b(self.pixels.tobytes()).hexdigest()


def classifier(seed: int = 0) -> Classifier:
    """Make the small network that everything here is about."""
    torch.manual_seed(seed)
    backbone = load_backbone(NETWORK, "random")
    backbone.preprocessing = Preprocessing(size=SIZE)
    made = Classifier(backbone, flowers().classes).eval()
    torch.nn.init.normal_(made.head.bias)
    return made


def train(folder: Path) -> str:
    """Fine-tune with a checkpoint after every step."""
    final = folder / "final.safetensors"
    if not final.exists():
        recipe = Finetune(backbone=NETWORK, weights="random", epochs=3, batch_size=8)
        network, data = classifier(), flowers()
        train_set = LabelledPhotos(
            data.photos, data.labels, 3, training_transform(network, recipe), 8
        )
        val = LabelledPhotos(
            data.photos[:9], data.labels[:9], 3, Transform(network.preprocessing), 9
        )
        finetune(network, train_set, val, recipe, Logbook(folder, ORIGIN, interval=0.0))
        draft = folder / ".final"
        save_file({k: v.contiguous() for k, v in network.state_dict().items()}, draft)
        draft.replace(final)
    return hashlib.sha256(final.read_bytes()).hexdigest()


def check_training(folder: Path) -> None:
    """Read the checkpoint, if there is one."""
    read_checkpoint(folder / "checkpoint.safetensors", ORIGIN)


def features(folder: Path) -> str:
    """Embed the drawings a few times over, the features' cache in the folder.

    The network's graph is made once for all runs, so that kills meet the embedding.
    """
    os.environ["FLORASCOPE_CACHE"] = str(folder.parents[1] / "graphs")
    engine = Engine(classifier().backbone)
    engine(np.zeros((1, 3, SIZE, SIZE), np.float32))  # the first call makes the graph
    os.environ["FLORASCOPE_CACHE"] = str(folder)
    bank = embed([*flowers().photos] * REPEATS, engine)
    return hashlib.sha256(np.ascontiguousarray(bank.values).tobytes()).hexdigest()


def check_features(folder: Path) -> None:
    """Read every cache entry that shows as finished."""
    for entry in (folder / "features").glob("[!.]*"):
        json.loads((entry / "problems.json").read_text())
        values = np.load(entry / "values.npy", allow_pickle=False)
        assert np.abs(values).sum(2).all(), "a photo without features"


@cache
def archive() -> bytes:
    """A .tgz of photos, 2 MB."""
    file, rng = io.BytesIO(), np.random.default_rng(0)
    from PIL import Image

    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as tar:
        for number in range(300):
            photo = io.BytesIO()
            pixels = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(photo, "JPEG", quality=90)
            info = tarfile.TarInfo(f"jpg/{number:04d}.jpg")
            info.size = len(photo.getvalue())
            tar.addfile(info, io.BytesIO(photo.getvalue()))
    return file.getvalue()


def prepare(folder: Path) -> str:
    """Download the archive and unpack it; the server's address is in the environment."""
    digest = hashlib.sha256(archive()).hexdigest()
    packed = download(os.environ["FIRE_URL"] + "photos.tgz", folder / "photos.tgz", sha256=digest)
    photos = sorted(unpack(packed, folder / "jpg").iterdir())
    state = hashlib.sha256()
    for path in photos:
        state.update(path.name.encode() + path.read_bytes())
    return state.hexdigest()


def check_data(folder: Path) -> None:
    """An archive that is there is the published one; a folder that is there holds every photo."""
    packed, photos = folder / "photos.tgz", folder / "jpg"
    if packed.exists():
        assert packed.read_bytes() == archive(), "another archive"
    if photos.exists():
        found = sorted(photos.iterdir())
        assert len(found) == 300, f"{len(found)} photos"
        read_photo(found[-1])


def export(folder: Path) -> str:
    """Write a bundle over another, again and again, the last one always the same."""
    os.environ["FLORASCOPE_CACHE"] = str(folder.parents[1] / "graphs")
    for seed in (1, 2, 1, 2, 0):
        save_bundle(classifier(seed), folder / "bundle", {"seed": seed})
    state = load_file(folder / "bundle" / "model.safetensors")
    digest = hashlib.sha256()
    for key in sorted(state):
        digest.update(state[key].numpy().tobytes())
    return digest.hexdigest()


def check_bundle(folder: Path) -> None:
    """A bundle that was once there is there, whole, and answers as torch does."""
    bundle, mark = folder / "bundle", folder / "was-there"
    if bundle.exists():
        mark.touch()
    if not mark.exists():
        return
    network = load_classifier(bundle)
    rgb = flowers().photos[0].read()
    with torch.no_grad():
        logits = network(torch.from_numpy(network.preprocessing(rgb)[None]))[0].numpy()
    np.testing.assert_allclose(Identifier(bundle).observe(rgb).logits, logits, atol=1e-4)


JOBS = {
    "training": Job(train, check_training),
    "features": Job(features, check_features),
    "data": Job(prepare, check_data),
    "export": Job(export, check_bundle),
}
