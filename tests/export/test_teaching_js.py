"""What the browser learns from few photos, against NumPy, the library and ONNX Runtime."""

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from florascope.bundle.config import FACTS, read_config
from florascope.bundle.facts import read_facts
from florascope.calibration.calibration import LEVEL, PRIOR
from florascope.calibration.conformal import balanced_thresholds
from florascope.calibration.fitting import (
    HeldOut,
    calibration_error,
    fit_figures,
    fit_temperature,
    lower_quantile,
)
from florascope.calibration.likelihood_ratio import LikelihoodRatio
from florascope.calibration.similarity import class_means, similarities
from florascope.data.dataset import ClassName
from florascope.data.identity import difference_hash
from florascope.data.species import Species, species102
from florascope.export.packing import pack
from florascope.export.web import FIGURES, facts, teaching
from florascope.metrics import softmax

WIDTH = 24
RIDGE, SCALE = 10.0, 5.0  # of export/web/head.js


def drawn(per_class: int, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features of classes that lie apart, and their labels, mixed."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(classes), per_class))
    return rng.uniform(0, 2, (classes, WIDTH))[labels] + rng.normal(
        0, 0.6, (len(labels), WIDTH)
    ), labels


def discriminants(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The head as a textbook writes it, with the covariance in full."""
    centre = features.mean(0)
    means = np.stack([features[labels == k].mean(0) for k in range(labels.max() + 1)])
    rest = features - means[labels]
    covariance = rest.T @ rest / len(rest)
    variance = (rest**2).sum() / (len(rest) - len(means))
    covariance += RIDGE * variance / WIDTH * np.eye(WIDTH)
    weight = np.linalg.solve(covariance, (means - centre).T).T / SCALE
    return weight, -0.5 * (weight * (means - centre)).sum(1) - weight @ centre


def test_the_head_is_a_linear_discriminant(engine: Any) -> None:
    features, labels = drawn(4)
    (found,) = engine([{"what": "head", **listed(features, labels)}])
    weight, bias = discriminants(features, labels)
    np.testing.assert_allclose(
        np.reshape(found["weight"], weight.shape), weight, rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(found["bias"], bias, rtol=1e-5)
    means = class_means(features, labels, 3)
    np.testing.assert_allclose(np.reshape(found["means"], means.shape), means, atol=1e-6)


def test_each_photo_is_answered_by_a_head_of_the_others(engine: Any) -> None:
    features, labels = drawn(3)
    elsewhere = np.linspace(0, 0.5, len(labels))
    (found,) = engine(
        [{"what": "left", **listed(features, labels), "elsewhere": elsewhere.tolist()}]
    )
    for out, one in enumerate(found):
        rest = np.arange(len(labels)) != out
        weight, bias = discriminants(features[rest], labels[rest])
        np.testing.assert_allclose(one["logits"], weight @ features[out] + bias, rtol=1e-6)
        means = class_means(features[rest], labels[rest], 3)
        alike = similarities(features[out : out + 1], means).max() - elsewhere[out]
        assert one["alike"] == pytest.approx(alike, abs=1e-6)


def test_photos_that_do_not_differ_are_learnt(engine: Any) -> None:
    features = np.repeat(np.eye(2, WIDTH), 2, axis=0)
    (found,) = engine([{"what": "head", **listed(features, np.array([0, 0, 1, 1]))}])
    logits = features @ np.reshape(found["weight"], (2, WIDTH)).T + found["bias"]
    assert np.isfinite(logits).all()
    assert logits.argmax(1).tolist() == [0, 0, 1, 1]


def test_single_photos_give_the_nearest_one(engine: Any) -> None:
    """How much photos of a class differ is not known: as much as all do, at most."""
    features, labels = drawn(1, classes=5)
    (found,) = engine([{"what": "head", **listed(features, labels)}])
    weight, bias = np.reshape(found["weight"], (5, WIDTH)), np.array(found["bias"])
    asked = np.random.default_rng(1).uniform(0, 2, (9, WIDTH))
    distances = ((asked[:, None] - features[np.argsort(labels)]) ** 2).sum(2)
    floor = RIDGE * features.var(0, ddof=1).sum() / WIDTH
    expected = -0.5 * (distances - distances[:, :1]) / floor / SCALE
    logits = asked @ weight.T + bias
    np.testing.assert_allclose(logits - logits[:, :1], expected, rtol=1e-4, atol=1e-5)


def test_a_photo_that_is_alone_is_in_every_head(engine: Any) -> None:
    """As in the library: it cannot be asked, and no class is ever empty."""
    features, labels = drawn(2)
    features, labels = features[labels < 2], labels[labels < 2]
    features, labels = np.append(features, features[:1] + 3, 0), np.append(labels, 2)
    calls = [{"what": "left", **listed(features, labels), "elsewhere": [0] * 5}]
    (found,) = engine(calls)
    assert [one["label"] for one in found] == labels[:4].tolist()
    assert all(len(one["logits"]) == 3 and one["ratios"] is None for one in found)
    single = [{"features": features[:n].tolist(), "labels": [0, 1, 0][:n]} for n in (1, 2, 3)]
    asked = [{"what": "left", **one, "classes": 2, "elsewhere": [0] * 3} for one in single]
    assert engine(asked) == [[], [], []]  # nor where all others would then be alone


@pytest.mark.parametrize(("per_class", "classes"), [(2, 3), (5, 3), (14, 3), (12, 10)])
def test_figures_are_the_librarys(engine: Any, per_class: int, classes: int) -> None:
    """Below and above the 12 and 32 photos from which quantiles are photos' own values, and where
    strangers can be told."""
    rng = np.random.default_rng(per_class)
    labels = np.repeat(np.arange(classes), per_class)
    logits = rng.normal(0, 1, (len(labels), classes)) + 2 * np.eye(classes)[labels]
    ratios = rng.normal(0, 4, logits.shape) + 9 * np.eye(classes)[labels]
    alike = rng.uniform(0, 1, len(labels))
    rows = zip(logits.tolist(), alike, labels.tolist(), ratios.tolist(), strict=True)
    told = [
        {"logits": row, "alike": one, "label": label, "ratios": own if classes >= 10 else None}
        for row, one, label, own in rows
    ]
    (found,) = engine([{"what": "calibrated", "answers": told, "figures": FIGURES}])
    known = ratios if classes >= 10 else None
    expected = fit_figures(HeldOut(logits, alike, labels, len(labels), known)).to_json()
    assert found.keys() == expected.keys()
    assert ("familiarity" in found) == (classes >= 10)
    assert found.pop("pooling") == 0
    expected.pop("pooling")
    assert found.pop("familiarity", {}) == pytest.approx(expected.pop("familiarity", {}), rel=1e-3)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-6), name


def test_likelihood_ratios_are_the_librarys(engine: Any) -> None:
    features, labels = drawn(4, classes=12)
    (found,) = engine([{"what": "ratio", **listed(features, labels)}])
    shapes = {"axes": (-1, WIDTH), "square": (12, -1), "linear": (12, -1)}
    terms = {n: np.reshape(v, shapes.get(n, -1)).astype(np.float32) for n, v in found.items()}
    own, expected = LikelihoodRatio(**terms), LikelihoodRatio.fit(features, labels, 12)
    assert expected is not None
    others = np.random.default_rng(3).uniform(0, 2, (9, WIDTH))
    np.testing.assert_allclose(own(others), expected(others), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(own(features), expected(features), rtol=1e-4, atol=1e-3)


def test_each_ratio_is_of_the_others(engine: Any) -> None:
    features, labels = drawn(2, classes=11)
    calls = [{"what": "left", **listed(features, labels), "elsewhere": [0] * len(labels)}]
    (found,) = engine(calls)
    for out, one in enumerate(found):
        rest = np.arange(len(labels)) != out
        ratio = LikelihoodRatio.fit(features[rest], labels[rest], 11)
        assert ratio is not None
        np.testing.assert_allclose(
            one["ratios"], ratio(features[out : out + 1])[0], rtol=1e-4, atol=1e-3
        )


def test_no_ratio_where_too_little_is_told(engine: Any) -> None:
    same = np.repeat(np.eye(10, WIDTH), 2, axis=0), np.repeat(np.arange(10), 2)
    cases = [same, drawn(4, classes=9), drawn(1, classes=12)]
    told = [LikelihoodRatio.fit(x, labels, int(labels.max()) + 1) for x, labels in cases]
    assert engine([{"what": "ratio", **listed(*case)} for case in cases]) == told == [None] * 3


def test_eigenvalues(engine: Any) -> None:
    drawn_matrix = np.random.default_rng(0).normal(0, 1, (30, 12))
    matrix = drawn_matrix.T @ drawn_matrix
    whole, diagonal = engine(
        [{"what": "eigen", "matrix": m} for m in (matrix.tolist(), [[3, 0], [0, -1]])]
    )
    assert sorted(whole["values"]) == pytest.approx(np.linalg.eigvalsh(matrix).tolist())
    vectors = np.array(whole["vectors"])
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(12), atol=1e-9)
    np.testing.assert_allclose(vectors @ matrix, np.array(whole["values"])[:, None] * vectors)
    assert diagonal == {"values": [3, -1], "vectors": [[1, 0], [0, 1]]}


def test_a_look_is_the_librarys(engine: Any) -> None:
    rng = np.random.default_rng(0)
    squares = [rng.integers(0, 256, (size, size, 3), dtype=np.uint8) for size in (16, 96, 225)]
    found = engine(
        [{"what": "look", "pixels": s.ravel().tolist(), "size": len(s)} for s in squares]
    )
    assert found == [difference_hash(square).astype(int).tolist() for square in squares]


def test_a_photo_given_twice_is_known(engine: Any) -> None:
    rng = np.random.default_rng(0)
    look, plain = rng.integers(0, 2, 256), np.zeros(256, int)
    near, other = look.copy(), look.copy()
    near[:20] ^= 1
    other[:21] ^= 1

    def same(one: np.ndarray, two: np.ndarray, features: list[float]) -> dict[str, Any]:
        photos = [
            {"look": one.tolist(), "features": [1, 2]},
            {"look": two.tolist(), "features": features},
        ]
        return {"what": "same", "one": photos[0], "other": photos[1]}

    cases = [same(look, near, [3, 4]), same(look, other, [3, 4]), same(look, other, [1, 2])]
    assert engine(cases) == [True, False, True]
    assert engine([same(plain, plain, [3, 4]), same(plain, plain, [1, 2])]) == [False, True]


def own_facts() -> dict[str, Species]:
    """Of an owner who knows another foxglove, and one thing that no table names."""
    table = species102()
    bare = replace(table["1"], scientific="", people="unlisted", pets="harmful", source="me")
    ivy = replace(bare, id="b", label="ivy", names={"en": "ivy", "es": "hiedra, común"}, source="")
    return {
        "a": replace(bare, id="a", label="foxglove", names=table["94"].names, group="tall"),
        "b": replace(ivy, pets="unlisted", lookalikes=("a",)),  # of which nobody told any harm
    }


@pytest.mark.parametrize("own", [{}, own_facts()], ids=["table", "owner"])
def test_taught_classes_are_told_of_as_python_reads_them(
    engine: Any, bundle: Path, tmp_path: Path, own: dict[str, Species]
) -> None:
    """By facts.csv in the archive; the page's own classes say the same."""
    odd = ['my "own", plant', "ñu|x"]
    names = ["Dedaleras", "DEDALERA", "english  marigold", "Pot-Marigold", "ivy", *odd]
    known = tuple(ClassName(one.id, one.label) for one in own.values())
    config = read_config(bundle)
    config = replace(config, classes=known or config.classes)
    lesson = teaching(config, own)
    fears = {"Dedaleras": [place(lesson, "monkshood"), place(lesson, "rose")], "ivy": [0]}
    taught = [{"name": name, "feared": fears.get(name, [])} for name in names]
    calls = [{"what": w, "taught": taught, "lesson": lesson} for w in ("facts", "classes")]
    table, page = engine(calls)
    (tmp_path / FACTS).write_text(table, encoding="utf-8")
    classes = tuple(ClassName(name, name) for name in names)
    read = read_facts(tmp_path, classes)
    expected = facts(replace(config, classes=classes, calibration=None), read)["classes"]
    assert page == expected
    assert read["DEDALERA"].people == ("unlisted" if own else "deadly")
    for name in odd:
        assert read[name].people == read[name].pets == "unknown"
        texts = page[names.index(name)]["cautions"]
        assert "harm to people is not known" in texts["en"]["text"]
        assert "no se conoce su daño a las personas" in texts["es"]["text"]
    assert read["ivy"].lookalikes == (("DEDALERA",) if own else ())
    assert read["Dedaleras"].people == "deadly"  # of what its photos look like
    assert "the harm of monkshood, rose," in read["Dedaleras"].notes["en"]
    assert "el daño de acónito, rosa," in read["Dedaleras"].notes["es"]


def place(lesson: dict[str, Any], name: str) -> int:
    """Where the lesson tells of a species."""
    return next(k for k, one in enumerate(lesson["species"]) if name in one["names"])


def test_what_the_model_warned_of_is_still_warned_of(engine: Any, bundle: Path) -> None:
    """Where it did so on half of a class's photos, and did not refuse them."""
    lesson = teaching(read_config(bundle))
    monkshood, rose = lesson["known"]["38"], lesson["known"]["74"]
    warned = [{"class_id": "38"}, {"class_id": "none such"}]
    refused = {"verdict": {"level": "none"}, "cautions": warned}
    unsure = {"verdict": {"level": "unsure"}, "cautions": warned}
    calls: list[dict[str, Any]] = [
        {"what": "feared", "answer": one, "lesson": lesson} for one in (refused, unsure)
    ]
    photos = [[monkshood, rose], [monkshood], [rose], [], []]
    shown = [[{"feared": own} for own in some] for some in (photos, photos[:4])]
    calls += [{"what": "resembled", "photos": some} for some in shown]
    assert engine(calls) == [[], [monkshood], [], [monkshood, rose]]


def test_every_known_species_is_found_under_each_of_its_names(engine: Any, bundle: Path) -> None:
    lesson = teaching(read_config(bundle))
    table = species102()
    asked = [(one, name) for one in table.values() for name in (one.label, *one.names.values())]
    taught = [{"name": name.upper().replace(" ", "-"), "feared": []} for _, name in asked]
    (found,) = engine([{"what": "classes", "taught": taught, "lesson": lesson}])
    for (species, _), told in zip(asked, found, strict=True):
        assert (told["people"], told["pets"]) == (species.people, species.pets)
        assert bool(told["cautions"]) == species.toxic


def test_a_class_is_taught_once(engine: Any, bundle: Path) -> None:
    lesson = teaching(read_config(bundle))
    names = ["foxglove", "Mi planta"]
    asked = ["FoxGlove", "Digitalis purpurea", "dedalera", "mi-plánta", "mi planta 2", "rose"]
    found = engine([{"what": "name", "name": n, "names": names, "lesson": lesson} for n in asked])
    assert found == ["foxglove", "foxglove", "foxglove", "Mi planta", None, None]


def test_single_figures(engine: Any) -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, 60)
    probabilities = softmax(rng.normal(0, 2, (60, 4)))
    calls = [
        {"what": "error", "probabilities": probabilities.tolist(), "labels": labels.tolist()},
        {"what": "quantile", "values": [0.4], "share": 0.03},
        {"what": "quantile", "values": [0.4, 0.9, 0.8], "share": 0.03},
        {"what": "temperature", "logits": [[9, 0], [0, 9]], "labels": [0, 1], "prior": PRIOR},
        {"what": "thresholds", "probabilities": [[0.9, 0.1]], "labels": [0], "level": LEVEL},
    ]
    sure = np.array([[9.0, 0.0], [0.0, 9.0]]), np.array([0, 1])
    alone = balanced_thresholds(np.array([[0.9, 0.1]]), np.array([0]), LEVEL)
    error, single, few, temperature, thresholds = engine(calls)
    assert error == pytest.approx(calibration_error(probabilities, labels))
    assert single == lower_quantile(np.array([0.4]), 0.03)
    assert few == pytest.approx(lower_quantile(np.array([0.4, 0.9, 0.8]), 0.03))
    assert temperature == pytest.approx(fit_temperature(*sure))
    assert thresholds == pytest.approx(alone)


def listed(features: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    return {
        "features": features.tolist(),
        "labels": labels.tolist(),
        "classes": int(labels.max()) + 1,
    }


@pytest.mark.parametrize("packed", [False, True])
def test_a_network_gets_another_head(
    engine: Any, bundle: Path, tmp_path: Path, packed: bool
) -> None:
    """In ONNX Runtime: the features stay, what is said of them changes."""
    graph = bundle / "model.onnx"
    if packed:
        onnx.save(pack(graph), tmp_path / "packed.onnx")
        graph = tmp_path / "packed.onnx"
    rng = np.random.default_rng(0)
    images = rng.normal(0, 1, (2, 3, *before(graph)[1])).astype(np.float32)
    old = outputs(graph, images)
    features, (_, _, *sides) = old["features"], old["cam"].shape
    width = features.shape[1]
    head = {
        "weight": rng.normal(0, 1, (4, width)),
        "bias": rng.normal(0, 1, 4),
        "means": class_means(rng.uniform(0, 1, (4, width)), np.arange(4), 4),
    }
    shapes = ((3, width), 3, (4, 3), (4, 3), 4)
    ratio = LikelihoodRatio(*(rng.normal(0, 1, shape).astype(np.float32) for shape in shapes))
    sent: dict[str, Any] = {name: np.ravel(values).tolist() for name, values in head.items()}
    sent["ratio"] = {name: np.ravel(values).tolist() for name, values in vars(ratio).items()}
    to, places = tmp_path / "taught.onnx", int(np.prod(sides))
    call = {"what": "network", "from": str(graph), "to": str(to), "head": sent}
    engine([{**call, "places": places}])
    new = outputs(to, images)
    np.testing.assert_array_equal(new["features"], features)
    np.testing.assert_allclose(new["logits"], features @ head["weight"].T + head["bias"], atol=1e-3)
    np.testing.assert_allclose(new["cam"].sum((2, 3)) + head["bias"], new["logits"], atol=1e-3)
    alike = similarities(features, head["means"]) - old["similarities"].max(1, keepdims=True)
    np.testing.assert_allclose(new["similarities"], alike, atol=1e-5)
    np.testing.assert_allclose(new["ratios"], ratio(features), atol=1e-4)
    if not packed:
        assert to.stat().st_size < graph.stat().st_size  # the old head is gone
    engine([{**call, "head": {**sent, "ratio": None}, "places": 0}])
    assert set(outputs(to, images)) == {"logits", "similarities", "features"}


def before(path: Path) -> tuple[str, list[int]]:
    entry = ort.InferenceSession(path).get_inputs()[0]
    return entry.name, entry.shape[2:]


def outputs(path: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    session = ort.InferenceSession(path)
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": images}), strict=True))


def test_a_network_without_maps_and_similarities(
    engine: Any, unmapped: Path, tmp_path: Path
) -> None:
    _, sides = before(unmapped / "model.onnx")
    images = np.random.default_rng(0).normal(0, 1, (1, 3, *sides)).astype(np.float32)
    features = outputs(unmapped / "model.onnx", images)["features"]
    width = features.shape[1]
    head = {"weight": [0.5] * 2 * width, "bias": [0, 1], "means": [width**-0.5] * 2 * width}
    to = tmp_path / "taught.onnx"
    engine(
        [
            {
                "what": "network",
                "from": str(unmapped / "model.onnx"),
                "to": str(to),
                "head": head,
                "places": 0,
            }
        ]
    )
    new = outputs(to, images)
    assert set(new) == {"logits", "similarities", "features"}
    np.testing.assert_allclose(new["logits"], features.sum() / 2 + [[0, 1]], rtol=1e-4)
    alike = features.sum() / np.linalg.norm(features) / width**0.5
    np.testing.assert_allclose(new["similarities"], [[alike, alike]], rtol=1e-4)


def test_an_archive_is_a_zip_file(engine: Any, tmp_path: Path) -> None:
    files = {"config.json": '{"a": 1}', "ñ.txt": "año", "empty": ""}
    to = tmp_path / "made.zip"
    engine([{"what": "zip", "to": str(to), "files": list(files.items())}])
    with zipfile.ZipFile(to) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name).decode() for name in archive.namelist()} == files
