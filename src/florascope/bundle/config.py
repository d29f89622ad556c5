"""The folder a classifier travels in, read without torch.

config.json         architecture, classes, preprocessing, calibration, provenance (for timm too)
model.safetensors   weights in timm's names
model.onnx          image -> logits, cam, features, similarities
README.md           the model card
photos.json         which photos trained, selected and measured it; see `bundle.participation`
photos.safetensors  by what photos that derive from them are recognised; likewise
"""

import stat
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from florascope.calibration.calibration import Calibration
from florascope.data.dataset import ClassName, is_showable
from florascope.errors import BundleError
from florascope.files import check_path
from florascope.preprocessing import Preprocessing
from florascope.strict_json import parse_json

SCHEMA = "florascope-bundle/1"
CONFIG, WEIGHTS, GRAPH, CARD = "config.json", "model.safetensors", "model.onnx", "README.md"
PHOTOS, MARKS, FACTS = "photos.json", "photos.safetensors", "facts.csv"
FILES = (CONFIG, WEIGHTS, GRAPH, CARD, PHOTOS, MARKS, FACTS)
MAX_CONFIG, MAX_GRAPH, MAX_WEIGHTS = 16 * 2**20, 2**31 - 1, 8 * 2**30
ONNX = "onnx"
"""The architecture of a network that was made elsewhere: its graph is all there is of it."""
MAX_ARGUMENT = 4096  # pixels a side, channels or blocks
MAX_ARGUMENTS = 200


@dataclass(frozen=True)
class BundleConfig:
    """What config.json holds.

    Attributes:
        architecture: timm's name of the backbone; ONNX for a network that was made elsewhere,
            which has no model.safetensors.
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
            classes = tuple(ClassName(_name(c["id"]), _name(c["name"])) for c in own["classes"])
            calibration = own.get("calibration")
            config = cls(
                architecture=_name(values["architecture"]),
                model_args=_arguments(values["model_args"]),
                classifier=_name(values["pretrained_cfg"]["classifier"]),
                num_features=_count(values["num_features"]),
                classes=classes,
                preprocessing=Preprocessing.from_json(own["preprocessing"]),
                provenance=dict(own["provenance"]),
                calibration=calibration and Calibration.from_json(calibration, len(classes)),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BundleError(
                f"config.json lacks or garbles {error}", expected="a bundle's config"
            ) from error
        config.check(values.get("num_classes"))
        return config

    def check(self, num_classes: object) -> None:
        """Raise BundleError where the classes are others than num_classes, or share an id."""
        ids = {c.id for c in self.classes}
        if len(self.classes) != num_classes or not ids:
            raise BundleError(
                f"config.json names {len(self.classes)} classes and num_classes {num_classes!r}",
                expected="the same number",
            )
        if len(ids) != len(self.classes):
            raise BundleError(
                f"config.json names {len(self.classes)} classes with {len(ids)} ids",
                expected="an id for each class",
            )


def read_config(bundle: Path) -> BundleConfig:
    """Read a bundle's config.json.

    Raises:
        BundleError: the folder is no bundle, or its config is damaged.
    """
    path = bundle / CONFIG
    if not path.is_file():
        raise BundleError(
            f"{bundle} is not a bundle (no {CONFIG} in it)",
            expected="a folder that training wrote, such as runs/NAME/bundle",
        )
    data = read_own_file(bundle, CONFIG, MAX_CONFIG)
    try:
        values = parse_json(data)
    except ValueError as error:
        raise BundleError(f"{path} cannot be read ({error})", expected="JSON") from error
    return BundleConfig.from_json(values)


def own_file(bundle: Path, name: str, most: int) -> Path:
    """Return the path of a file that lies in the bundle itself.

    Args:
        bundle: the folder.
        name: the file's.
        most: bytes that it may have.

    Raises:
        BundleError: it is missing, a link or device, or larger.
    """
    path = bundle / name
    try:
        found = path.lstat()
    except (OSError, ValueError) as error:
        raise BundleError(
            f"{path} cannot be read ({getattr(error, 'strerror', None) or error})",
            expected=f"a bundle with {name} in it",
        ) from error
    if not stat.S_ISREG(found.st_mode):
        raise BundleError(
            f"{path} is {'a link' if stat.S_ISLNK(found.st_mode) else 'no plain file'}",
            expected="the file itself: a link may lead anywhere",
            fix=f"If you trust it, copy what it points to: cp -rL {bundle} COPY",
        )
    if found.st_size > most:
        raise BundleError(f"{path} has {found.st_size:,} bytes", expected=f"at most {most:,}")
    return path


def read_own_file(bundle: Path, name: str, most: int) -> bytes:
    """Read a file that lies in the bundle itself; see `own_file`.

    Raises:
        BundleError: it is missing, a link or device, larger than `most`, or cannot be read.
    """
    path = own_file(bundle, name, most)
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise BundleError(
            f"{path} cannot be read ({error.strerror or error})",
            expected="a file that you may read",
        ) from error


SHIPPED = Path(__file__).parents[1] / "bundles"


def find_bundle(spec: str) -> Path:
    """Return a bundle's folder: a path (a run's folder will do), or the name of a shipped one.

    A ZIP archive of a bundle is unpacked into the cache; see `archive.unpacked`.

    Raises:
        BundleError: neither exists, or the archive holds no bundle.
    """
    check_path(spec)
    path = Path(spec)
    if path.suffix.lower() == ".zip" and path.is_file():
        from florascope.bundle.archive import unpacked  # a tenth of an answer's time, seldom needed

        return unpacked(path, FILES, CONFIG)
    for candidate in (path, path / "bundle"):
        if (candidate / CONFIG).is_file():
            return candidate
    if spec in shipped_bundles():
        return SHIPPED / spec
    if path.exists():
        read_config(path)
    names = ", ".join(shipped_bundles()) or "none ships with this version"
    raise BundleError(
        f"no bundle {spec!r}",
        expected=f"a folder that training wrote, or a shipped bundle ({names})",
        fix="Train one: `florascope.train('photos/').save('runs/mine')`",
    )


def shipped_bundles() -> tuple[str, ...]:
    """Names of the bundles inside the package."""
    if not SHIPPED.is_dir():
        return ()
    return tuple(sorted(p.name for p in SHIPPED.iterdir() if (p / CONFIG).is_file()))


def _name(value: object) -> str:
    """Read a name that will be shown to people."""
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:60]!r}, which is no text")
    if not is_showable(value):
        raise ValueError(f"the name {value[:60]!r}")
    return value


def _count(value: object) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"{str(value)[:60]!r}, which is no count")
    return value


def _arguments(value: object) -> dict[str, Any]:
    """Read a network's arguments: few, and none that would make it enormous."""
    if not isinstance(value, dict):
        raise TypeError(f"model_args of type {type(value).__name__}")
    rest, seen = [value], 0
    while rest:
        item = rest.pop()
        seen += 1
        if isinstance(item, dict | list):
            rest += item.values() if isinstance(item, dict) else item
        elif isinstance(item, str):
            _name(item)
        elif isinstance(item, int | float) and abs(item) > MAX_ARGUMENT:
            raise ValueError(f"model_args with {item}, beyond {MAX_ARGUMENT:,}")
        if seen > MAX_ARGUMENTS:
            raise ValueError(f"more than {MAX_ARGUMENTS} model_args")
    return value
