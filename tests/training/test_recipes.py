"""Settings as a command line gives them."""

from typing import Any

import pytest

from florascope.augmentation import Augmentation
from florascope.errors import TrainingError
from florascope.preprocessing import Preprocessing
from florascope.training.recipes import (
    RECIPES,
    ClassReport,
    Finetune,
    Probe,
    describe,
    make_recipe,
)


def test_recipes_by_name() -> None:
    assert list(RECIPES.items()) == [
        ("class-report", ClassReport),
        ("probe", Probe),
        ("finetune", Finetune),
    ]
    assert make_recipe("seed") == ClassReport()
    assert make_recipe("probe") == Probe()


def test_the_seed_recipe_is_the_reports() -> None:
    recipe = make_recipe("seed")
    assert isinstance(recipe, ClassReport)
    assert (recipe.backbone, recipe.weights) == ("mobilenetv2_100", "google")
    assert (recipe.epochs, recipe.batch_size, recipe.learning_rate) == (6, 32, 1e-3)
    assert recipe.augment
    assert recipe.augmentation == Augmentation(20.0, 0.1, 0.1, 0.1, flip=True)
    # 224 x 224 squashed, in [0, 1]
    assert Preprocessing(**recipe.preprocessing) == Preprocessing(
        224, 1.0, "squash", mean=(0, 0, 0), std=(1, 1, 1)
    )


def test_a_centre_crop_keeps_the_weights_share() -> None:
    recipe = make_recipe("seed", crop_mode="center")
    assert recipe.preprocessing["crop_mode"] == "center"
    assert "crop_pct" not in recipe.preprocessing


def test_a_probe_keeps_the_weights_preprocessing() -> None:
    assert make_recipe("probe").preprocessing == {}


def test_augmentation_settings_arrive() -> None:
    recipe = make_recipe(
        "seed", rotation="5", zoom="0.2", translate_x="0.3", translate_y="0.4", flip="no"
    )
    assert isinstance(recipe, ClassReport)
    assert recipe.augmentation == Augmentation(5.0, 0.2, 0.3, 0.4, flip=False)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("learning_rate", "3e-4", 3e-4),
        ("learning_rate", 1, 1.0),
        ("batch_size", "64", 64),
        ("epochs", 3, 3),
        ("augment", "False", False),
        ("augment", "yes", True),
        ("augment", "0", False),
        ("flip", False, False),
        ("crop_mode", "center", "center"),
        ("weights", "torchvision", "torchvision"),
        ("weights", None, None),
        ("seed", "0", 0),
        ("mean", "0.5", 0.5),
    ],
)
def test_text_becomes_the_settings_type(key: str, text: Any, value: Any) -> None:
    found = getattr(make_recipe("seed", **{key: text}), key)
    assert found == value
    assert type(found) is type(value)


def test_an_unknown_recipe() -> None:
    with pytest.raises(TrainingError) as raised:
        make_recipe("magic")
    assert raised.value.found == "no recipe 'magic'"
    assert raised.value.expected == "one of class-report, probe, finetune"


def test_an_unknown_setting() -> None:
    with pytest.raises(TrainingError) as raised:
        make_recipe("probe", epochs=3)
    assert raised.value.found == "recipe probe has no setting 'epochs'"
    assert raised.value.expected == (
        "one of backbone, crop_pct, l2, max_iterations, patience, ridge, seed, size, views, weights"
    )


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("learning_rate", "fast", "a value of type float"),
        ("batch_size", "3.5", "a value of type int"),
        ("batch_size", 3.5, "a value of type int"),
        ("batch_size", None, "a value of type int"),
        ("augment", "maybe", "one of true, yes, 1, false, no, 0"),
        ("crop_mode", "border", "one of center, squash"),
    ],
)
def test_a_value_of_another_type(key: str, text: Any, expected: str) -> None:
    with pytest.raises(TrainingError) as raised:
        make_recipe("seed", **{key: text})
    assert raised.value.found == f"{key}={text}"
    assert raised.value.expected == expected


@pytest.mark.parametrize("key", ["learning_rate", "batch_size", "epochs", "size", "std"])
@pytest.mark.parametrize("value", ["0", "-1"])
def test_seed_settings_above_0(key: str, value: str) -> None:
    with pytest.raises(TrainingError, match=f"^{key}=.*expected a number above 0"):
        make_recipe("seed", **{key: value})


@pytest.mark.parametrize("key", ["ridge", "l2", "max_iterations", "patience"])
def test_probe_settings_above_0(key: str) -> None:
    with pytest.raises(TrainingError, match=f"^{key}=0.*expected a number above 0"):
        make_recipe("probe", **{key: 0})


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_learning_rate_is_a_finite_number(value: str) -> None:
    with pytest.raises(
        TrainingError, match=f"learning_rate={value}.*expected a finite number above 0"
    ):
        make_recipe("seed", learning_rate=value)


@pytest.mark.parametrize("key", ["seed", "rotation", "zoom", "translate_x", "translate_y"])
def test_settings_from_0(key: str) -> None:
    with pytest.raises(TrainingError, match=f"^{key}=-1.*expected a number from 0"):
        make_recipe("seed", **{key: "-1"})
    assert getattr(make_recipe("seed", **{key: "0"}), key) == 0


def test_a_zoom_leaves_something_of_the_photo() -> None:
    with pytest.raises(TrainingError, match=r"zoom=1.*expected a number below 1"):
        make_recipe("seed", zoom=1)


def test_describe_gives_the_name_and_every_setting() -> None:
    found = describe(make_recipe("probe", seed=4))
    assert found == {
        "recipe": "probe",
        "backbone": "mobilenetv2_100",
        "weights": None,
        "size": None,
        "crop_pct": None,
        "ridge": 2.0,
        "l2": 1e-5,
        "max_iterations": 100,
        "patience": 5,
        "views": 0,
        "seed": 4,
    }
    name = found.pop("recipe")
    assert make_recipe(name, **found) == make_recipe("probe", seed=4)


def test_the_finetune_recipe_changes_what_it_is_told_to() -> None:
    plain = make_recipe("finetune")
    assert isinstance(plain, Finetune)
    assert plain.preprocessing == {}
    assert plain.augmentation.flips_alone
    changed = make_recipe("finetune", size="256", crop_pct="1", unfreeze="3", precision="bf16")
    assert changed.preprocessing == {"size": 256, "crop_pct": 1.0}
    assert (changed.unfreeze, changed.precision) == (3, "bf16")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("ema", 1.0, "a number below 1"),
        ("crop_area", 1.5, "a number up to 1"),
        ("layer_decay", 0.0, "a number above 0"),
        ("unfreeze", -1, "a number from 0"),
        ("precision", "64", "one of auto, 32, bf16, 16"),
    ],
)
def test_finetune_settings_out_of_range(key: str, value: Any, expected: str) -> None:
    with pytest.raises(TrainingError) as raised:
        make_recipe("finetune", **{key: value})
    assert raised.value.found == f"{key}={value}"
    assert raised.value.expected == expected


def test_views_join_the_probe_or_replace_the_epochs() -> None:
    assert make_recipe("seed").views == 6  # type: ignore[union-attr]
    assert make_recipe("seed", augment="no").views == 0  # type: ignore[union-attr]
    assert make_recipe("probe", views=4).augmentation == Augmentation()
