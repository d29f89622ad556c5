"""The cost of another form, computed by hand on two photos."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from florascope.bundle.config import read_config
from florascope.calibration.fitting import HeldOut, fit_figures
from florascope.data.dataset import Dataset, Split
from florascope.data.folder import folder
from florascope.data.splits import choose_split
from florascope.errors import DataError, FlorascopeError
from florascope.export.int8 import Fidelity, correlation, export_int8, export_small, fidelity
from florascope.export.quantisation import HEAD, quantise
from florascope.identify.identification import Observation
from florascope.identify.identifier import Identifier
from florascope.run_folder import write_run
from florascope.training.experiment import train
from florascope.training.recipes import make_recipe

CROP = np.zeros((8, 8, 3), np.uint8)


def seen(logits: list[float], first: list[list[float]] | None = None) -> Observation:
    maps = None if first is None else np.array([first] * len(logits), np.float32)
    return Observation(CROP, np.array(logits, np.float32), maps, None)


def test_by_hand() -> None:
    """Photo 1 stays right and its map is scaled; photo 2 turns wrong and its map is turned over."""
    before = [seen([2, 1], [[1, 2], [3, 4]]), seen([0, 3], [[1, 2], [3, 4]])]
    after = [seen([2.5, 1], [[2, 4], [6, 8]]), seen([2, 1], [[4, 3], [2, 1]])]
    cost = fidelity(before, after, np.array([0, 1], dtype=np.int64))
    assert (cost.n, cost.top1_before, cost.top1_after, cost.agreement) == (2, 1.0, 0.5, 0.5)
    assert cost.logit_gap == 2
    assert cost.mean_logit_gap == pytest.approx((0.5 + 0 + 2 + 2) / 4)
    assert cost.map_correlation == pytest.approx(0)
    assert cost.least_map_correlation == pytest.approx(-1)


def test_the_same_form_costs_nothing() -> None:
    one = [seen([2, 1], [[1, 2], [3, 4]])]
    cost = fidelity(one, one, np.array([1], dtype=np.int64))
    assert (cost.top1_before, cost.agreement, cost.logit_gap) == (0.0, 1.0, 0.0)
    assert cost.map_correlation == pytest.approx(1)


def test_without_maps_there_is_no_correlation() -> None:
    cost = fidelity([seen([2, 1])], [seen([2, 1])], np.array([0], dtype=np.int64))
    assert cost.to_json()["map_correlation"] is None
    assert np.isnan(correlation(np.ones((2, 2)), np.eye(2)))


class World(NamedTuple):
    """A bundle with the photos that it was trained on."""

    bundle: Path
    dataset: Dataset
    split: Split

    @classmethod
    def at(cls, root: Path) -> Self:
        """Read what lies in a folder: photos/ and run/."""
        dataset = folder(root / "photos")
        return cls(root / "run" / "bundle", dataset, choose_split(dataset, "80-10-10", 0))


class Exported(NamedTuple):
    """The same in 8-bit integers, and what that costs."""

    bundle: Path
    cost: Fidelity


@pytest.fixture(scope="module")
def trained(
    painted_folder: Path, module_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A world's folder that no test may spoil."""
    root = tmp_path_factory.mktemp("trained")
    shutil.copytree(painted_folder, root / "photos")
    _, dataset, split = World.at(root)
    recipe = make_recipe("probe", backbone="test_resnet", weights="random")
    write_run(train(dataset, split, recipe), root / "run")
    return root


@pytest.fixture(scope="module")
def world(trained: Path) -> World:
    return World.at(trained)


@pytest.fixture(scope="module")
def exported(world: World, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    out = tmp_path_factory.mktemp("exported") / "int8"
    return Exported(out, export_int8(world.bundle, out, world.dataset, world.split))


@pytest.fixture
def own_world(trained: Path, tmp_path: Path) -> World:
    """A copy that a test may spoil."""
    return World.at(Path(shutil.copytree(trained, tmp_path / "own")))


def test_the_cost_is_that_of_the_two_graphs(world: World, exported: Exported) -> None:
    cost = exported.cost
    plain, small = Identifier(world.bundle), Identifier(exported.bundle)
    photos = [world.dataset.photos[i].read() for i in world.split.test]
    before, after = ([form.observe(p).logits for p in photos] for form in (plain, small))
    labels = world.dataset.labels[world.split.test]
    assert cost.n == len(labels)
    assert cost.top1_after == np.mean(np.argmax(after, 1) == labels)
    assert cost.logit_gap == pytest.approx(np.abs(np.subtract(before, after)).max(), rel=1e-5)
    assert 0 < cost.logit_gap < np.ptp(before)
    assert cost.map_correlation > 0.9


def test_the_folder_is_a_smaller_bundle(world: World, exported: Exported) -> None:
    names = {path.name for path in exported.bundle.iterdir()}
    assert names == {"README.md", "config.json", "model.onnx", "photos.json", "photos.safetensors"}
    sizes = [(p / "model.onnx").stat().st_size for p in (exported.bundle, world.bundle)]
    assert sizes[0] < sizes[1]
    card = (exported.bundle / "README.md").read_text()
    assert "## In 8-bit integers" in card
    assert "top-1 now" in card
    assert "## Figures" in card  # the bundle's own card is still there


def test_a_threshold_from_more_photos_than_val_moves_with_similarity(
    world: World, exported: Exported
) -> None:
    own, old = (read_config(p).calibration for p in (exported.bundle, world.bundle))
    assert own
    assert old
    assert old.photos > len(world.split.val)
    forms = [Identifier(path) for path in (exported.bundle, world.bundle)]
    photos = [world.dataset.photos[i].read() for i in world.split.val]
    after, before = (np.array([form.observe(p).alike for p in photos]) for form in forms)
    assert own.alike == pytest.approx(old.alike + np.median(after - before), abs=1e-6)
    assert own == replace(old, alike=own.alike)
    assert own.alike != old.alike


def test_val_photos_as_many_as_before_fit_the_figures_anew(
    own_world: World, tmp_path: Path
) -> None:
    config = read_config(own_world.bundle)
    assert config.calibration
    few = replace(config, calibration=replace(config.calibration, photos=3, folds=0))
    (own_world.bundle / "config.json").write_text(json.dumps(few.to_json()))
    export_int8(own_world.bundle, tmp_path / "int8", own_world.dataset, own_world.split)
    form, val = Identifier(tmp_path / "int8"), own_world.split.val
    seen = [form.observe(own_world.dataset.photos[i].read()) for i in val]
    logits, alike = np.stack([s.logits for s in seen]), np.array([s.alike for s in seen])
    expected = fit_figures(HeldOut(logits, alike, own_world.dataset.labels[val]))
    own = form.config.calibration
    assert own
    assert own.photos == len(val) == 3
    assert own.alike == pytest.approx(expected.alike, abs=1e-6)
    assert own.temperature == pytest.approx(expected.temperature, rel=1e-4)


def test_convolutions_are_integers_and_the_head_is_not(world: World) -> None:
    settings = read_config(world.bundle).preprocessing
    images = (settings(world.dataset.photos[i].read())[None] for i in world.split.train[:4])
    model = quantise(world.bundle / "model.onnx", images)
    assert [opset.domain for opset in model.opset_import] == [""]  # standard ONNX, nothing else
    graph = model.graph
    values = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    scaled = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "DequantizeLinear"}
    convolutions = [n for n in graph.node if n.op_type == "Conv" and n.name not in HEAD]
    assert convolutions
    weights = [values[scaled[n.input[1]]] for n in convolutions]
    assert all(w.dtype == np.int8 for w in weights)
    assert 2 * 255 * max(np.abs(w.astype(int)).max() for w in weights) < 2**15  # see WAY
    head = [n for n in graph.node if n.name in HEAD]
    few = {name for name in HEAD if name.startswith("ratio")}  # too few classes to tell strangers
    assert {n.name for n in head} == set(HEAD) - few
    assert all(values[n.input[1]].dtype == np.float32 for n in head)


def test_packed_weights_are_measured_likewise(world: World, tmp_path: Path) -> None:
    cost = export_small(world.bundle, tmp_path / "small", world.dataset, world.split)
    plain, small = Identifier(world.bundle), Identifier(tmp_path / "small")
    photos = [world.dataset.photos[i].read() for i in world.split.test]
    before, after = ([form.observe(p).logits for p in photos] for form in (plain, small))
    assert cost.logit_gap == pytest.approx(np.abs(np.subtract(before, after)).max(), rel=1e-5)
    assert 0 < cost.logit_gap < 0.1 * np.ptp(before)
    card = (tmp_path / "small" / "README.md").read_text()
    assert "## Packed weights" in card
    assert "computes in float32 as before. The graph has" in card


def test_maps_still_sum_to_their_logits(world: World, exported: Exported) -> None:
    seen = Identifier(exported.bundle).observe(world.dataset.photos[0].read())
    model = onnx.load(exported.bundle / "model.onnx")
    (bias,) = (numpy_helper.to_array(t) for t in model.graph.initializer if t.name == "head.bias")
    assert seen.maps is not None
    np.testing.assert_allclose(seen.maps.sum((1, 2)) + bias, seen.logits, rtol=1e-4, atol=1e-4)


def test_photos_that_cannot_be_read_are_left_out(own_world: World, tmp_path: Path) -> None:
    photo = own_world.dataset.photos[int(own_world.split.test[0])]
    photo.path.write_bytes(b"no photo")  # type: ignore[attr-defined]
    cost = export_int8(own_world.bundle, tmp_path / "int8", own_world.dataset, own_world.split)
    assert cost.n == len(own_world.split.test) - 1


def test_no_photos_to_measure_on(own_world: World, tmp_path: Path) -> None:
    for index in own_world.split.test:
        own_world.dataset.photos[int(index)].path.write_bytes(b"no photo")  # type: ignore[attr-defined]
    with pytest.raises(DataError, match="has no readable test photos"):
        export_int8(own_world.bundle, tmp_path / "int8", own_world.dataset, own_world.split)
    assert not (tmp_path / "int8").exists()


def test_a_graph_that_cannot_be_quantised(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(FlorascopeError, match="cannot be quantised .* as onnx"):
        quantise(tmp_path / "model.onnx", [])
