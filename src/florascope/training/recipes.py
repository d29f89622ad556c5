"""Named recipes: every setting typed, with its default."""

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar, Literal, get_args, get_type_hints

from florascope.augmentation import Augmentation
from florascope.errors import TrainingError
from florascope.preprocessing import CropMode


@dataclass(frozen=True, slots=True)
class ClassReport:
    """The class report's recipe, as it was meant.

    A frozen ImageNet MobileNetV2 without its top, global average pooling, Dense(K, softmax),
    one-hot categorical cross-entropy, Adam. Expected on Oxford Flowers 102, 80/10/10, Google's
    weights: test top-1 0.87 to 0.89 (the report got 0.052).

    Attributes:
        backbone: timm's architecture name.
        weights: see `florascope.nets.weights.load_backbone`.
        size: height and width of the input, in pixels.
        crop_mode: "squash" resizes to a square, as Keras's loaders do.
        mean: subtracted after scaling to [0, 1]; 0 with std 1 keeps the report's [0, 1] input.
        std: divided by.
        learning_rate: of Adam.
        batch_size: photos a step.
        epochs: passes over the training photos, each with fresh augmentation.
        augment: whether the five settings below are used.
        rotation: degrees, to both sides.
        zoom: share of the scale, to both sides.
        translate_x: share of the width, to both sides.
        translate_y: share of the height, to both sides.
        flip: mirror left and right half of the time.
        seed: of the head's start, the order of the photos and the augmentation.
    """

    name: ClassVar[str] = "seed"
    backbone: str = "mobilenetv2_100"
    weights: str | None = "google"
    size: int = 224
    crop_mode: CropMode = "squash"
    mean: float = 0.0
    std: float = 1.0
    learning_rate: float = 1e-3
    batch_size: int = 32
    epochs: int = 6
    augment: bool = True
    rotation: float = 20.0
    zoom: float = 0.1
    translate_x: float = 0.1
    translate_y: float = 0.1
    flip: bool = True
    seed: int = 0

    @property
    def augmentation(self) -> Augmentation:
        """The augmentation these settings ask for."""
        return Augmentation(self.rotation, self.zoom, self.translate_x, self.translate_y, self.flip)

    @property
    def views(self) -> int:
        """Augmented views of each training photo: one an epoch."""
        return self.epochs if self.augment else 0

    @property
    def preprocessing(self) -> dict[str, Any]:
        """What the recipe changes in the preprocessing of its weights."""
        changes = {
            "size": self.size,
            "crop_mode": self.crop_mode,
            "mean": (self.mean,) * 3,
            "std": (self.std,) * 3,
        }
        return {**changes, "crop_pct": 1.0} if self.crop_mode == "squash" else changes


@dataclass(frozen=True, slots=True)
class Probe:
    """A linear probe: frozen features computed once, then a well-fitted linear head.

    Expected on Oxford Flowers 102 with torchvision's weights: test top-1 0.94 (80/10/10) and
    0.86 (official).

    Attributes:
        backbone: timm's architecture name.
        weights: see `florascope.nets.weights.load_backbone`; None takes what is at hand.
        size: height and width of the input; None keeps the weights' own. A larger one than the
            weights were trained at often answers better (Touvron et al. 2019, "FixRes").
        crop_pct: of the centre crop; None keeps the weights' own.
        ridge: added to the covariance within the classes before features are whitened, in mean
            variances; the larger, the closer to features as they are.
        l2_max: strongest penalty on the weights that is tried.
        l2_min: weakest.
        l2_steps: how many are tried at the most, evenly in the logarithm; validation loss chooses.
        max_iterations: of L-BFGS for each penalty, which starts from the one before; along the path
            more give no lower validation loss.
        views: augmented views of each training photo (small rotations, zooms, shifts and flips)
            whose features join those of the plain photo.
        seed: of the views; the fit itself draws nothing at random.
    """

    name: ClassVar[str] = "probe"
    backbone: str = "mobilenetv2_100"
    weights: str | None = None
    size: int | None = None
    crop_pct: float | None = None
    ridge: float = 2.0
    l2_max: float = 1e-3
    l2_min: float = 1e-7
    l2_steps: int = 5
    max_iterations: int = 10
    views: int = 0
    seed: int = 0

    @property
    def augmentation(self) -> Augmentation:
        """What the views show."""
        return Augmentation()

    @property
    def preprocessing(self) -> dict[str, Any]:
        """What the recipe changes in the preprocessing of its weights."""
        return _given(size=self.size, crop_pct=self.crop_pct)


@dataclass(frozen=True, slots=True)
class Finetune:
    """A linear probe first, then the backbone's last stages or all of it, a probe again.

    Layer-wise learning rates (Howard & Ruder 2018), warm-up and cosine, AdamW, weight averaging
    (EMA), label smoothing, augmentation; BatchNorm stands still. The average with the best
    validation top-1 is kept; a probe on what the backbone has become takes the place of the head
    that learned with it if its validation loss is lower. Training at a smaller size than the
    answers are given at makes up for random crops, which show objects larger (Touvron et al. 2019,
    "FixRes").

    Attributes:
        backbone: timm's architecture name.
        weights: see `florascope.nets.weights.load_backbone`; None takes what is at hand.
        size: height and width of the input when answering; None keeps the weights' own.
        crop_pct: of the centre crop when answering; None keeps the weights' own.
        train_size: height and width while training; None takes `size`.
        unfreeze: how many of the backbone's last stages learn; None: all, 0: the head alone.
        learning_rate: of the backbone's last stage.
        head_learning_rate: of the head.
        layer_decay: factor of the learning rate from each stage to the one before.
        weight_decay: of AdamW, on weights of two or more dimensions.
        batch_size: photos a step, over all devices.
        epochs: passes over the training photos at the most.
        warmup: share of the steps over which the learning rate rises.
        patience: epochs without a better validation top-1 after which training stops.
        ema: decay of the weights' moving average a step; 0 keeps the last weights.
        label_smoothing: probability spread evenly over the classes.
        balanced: draw every class equally often instead of every photo once.
        crop_area: smallest share of the photo that a random crop shows; 1 takes the centre crop.
        rotation: degrees, to both sides.
        zoom: share of the scale, to both sides.
        translate_x: share of the width, to both sides.
        translate_y: share of the height, to both sides.
        flip: mirror left and right half of the time.
        colour: strength of brightness, contrast and saturation changes; 0 leaves them.
        mixup: alpha of mixup; 0 leaves it out.
        cutmix: alpha of CutMix; 0 leaves it out.
        mixed: share of the batches that are mixed.
        train_batchnorm: let BatchNorm use and learn the batches' statistics.
        precision: "auto" takes bfloat16 where the machine computes with it, else float32.
        compile: use torch.compile (slow to start).
        seed: of the order of the photos and of every augmentation.
    """

    name: ClassVar[str] = "finetune"
    backbone: str = "mobilenetv2_100"
    weights: str | None = None
    size: int | None = None
    crop_pct: float | None = None
    train_size: int | None = None
    unfreeze: int | None = None
    learning_rate: float = 5e-4
    head_learning_rate: float = 1e-3
    layer_decay: float = 0.85
    weight_decay: float = 0.02
    batch_size: int = 32
    epochs: int = 12
    warmup: float = 0.1
    patience: int = 5
    ema: float = 0.998
    label_smoothing: float = 0.1
    balanced: bool = False
    crop_area: float = 0.3
    rotation: float = 0.0
    zoom: float = 0.0
    translate_x: float = 0.0
    translate_y: float = 0.0
    flip: bool = True
    colour: float = 0.2
    mixup: float = 0.0
    cutmix: float = 0.0
    mixed: float = 0.5
    train_batchnorm: bool = False
    precision: Literal["auto", "32", "bf16", "16"] = "auto"
    compile: bool = False
    seed: int = 0

    @property
    def augmentation(self) -> Augmentation:
        """The geometric augmentation these settings ask for, besides the random crop."""
        return Augmentation(self.rotation, self.zoom, self.translate_x, self.translate_y, self.flip)

    @property
    def moves(self) -> bool:
        """Whether photos are turned, shifted, scaled or mirrored, besides the random crop."""
        return self.flip or not self.augmentation.flips_alone

    @property
    def still(self) -> bool:
        """Whether every epoch shows a photo alike, and layers that do not learn answer alike."""
        mixes = self.mixed > 0 and (self.mixup > 0 or self.cutmix > 0)
        changes = self.moves or self.crop_area < 1 or self.colour > 0 or mixes
        return not changes and not self.train_batchnorm

    @property
    def preprocessing(self) -> dict[str, Any]:
        """What the recipe changes in the preprocessing of its weights."""
        return _given(size=self.size, crop_pct=self.crop_pct)


Recipe = ClassReport | Probe | Finetune
RECIPES: dict[str, type[ClassReport] | type[Probe] | type[Finetune]] = {
    recipe.name: recipe for recipe in (ClassReport, Probe, Finetune)
}


def make_recipe(name: str, **settings: Any) -> Recipe:  # noqa: ANN401
    """Make a recipe by name, with settings as values or as text from the command line.

    Raises:
        TrainingError: the recipe or a setting does not exist, or a value is not of its type.
    """
    if name not in RECIPES:
        raise TrainingError(f"no recipe {name!r}", expected=f"one of {', '.join(RECIPES)}")
    recipe = RECIPES[name]()
    known = {f.name for f in fields(recipe)}
    for key in settings:
        if key not in known:
            raise TrainingError(
                f"recipe {name} has no setting {key!r}",
                expected=f"one of {', '.join(sorted(known))}",
            )
    hints = get_type_hints(type(recipe))
    parsed = {k: _parse(k, v, hints[k]) for k, v in settings.items()}
    made = replace(recipe, **parsed)
    _check_ranges(made)
    return made


def describe(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe's name and settings as JSON values."""
    return {"recipe": recipe.name, **asdict(recipe)}


def _given(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {key: value for key, value in changes.items() if value is not None}


def _parse(key: str, value: Any, hint: Any) -> Any:  # noqa: ANN401
    """Bring text, or a value, into the setting's type."""
    if value is None and type(None) in get_args(hint):
        return None
    kinds = [k for k in (get_args(hint) or (hint,)) if k is not type(None)]
    if bool in kinds:
        return _choose(key, str(value).lower(), SWITCH)
    if not all(isinstance(k, type) for k in kinds):  # a Literal: the choices themselves
        return _choose(key, str(value), {str(k): k for k in kinds})
    try:
        return kinds[0](str(value))
    except ValueError as error:
        raise TrainingError(
            f"{key}={value}", expected=f"a value of type {kinds[0].__name__}"
        ) from error


SWITCH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _choose(key: str, text: str, choices: dict[str, Any]) -> Any:  # noqa: ANN401
    if text not in choices:
        raise TrainingError(f"{key}={text}", expected=f"one of {', '.join(choices)}")
    return choices[text]


ABOVE_0 = frozenset(
    {"learning_rate", "head_learning_rate", "batch_size", "epochs", "size", "train_size", "std"}
    | {"ridge", "l2_max", "l2_min", "l2_steps", "max_iterations", "patience", "crop_area"}
    | {"crop_pct", "layer_decay"}
)
AT_LEAST_0 = frozenset(
    {
        "seed",
        "views",
        "rotation",
        "zoom",
        "translate_x",
        "translate_y",
        "unfreeze",
        "weight_decay",
        "warmup",
    }
    | {"weight_decay", "ema", "label_smoothing", "colour", "mixup", "cutmix", "mixed"}
)
BELOW_1 = frozenset({"zoom", "ema", "label_smoothing", "colour", "warmup"})  # 1: nothing is left
AT_MOST_1 = frozenset({"crop_area", "crop_pct", "layer_decay", "mixed"})


def _check_ranges(recipe: Recipe) -> None:
    for key, value in asdict(recipe).items():
        if value is None:
            continue
        if key in ABOVE_0 and not 0 < value < math.inf:
            raise TrainingError(f"{key}={value}", expected="a number above 0")
        if key in AT_LEAST_0 and not 0 <= value < math.inf:
            raise TrainingError(f"{key}={value}", expected="a number from 0")
        if key in BELOW_1 and value >= 1:
            raise TrainingError(f"{key}={value}", expected="a number below 1")
        if key in AT_MOST_1 and value > 1:
            raise TrainingError(f"{key}={value}", expected="a number up to 1")
