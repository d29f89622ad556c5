"""The folder a classifier travels in, read without torch.

config.json         architecture, classes, preprocessing, calibration, provenance (for timm too)
model.safetensors   weights in timm's names
model.onnx          image -> logits, cam, features, similarities
README.md           the model card
"""

import json
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from florascope.data.dataset import ClassName
from florascope.errors import BundleError
from florascope.evaluation.calibration import Calibration
from florascope.model.preprocessing import Preprocessing

SCHEMA = "florascope-bundle/1"
CONFIG, WEIGHTS, GRAPH, CARD = "config.json", "model.safetensors", "model.onnx", "README.md"


@dataclass(frozen=True)
class BundleConfig:
    """What config.json holds.

    Attributes:
        architecture: timm's name of the backbone.
        model_args: further arguments of `timm.create_model`.
        classifier: the classifier's name in timm's state dict.
        num_features: width of the features before the classifier.
        classes: the K classes, in the order of the logits.
        preprocessing: the contract of the input.
        provenance: how the classifier came to be (data, split, recipe, metrics), JSON values.
        calibration: what its verdicts rest on; None in bundles made without one.
    """

    architecture: str
    model_args: dict[str, Any]
    classifier: str
    num_features: int
    classes: tuple[ClassName, ...]
    preprocessing: Preprocessing
    provenance: dict[str, Any] = field(default_factory=dict)
    calibration: Calibration | None = None

    def to_json(self) -> dict[str, Any]:
        """Return timm's configuration with this project's own section beside it."""
        size, pre = self.preprocessing.size, self.preprocessing
        calibration = self.calibration and {"calibration": self.calibration.to_json()}
        return {
            "architecture": self.architecture,
            "num_classes": len(self.classes),
            "num_features": self.num_features,
            "model_args": self.model_args,
            "label_names": [c.name for c in self.classes],
            "pretrained_cfg": {
                "input_size": [3, size, size],
                "crop_pct": pre.crop_pct,
                "crop_mode": pre.crop_mode,
                "interpolation": pre.interpolation,
                "mean": list(pre.mean),
                "std": list(pre.std),
                "num_classes": len(self.classes),
                "classifier": self.classifier,
            },
            "florascope": {
                "schema": SCHEMA,
                "classes": [asdict(c) for c in self.classes],
                "preprocessing": pre.to_json(),
                "provenance": self.provenance,
                **(calibration or {}),
            },
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read what `to_json` gave.

        Raises:
            BundleError: the schema is another, or a part is missing or of the wrong kind.
        """
        own = values.get("florascope") if isinstance(values, dict) else None
        if not isinstance(own, dict) or own.get("schema") != SCHEMA:
            found = own.get("schema") if isinstance(own, dict) else None
            raise BundleError(f"schema {found!r} in config.json", expected=repr(SCHEMA))
        try:
            classes = tuple(ClassName(str(c["id"]), str(c["name"])) for c in own["classes"])
            calibration = own.get("calibration")
            config = cls(
                architecture=str(values["architecture"]),
                model_args=dict(values["model_args"]),
                classifier=str(values["pretrained_cfg"]["classifier"]),
                num_features=int(values["num_features"]),
                classes=classes,
                preprocessing=Preprocessing.from_json(own["preprocessing"]),
                provenance=dict(own["provenance"]),
                calibration=calibration and Calibration.from_json(calibration, len(classes)),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BundleError(
                f"config.json lacks or garbles {error}", expected="a bundle's config"
            ) from error
        if len(config.classes) != values.get("num_classes"):
            raise BundleError(
                f"config.json names {len(config.classes)} classes"
                f" and num_classes {values.get('num_classes')!r}",
                expected="the same number",
            )
        return config


def read_config(bundle: Path) -> BundleConfig:
    """Read a bundle's config.json.

    Raises:
        BundleError: the folder is no bundle, or its config is damaged.
    """
    path = bundle / CONFIG
    if not path.is_file():
        raise BundleError(
            f"{bundle} is not a bundle (no {CONFIG} in it)",
            expected="a folder written by florascope train, such as runs/NAME/bundle",
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(f"{path} cannot be read ({error})", expected="JSON") from error
    return BundleConfig.from_json(values)


def find_bundle(spec: str) -> Path:
    """Return a bundle's folder: a path (a run's folder will do), or the name of a shipped one.

    Raises:
        BundleError: neither exists.
    """
    path = Path(spec)
    for candidate in (path, path / "bundle"):
        if (candidate / CONFIG).is_file():
            return candidate
    shipped = Path(str(files("florascope"))) / "bundles" / spec
    if spec in shipped_bundles():
        return shipped
    if path.exists():
        read_config(path)
    names = ", ".join(shipped_bundles()) or "none ships with this version"
    raise BundleError(
        f"no bundle {spec!r}",
        expected=f"a folder written by florascope train, or a shipped bundle ({names})",
        fix="Train one with: florascope train DATA --recipe probe --out runs/mine",
    )


def shipped_bundles() -> tuple[str, ...]:
    """Names of the bundles inside the package."""
    root = Path(str(files("florascope"))) / "bundles"
    if not root.is_dir():
        return ()
    return tuple(sorted(p.name for p in root.iterdir() if (p / CONFIG).is_file()))
