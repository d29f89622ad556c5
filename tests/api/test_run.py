"""What a run shows: figures that agree with each other, pictures, and a folder that opens again."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import torch
from PIL import Image

import florascope as fs
from florascope.errors import DataError
from florascope.features.engines import Machine

mpl.use("Agg")


@pytest.fixture(scope="session")
def saved(run: fs.Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "mine"
    run.save(folder)
    return folder


@pytest.fixture(autouse=True)
def _no_figures_left() -> Iterator[None]:
    yield
    from matplotlib import pyplot as plt

    plt.close("all")


def test_confusions_add_up_to_the_metrics(run: fs.Run) -> None:
    for subset, metrics in run.metrics.items():
        counts = run.confusion(subset).counts
        assert counts.sum() == metrics.n
        assert np.trace(counts) / metrics.n == pytest.approx(metrics.top1)
        wrong = sum(pair.count for pair in run.confusion(subset).pairs(100))
        assert wrong == metrics.n - np.trace(counts) == len(run.mistakes(None, subset))


def test_mistakes_are_wrong_and_the_surest_come_first(run: fs.Run) -> None:
    labels = {p.name: int(k) for p, k in zip(run.data.photos, run.data.labels, strict=True)}
    found = [m for subset in run.metrics for m in run.mistakes(None, subset)]
    for mistake in found:
        assert run.classes[labels[mistake.photo.name]] == mistake.true != mistake.predicted
        assert mistake.probability >= mistake.true_probability
    for subset in run.metrics:
        shares = [m.probability for m in run.mistakes(None, subset)]
        assert shares == sorted(shares, reverse=True)
    assert len(run.mistakes(1, "train")) <= 1


def test_tables_for_pandas(run: fs.Run) -> None:
    pytest.importorskip("pandas")
    assert list(run.metrics.to_pandas().index) == ["train", "val", "test"]
    assert run.confusions.to_pandas().to_numpy().sum() == run.metrics["test"].n
    if run.errors:
        assert "predicted" in run.errors.to_pandas().columns


def test_printed_figures_stand_under_what_they_are(run: fs.Run) -> None:
    headers, *rows = repr(run.metrics).splitlines()
    end = headers.index("top-1") + len("top-1")
    assert [row.split()[0] for row in rows] == ["train", "val", "test"]
    assert [row[:end].split()[-2] for row in rows] == [
        f"{run.metrics[subset].top1:.2%}".removesuffix("%") for subset in run.metrics
    ]
    assert {len(row) for row in rows} == {len(headers)}


def test_without_pandas(run: fs.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(fs.FlorascopeError, match=r"pandas is not installed.*pip install pandas"):
        run.metrics.to_pandas()


def test_plots_are_matplotlib_axes(run: fs.Run, photos: Path) -> None:
    axes = run.confusion("train").plot()
    assert [t.get_text() for t in axes.get_yticklabels()] == [c.name for c in run.classes]
    assert run.explain(photos / "lawn" / "1.png").plot().get_title().startswith("Why ")


def test_mistakes_side_by_side(run: fs.Run) -> None:
    wrong = run.mistakes(2, "val") or run.mistakes(2, "train")
    if not wrong:
        with pytest.raises(fs.FlorascopeError, match="no photo was answered wrong"):
            wrong.show()
        return
    figure = wrong.show(methods=["gradcam", "cam"])
    assert len(figure.axes) == 3 * len(wrong)


def test_what_a_notebook_shows_is_text_not_markup(run: fs.Run, photos: Path) -> None:
    shown = [
        fs.load(str(photos))._repr_html_(),
        run._repr_html_(),
        run.explain(photos / "lawn" / "1.png", "sky [blue]")._repr_html_(),
        run.diagnosis._repr_html_(),
        run.confusions._repr_html_(),
    ]
    assert all(part.count("<table>") == part.count("</table>") for part in shown)
    assert "red rose" in shown[0]
    assert 'src="data:image/jpeg;base64,' in shown[0]
    assert "sky [blue]" in shown[2]
    assert len(repr(run)) < 200


def test_photos_in_every_form_are_explained_alike(run: fs.Run, photos: Path) -> None:
    path = photos / "lawn" / "1.png"
    image = Image.open(path)
    pixels = np.asarray(image)
    index = next(i for i, p in enumerate(run.data.photos) if p.name == "lawn/1.png")
    forms = (
        path,
        str(path),
        path.read_bytes(),
        image,
        pixels,
        pixels / 255,
        run.data.photos[index],
    )
    values = [run.explain(form, 0, method="cam").values for form in forms]
    for found in values:
        np.testing.assert_array_equal(found, values[0])


@pytest.fixture
def float64() -> Iterator[None]:
    """What a user has set before."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("setting", [torch.no_grad, lambda: torch.device("meta")])
def test_nothing_that_a_user_has_set_changes_a_run(
    run: fs.Run,
    photos: Path,
    tmp_path: Path,
    setting: Callable[[], AbstractContextManager[object]],
) -> None:
    photo = photos / "lawn" / "1.png"
    methods = ("sharp", "cam", "gradcam", "layercam", "ig")
    explained = {how: run.explain(photo, 0, method=how).values for how in methods}
    drawn = torch.get_rng_state()
    with setting(), np.errstate(all="raise"), torch.autocast("cpu", torch.bfloat16):
        again = fs.train(photos, run.recipe)
        for how, values in explained.items():
            np.testing.assert_array_equal(again.explain(photo, 0, method=how).values, values)
        again.audit(2, methods=["cam"])
        again.save(tmp_path / "run")
        assert fs.open_run(tmp_path / "run").confusions.counts.sum() == again.metrics["test"].n
        fs.suggest(again, photos, 3)
        fs.train(photos, fs.ClassReport("test_resnet", weights="random", size=64, epochs=1))
        assert torch.get_default_dtype() == torch.float64
    assert again.metrics == run.metrics
    np.testing.assert_array_equal(again.experiment.logits, run.experiment.logits)
    assert torch.equal(torch.get_rng_state(), drawn)


def test_an_unknown_class_and_method(run: fs.Run, photos: Path) -> None:
    path = photos / "lawn" / "1.png"
    with pytest.raises(fs.FlorascopeError, match="no class 'camellia'.*red rose"):
        run.explain(path, "camellia")
    with pytest.raises(
        fs.FlorascopeError,
        match="no method 'grad'.*sharp, cam, direct, legrad, gradcam, layercam, ig",
    ):
        run.explain(path, method="grad")
    with pytest.raises(fs.FlorascopeError, match="no class of index 7.*from 0 to 2"):
        run.explain(path, 7)
    with pytest.raises(fs.FlorascopeError, match="is an address on the web.*Download"):
        run.explain("https://example.org/a.jpg")


def test_an_opened_run_is_the_run(run: fs.Run, saved: Path, photos: Path) -> None:
    again = fs.open_run(saved)
    assert again.metrics == run.metrics
    assert again.recipe == run.recipe
    assert again.diagnosis.findings == run.diagnosis.findings
    np.testing.assert_array_equal(again.confusions.counts, run.confusions.counts)
    assert [str(m) for m in again.mistakes(None, "val")] == [
        str(m) for m in run.mistakes(None, "val")
    ]
    for mine, other in zip(run.history, again.history, strict=True):
        assert other == pytest.approx(mine)


def test_an_opened_run_saves_the_same_bundle(saved: Path, tmp_path: Path) -> None:
    fs.open_run(saved).save(tmp_path / "again")
    first, second = (folder / "bundle" for folder in (saved, tmp_path / "again"))
    told = [
        json.loads((bundle / "config.json").read_text())["florascope"] for bundle in (first, second)
    ]
    assert told[0]["calibration"] == told[1]["calibration"]
    assert (first / "model.safetensors").read_bytes() == (second / "model.safetensors").read_bytes()
    assert (first / "model.onnx").read_bytes() == (second / "model.onnx").read_bytes()


def test_an_opened_run_remembers_who_embedded_its_photos(
    saved: Path, photos: Path, tmp_path: Path
) -> None:
    figures = json.loads((saved / "metrics.json").read_text())
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "bundle").symlink_to(saved / "bundle")
    told = {**figures, "engine": "openvino-bf16"}
    (tmp_path / "run" / "metrics.json").write_text(json.dumps(told))
    again = fs.open_run(tmp_path / "run", data=str(photos))
    assert (figures["engine"], again.to_json()["engine"]) == ("onnxruntime", "openvino-bf16")


def test_an_opened_run_whose_photos_are_gone(saved: Path, tmp_path: Path) -> None:
    figures = json.loads((saved / "metrics.json").read_text())
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "bundle").symlink_to(saved / "bundle")
    (tmp_path / "run" / "metrics.json").write_text(json.dumps({**figures, "source": ""}))
    again = fs.open_run(tmp_path / "run")
    assert again.metrics["test"].n == figures["test"]["n"]
    with pytest.raises(fs.FlorascopeError, match=r"does not say where its photos lie.*data="):
        again.errors  # noqa: B018


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(fs.FlorascopeError, match=r"no metrics.json in it.*train"):
        fs.open_run(tmp_path)
    (tmp_path / "metrics.json").write_text("{}")
    with pytest.raises(fs.FlorascopeError, match="names no recipe"):
        fs.open_run(tmp_path)


def grown(photos: Path, root: Path, run: fs.Run) -> Path:
    """The run's photos elsewhere, and new ones in front of them: two of each class."""
    shutil.copytree(photos, root)
    draw = np.random.default_rng(5)
    for known in run.classes:
        for name in ("0 new.png", "00 new.png"):
            pixels = draw.integers(0, 256, (60, 70, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / known.id / name)
    return root


def test_measuring_takes_the_runs_own_test_photos_and_unseen_ones(
    run: fs.Run, photos: Path, tmp_path: Path
) -> None:
    own = run.evaluate(str(photos))
    told = run.metrics["test"]
    assert (own.metrics.n, own.metrics.top1) == (told.n, told.top1)
    assert own.metrics.loss == pytest.approx(told.loss, rel=1e-4)
    more = run.evaluate(grown(photos, tmp_path / "grown", run))
    new = 2 * len(run.classes)
    assert more.metrics.n == told.n + new
    assert f"the run's own {told.n} test photos and {new} photos not found in the training" in (
        more.statement
    )
    with pytest.raises(fs.FlorascopeError, match="calls 3 photos test, but 2 trained, 1 selected"):
        run.evaluate(str(photos), seed=0)


def test_an_opened_run_finds_its_photos_in_a_folder_that_grew(
    run: fs.Run, photos: Path, tmp_path: Path
) -> None:
    run.save(tmp_path / "run")
    again = fs.open_run(tmp_path / "run", data=grown(photos, tmp_path / "grown", run))
    before, after = (
        {one.data.photos[i].digest() for i in one.experiment.split.test} for one in (run, again)
    )
    assert after == before
    assert np.array_equal(again.confusion().counts, run.confusion().counts)
    assert again.evaluate(str(photos)).metrics.n == len(before)


def test_an_opened_run_of_other_photos_says_so(run: fs.Run, photos: Path, tmp_path: Path) -> None:
    run.save(tmp_path / "run")
    root = grown(photos, tmp_path / "grown", run)
    for path in root.glob("*/*.png"):
        if "new" not in path.name:
            path.unlink()
    with pytest.raises(fs.FlorascopeError, match="none of the run's train photos is among the 6"):
        fs.open_run(tmp_path / "run", data=root).confusions  # noqa: B018 (it reads the photos)


@pytest.mark.parametrize(
    ("machine", "engine", "variable", "said"),
    [
        (Machine("", bfloat16=True, openvino=False), "fast", "", r"pip install florascope\[fast\]"),
        (Machine("", bfloat16=False, openvino=True), "fast", "", "no bfloat16 in this CPU"),
        (Machine("", bfloat16=True, openvino=True), "fast", "", "openvino-bf16: .*in hardware"),
        (
            Machine("", bfloat16=True, openvino=True),
            None,
            "fast",
            "openvino-bf16: .*in hardware",
        ),
        (Machine("", bfloat16=True, openvino=True), "torch", "fast", "^$"),
        (Machine("", bfloat16=True, openvino=False), None, "", "^$"),
    ],
)
def test_the_fastest_engine_says_why_it_is_before_anything_is_read(
    machine: Machine,
    engine: str | None,
    variable: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(Machine, "here", lambda: machine)
    monkeypatch.setenv("FLORASCOPE_ENGINE", variable)
    with pytest.raises(DataError):
        fs.train(tmp_path / "none", engine=engine)
    assert re.search(said, caplog.text)
    assert caplog.text.count("The fastest engine") <= 1
