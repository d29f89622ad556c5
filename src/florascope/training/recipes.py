"""Named recipes: every setting typed, with its default."""

from dataclasses import asdict
from typing import Annotated, Any, ClassVar, Literal

from florascope.augmentation import Augmentation
from florascope.errors import TrainingError
from florascope.preprocessing import CropMode
from florascope.training.settings import about, recipe

Architecture = Annotated[str, about("timm's architecture name")]
Weights = Annotated[
    str | None,
    about(
        "torchvision, google, timm, random, a shipped bundle or a file; None takes what is at hand"
    ),
]
Rotation = Annotated[float, about("degrees, to both sides", ge=0)]
Zoom = Annotated[float, about("share of the scale, to both sides", ge=0, lt=1)]
AcrossWidth = Annotated[float, about("share of the width, to both sides", ge=0)]
AcrossHeight = Annotated[float, about("share of the height, to both sides", ge=0)]
Flip = Annotated[bool, about("mirror left and right half of the time")]


@recipe
class ClassReport:
    """The class report's recipe, as it was meant.

    A frozen ImageNet MobileNetV2 without its top, global average pooling, Dense(K, softmax),
    one-hot categorical cross-entropy, Adam. Expected on Oxford Flowers 102, 80/10/10, Google's
    weights: test top-1 0.87 to 0.89 (the report got 0.052).
    """

    name: ClassVar[str] = "class-report"
    backbone: Architecture = "mobilenetv2_100"
    weights: Weights = "google"
    size: Annotated[int, about("height and width of the input, in pixels", gt=0)] = 224
    crop_mode: Annotated[CropMode, about("'squash' resizes to a square, as Keras's loaders do")] = (
        "squash"
    )
    mean: Annotated[
        float,
        about("subtracted after scaling to [0, 1]; 0 with std 1 keeps the report's [0, 1] input"),
    ] = 0.0
    std: Annotated[float, about("divided by", gt=0)] = 1.0
    learning_rate: Annotated[float, about("of Adam", gt=0)] = 1e-3
    batch_size: Annotated[int, about("photos a step", gt=0)] = 32
    epochs: Annotated[
        int,
        about("passes over the training photos, each with fresh augmentation", gt=0),
    ] = 6
    augment: Annotated[bool, about("whether the five settings below are used")] = True
    rotation: Rotation = 20.0
    zoom: Zoom = 0.1
    translate_x: AcrossWidth = 0.1
    translate_y: AcrossHeight = 0.1
    flip: Flip = True
    seed: Annotated[
        int,
        about("of the head's start, the order of the photos and the augmentation", ge=0),
    ] = 0

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


@recipe
class Probe:
    """A linear probe: frozen features computed once, then a well-fitted linear head.

    Expected on Oxford Flowers 102 with torchvision's weights: test top-1 0.94 (80/10/10) and
    0.87 (official).
    """

    name: ClassVar[str] = "probe"
    backbone: Architecture = "mobilenetv2_100"
    weights: Weights = None
    size: Annotated[
        int | None,
        about(
            "height and width of the input; None keeps the weights' own. A larger one than "
            "the weights were trained at often answers better (Touvron et al. 2019, "
            "'FixRes')",
            gt=0,
        ),
    ] = None
    crop_pct: Annotated[
        float | None,
        about("of the centre crop; None keeps the weights' own", gt=0, le=1),
    ] = None
    ridge: Annotated[
        float,
        about(
            "added to the covariance within the classes before features are whitened, in "
            "mean variances, less in proportion where more than 1,020 photos train; the larger, "
            "the closer to features as they are",
            gt=0,
        ),
    ] = 2.0
    l2: Annotated[float, about("penalty on the weights", gt=0)] = 1e-5
    max_iterations: Annotated[
        int, about("of L-BFGS at the most; the one of lowest validation loss is taken", gt=0)
    ] = 100
    patience: Annotated[
        int, about("iterations without a lower validation loss before the fit ends", gt=0)
    ] = 5
    views: Annotated[
        int,
        about(
            "augmented views of each training photo (small rotations, zooms, shifts and "
            "flips) whose features join those of the plain photo",
            ge=0,
        ),
    ] = 0
    seed: Annotated[int, about("of the views; the fit itself draws nothing at random", ge=0)] = 0

    @property
    def augmentation(self) -> Augmentation:
        """What the views show."""
        return Augmentation()

    @property
    def preprocessing(self) -> dict[str, Any]:
        """What the recipe changes in the preprocessing of its weights."""
        return _given(size=self.size, crop_pct=self.crop_pct)


@recipe
class Finetune:
    """A linear probe first, then the backbone's last stages or all of it, a probe again.

    Layer-wise learning rates (Howard & Ruder 2018), warm-up and cosine, AdamW, weight averaging
    (EMA), label smoothing, augmentation; BatchNorm stands still. The average with the best
    validation top-1 is kept; a probe on what the backbone has become takes the place of the head
    that learned with it if its validation loss is lower. Training at a smaller size than the
    answers are given at makes up for random crops, which show objects larger (Touvron et al. 2019,
    "FixRes").
    """

    name: ClassVar[str] = "finetune"
    backbone: Architecture = "mobilenetv2_100"
    weights: Weights = None
    size: Annotated[
        int | None,
        about("height and width of the input when answering; None keeps the weights' own", gt=0),
    ] = None
    crop_pct: Annotated[
        float | None,
        about("of the centre crop when answering; None keeps the weights' own", gt=0, le=1),
    ] = None
    train_size: Annotated[
        int | None, about("height and width while training; None takes `size`", gt=0)
    ] = None
    unfreeze: Annotated[
        int | None,
        about("how many of the backbone's last stages learn; None: all, 0: the head alone", ge=0),
    ] = None
    learning_rate: Annotated[float, about("of the backbone's last stage", gt=0)] = 5e-4
    head_learning_rate: Annotated[float, about("of the head", gt=0)] = 1e-3
    layer_decay: Annotated[
        float,
        about("factor of the learning rate from each stage to the one before", gt=0, le=1),
    ] = 0.85
    weight_decay: Annotated[
        float, about("of AdamW, on weights of two or more dimensions", ge=0)
    ] = 0.02
    batch_size: Annotated[int, about("photos a step, over all devices", gt=0)] = 32
    epochs: Annotated[int, about("passes over the training photos at the most", gt=0)] = 12
    warmup: Annotated[
        float,
        about("share of the steps over which the learning rate rises", ge=0, lt=1),
    ] = 0.1
    patience: Annotated[
        int,
        about("epochs without a better validation top-1 after which training stops", gt=0),
    ] = 5
    ema: Annotated[
        float,
        about("decay of the weights' moving average a step; 0 keeps the last weights", ge=0, lt=1),
    ] = 0.998
    label_smoothing: Annotated[
        float, about("probability spread evenly over the classes", ge=0, lt=1)
    ] = 0.1
    soup: Annotated[
        int,
        about(
            "how many runs, each with a seed of its own, whose weights are averaged in the end"
            " (Wortsman et al. 2022, 'Model soups'); one network answers, as fast as without",
            gt=0,
        ),
    ] = 1
    balanced: Annotated[
        bool, about("draw every class equally often instead of every photo once")
    ] = False
    crop_area: Annotated[
        float,
        about(
            "smallest share of the photo that a random crop shows; 1 takes the centre crop",
            gt=0,
            le=1,
        ),
    ] = 0.3
    rotation: Rotation = 0.0
    zoom: Zoom = 0.0
    translate_x: AcrossWidth = 0.0
    translate_y: AcrossHeight = 0.0
    flip: Flip = True
    colour: Annotated[
        float,
        about("strength of brightness, contrast and saturation changes; 0 leaves them", ge=0, lt=1),
    ] = 0.2
    degrade: Annotated[
        float,
        about(
            "share of the photos that are spoilt as phones and messengers do: turned, dim, blurred,"
            " far away, JPEG, screenshots",
            ge=0,
            le=1,
        ),
    ] = 0.0
    mixup: Annotated[float, about("alpha of mixup; 0 leaves it out", ge=0)] = 0.0
    cutmix: Annotated[float, about("alpha of CutMix; 0 leaves it out", ge=0)] = 0.0
    mixed: Annotated[float, about("share of the batches that are mixed", ge=0, le=1)] = 0.5
    train_batchnorm: Annotated[
        bool, about("let BatchNorm use and learn the batches' statistics")
    ] = False
    precision: Annotated[
        Literal["auto", "32", "bf16", "16"],
        about("'auto' takes bfloat16 where the machine computes with it, else float32"),
    ] = "auto"
    compile: Annotated[bool, about("use torch.compile (slow to start)")] = False
    seed: Annotated[int, about("of the order of the photos and of every augmentation", ge=0)] = 0

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
        changes = self.moves or self.crop_area < 1 or self.colour > 0 or self.degrade > 0 or mixes
        return not changes and not self.train_batchnorm

    @property
    def preprocessing(self) -> dict[str, Any]:
        """What the recipe changes in the preprocessing of its weights."""
        return _given(size=self.size, crop_pct=self.crop_pct)


Recipe = ClassReport | Probe | Finetune
RECIPES: dict[str, type[ClassReport] | type[Probe] | type[Finetune]] = {
    kind.name: kind for kind in (ClassReport, Probe, Finetune)
}
FORMER = {"seed": ClassReport.name}
"""Names of version 0.1, still understood."""


def make_recipe(name: str, **settings: Any) -> Recipe:  # noqa: ANN401
    """Make a recipe by name, with settings as values or as text from the command line.

    Raises:
        TrainingError: the recipe or a setting does not exist, or a value does not fit.
    """
    return recipe_named(name)(**settings)


def recipe_named(name: str) -> type[ClassReport] | type[Probe] | type[Finetune]:
    """Return a recipe's class.

    Raises:
        TrainingError: there is none of that name.
    """
    known = FORMER.get(name, name)
    if known not in RECIPES:
        raise TrainingError(f"no recipe {name!r}", expected=f"one of {', '.join(RECIPES)}")
    return RECIPES[known]


def describe(made: Recipe) -> dict[str, Any]:
    """Return the recipe's name and settings as JSON values."""
    return {"recipe": made.name, **asdict(made)}


def _given(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {key: value for key, value in changes.items() if value is not None}
