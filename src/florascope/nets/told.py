"""What is known of a model from elsewhere than itself: its classes, and how photos are prepared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

from florascope.data.dataset import ClassName
from florascope.errors import BundleError, ExplanationError
from florascope.preprocessing import SCALINGS, Interpolation, Preprocessing
from florascope.strict_json import parse_json

Names = Sequence[str | ClassName]


@dataclass(frozen=True)
class Told:
    """What is known of a model from elsewhere than itself.

    Attributes:
        classes: their names; None where nobody said.
        settings: of its preprocessing, some or all; "scaling" is a name in SCALINGS.
    """

    classes: Names | None
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, classes: Names | None, preprocessing: Preprocessing | str | None) -> Self:
        """Take what a caller says."""
        if isinstance(preprocessing, Preprocessing):
            return cls(classes, preprocessing.to_json())
        return cls(classes, {} if preprocessing is None else {"scaling": preprocessing})

    def after(self, values: Mapping[str, Any], source: str) -> "Told":
        """Add what is not known yet from JSON values, {"classes": [...], "preprocessing": {...}}.

        Raises:
            ExplanationError: they are of another kind.
        """
        names, settings = values.get("classes"), values.get("preprocessing", {})
        try:
            found = names and tuple(
                c if isinstance(c, str) else ClassName(str(c["id"]), str(c["name"])) for c in names
            )
            own = {"scaling": settings} if isinstance(settings, str) else dict(settings)
        except (KeyError, TypeError, ValueError) as error:
            raise ExplanationError(
                f"{source} garbles its classes or preprocessing ({error})",
                expected='{"classes": ["daisy", "rose"], "preprocessing": {"scaling": "torch"}}',
            ) from error
        scaled = SCALE if self.settings.keys() & SCALE else set()
        rest = {key: value for key, value in own.items() if key not in scaled}
        return Told(self.classes or found, {**rest, **self.settings})

    def beside(self, path: Path) -> "Told":
        """Add what is not known yet from the JSON file beside a model's, if there is one."""
        described = path.with_suffix(".json")
        return self.after(read_json(described), str(described)) if described.is_file() else self


SCALE = {"scaling", "mean", "std", "channel_order"}
"""Settings that say together how pixels are scaled."""


def read_json(path: Path) -> dict[str, Any]:
    """Read what a file says of a model.

    Raises:
        ExplanationError: it holds no JSON object.
    """
    try:
        values = parse_json(path.read_bytes())
    except ValueError as error:
        raise ExplanationError(f"{path} cannot be read ({error})", expected="JSON") from error
    if not isinstance(values, dict):
        raise ExplanationError(f"{path} holds a {type(values).__name__}", expected="an object")
    return values


def contract(
    settings: Mapping[str, Any], size: int | None, known: Preprocessing | None, name: str
) -> Preprocessing:
    """Join what is told of a model's preprocessing to what it says itself.

    Args:
        settings: see `Told`.
        size: of its pictures; None where it takes any.
        known: how it is known to be prepared; None where it does not say.
        name: of the model.

    Raises:
        ExplanationError: something is missing or contradicts the model.
    """
    own = {key: value for key, value in settings.items() if key != "scaling"}
    base = scaling_named(settings["scaling"]) if "scaling" in settings else known
    if base is None and not {"mean", "std"} <= own.keys():
        raise ExplanationError(
            f"{name} does not say how the pixels of its pictures are scaled",
            expected="a scaling: " + ", ".join(SCALINGS),
            fix="Say which, as `preprocessing='torch'`, or in a file"
            f' {Path(name).stem}.json beside it: {{"preprocessing": {{"scaling": "torch"}}}}',
        )
    if size is None and "size" not in own:
        raise ExplanationError(
            f"{name} takes pictures of any size",
            expected="the size that it was trained with",
            fix="Say which, as `preprocessing=florascope.Preprocessing(size=224)`",
        )
    values = {**(base or Preprocessing()).to_json(), **({"size": size} if size else {}), **own}
    try:
        made = Preprocessing.from_json(values)
    except BundleError as error:
        raise ExplanationError(error.found, expected=error.expected) from error
    if size not in {None, made.size}:
        raise ExplanationError(
            f"{name} takes pictures of {size} x {size} pixels", expected=f"{made.size}, as asked"
        )
    return made


def scaling_named(name: str) -> Preprocessing:
    """Return one of `florascope.preprocessing.SCALINGS`.

    Raises:
        ExplanationError: there is none of that name.
    """
    if name not in SCALINGS:
        raise ExplanationError(f"no scaling {name!r}", expected=f"one of {', '.join(SCALINGS)}")
    return SCALINGS[name]


RESAMPLED: dict[int, Interpolation] = {1: "lanczos", 2: "bilinear", 3: "bicubic"}
"""Pillow's numbers, as image processors give them."""


@runtime_checkable
class ImageProcessor(Protocol):
    """One of Hugging Face's."""

    def to_dict(self) -> dict[str, Any]:
        """Return its settings, as preprocessor_config.json holds them."""


def of_processor(processor: ImageProcessor | Mapping[str, Any]) -> Preprocessing:
    """Read how one of Hugging Face's image processors prepares photos.

    Args:
        processor: it, or what its preprocessor_config.json holds.

    Raises:
        ExplanationError: it does something else than resizing, cropping and standardising.
    """
    values = processor if isinstance(processor, Mapping) else processor.to_dict()
    size, cut = _sides(values.get("size", 224)), _sides(values.get("crop_size") or 0)
    if values.get("rescale_offset") or 0 in {len(size), len(cut)} or len({*size}) > 1:
        raise ExplanationError(
            "the image processor prepares photos in a way of its own",
            expected="square photos, scaled by one factor",
            fix="Say what it does, as `preprocessing=florascope.Preprocessing(size=224)`",
        )
    factor = 255 * values.get("rescale_factor", 1 / 255) if values.get("do_rescale", True) else 255
    told = values if values.get("do_normalize", True) else {}
    mean, std = told.get("image_mean", (0.0,) * 3), told.get("image_std", (1.0,) * 3)
    side = cut[0] if values.get("do_center_crop") and cut[0] else size[0]
    return Preprocessing(
        size=side,
        crop_pct=values.get("crop_pct") or side / size[0],
        crop_mode="squash" if len(size) > 1 and side == size[0] else "center",
        interpolation=RESAMPLED.get(values.get("resample", 2), "bilinear"),
        mean=tuple(m / factor for m in mean),
        std=tuple(s / factor for s in std),
    )


def _sides(size: Any) -> tuple[int, ...]:  # noqa: ANN401
    """One side where the other follows from the photo's, else height and width; () for others."""
    if isinstance(size, int):
        return (size,)
    if "shortest_edge" in size:
        return (int(size["shortest_edge"]),)
    return tuple(int(size[name]) for name in ("height", "width") if name in size)
