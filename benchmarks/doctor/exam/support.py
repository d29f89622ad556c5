"""What the parts of both exams share: photos, backbones, small loops, the register of cases.

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
    floor: float = 0.0  # the accuracy that a sound training, or a mended twin, must reach
    twin_sound: bool = False  # the mended twin is asked too, as a sound case
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
    twin_sound: bool = False,
    floor: float = 0.0,
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
                floor=floor,
                twin_sound=twin_sound,
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


def hf(photo: Tensor, label: Any, index: int) -> dict[str, Any]:
    return {"pixel_values": photo, "labels": label}


def indexed(photo: Tensor, label: Any, index: int) -> tuple[Tensor, Any, int]:
    return photo, label, index


class Output(dict[str, Any]):
    """Like a Hugging Face ModelOutput: output.logits and output["logits"]."""

    @property
    def logits(self) -> Tensor:
        return self["logits"]


class HFStyle(nn.Module):
    """A model called with pixel_values=..., labels=..., giving .logits."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, pixel_values: Tensor, labels: Tensor | None = None) -> Output:
        logits = self.inner(pixel_values)
        out = Output(logits=logits)
        if labels is not None:
            out["loss"] = nn.functional.cross_entropy(logits, labels)
        return out


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


def logits_of(output: Any) -> Tensor:
    return output.logits if hasattr(output, "logits") else output


@torch.no_grad()
def predict(model: nn.Module, x: Tensor) -> Tensor:
    """Outputs in evaluation mode; the model's mode is put back."""
    was = [(part, part.training) for part in model.modules()]
    model.eval()
    out = torch.cat([logits_of(model(part)) for part in x.split(32)])
    for part, mode in was:
        part.training = mode
    return out


def accuracy(model: nn.Module, x: Tensor, y: Any, limit: int | None = None) -> float:
    out = predict(model, x)[:, :limit]
    return float((out.argmax(1) == torch.as_tensor(y)).float().mean())


def unpack(batch: Any) -> tuple[Tensor, Tensor]:
    if isinstance(batch, dict):
        return batch["pixel_values"], batch["labels"]
    return batch[0], batch[1]


def one_pass(model: nn.Module, loader: Iterable[Any], loss: Any) -> tuple[float, float]:
    """Mean loss and accuracy over a loader, in the mode that the model is in."""
    total = right = seen = 0.0
    with torch.no_grad():
        for batch in loader:
            x, y = unpack(batch)
            out = logits_of(model(x))
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
            model.get_submodule("backbone").eval()
        total = right = seen = 0.0
        for batch in train:
            x, y = unpack(batch)
            if zero:
                optimizer.zero_grad()
            out = logits_of(model(x))
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


class Stream(torch.utils.data.IterableDataset[Any]):
    """Photos one after another, with no length."""

    def __init__(self, x: Tensor, y: Any, shuffle: bool = True) -> None:
        self.x, self.y, self.shuffle = x, y, shuffle

    def __iter__(self) -> Iterator[Any]:
        order = torch.randperm(len(self.x)).tolist() if self.shuffle else range(len(self.x))
        for index in order:
            yield self.x[index], int(self.y[index])


class Batches:
    """Something that can be iterated again and again and has no length."""

    def __init__(self, make: Callable[[], Iterator[Any]]) -> None:
        self.make = make

    def __iter__(self) -> Iterator[Any]:
        return self.make()


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
