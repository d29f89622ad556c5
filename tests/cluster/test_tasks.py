"""What a task answers is what one process answers."""

from pathlib import Path

import numpy as np
import pytest

from florascope.bundle.config import find_bundle
from florascope.cluster.sources import Listed
from florascope.cluster.tasks import (
    SHIPPED,
    Embed,
    Identify,
    Inspect,
    Photo,
    resolved,
    rows_of,
    schema_of,
)
from florascope.data.dataset import FilePhoto
from florascope.errors import PhotoError
from florascope.features.embedding import embed_batch
from florascope.features.engines import Engine, choose_runtime
from florascope.health.looks import look_at
from florascope.identify.identifier import Identifier
from florascope.nets.weights import load_backbone

FILES = ["lily/0.jpg", "rose/1.jpg", "rose/3.jpg"]


def test_identify_is_the_identifier(photos: Path) -> None:
    worker = Identify(SHIPPED, "es", 3).open()
    crops = [worker.decode((photos / name).read_bytes(), name) for name in FILES]
    answered = worker.answer(crops)
    identifier = Identifier(find_bundle(SHIPPED))
    for name, row in zip(FILES, answered, strict=True):
        alone = identifier(photos / name)
        told = alone.to_json("es", 3)
        assert row["verdict"] == told["verdict"]["level"]
        assert row["statement"] == alone.statement("es")
        found = [(c["class_id"], c["name"], c["probability"]) for c in row["candidates"]]
        assert found == [(c.class_id, c.name, c.probability) for c in alone.candidates("es", 3)]
        assert row["prediction_set"] == told["prediction_set"]
        assert row["cautions"] == [caution.text for caution in alone.cautions("es")]
        assert alone.observation.features is not None
        assert np.array_equal(row["features"], alone.observation.features)


def test_embed_is_the_embedding(photos: Path) -> None:
    worker = Embed(weights="random").open()
    crops = [worker.decode((photos / name).read_bytes(), name) for name in FILES]
    rows = worker.answer(crops)
    engine = Engine(load_backbone("mobilenetv2_100", "random"), choose_runtime())
    alone = embed_batch([FilePhoto(photos / name) for name in FILES], range(3), engine)
    assert np.array_equal(np.stack([row["features"] for row in rows]), alone.values[0])
    assert [row["look"] for row in rows] == [look.tobytes() for look in alone.looks]
    assert worker.answer([]) == []


def test_inspect_is_the_look(photos: Path) -> None:
    worker = Inspect().open()
    for name in FILES:
        (row,) = worker.answer([worker.decode((photos / name).read_bytes(), name)])
        look = look_at(FilePhoto(photos / name))
        assert (row["width"], row["height"], row["mode"]) == (*look.size, look.mode)
        assert (row["orientation"], row["look"]) == (look.orientation, look.hash)


def test_errors_call_a_photo_by_its_name(photos: Path) -> None:
    for task in (Identify(), Inspect()):
        with pytest.raises(PhotoError, match=r"^s3://b/bad.jpg is damaged or cut short"):
            task.open().decode((photos / "rose" / "bad.jpg").read_bytes(), "s3://b/bad.jpg")


def test_a_bad_photo_is_a_row_with_a_problem(photos: Path) -> None:
    worker = Inspect().open()
    good = worker.decode((photos / FILES[0]).read_bytes(), "")
    batch = [
        Photo(Listed("a.jpg", "a.jpg"), problem="it is gone"),
        Photo(Listed("b.jpg", "b.jpg", label="rose", split="train"), "d1", good),
        Photo(Listed("c.jpg", "c.jpg"), "d2", problem="it is damaged"),
    ]
    first, second, third = rows_of(worker, batch).to_pylist()
    assert (first["path"], first["digest"], first["problem"]) == ("a.jpg", None, "it is gone")
    assert (second["label"], second["split"], second["width"]) == ("rose", "train", 64)
    assert (third["digest"], third["problem"], third["width"]) == ("d2", "it is damaged", None)
    assert rows_of(worker, []).schema == schema_of(worker)


def test_a_description_tells_models_and_settings_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    for file in ("config.json", "model.onnx"):
        (bundle / file).write_bytes((find_bundle(SHIPPED) / file).read_bytes())
    here = Identify(str(bundle)).describe()
    (bundle / "facts.csv").write_text("class_id,name_en\n1,pink thing\n")
    told = [here, Identify(str(bundle)).describe(), Identify(str(bundle), "es").describe()]
    told += [Identify(str(bundle), top=3).describe(), Inspect().describe()]
    told += [Embed(weights="random").describe(), Embed("test_resnet", "random").describe()]
    assert len({str(one) for one in told}) == len(told)
    monkeypatch.chdir(tmp_path)
    assert resolved(Identify("bundle")) == Identify(str(bundle))
    assert resolved(Identify(SHIPPED)) == Identify(SHIPPED)
