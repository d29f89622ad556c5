"""Sound trainings of a real network, and the same with one thing wrong.

Every failure is planted in an ordinary PyTorch script: torchvision's ImageFolder, a DataLoader, a
frozen timm backbone with a linear head, Adam.
"""

import copy
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision.datasets import ImageFolder

from florascope.doctor.diagnosis import Diagnosis
from florascope.doctor.script import diagnose
from florascope.images import read_photo
from florascope.model.preprocessing import Preprocessing

Transform = Callable[[Any], Tensor]


class Net(nn.Module):
    """A backbone and a linear head."""

    def __init__(self, backbone: nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.backbone(images))
        return logits


@dataclass(frozen=True)
class World:
    """Where the trainings take place.

    Attributes:
        root: holds train/ and val/, each with one folder a class.
        scratch: for copies of root with something wrong.
        contract: of the backbone's weights.
        backbone: makes the pretrained backbone, images to features.
        width: of the features.
        pretrained: the backbone with a head of its own, in eval mode; None where there is none.
    """

    root: Path
    scratch: Path
    contract: Preprocessing
    backbone: Callable[[], nn.Module]
    width: int
    pretrained: nn.Module | None = None

    def copy(self, name: str) -> Path:
        """Copy the photos, to do something to them."""
        shutil.rmtree(self.scratch / name, ignore_errors=True)
        return Path(shutil.copytree(self.root, self.scratch / name))


@dataclass
class Patient:
    """A training to diagnose.

    Attributes:
        model: trained, in eval mode.
        train: its loader.
        val: its loader.
        told: what the script tells the doctor.
    """

    model: Any
    train: Any
    val: Any
    told: dict[str, Any] = field(default_factory=dict)

    def diagnosis(self) -> Diagnosis:
        """Ask the doctor."""
        return diagnose(self.model, self.train, self.val, **self.told)


@dataclass(frozen=True)
class Standard:
    """The contract's own preprocessing, with a change before or after.

    Attributes:
        contract: of the weights.
        after: what is done to the tensor.
        before: what is done to the photo.
    """

    contract: Preprocessing
    after: Callable[[Tensor], Tensor] | None = None
    before: Callable[[Any], Any] | None = None

    def __call__(self, photo: Any) -> Tensor:
        rgb = np.asarray(photo)
        x = torch.from_numpy(self.contract(self.before(rgb) if self.before else rgb))
        return self.after(x) if self.after else x


class RandomMirror:
    """A horizontal flip and a shift of up to four pixels, drawn anew each time."""

    def __init__(self, plain: Transform, draw: np.random.Generator | None = None) -> None:
        self.plain, self.draw = plain, draw

    def __call__(self, photo: Any) -> Tensor:
        x = self.plain(photo)
        own = (
            self.draw
            if self.draw is not None
            else np.random.default_rng(int(torch.randint(2**31, ())))
        )
        shift = int(own.integers(-4, 5))
        x = x.flip(2) if own.random() < 0.5 else x
        return torch.roll(x, shift, 2)


def photos(
    root: Path, transform: Transform, reader: Callable[[str], Any] | None = None
) -> ImageFolder:
    """A folder of class folders as torchvision reads it, upright."""
    return ImageFolder(str(root), transform, loader=reader or (lambda path: read_photo(Path(path))))


def patient(
    world: World,
    *,
    root: Path | None = None,
    after: Callable[[Tensor], Tensor] | None = None,
    before: Callable[[Any], Any] | None = None,
    train: Transform | None = None,
    val: Transform | None = None,
    reader: Callable[[str], Any] | None = None,
    contract: Preprocessing | None = None,
    backbone: nn.Module | None = None,
    rate: float = 1e-2,
) -> Patient:
    """A training, sound but for what is given otherwise."""
    plain = Standard(contract or world.contract, after, before)
    root = root or world.root
    learned = photos(root / "train", train or RandomMirror(plain), reader)
    unseen = photos(root / "val", val or plain, reader)
    model = Net(backbone or world.backbone(), world.width, len(learned.classes)).eval()
    model.backbone.requires_grad_(False)  # noqa: FBT003 (torch's signature)
    ill = Patient(model, DataLoader(learned, 16, shuffle=True), DataLoader(unseen, 16))
    ill.told = {
        "contract": world.contract,
        "reference": world.backbone().state_dict(),
        "frozen": ["backbone"],
        "loss": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.head.parameters(), rate),
    }
    learn(ill)
    return ill


def learn(ill: Patient, steps: int = 60) -> None:
    """Fit the head to the train photos' features, all at once."""
    body, head = ill.model.backbone, ill.model.head
    with torch.no_grad():
        pairs = [(body(x), y) for x, y in ill.train]
    features, labels = torch.cat([f for f, _ in pairs]), torch.cat([y for _, y in pairs])
    adam = torch.optim.Adam(head.parameters(), 1e-2)
    for _ in range(steps):
        loss = nn.functional.cross_entropy(head(features), labels)
        adam.zero_grad()
        loss.backward()
        adam.step()


def relabel(loader: DataLoader[Any], rename: Callable[[int], int]) -> DataLoader[Any]:
    """The same photos with other labels."""
    return DataLoader(Relabelled(loader.dataset, rename), 16)


class Relabelled(Dataset[Any]):
    """A data set with its labels renamed."""

    def __init__(self, below: Any, rename: Callable[[int], int]) -> None:
        self.below, self.rename = below, rename

    def __len__(self) -> int:
        return len(self.below)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image, label = self.below[index]
        return image, self.rename(label)


# --- inputs -----------------------------------------------------------------------------------


def _stats(world: World) -> tuple[Tensor, Tensor]:
    return (
        torch.tensor(world.contract.mean).reshape(3, 1, 1),
        torch.tensor(world.contract.std).reshape(3, 1, 1),
    )


def unscaled(world: World) -> Patient:
    """Pixels from 0 to 255 go in."""
    mean, std = _stats(world)
    return patient(world, after=lambda x: (x * std + mean) * 255)


def rescaled_twice(world: World) -> Patient:
    """Divided by 255 once by ToTensor, once more by hand."""
    mean, std = _stats(world)
    return patient(world, after=lambda x: ((x * std + mean) / 255 - mean) / std)


def rescaled_twice_unseen(world: World) -> Patient:
    """The same where the doctor cannot see the photos' files."""
    return _hidden(rescaled_twice(world))


def unscaled_unseen(world: World) -> Patient:
    """The same where the doctor cannot see the photos' files."""
    return _hidden(unscaled(world))


def _hidden(ill: Patient) -> Patient:
    """Batches in lists: no data set, no paths."""
    return Patient(ill.model, list(ill.train), list(ill.val), ill.told)


def bgr(world: World) -> Patient:
    """As OpenCV reads."""
    return patient(world, before=lambda rgb: rgb[..., ::-1].copy())


def bgr_by_canary(world: World) -> Patient:
    """The same where only the pretrained head can tell."""
    ill = _hidden(bgr(world))
    ill.told["pretrained"] = world.pretrained
    return ill


def wrong_statistics(world: World) -> Patient:
    """Another network's mean and deviation."""
    other = replace(world.contract, mean=(0.5, 0.4, 0.3), std=(0.3, 0.35, 0.2))
    return patient(world, contract=other)


def unit_range(world: World) -> Patient:
    """[0, 1] for weights that want [-1, 1] or standardised input."""
    return patient(world, contract=replace(world.contract, mean=(0.0,) * 3, std=(1.0,) * 3))


def channels_last(world: World) -> Patient:
    """(height, width, channels)."""
    ill = patient(world)
    turned = [(x.permute(0, 2, 3, 1), y) for x, y in ill.val]
    return Patient(ill.model, [(x.permute(0, 2, 3, 1), y) for x, y in ill.train], turned, ill.told)


def reshaped(world: World) -> Patient:
    """Reshaped to channels first instead of transposed."""
    return patient(world, after=lambda x: x.permute(1, 2, 0).reshape(x.shape))


# --- weights and statistics -------------------------------------------------------------------


def drifting_statistics(world: World) -> Patient:
    """model.train() moved the frozen backbone's running statistics."""
    ill = patient(world)
    ill.model.train()
    with torch.no_grad():
        for _ in range(4):
            for images, _ in ill.train:
                ill.model(images * 1.5 + 0.5)
    ill.model.eval()
    return ill


def train_mode(world: World) -> Patient:
    """Evaluated as it was trained."""
    ill = patient(world)
    ill.model.train()
    return ill


def not_loaded(world: World) -> Patient:
    """The weights as they are made."""
    return patient(world, backbone=reset(world.backbone()))


def reset(backbone: nn.Module) -> nn.Module:
    """Draw every weight anew."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        for module in backbone.modules():
            draw: Any = getattr(module, "reset_parameters", None)
            if draw is not None:
                draw()
    return backbone


def not_loaded_unseen(world: World) -> Patient:
    """The same where the doctor is not given the pretrained weights."""
    ill = not_loaded(world)
    del ill.told["reference"]
    return ill


def partly_loaded(world: World) -> Patient:
    """Half of the convolutions did not match by name."""
    backbone = world.backbone()
    convolutions = [m for m in backbone.modules() if isinstance(m, nn.Conv2d)]
    with torch.random.fork_rng():
        torch.manual_seed(7)
        for module in convolutions[len(convolutions) // 2 :]:
            module.reset_parameters()
    return patient(world, backbone=backbone)


# --- optimisation -----------------------------------------------------------------------------


def head_not_optimised(world: World) -> Patient:
    """The optimizer was made before the head was replaced."""
    ill = patient(world)
    ill.model.head = nn.Linear(world.width, ill.model.head.out_features)
    return ill


def backbone_trained(world: World) -> Patient:
    """requires_grad stayed on, and the optimizer got everything."""
    ill = patient(world)
    ill.model.requires_grad_(True)  # noqa: FBT003 (torch's signature)
    ill.told["optimizer"] = torch.optim.Adam(ill.model.parameters(), 1e-3)
    return ill


def _rate(world: World, rate: float, steps: int) -> Patient:
    """A head fitted at a rate, with its history."""
    ill = patient(world, rate=rate)
    body, head = ill.model.backbone, ill.model.head
    head.reset_parameters()
    optimizer, rows = ill.told["optimizer"], []
    for _ in range(steps):
        for images, labels in ill.train:
            loss = nn.functional.cross_entropy(head(body(images)), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        rows.append({"train_loss": float(loss.detach())})
    ill.told["history"] = rows
    return ill


def rate_zero(world: World) -> Patient:
    """A learning rate of 0."""
    return _rate(world, 0.0, 1)


def rate_low(world: World) -> Patient:
    """A learning rate that gets nowhere."""
    return _rate(world, 1e-8, 1)


def rate_high(world: World) -> Patient:
    """A learning rate that throws the loss up."""
    return _rate(world, 30.0, 2)


# --- split ------------------------------------------------------------------------------------


def tiny_split(world: World) -> Patient:
    """Four val photos."""
    ill = patient(world)
    ill.val = DataLoader(Subset(ill.val.dataset, [0, 1, 2, 3]), 16)
    return ill


def swapped_split(world: World) -> Patient:
    """Train is the smaller part."""
    root = world.scratch / "swapped"
    if not root.exists():
        shutil.copytree(world.root / "val", root / "train")
        shutil.copytree(world.root / "train", root / "val")
        for number, photo in enumerate(sorted((root / "train").rglob("*.png"))):
            if number % 2:
                photo.unlink()
    return patient(world, root=root)


def shared_paths(world: World) -> Patient:
    """Val is drawn from the files of train."""
    ill = patient(world)
    plain = ill.val.dataset.transform
    every_second = range(0, len(ill.train.dataset), 2)
    ill.val = DataLoader(Subset(photos(world.root / "train", plain), every_second), 16)
    return ill


def _leak(world: World, name: str, save: Callable[[Image.Image, Path], None]) -> Patient:
    """A third of val becomes copies of train photos of the same class."""
    root = world.copy(name)
    for folder in sorted((root / "val").iterdir()):
        own = sorted((root / "train" / folder.name).iterdir())
        for target, source in list(zip(sorted(folder.iterdir()), own, strict=False))[::3]:
            with Image.open(source) as photo:
                target.unlink()
                save(photo.convert("RGB"), target)
    return patient(world, root=root)


def shared_bytes(world: World) -> Patient:
    """The same photos under other names."""
    root = world.copy("bytes")
    for folder in sorted((root / "val").iterdir()):
        own = sorted((root / "train" / folder.name).iterdir())
        for target, source in list(zip(sorted(folder.iterdir()), own, strict=False))[::3]:
            shutil.copyfile(source, target)
    return patient(world, root=root)


def near_duplicates(world: World) -> Patient:
    """The same photos, resized and saved again."""
    return _leak(
        world,
        "near",
        lambda photo, path: photo.resize((photo.width * 3 // 4, photo.height * 3 // 4)).save(
            path.with_suffix(".jpg"), quality=75
        ),
    )


# --- labels -----------------------------------------------------------------------------------


def one_based(world: World) -> Patient:
    """Labels from 1 to K."""
    ill = patient(world)
    ill.train, ill.val = (relabel(loader, lambda k: k + 1) for loader in (ill.train, ill.val))
    return ill


def text_order(world: World) -> Patient:
    """Val numbers its classes 1, 10, 2, ..., train 1, 2, ..., 10."""
    ill = patient(world)
    names = [str(k + 1) for k in range(len(ill.train.dataset.classes))]
    text = sorted(names)
    ill.val = relabel(ill.val, lambda k: text.index(names[k]))
    return ill


def class_lists(world: World) -> Patient:
    """The two data sets publish different lists of classes."""
    ill = patient(world)
    ill.val.dataset.classes = ill.val.dataset.classes[::-1]
    return ill


def shifted(world: World) -> Patient:
    """Val's labels are one too high, around the end."""
    ill = patient(world)
    K = len(ill.train.dataset.classes)
    ill.val = relabel(ill.val, lambda k: (k + 1) % K)
    return ill


def shuffled_labels(world: World) -> Patient:
    """Val's labels lie in another order than its photos."""
    ill = patient(world)
    targets = np.random.default_rng(0).permutation(ill.val.dataset.targets)
    data = ill.val.dataset
    data.samples = [(path, int(k)) for (path, _), k in zip(data.samples, targets, strict=True)]
    return ill


def stray_class(world: World) -> Patient:
    """A folder of previews passes for a class."""
    root = world.copy("stray")
    for side in ("train", "val"):
        first = min((root / side).iterdir())
        (root / side / ".previews").mkdir()
        for photo in sorted(first.iterdir())[:3]:
            with Image.open(photo) as preview:
                preview.rotate(90).resize((40, 40)).save(root / side / ".previews" / photo.name)
    return patient(world, root=root)


def imbalance(world: World) -> Patient:
    """Nine tenths of one class, and a network that names no other."""
    ill = patient(world)
    rare = {len(ill.train.dataset.classes) - 1: 1, len(ill.train.dataset.classes) - 2: 2}
    ill.train, ill.val = (relabel(side, lambda k: rare.get(k, 0)) for side in (ill.train, ill.val))
    head = nn.Linear(world.width, 3)
    with torch.no_grad():
        head.bias[0] += 1e4
    ill.model.head = head
    ill.told["optimizer"] = torch.optim.Adam(head.parameters(), 1e-2)
    return ill


# --- augmentation -----------------------------------------------------------------------------


def val_augmented(world: World) -> Patient:
    """Val gets train's transform."""
    plain = Standard(world.contract)
    return patient(world, val=RandomMirror(plain))


def brightness_steps(world: World) -> Patient:
    """A step meant for 0 to 255, applied to 0 to 1."""

    class RandomBrightness:
        def __call__(self, photo: Any) -> Tensor:
            return Standard(world.contract)(photo) + float(torch.empty(()).uniform_(-32, 32))

    return patient(world, train=RandomBrightness())


def cached_augmentation(world: World) -> Patient:
    """A cache after the random steps."""
    ill = patient(world)
    ill.train = DataLoader(Cached(ill.train.dataset), 16, shuffle=True)
    return ill


class Cached(Dataset[Any]):
    """Keeps whatever it gave once."""

    def __init__(self, below: Any) -> None:
        self.below = below
        self.kept: dict[int, Any] = {}
        self.transform = below.transform
        self.classes, self.samples = below.classes, below.samples

    def __len__(self) -> int:
        return len(self.below)

    def __getitem__(self, index: int) -> Any:
        if index not in self.kept:
            self.kept[index] = self.below[index]
        return self.kept[index]


def same_in_workers(world: World) -> Patient:
    """A NumPy generator of the data set's own is copied into every worker."""
    ill = patient(world, train=RandomMirror(Standard(world.contract), np.random.default_rng(0)))
    ill.train = DataLoader(ill.train.dataset, 16, shuffle=True, num_workers=2)
    return ill


# --- head, evaluation, serving ----------------------------------------------------------------


def softmax_twice(world: World) -> Patient:
    """The network ends in softmax, and the loss applies it again."""
    ill = patient(world)
    ill.model.head = nn.Sequential(ill.model.head, nn.Softmax(1))
    return ill


def dropout_last(world: World) -> Patient:
    """Probabilities are dropped."""
    ill = patient(world)
    ill.model.head = nn.Sequential(ill.model.head, nn.Softmax(1), nn.Dropout(0.3))
    return ill


def binary_accuracy(world: World) -> Patient:
    """Every class's own yes or no counts."""
    ill = patient(world)

    def metric(outputs: Tensor, labels: Tensor) -> Tensor:
        truth = nn.functional.one_hot(labels, outputs.shape[1]).bool()
        return ((outputs.softmax(1) > 0.5) == truth).float().mean()

    ill.told["metric"] = metric
    return ill


def binary_reported(world: World) -> Patient:
    """The same, known from the reported figure alone, of a network at chance."""
    ill = patient(world)
    with torch.no_grad():
        ill.model.head.weight.mul_(0)
    return _reporting(ill, lambda outputs, _: 1 - 1 / outputs.shape[1])


def _reporting(ill: Patient, figure: Callable[[Tensor, Tensor], float]) -> Patient:
    with torch.no_grad():
        pairs = [(ill.model(x), y) for x, y in ill.val]
    outputs, labels = torch.cat([o for o, _ in pairs]), torch.cat([y for _, y in pairs])
    ill.told["reported"] = {"val_top1": float(figure(outputs, labels))}
    return ill


def shuffled_evaluation(world: World) -> Patient:
    """Answers of a shuffled pass, held against labels in order."""

    def figure(outputs: Tensor, labels: Tensor) -> float:
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
        return float((outputs.argmax(1)[order] == labels).float().mean())

    return _reporting(patient(world), figure)


def other_crop(world: World) -> Patient:
    """Served squashed, trained on the centre."""
    ill = patient(world)
    squash = replace(world.contract, crop_mode="squash", crop_pct=1.0)
    ill.told["serve"] = lambda path: squash(read_photo(Path(path)))
    return ill


def other_interpolation(world: World) -> Patient:
    """Served bicubic, trained bilinear, or the other way round."""
    ill = patient(world)
    other: Any = "bilinear" if world.contract.interpolation == "bicubic" else "bicubic"
    changed = replace(world.contract, interpolation=other)
    ill.told["serve"] = lambda path: changed(read_photo(Path(path)))
    return ill


def exif_ignored(world: World) -> Patient:
    """Phone photos stored lying, opened without turning them."""
    root = world.copy("exif")
    for photo in sorted((root / "val").rglob("*.png"))[::2]:
        with Image.open(photo) as upright:
            exif = Image.Exif()
            exif[0x0112] = 6
            lying = upright.convert("RGB").transpose(Image.Transpose.ROTATE_90)
            lying.save(photo.with_suffix(".jpg"), quality=95, exif=exif)
        photo.unlink()

    def careless(path: str) -> Any:
        with Image.open(path) as stored:
            return np.array(stored.convert("RGB"))

    return patient(world, root=root, reader=careless)


def collapsed(world: World) -> Patient:
    """The backbone's last layer is dead."""
    backbone = world.backbone()
    ill = patient(world, backbone=nn.Sequential(backbone, Dead()))
    ill.told["reference"] = None
    return ill


class Dead(nn.Module):
    """Every feature is nearly the same for every photo."""

    def forward(self, features: Tensor) -> Tensor:
        return torch.ones_like(features) + 1e-4 * features


def constant(world: World) -> Patient:
    """One class's bias outweighs all photos."""
    ill = patient(world)
    with torch.no_grad():
        ill.model.head.bias[1] += 1e4
    return ill


def other_precision(world: World) -> Patient:
    """Deployed with weights of four bits."""
    ill = patient(world)
    coarse = copy.deepcopy(ill.model)
    with torch.no_grad():
        for p in coarse.parameters():
            step = p.abs().max() / 3 + 1e-12
            p.copy_((p / step).round() * step)
    ill.told["deployed"] = coarse
    return ill


def broken_loop(world: World) -> Patient:
    """Good features, and a head that nobody trained."""
    ill = patient(world)
    ill.model.head.reset_parameters()
    return ill


# Label noise is not among them: in a world of 144 train and 72 val photos the check's bound (the
# difference of two accuracies against its standard error) rightly says nothing. The check itself is
# tested on planted features instead.

FAILURES: dict[Callable[[World], Patient], str] = {
    unscaled: "input range wrong for the weights",
    unscaled_unseen: "input range wrong for the weights",
    unit_range: "wrong mean or standard deviation",
    rescaled_twice: "input rescaled twice",
    rescaled_twice_unseen: "input rescaled twice",
    bgr: "BGR for RGB",
    bgr_by_canary: "BGR for RGB",
    wrong_statistics: "wrong mean or standard deviation",
    channels_last: "wrong layout of the input",
    reshaped: "wrong layout of the input",
    drifting_statistics: "BatchNorm statistics drift in a frozen backbone",
    train_mode: "train mode at evaluation",
    not_loaded: "backbone weights not loaded",
    not_loaded_unseen: "backbone weights not loaded",
    partly_loaded: "backbone weights partly loaded",
    head_not_optimised: "parameters missing from the optimizer",
    backbone_trained: "parameters meant frozen are trained",
    rate_zero: "learning rate is zero",
    rate_low: "learning rate too low",
    rate_high: "learning rate too high",
    tiny_split: "split is tiny",
    swapped_split: "train and validation swapped",
    shared_paths: "train and validation share files",
    shared_bytes: "train and validation share photos (equal bytes)",
    near_duplicates: "train and validation share photos (near-duplicates)",
    one_based: "labels start at 1",
    text_order: "label order differs (1, 10, 100 for 1, 2, 3)",
    class_lists: "label order differs (1, 10, 100 for 1, 2, 3)",
    shifted: "labels shifted between splits",
    shuffled_labels: "labels shuffled between splits",
    stray_class: "a stray folder as a class",
    imbalance: "class imbalance read as skill",
    val_augmented: "validation is augmented",
    brightness_steps: "augmentation leaves the value range",
    cached_augmentation: "augmentation frozen by a cache",
    same_in_workers: "augmentation identical across workers",
    softmax_twice: "softmax twice",
    dropout_last: "dropout after the last layer",
    binary_accuracy: "wrong accuracy for several classes",
    binary_reported: "wrong accuracy for several classes",
    shuffled_evaluation: "shuffled evaluation compared with unshuffled labels",
    other_crop: "crop or interpolation differs between training and serving",
    other_interpolation: "crop or interpolation differs between training and serving",
    exif_ignored: "EXIF rotation ignored",
    collapsed: "collapsed features",
    constant: "constant predictions",
    other_precision: "device or precision gives other logits",
    broken_loop: "training loop broken",
}
"""Every failure and the cause the doctor has to name first."""

BY_CANARY = frozenset({bgr_by_canary})
"""Failures that only a network with a head of its own can tell."""


def applicable(world: World) -> list[Callable[[World], Patient]]:
    """The failures that can be planted in a world."""
    return [f for f in FAILURES if world.pretrained is not None or f not in BY_CANARY]


def healthy(world: World) -> Sequence[Patient]:
    """Sound trainings: augmented or not, told much or little, hidden or not."""
    plain = patient(world)
    bare = patient(world, train=Standard(world.contract))
    bare.told = {"contract": world.contract}
    return [plain, bare, _hidden(patient(world))]
