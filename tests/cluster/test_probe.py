"""A probe fitted block by block is the probe fitted in memory."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from click.testing import CliRunner

from florascope.cli.job import fit
from florascope.cluster import probe as streamed
from florascope.cluster.job import Counts, Job, open_job
from florascope.cluster.probe import (
    Moments,
    StreamedSamples,
    divide,
    drawn_subset,
    fit_streamed,
    slope_of_blocks,
    train_from_features,
)
from florascope.cluster.storage import Store
from florascope.cluster.tasks import Inspect
from florascope.data.oxford102_features import embedded_oxford102
from florascope.errors import DataError
from florascope.identify.identifier import Identifier
from florascope.nets.classifier import Samples
from florascope.training import probe
from florascope.training.probe import Whitening, fit_probe
from florascope.training.recipes import Probe

Write = Callable[[Samples, str], StreamedSamples]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Put samples into files, to be read in blocks that do not divide their number."""
    monkeypatch.setattr(streamed, "BLOCK", 250)

    def put(samples: Samples, name: str) -> StreamedSamples:
        (tmp_path / f"{name}.f").write_bytes(samples.features.numpy().tobytes())
        (tmp_path / f"{name}.t").write_bytes(samples.targets.numpy().tobytes())
        width = samples.features.shape[1]
        return StreamedSamples(tmp_path / f"{name}.f", tmp_path / f"{name}.t", width)

    return put


@pytest.fixture(scope="module")
def flowers() -> dict[str, Samples]:
    """Real features: the official split of Oxford 102, of its first 20 classes."""
    found = embedded_oxford102()
    features = torch.from_numpy(found.features("torchvision"))
    targets = torch.from_numpy(found.dataset.labels)
    split = found.dataset.own_splits["official"]
    parts = {name: torch.from_numpy(indexes) for name, indexes in split.items()}
    kept = {name: at[targets[at] < 20] for name, at in parts.items()}
    return {name: Samples(features[at], targets[at], 20) for name, at in kept.items()}


def test_moments_whiten_as_the_samples_do(flowers: dict[str, Samples], write: Write) -> None:
    part = write(flowers["train"], "train")
    assert len(part) == 200
    found, truth = Moments.of(part, 20).whitening(3.0), Whitening.of(flowers["train"], 3.0)
    assert torch.allclose(found.centre, truth.centre, atol=1e-6)
    white, alone = found(flowers["val"].features), truth(flowers["val"].features)
    assert torch.allclose(white, alone, atol=1e-4)


def test_the_probe_is_the_one_fitted_in_memory(
    flowers: dict[str, Samples], write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "TRUSTED", 250)  # a quarter of the photos: the ridge shrinks in both
    train, val = write(flowers["test"], "train"), write(flowers["val"], "val")  # 997 photos
    recipe = Probe(max_iterations=200)
    found = fit_streamed(train, val, Moments.of(train, 20), recipe)
    truth = fit_probe(flowers["test"], flowers["val"], recipe)
    assert len(found.history) == len(truth.history)
    for ours, peers in zip(found.history, truth.history, strict=True):
        assert ours["val_loss"] == pytest.approx(peers["val_loss"], abs=2e-3)
        assert ours["val_top1"] == pytest.approx(peers["val_top1"], abs=0.006)  # a photo of 200
    one, other = (head(flowers["train"].features).softmax(1) for head in (found, truth))
    assert (one - other).abs().max() < 0.02
    assert (one.argmax(1) == other.argmax(1)).float().mean() > 0.99


def test_its_gradient_is_autograds(flowers: dict[str, Samples], write: Write) -> None:
    part, draw = write(flowers["train"], "train"), torch.Generator().manual_seed(0)
    weight = (0.01 * torch.randn(20, 1280, generator=draw)).requires_grad_()
    bias = torch.randn(20, generator=draw).requires_grad_()
    features, targets = flowers["train"].features, flowers["train"].targets
    truth = torch.nn.functional.cross_entropy(features @ weight.T + bias, targets)
    expected = torch.autograd.grad(truth, (weight, bias))
    found = slope_of_blocks(part, weight.detach(), bias.detach())
    assert found.loss == pytest.approx(truth.item(), rel=1e-5)
    right = (features @ weight.T + bias).argmax(1) == targets
    assert found.hits == pytest.approx(right.float().mean().item())
    for one, other in zip((found.weight, found.bias), expected, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def embedded(out: Path, labels: list[str | None], splits: list[str | None]) -> Job:
    """Write what `florascope embed` writes, of made-up features around one place a class."""
    n = len(labels)
    about = {"schema": "florascope-job/1", "task": "embed", "shard": 50, "photos": n}
    about |= {"backbone": "test_resnet", "weights": "random", "source": "made-up"}
    job = Job(Store(str(out)), about)
    job.store.write("_job/job.json", json.dumps(about).encode())
    rng = np.random.default_rng(0)
    places = {label: rng.uniform(0, 2, 96) for label in {*labels}}
    rows = [
        {
            "label": labels[i],
            "split": splits[i],
            "digest": f"{rng.integers(2**32):08x}",
            "features": (places[labels[i]] + rng.normal(0, 0.3, 96)).astype(np.float32),
            "problem": "broken" if i == 0 else None,
        }
        for i in range(n)
    ]
    kinds = [(name, pa.string()) for name in ("label", "split", "digest", "problem")]
    schema = pa.schema([*kinds, ("features", pa.list_(pa.float32(), 96))])
    for shard in range(job.shards):
        table = pa.Table.from_pylist(rows[50 * shard : 50 * shard + 50], schema)
        job.commit(shard, table, Counts(len(table)))
    return job


def test_photos_are_divided(tmp_path: Path) -> None:
    labels = ["10", "9", None] * 40
    splits = ["train", "val", "test", None, "spare", "train"] * 20
    job = embedded(tmp_path / "in", labels, splits)
    names, samples = divide(job, tmp_path)
    assert names == ["9", "10"]
    rows = [row for batch in job.batches() for row in batch.to_pylist()]
    for subset, part in samples.items():
        truth = [
            row
            for row in rows
            if not row["problem"]
            and row["label"]
            and (row["split"] or drawn_subset(row["digest"])) == subset
        ]
        found = list(part.blocks())
        features = np.concatenate([f.numpy() for f, _ in found]) if found else np.zeros((0, 96))
        targets = np.concatenate([t.numpy() for _, t in found]) if found else np.zeros(0)
        assert features.tolist() == [row["features"] for row in truth]
        assert [names[int(k)] for k in targets] == [row["label"] for row in truth]


def test_contents_are_drawn_in_eight_to_one_to_one() -> None:
    drawn = [drawn_subset(f"{number:08x}") for number in range(1000)]
    assert [drawn.count(subset) for subset in ("train", "val", "test")] == [800, 100, 100]


def test_a_bundle_from_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLORASCOPE_CACHE", str(tmp_path / "cache"))
    labels: list[str | None] = ["lily", "rose", "iris"] * 100
    embedded(tmp_path / "in", labels, [None] * 300)
    arguments = [str(tmp_path / "in"), "--out", str(tmp_path / "bundle"), "--json"]
    done = CliRunner().invoke(fit, [*arguments, "--set", "ridge=2"], catch_exceptions=False)
    metrics = json.loads(done.stdout)["metrics"]
    assert sum(part["photos"] for part in metrics.values()) == 299
    assert metrics["test"]["top1"] > 0.9
    identifier = Identifier(tmp_path / "bundle")
    assert [c.id for c in identifier.config.classes] == ["iris", "lily", "rose"]
    assert identifier.config.calibration is not None
    assert identifier.config.calibration.photos == metrics["val"]["photos"]
    assert not list((tmp_path / "cache").glob("streamed-*"))


def test_what_cannot_be_trained_on(tmp_path: Path, photos: Path) -> None:
    open_job(str(photos), Inspect(), str(tmp_path / "looks"))
    with pytest.raises(
        DataError, match=r"holds a job of inspect. expected features.*florascope.map.*model=Embed"
    ):
        train_from_features(str(tmp_path / "looks"), tmp_path / "bundle")
    job = embedded(tmp_path / "one", ["rose"] * 60, [None] * 60)
    with pytest.raises(DataError, match="the photos have 1 classes"):
        divide(job, tmp_path)
    job = embedded(tmp_path / "two", ["rose", "lily"] * 30, ["train"] * 60)
    with pytest.raises(DataError, match="no photos of the subset val"):
        divide(job, tmp_path)
