"""What the parts of the exam share: photos, backbones, small loops, ways of naming, the register.

Nothing in here knows what the doctor under examination checks.
"""

from __future__ import annotations

import contextlib
import os

os.environ["KERAS_BACKEND"] = "torch"

import io
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from florascope.files import cache_dir

torch.set_num_threads(1)

CACHE = cache_dir() / "doctor-exam"
FILES = cache_dir() / "doctor-exam-files"
DATA, WEIGHTS = (Path(os.environ[f"FLORASCOPE_{name}"]) for name in ("DATA", "WEIGHTS"))
# ten large classes of Oxford Flowers 102 (labels of imagelabels.mat)
FLOWERS = (51, 77, 46, 73, 89, 74, 81, 94, 88, 78)
PARTS = {"train": (0, 24), "val": (24, 36), "fresh": (36, 48)}
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

# ------------------------------------------------------------------------------------ the record


@dataclass
class Run:
    """What one training left behind."""

    model: Any
    train: Any
    val: Any
    told: dict[str, Any] = field(default_factory=dict)  # keywords for diagnose
    honest: float = float("nan")  # val accuracy measured rightly, on rightly prepared photos
    claimed: float | None = None  # the figure the user believes in, where it is another


@dataclass
class Case:
    """One question of the exam."""

    name: str
    framework: str
    faulty: bool
    cause: str
    accepts: list[str]
    also_ok: list[str]
    build: Callable[[bool], Run]
    floor: float = 0.0  # sound cases: the accuracy that the training must reach
    rejects: list[str] = field(
        default_factory=list
    )  # a finding that says this does not name the cause


REGISTER: list[Case] = []


def faulty(
    framework: str,
    cause: str,
    accepts: list[str],
    also_ok: list[str] | None = None,
    *,
    rejects: list[str] | None = None,
) -> Callable[[Callable[[bool], Run]], Callable[[bool], Run]]:
    """Register a faulty training; the function's one switch builds its mended twin."""

    def take(build: Callable[[bool], Run]) -> Callable[[bool], Run]:
        REGISTER.append(
            Case(
                build.__name__,
                framework,
                True,
                cause,
                accepts,
                also_ok or [],
                build,
                rejects=rejects or [],
            )
        )
        return build

    return take


def sound(
    framework: str, oddity: str, floor: float
) -> Callable[[Callable[[], Run]], Callable[[], Run]]:
    """Register a sound training that looks odd."""

    def take(build: Callable[[], Run]) -> Callable[[], Run]:
        REGISTER.append(
            Case(
                build.__name__,
                framework,
                False,
                oddity,
                [],
                [],
                lambda mended: build(),
                floor=floor,
            )
        )
        return build

    return take


def seed(number: int = 0) -> None:
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)
    if "keras" in __import__("sys").modules:
        import keras

        keras.utils.set_random_seed(number)


@contextlib.contextmanager
def watching(model: Any, optimizer: Any = None) -> Iterator[dict[str, Any]]:
    """florascope.watch where it exists; yields a dict to merge into the told keywords."""
    told: dict[str, Any] = {}
    try:
        import florascope

        watch = florascope.watch
    except (ImportError, AttributeError):
        yield told
        return
    with watch(model, optimizer) as recorder:
        told["watched"] = recorder
        yield told


# ------------------------------------------------------------------- ways of naming a cause

LABELS_WRONG = [
    r"labels?.{0,80}(order|permut|match|shift|disagree|mixed|wrong|mapping|numbering|swap|random"
    r"|nois|shuffl|corrupt|belong|contradict|incorrect|inconsistent|doubt|suspicious|encod"
    r"|unrelated|independent of|no relation|do not (fit|follow)|cannot be learned)",
    r"(wrong|random|noisy|shuffled|inconsistent|incorrect|permuted|shifted) labels?",
    r"pair(s|ing).{0,40}(lost|wrong|broken)|mis-?labell?ed|label noise|gap opens in the labels|labels? (is|are) the cause",
    r"class(es)?.{0,60}(permut|swapped|mapping|numbering|\bindex|different order)|class_to_idx",
]
NOT_TRAINED = [
    r"(weights?|parameters?|layers?|variables?).{0,50}(never|no longer|not been|(did|do|does|has|have|was|were) ?"
    r"(not|n.t)|barely|hardly|scarcely).{0,20}(chang|mov|updat|step|train|learn)",
    r"never (stepped|updated|trained|moved|changed)|\buntrained|not been trained",
    r"no (update|step|gradient)|unchanged|as initiali[sz]ed|at (its|their) initial",
]
NO_GRADIENT = [
    r"(no|without|never|zero|not|missing|empty|lost).{0,40}gradient",
    r"gradients?.{0,60}(not reach|none|missing|zero|never|n.t|absent|empty|clear|lost|discard)",
    r"detach|no_grad|cut off from|\bgraph\b",
]
RATE_LOW = [
    r"(learning.?rates?|\blr\b|step size|updates?).{0,80}(low|small|tiny|zero|vanish|larger|higher|raise|increase|decay)",
    r"(slow|tiny|too small).{0,40}(updates?|steps?|learning)",
]
RATE_HIGH = [
    r"(learning.?rates?|\blr\b|step size|updates?|steps?).{0,80}(high|large|big|lower|reduc|smaller|great|huge)",
    r"diverg|blew up|blown up|explod|unstable|oscillat|overshoot",
]
OPTIMIZER = [
    r"(gap|difference|cause|fault|lost).{0,60}optimi[sz]|optimi[sz]er.{0,60}(gap|cause|fault|exchang|replac|sound)"
]
LOSS = [
    r"(gap|difference|cause|fault).{0,40}(in|by|with|is) the loss",
    r"loss.{0,60}(wrong|unsuit|does not (fit|match|suit)|not fit|not match|expects|unfit|negative|below zero|unbounded)",
    r"(wrong|unsuitable|another|different|negative) loss|(exchang|replac)\w*.{0,30}(the|your) loss",
]
SHORTCUT = [
    r"shortcut|spurious|give-?away|gives? .{0,30}away|confound|without (looking|seeing)|predicts? the class"
]
LEAK = [
    r"leak|copies|\bcopy\b|duplicat|overlap|same (photos?|images?)|also in|identical|shared|share photos|\btwins?\b|before the split|both (sets|parts|splits)|in common|near-?twins?"
]
VAL_DIFFERS = [
    r"(val|validation)[ _](photos?|images?|inputs?|data|set|loader|pixels?|part|side).{0,100}"
    r"(differ|prepar|preprocess|distribution|unlike|look|shift|other than|darker|brighter)",
    r"(train(ing)?|train_loader) and (val|validation).{0,80}(differ|unlike|not the same|disagree)",
]
REPORT = [
    r"(report|history|claimed|told).{0,120}(differ|lower|higher|not|disagree|but|while|against|match|measured|wrong|another)",
    r"(accuracy|metric|evaluation|measured).{0,80}(differ|computed|wrong|formula|denominator|reported|disagree|does not match|count)",
]
AUGMENT = [
    r"augment|random (crop|flip|rotat|zoom|transform|change|shift|jitter|erasing)",
    r"(train|training) (photos?|images?|inputs?|pixels?).{0,100}(constant|saturat|destroy|unrecogni|clipp|differ|lost|blank|noisy|distort|harder|vary)",
]
# what names another cause (for `rejects`)
MORE_AUGMENTATION = [
    r"(add|more|try|use|stronger|needs?|without|no|lacks?) (some |any |data |the usual )*augmentation"
]
RATE_TOO_LOW = [
    r"(learning.?rate|\blr\b|step size) (is |was )?(far |much |probably )?too (low|small)"
]
RATE_TOO_HIGH = [
    r"(learning.?rate|\blr\b|step size) (is |was )?(far |much |probably )?too (high|large|big)"
]


# ------------------------------------------------------------------------------------ photos


def _decode() -> None:
    import scipy.io

    CACHE.mkdir(parents=True, exist_ok=True)
    folder = DATA / "flowers-102"
    labels = scipy.io.loadmat(str(folder / "imagelabels.mat"))["labels"][0]
    square, squashed = [], []
    for name in FLOWERS:
        for number in (np.flatnonzero(labels == name) + 1)[:48]:
            with Image.open(folder / f"jpg/image_{number:05d}.jpg") as opened:
                photo = opened.convert("RGB")
            width, height = photo.size
            squashed.append(np.asarray(photo.resize((128, 128), Image.Resampling.BILINEAR)))
            edge = min(width, height)
            left, top = (width - edge) // 2, (height - edge) // 2
            crop = photo.crop((left, top, left + edge, top + edge))
            square.append(np.asarray(crop.resize((128, 128), Image.Resampling.BILINEAR)))
    np.save(CACHE / "square.npy", np.stack(square).reshape(10, 48, 128, 128, 3))
    np.save(CACHE / "squashed.npy", np.stack(squashed).reshape(10, 48, 128, 128, 3))


def photos(
    part: str = "train",
    size: int = 64,
    classes: int = 10,
    each: int | None = None,
    kind: str = "square",
) -> tuple[np.ndarray, np.ndarray]:
    """uint8 photos (N, size, size, 3) in folder order (sorted by class) and int64 labels."""
    small = CACHE / f"{kind}_{size}.npy"
    if not small.exists():
        if not (CACHE / "square.npy").exists():
            _decode()
        full = np.load(CACHE / f"{kind}.npy")
        flat = full.reshape(-1, 128, 128, 3)
        made = flat if size == 128 else np.stack([resize(one, size) for one in flat])
        np.save(small, made.reshape(10, 48, size, size, 3))
    first, last = PARTS[part]
    taken = np.load(small)[:classes, first:last][:, :each]
    count = taken.shape[1]
    return (
        np.ascontiguousarray(taken.reshape(-1, size, size, 3)),
        np.repeat(np.arange(classes, dtype=np.int64), count),
    )


def resize(photo: np.ndarray, width: int, height: int | None = None) -> np.ndarray:
    return np.asarray(
        Image.fromarray(photo).resize((width, height or width), Image.Resampling.BILINEAR)
    )


def each_photo(x: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return np.stack([change(one) for one in x])


def grey(x: np.ndarray) -> np.ndarray:
    shade = (x.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)).round()
    return np.repeat(shade[..., None], 3, axis=-1).astype(np.uint8)


def jpeg(photo: np.ndarray, quality: int) -> np.ndarray:
    kept = io.BytesIO()
    Image.fromarray(photo).save(kept, "JPEG", quality=quality)
    return np.asarray(Image.open(io.BytesIO(kept.getvalue())))


def digits(part: str = "train", each: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's digits: uint8 grey (N, 8, 8), 0..255, and labels; `each` a class for training."""
    from sklearn.datasets import load_digits

    held = load_digits()
    x, y = (held.images * 15.9).astype(np.uint8), held.target.astype(np.int64)
    order = np.random.default_rng(0).permutation(len(y))
    x, y = x[order], y[order]
    first, last = {"train": (0, each), "val": (100, 120), "fresh": (120, 150)}[part]
    rows = np.concatenate([np.flatnonzero(y == name)[first:last] for name in range(10)])
    return x[rows], y[rows]


def fruit(part: str = "train", each: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Drawn fruit, uint8 (N, 32, 32, 3): six classes that differ in the colour of a round thing."""
    import colorsys

    dice = np.random.default_rng({"train": 1, "val": 2, "fresh": 3}[part])
    rows, columns = np.mgrid[:32, :32]
    x, y = [], []
    for name in range(6):
        for _ in range(each):
            hue = (name / 6 + dice.normal(0, 0.02)) % 1
            shade = np.array(colorsys.hsv_to_rgb(hue, dice.uniform(0.6, 1), dice.uniform(0.5, 0.9)))
            row, column = dice.uniform(10, 22, 2)
            height, width = dice.uniform(5, 10, 2)
            inside = ((rows - row) / height) ** 2 + ((columns - column) / width) ** 2 < 1
            ground = dice.uniform(0.2, 0.7) + dice.normal(0, 0.06, (32, 32, 1)).repeat(3, -1)
            photo = np.where(inside[..., None], shade, ground) + dice.normal(0, 0.04, (32, 32, 3))
            x.append((photo.clip(0, 1) * 255).astype(np.uint8))
            y.append(name)
    return np.stack(x), np.array(y, dtype=np.int64)


def shapes(part: str = "train", each: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Drawn bars, uint8 (N, 32, 32, 3): upright, lying, slanted; anyone tells them apart."""
    dice = np.random.default_rng({"train": 4, "val": 5, "fresh": 6}[part])
    rows, columns = np.mgrid[:32, :32]
    x, y = [], []
    for name in range(3):
        for _ in range(each):
            place = dice.integers(6, 26)
            line = (rows, columns, (rows + columns) / 2)[name]
            inside = np.abs(line - place) < dice.integers(2, 4)
            photo = np.where(inside[..., None], dice.uniform(0.6, 1, 3), dice.uniform(0, 0.4, 3))
            photo = photo + dice.normal(0, 0.05, photo.shape)
            x.append((photo.clip(0, 1) * 255).astype(np.uint8))
            y.append(name)
    return np.stack(x), np.array(y, dtype=np.int64)


# ------------------------------------------------------------------------------------ PyTorch


def chw(x: np.ndarray, mean: Any = MEAN, std: Any = STD) -> Tensor:
    """uint8 NHWC -> normalised float NCHW."""
    made = torch.from_numpy(np.ascontiguousarray(x)).permute(0, 3, 1, 2).float() / 255
    if mean is None:
        return made.contiguous()
    return (
        (made - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(std).view(1, 3, 1, 1)
    ).contiguous()


class Photos(Dataset[Any]):
    """The usual data set: a photo's tensor, its label; other shapes by `wrap`."""

    def __init__(
        self,
        x: Tensor,
        y: Any,
        transform: Callable[[Tensor], Tensor] | None = None,
        wrap: Callable[[Tensor, Any, int], Any] | None = None,
    ) -> None:
        self.x, self.y, self.transform, self.wrap = x, y, transform, wrap

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> Any:
        photo = self.x[index]
        if self.transform is not None:
            photo = self.transform(photo)
        label = self.y[index]
        label = label if isinstance(label, Tensor) and label.ndim else int(label)
        return self.wrap(photo, label, index) if self.wrap else (photo, label)


def cnn(
    classes: int = 10, bn: bool = True, width: int = 16, head: nn.Module | None = None
) -> nn.Sequential:
    def block(inn: int, out: int) -> list[nn.Module]:
        norm: list[nn.Module] = [nn.BatchNorm2d(out)] if bn else []
        return [nn.Conv2d(inn, out, 3, padding=1), *norm, nn.ReLU(), nn.MaxPool2d(2)]

    return nn.Sequential(
        *block(3, width),
        *block(width, 2 * width),
        *block(2 * width, 4 * width),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        head or nn.Linear(4 * width, classes),
    )


class Net(nn.Module):
    """A pretrained backbone and a head."""

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.backbone(x))


def backbone(which: str = "torchvision", pretrained: bool = True, freeze: bool = True) -> nn.Module:
    import timm
    from safetensors.torch import load_file

    extra = {"pad_type": "same"} if which == "google_tf" else {}
    made = timm.create_model("mobilenetv2_100", num_classes=0, **extra)
    if pretrained:
        held = load_file(str(WEIGHTS / f"mobilenetv2_100.{which}_folded.safetensors"))
        wanted = made.state_dict()
        made.load_state_dict({k: v for k, v in held.items() if k in wanted}, strict=True)
    if freeze:
        for parameter in made.parameters():
            parameter.requires_grad_(False)
    return made.eval()


def pretrained(classes: int = 10, head: nn.Module | None = None) -> Net:
    return Net(backbone(), head or nn.Linear(1280, classes))


@torch.no_grad()
def features(model: nn.Module, x: Tensor) -> Tensor:
    return torch.cat([model(part) for part in x.split(32)])


@torch.no_grad()
def predict(model: nn.Module, x: Tensor) -> Tensor:
    """Outputs in evaluation mode; the model's mode is put back."""
    was = [(part, part.training) for part in model.modules()]
    model.eval()
    out = torch.cat([model(part) for part in x.split(32)])
    for part, mode in was:
        part.training = mode
    return out


def accuracy(model: nn.Module, x: Tensor, y: Any, limit: int | None = None) -> float:
    out = predict(model, x)[:, :limit]
    return float((out.argmax(1) == torch.as_tensor(y)).float().mean())


def one_pass(model: nn.Module, loader: Iterable[Any], loss: Any) -> tuple[float, float]:
    """Mean loss and accuracy over a loader, in the mode that the model is in."""
    total = right = seen = 0.0
    with torch.no_grad():
        for x, y in loader:
            out = model(x)
            total += float(loss(out, y)) * len(x)
            hard = y.argmax(1) if y.ndim > 1 else y
            right += float((out.argmax(1) == hard).sum())
            seen += len(x)
    return total / max(seen, 1), right / max(seen, 1)


def loop(
    model: nn.Module,
    train: Iterable[Any],
    val: Iterable[Any],
    optimizer: Any,
    loss: Any,
    epochs: int,
    *,
    scheduler: Any = None,
    after_backward: Callable[[], None] | None = None,
    step: bool = True,
    zero: bool = True,
    frozen_backbone: bool = False,
    evaluate: bool = True,
    each_epoch: Callable[[], None] | None = None,
) -> list[dict[str, float]]:
    """The usual loop; the keywords take single lines out of it."""
    history = []
    for _ in range(epochs):
        model.train()
        if frozen_backbone:
            model.backbone.eval()
        total = right = seen = 0.0
        for x, y in train:
            if zero:
                optimizer.zero_grad()
            out = model(x)
            value = loss(out, y)
            value.backward()
            if after_backward:
                after_backward()
            if step:
                optimizer.step()
            total += float(value.detach()) * len(x)
            hard = y.argmax(1) if y.ndim > 1 else y
            right += float((out.argmax(1) == hard).sum())
            seen += len(x)
        if scheduler is not None:
            scheduler.step()
        if each_epoch:
            each_epoch()
        if evaluate:
            model.eval()
        row = {"train_loss": total / max(seen, 1), "train_top1": right / max(seen, 1)}
        row["val_loss"], row["val_top1"] = one_pass(model, val, loss)
        history.append(row)
    return history


def fit_head(
    net: Net,
    train: tuple[Tensor, Any],
    val: tuple[Tensor, Any],
    *,
    optimizer: Any = None,
    loss: Any = None,
    epochs: int = 12,
    batch: int = 32,
    shuffle: bool = True,
    sampler: Any = None,
    **lines: Any,
) -> tuple[list[dict[str, float]], Any]:
    """Train the head on the frozen backbone's features, computed once; the net is handed over whole."""
    loss = loss or nn.CrossEntropyLoss()
    optimizer = optimizer or torch.optim.Adam(net.head.parameters(), lr=3e-3)
    ready = Photos(features(net.backbone, train[0]), torch.as_tensor(train[1]))
    checked = Photos(features(net.backbone, val[0]), torch.as_tensor(val[1]))
    loader: DataLoader[Any] = DataLoader(
        ready, batch, shuffle=shuffle if sampler is None else False, sampler=sampler
    )
    history = loop(net.head, loader, DataLoader(checked, 64), optimizer, loss, epochs, **lines)
    net.eval()
    return history, optimizer


def trained(
    model: nn.Module,
    train: Any,
    val: Any,
    honest: tuple[Tensor, Any],
    epochs: int,
    *,
    optimizer: Any = None,
    loss: Any = None,
    watch: bool = True,
    claimed: Any = None,
    **lines: Any,
) -> Run:
    """The usual script: Adam 3e-3, cross-entropy, so many epochs."""
    optimizer = optimizer or torch.optim.Adam(model.parameters(), 3e-3)
    loss = loss or nn.CrossEntropyLoss()
    told: dict[str, Any] = {}
    if watch:
        with watching(model, optimizer) as told:
            history = loop(model, train, val, optimizer, loss, epochs, **lines)
    else:
        history = loop(model, train, val, optimizer, loss, epochs, **lines)
    model.eval()
    told = {"optimizer": optimizer, "loss": loss, "history": history, **told}
    return Run(
        model,
        train,
        val,
        told,
        accuracy(model, *honest),
        claimed=accuracy(model, *claimed) if claimed else None,
    )


def small(classes: int = 6) -> tuple[Tensor, np.ndarray, Tensor, np.ndarray]:
    x, y = photos("train", 32, classes)
    v, w = photos("val", 32, classes)
    return chw(x), y, chw(v), w


def large(classes: int = 10) -> tuple[Tensor, np.ndarray, Tensor, np.ndarray]:
    x, y = photos("train", 64, classes)
    v, w = photos("val", 64, classes)
    return chw(x), y, chw(v), w


def loaders(x: Tensor, y: Any, v: Tensor, w: Any) -> tuple[DataLoader[Any], DataLoader[Any]]:
    return DataLoader(Photos(x, y), 32, shuffle=True), DataLoader(Photos(v, w), 64)


# ------------------------------------------------------------------------------------ Keras


def keras_backbone(size: int = 64, weights: bool = True, trainable: bool = False) -> Any:
    """keras.applications.MobileNetV2 (input [-1, 1]) with the google_tf weights."""
    import keras

    made = keras.applications.MobileNetV2(
        weights=None, include_top=False, pooling="avg", input_shape=(size, size, 3)
    )
    if weights:
        _copy_weights(made)
    made.trainable = trainable
    return made


def _copy_weights(made: Any) -> None:
    from safetensors.torch import load_file

    held = load_file(str(WEIGHTS / "mobilenetv2_100.google_tf_folded.safetensors"))
    eps = 1e-3

    def conv(name: str, layer: str, depthwise: bool = False) -> None:
        w = held[f"{name}.weight"].numpy()
        made.get_layer(layer).set_weights(
            [w.transpose(2, 3, 0, 1) if depthwise else w.transpose(2, 3, 1, 0)]
        )

    def norm(name: str, layer: str) -> None:
        gamma, beta, mean, var = (
            held[f"{name}.{part}"].numpy()
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / np.sqrt(var + TIMM_EPS)
        made.get_layer(layer).set_weights([scale * np.sqrt(var + eps), beta, mean, var])

    conv("conv_stem", "Conv1")
    norm("bn1", "bn_Conv1")
    conv("blocks.0.0.conv_dw", "expanded_conv_depthwise", True)
    norm("blocks.0.0.bn1", "expanded_conv_depthwise_BN")
    conv("blocks.0.0.conv_pw", "expanded_conv_project")
    norm("blocks.0.0.bn2", "expanded_conv_project_BN")
    number = 1
    for stage, repeats in enumerate((2, 3, 4, 3, 3, 1), start=1):
        for repeat in range(repeats):
            block, layer = f"blocks.{stage}.{repeat}", f"block_{number}"
            conv(f"{block}.conv_pw", f"{layer}_expand")
            norm(f"{block}.bn1", f"{layer}_expand_BN")
            conv(f"{block}.conv_dw", f"{layer}_depthwise", True)
            norm(f"{block}.bn2", f"{layer}_depthwise_BN")
            conv(f"{block}.conv_pwl", f"{layer}_project")
            norm(f"{block}.bn3", f"{layer}_project_BN")
            number += 1
    conv("conv_head", "Conv_1")
    norm("bn2", "Conv_1_bn")


TIMM_EPS = 1e-5


def keras_cnn(
    classes: int = 10,
    size: int = 32,
    *,
    rescale: bool = True,
    inside: Iterable[Any] = (),
    activation: str | None = "softmax",
    bn: bool = True,
    dropout: float = 0.0,
    width: int = 16,
    channels: int = 3,
    tail: Iterable[Any] = (),
) -> Any:
    """A small Sequential net on photos 0..255 (rescale) or as they come."""
    import keras
    from keras import layers

    made: list[Any] = [keras.Input((size, size, channels)), *inside]
    if rescale:
        made.append(layers.Rescaling(1 / 127.5, offset=-1))
    for factor in (1, 2, 4):
        made.append(layers.Conv2D(width * factor, 3, padding="same", use_bias=not bn))
        if bn:
            made.append(layers.BatchNormalization(momentum=0.8))
        made += [layers.ReLU(), layers.MaxPooling2D()]
    made.append(layers.GlobalAveragePooling2D())
    if dropout:
        made.append(layers.Dropout(dropout))
    made += list(tail)
    made.append(layers.Dense(classes, activation=activation))
    return keras.Sequential(made)


def keras_transfer(
    classes: int = 10,
    size: int = 64,
    *,
    rescale: bool = True,
    inside: Iterable[Any] = (),
    activation: str | None = "softmax",
    weights: bool = True,
    tail: Iterable[Any] = (),
) -> Any:
    """The usual Functional transfer model: [augment] -> Rescaling -> MobileNetV2 -> Dense."""
    import keras
    from keras import layers

    base = keras_backbone(size, weights)
    inputs = keras.Input((size, size, 3))
    x = inputs
    for layer in inside:
        x = layer(x)
    if rescale:
        x = layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    for layer in tail:
        x = layer(x)
    return keras.Model(inputs, layers.Dense(classes, activation=activation)(x))


def keras_accuracy(model: Any, x: np.ndarray, y: np.ndarray) -> float:
    out = np.asarray(model.predict(x, verbose=0))
    if out.shape[1] == 1:
        return float(((out[:, 0] > 0.5) == y).mean())
    return float((out.argmax(1) == y).mean())


def py_dataset(
    x: np.ndarray,
    y: np.ndarray,
    batch: int = 16,
    shuffle: bool = True,
    change: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Any:
    """A keras.utils.PyDataset over arrays."""
    import keras

    class Pairs(keras.utils.PyDataset):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.order = np.arange(len(x))
            self.on_epoch_end()

        def __len__(self) -> int:
            return -(-len(x) // batch)

        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            taken = self.order[index * batch : (index + 1) * batch]
            return (change(x[taken]) if change else x[taken]), y[taken]

        def on_epoch_end(self) -> None:
            if shuffle:
                np.random.shuffle(self.order)

    return Pairs()


def array_loader(
    x: np.ndarray, y: np.ndarray, batch: int = 16, shuffle: bool = True
) -> DataLoader[Any]:
    """A torch DataLoader of channels-last photos, as Keras takes it."""
    return DataLoader(
        torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y)),
        batch,
        shuffle=shuffle,
    )


SPARSE = "sparse_categorical_crossentropy"
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def keras_data(size: int = 32, classes: int = 6) -> Arrays:
    x, y = photos("train", size, classes)
    v, w = photos("val", size, classes)
    return x.astype(np.float32), y, v.astype(np.float32), w


def fit(
    model: Any,
    train: Any,
    val: Any,
    honest: tuple[np.ndarray, np.ndarray],
    epochs: int,
    *,
    rate: float = 3e-3,
    loss: Any = SPARSE,
    optimizer: Any = None,
    metrics: Any = ("accuracy",),
    claimed: tuple[np.ndarray, np.ndarray] | None = None,
    **more: Any,
) -> Run:
    """compile and fit, as in every notebook."""
    import keras

    model.compile(optimizer or keras.optimizers.Adam(rate), loss=loss, metrics=list(metrics))
    history = model.fit(train, validation_data=val, epochs=epochs, verbose=0, **more)
    return Run(
        model,
        train,
        val,
        {"history": history},
        keras_accuracy(model, *honest),
        claimed=keras_accuracy(model, *claimed) if claimed else None,
    )
