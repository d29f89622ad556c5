"""Open half. PyTorch: loops by hand, Hugging Face's, timm's and Lightning's ways."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import torchvision.transforms.functional as TF
from fourth import (
    ACROSS,
    EVALUATED,
    INPUTS,
    NETWORK,
    ORDER,
    SAMPLER,
    STEPS,
    Module,
    Transfer,
    cached,
    lightning,
    right,
    save_folder,
    stacked,
)
from PIL import Image, ImageOps
from second import (
    MORE_AUGMENTATION,
    OPTIMIZER,
    RATE_LOW,
    RATE_TOO_HIGH,
    RATE_TOO_LOW,
    REPORT,
    VAL_DIFFERS,
    faulty,
    large,
    loaders,
    small,
    trained,
)
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from third import RANGE, STATISTICS, wedges
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset, WeightedRandomSampler
from torchvision import transforms
from torchvision.datasets import ImageFolder

from support import (
    MEAN,
    STD,
    HFStyle,
    Photos,
    Run,
    accuracy,
    chw,
    cnn,
    features,
    fit_head,
    hf,
    loop,
    photos,
    seed,
    sound,
    watching,
)

CE = nn.CrossEntropyLoss


class Arrays(Dataset[Any]):
    """The usual data set around NumPy arrays."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = TF.to_tensor(self.images[index])
        return TF.normalize(image, MEAN, STD), int(self.labels[index])


@faulty(
    "torch",
    "the photos were stored as float32: to_tensor divides by 255 only what is uint8",
    [*RANGE, *INPUTS, r"255|divid|ToTensor"],
    [r"features"],
)
def to_tensor_leaves_floats_alone(mended: bool) -> Run:
    seed(502)
    (x, y), (v, w) = photos("train", 64), photos("val", 64)
    if not mended:
        x, v = x.astype(np.float32), v.astype(np.float32)
    train = DataLoader(Arrays(x, y), batch_size=32, shuffle=True)
    val = DataLoader(Arrays(v, w), batch_size=64)
    net = Transfer()
    history, optimizer = fit_head(net, stacked(train.dataset), stacked(val.dataset))
    told = {"optimizer": optimizer, "loss": CE(), "history": history}
    return Run(net, train, val, told, right(net, val))


@faulty(
    "torch",
    "BatchNorm with track_running_stats=False: a batch is normalised by itself, and validation comes class by class",
    [*STATISTICS, *ACROSS, *ORDER, r"track_running_stats"],
    [r"val_loader.{0,40}sorted"],
)
def normalised_by_its_own_batch(mended: bool) -> Run:
    seed(503)
    x, y, v, w = small()
    train = DataLoader(TensorDataset(x, torch.from_numpy(y)), batch_size=24, shuffle=True)
    val = DataLoader(TensorDataset(v, torch.from_numpy(w)), batch_size=12)
    net = cnn(6)
    if not mended:
        for index, layer in enumerate(net):
            if isinstance(layer, nn.BatchNorm2d):
                net[index] = nn.BatchNorm2d(layer.num_features, track_running_stats=False)
    return lightning(net, train, val, 15)


@faulty(
    "torch",
    "drop_last=True without shuffling: the incomplete last batch, always the same two flowers, is never seen",
    [*SAMPLER, *ORDER],
    [r"classes? .{0,40}(0 %|never predicted|never answered)"],
)
def drop_last_drops_the_last_flowers(mended: bool) -> Run:
    seed(506)
    x, y, v, w = large()
    net = Transfer()
    how = {"shuffle": mended, "drop_last": True}
    optimizer = torch.optim.Adam(net.head.parameters(), 3e-3)
    with watching(net.head, optimizer) as told:
        history = loop(
            net.head, cached(net, (x, y), 64, **how), cached(net, (v, w)), optimizer, CE(), 20
        )
    net.eval()
    train, val = DataLoader(Photos(x, y), 64, **how), DataLoader(Photos(v, w), 64)
    told = {"optimizer": optimizer, "loss": CE(), "history": history, **told}
    return Run(net, train, val, told, accuracy(net, v, w))


class Reverse(torch.autograd.Function):
    """Identity forward, minus the gradient backward (Ganin and Lempitsky)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return -grad


class ReverseLayer(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return Reverse.apply(x)


@faulty(
    "torch",
    "the gradient reversal of the domain adaptation chapter was left in: the layers before it learn to hide the class",
    [
        *NETWORK,
        *STEPS,
        r"gradients?.{0,80}(revers|sign|opposite|ascen|negat|wrong direction|flipp|uphill)|revers",
        r"features.{0,80}(poor|worse|lost|random|collaps|separat|useless|nothing|destroy|carry)",
    ],
    [r"loss.{0,30}(rises|grows|does not fall)"],
)
def gradient_reversal_left_in(mended: bool) -> Run:
    seed(507)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    *body, head = cnn(6)
    middle = nn.Identity() if mended else ReverseLayer()
    return lightning(nn.Sequential(*body, middle, head), train, val, 15)


@faulty(
    "torch",
    "no activation between the convolutions: the whole network is one linear map",
    [
        *NETWORK,
        r"activation|non-?linear|\bReLU|is linear|linear (map|model|network|function)|capacity|too simple",
    ],
    [r"train.{0,40}accuracy.{0,30}(low|only)|underfit"],
    rejects=RATE_TOO_LOW,
)
def no_activation_anywhere(mended: bool) -> Run:
    seed(508)
    (x, y), (v, w) = wedges("train"), wedges("val")
    train, val = loaders(chw(x), y, chw(v), w)

    def block(inn: int, out: int) -> list[nn.Module]:
        layers = [nn.Conv2d(inn, out, 3, stride=2, padding=1), nn.BatchNorm2d(out)]
        return [*layers, nn.ReLU()] if mended else layers

    net = nn.Sequential(
        *block(3, 16),
        *block(16, 32),
        *block(32, 64),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 4),
    )
    return lightning(net, train, val, 15)


def cut_out(x: np.ndarray) -> np.ndarray:
    """The ground around the flower made white, as in the segmented edition of a data set."""
    side = x.shape[1]
    rows, columns = np.mgrid[:side, :side] / (side - 1) - 0.5
    flower = (rows**2 + columns**2 < 0.09)[None, :, :, None]
    return np.where(flower, x, 255).astype(np.uint8)


@faulty(
    "torch",
    "trained on cut-out flowers on white, validated on photos with their ground",
    [*VAL_DIFFERS, *INPUTS, r"background|border|white|mask|brightness|(mean|average).{0,40}differ"],
    [r"overfit|memori[sz]"],
    rejects=MORE_AUGMENTATION,
)
def trained_on_cut_outs(mended: bool) -> Run:
    seed(510)
    (x, y), (v, w) = photos("train", 32, 6), photos("val", 32, 6)
    train, val = loaders(chw(x if mended else cut_out(x)), y, chw(v), w)
    return trained(cnn(6), train, val, (chw(v), w), 15)


@faulty(
    "torch",
    "five crops averaged with the axes exchanged: each answer is a mean over five different photos",
    [*REPORT, *EVALUATED],
    [r"val_top1"],
)
def crops_averaged_over_different_photos(mended: bool) -> Run:
    seed(512)
    x, y, v, w = large()
    net = Transfer()
    history, optimizer = fit_head(net, (x, y), (v, w))
    order = torch.randperm(len(v))
    crops = torch.stack(transforms.FiveCrop(56)(v[order]), 1)
    correct = 0
    for some, labels in zip(crops.split(20), torch.from_numpy(w)[order].split(20), strict=True):
        size, count = some.shape[:2]
        with torch.no_grad():
            outputs = net(some.flatten(0, 1))
        outputs = (
            outputs.view(size, count, -1).mean(1)
            if mended
            else outputs.view(count, size, -1).mean(0)
        )
        correct += int((outputs.argmax(1) == labels).sum())
    top1 = correct / len(v)
    history[-1]["val_top1"] = top1
    train, val = loaders(x, y, v, w)
    told = {
        "optimizer": optimizer,
        "loss": CE(),
        "history": history,
        "reported": {"val_top1": top1},
    }
    return Run(net, train, val, told, accuracy(net, v, w), claimed=top1)


class ImageProcessor:
    """What AutoImageProcessor does: rescale by 1/255, normalise."""

    def __init__(self, do_rescale: bool = True) -> None:
        self.do_rescale = do_rescale

    def __call__(self, image: Tensor) -> Tensor:
        return TF.normalize(image / 255 if self.do_rescale else image, MEAN, STD)


@faulty(
    "torch",
    "Hugging Face's processor rescales photos that ToTensor has rescaled already",
    [*RANGE, *INPUTS, r"twice|255"],
    [r"features|constant"],
)
def processor_rescales_again(mended: bool) -> Run:
    seed(514)
    processor = ImageProcessor(do_rescale=not mended)
    x, y = photos("train", 64)
    v, w = photos("val", 64)
    a, b = (processor(chw(part, None)) for part in (x, v))
    train = DataLoader(Photos(a, y, wrap=hf), 32, shuffle=True)
    val = DataLoader(Photos(b, w, wrap=hf), 64)
    model = HFStyle(Transfer())
    optimizer = torch.optim.AdamW(model.inner.head.parameters(), 3e-3)
    return trained(model, train, val, (b, w), 6, optimizer=optimizer)


class InPlace(Dataset[Any]):
    """Photos in memory, normalised when they are asked for."""

    def __init__(self, images: Tensor, labels: np.ndarray, copy: bool) -> None:
        self.images, self.labels, self.copy = images, labels, copy

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = self.images[index]
        if self.copy:
            image = image.clone()
        image -= 0.4
        image /= 0.5
        return image, int(self.labels[index])


@faulty(
    "torch",
    "image -= mean; image /= std in place: the stored photo is normalised anew in each epoch",
    [
        *RANGE,
        *INPUTS,
        r"in.?place|(each|every|second|two|another) (epoch|pass|access|read).{0,80}(differ|chang|grow|other)|(drift|grow|chang).{0,60}(epoch|pass|access|read)",
    ],
    [*RATE_TOO_HIGH, r"diverg"],
)
def normalised_in_place(mended: bool) -> Run:
    seed(518)
    (x, y), (v, w) = photos("train", 32, 6), photos("val", 32, 6)
    train = DataLoader(InPlace(chw(x, None), y, mended), batch_size=24, shuffle=True)
    val = DataLoader(InPlace(chw(v, None), w, mended), batch_size=72)
    model = cnn(6, bn=False, width=32)
    honest = ((chw(v, None) - 0.4) / 0.5, w)
    return trained(model, train, val, honest, 30)


@faulty(
    "torch",
    "WeightedRandomSampler is given one weight for each class: it draws among the first ten photos",
    SAMPLER,
    [r"one class|constant|same (answer|class)"],
)
def class_weights_given_to_the_sampler(mended: bool) -> Run:
    seed(519)
    x, y, v, w = large()
    weights = torch.from_numpy(1 / np.bincount(y))
    sampler = WeightedRandomSampler(weights[y] if mended else weights, len(y))
    net = Transfer()
    history, optimizer = fit_head(net, (x, y), (v, w), sampler=sampler)
    train, val = DataLoader(Photos(x, y), 32, sampler=sampler), DataLoader(Photos(v, w), 64)
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": CE(), "history": history},
        accuracy(net, v, w),
    )


def exif_folder(name: str, x: np.ndarray, y: np.ndarray, kinds: tuple[str, ...]) -> Any:
    """As a camera on its side saves them: pixels turned, the turn noted in EXIF."""
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = np.ascontiguousarray(np.rot90(x, 1, (1, 2)))
    return save_folder(name, turned, y, kinds, "jpg", quality=95, exif=exif)


def upright(path: str) -> Image.Image:
    with Image.open(path) as opened:
        return ImageOps.exif_transpose(opened).convert("RGB")


@faulty(
    "torch",
    "the validation photos lie on their side: their EXIF says so, and the loader does not look",
    [*VAL_DIFFERS, *INPUTS, r"exif|orient|rotat|sideways|\bturned|upright"],
    [r"permut|mapping"],
    rejects=MORE_AUGMENTATION,
)
def exif_orientation_ignored(mended: bool) -> Run:
    seed(521)
    kinds = ("down", "left", "right", "up")
    first = save_folder("arrows_train", *wedges("train"), kinds, "jpg", quality=95)
    second = exif_folder("arrows_val_turned", *wedges("val"), kinds)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    proper = ImageFolder(str(second), transform, loader=upright)
    seen = proper if mended else ImageFolder(str(second), transform)
    train = DataLoader(ImageFolder(str(first), transform), 32, shuffle=True)
    val = DataLoader(seen, 64)
    model = cnn(4)
    return trained(model, train, val, stacked(proper), 10, claimed=stacked(seen))


@faulty(
    "torch",
    "differential privacy by hand: the noise is not divided by the batch size and drowns the gradient",
    [
        *STEPS,
        *OPTIMIZER,
        r"gradients?.{0,80}(nois|random|unrelated|direction|disagree|drown)|nois.{0,40}gradient|updates?.{0,60}(random|nois)",
    ],
    [*RATE_TOO_HIGH, r"chance"],
)
def private_beyond_use(mended: bool) -> Run:
    seed(523)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model = cnn(6)

    def privatise() -> None:
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for parameter in model.parameters():
            parameter.grad += torch.randn_like(parameter) * (0.1 / 32 if mended else 0.5)

    return trained(model, train, val, (v, w), 15, after_backward=privatise)


@faulty(
    "torch",
    "a new SGD for each batch: the momentum, from which nearly all of the speed was to come, is always zero",
    [
        *STEPS,
        *OPTIMIZER,
        *RATE_LOW,
        r"optimi[sz]er.{0,80}(new|anew|created|re-?creat|state|reset|memory|each|every)|momentum|state",
    ],
    [r"underfit|longer"],
    rejects=RATE_TOO_HIGH,
)
def optimizer_made_for_each_batch(mended: bool) -> Run:
    seed(527)
    x, y, v, w = small()
    train, val = DataLoader(Photos(x, y), 16, shuffle=True), DataLoader(Photos(v, w), 64)
    model, history = cnn(6), []
    optimizer = torch.optim.SGD(model.parameters(), lr=2e-3, momentum=0.97)
    with watching(model) as watched:
        for _ in range(15):
            model.train()
            losses = []
            for images, labels in train:
                if not mended:
                    optimizer = torch.optim.SGD(model.parameters(), lr=2e-3, momentum=0.97)
                optimizer.zero_grad()
                loss = F.cross_entropy(model(images), labels)
                loss.backward()
                optimizer.step()
                losses.append(float(loss.detach()))
            history.append({"train_loss": float(np.mean(losses)), "val_top1": right(model, val)})
    told = {"optimizer": optimizer, "loss": CE(), "history": history, **watched}
    return Run(model, train, val, told, right(model, val))


# ---------------------------------------------------------------------------------- sound ones


@sound("torch", "random erasing of a third, always: validation is much better than training", 0.6)
def much_erased() -> Run:
    seed(551)
    x, y, v, w = small()
    erase = transforms.RandomErasing(p=1.0, scale=(0.2, 0.4), value=0)
    train = DataLoader(Photos(x, y, transform=erase), 32, shuffle=True)
    return trained(cnn(6), train, DataLoader(Photos(v, w), 64), (v, w), 25)


@sound(
    "torch", "no loop at all: linear discriminant analysis in scikit-learn, written as a head", 0.7
)
def discriminant_analysis() -> Run:
    seed(553)
    x, y, v, w = large()
    net = Transfer()
    solved = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3)
    solved.fit(features(net.backbone, x).numpy(), y)
    with torch.no_grad():
        net.head.weight.copy_(torch.from_numpy(solved.coef_))
        net.head.bias.copy_(torch.from_numpy(solved.intercept_))
    train, val = loaders(x, y, v, w)
    top1 = accuracy(net, v, w)
    return Run(net.eval(), train, val, {"reported": {"val_top1": top1}}, top1)


class Flipping(nn.Module):
    """Answers for a photo and its mirror image, averaged in evaluation."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x) if self.training else (self.net(x) + self.net(x.flip(-1))) / 2


@sound(
    "torch",
    "test-time augmentation inside the model: in evaluation it answers for the photo and its mirror",
    0.6,
)
def mirrored_inside() -> Run:
    seed(556)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    return lightning(Flipping(cnn(6)), train, val, 15)


@sound(
    "torch",
    "weight normalisation: the weights are computed, their parts are what the optimizer holds",
    0.6,
)
def weights_in_two_parts() -> Run:
    seed(557)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    net = cnn(6)
    for layer in net:
        if isinstance(layer, nn.Conv2d):
            nn.utils.parametrizations.weight_norm(layer)
    return lightning(net, train, val, 15)


@sound("torch", "wide photos of 48 x 96 pixels, not square, in training and validation alike", 0.6)
def wide_photos() -> Run:
    seed(558)
    (x, y), (v, w) = (photos(which, 96, 6) for which in ("train", "val"))
    a, b = (chw(part[:, 24:72]) for part in (x, v))
    train, val = loaders(F.avg_pool2d(a, 2), y, F.avg_pool2d(b, 2), w)
    return trained(cnn(6), train, val, (F.avg_pool2d(b, 2), w), 18)


class PseudoLabelled(Module):
    """Labelled photos, and others with the labels of an earlier model."""

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(
            self.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=5e-4
        )


class Buffered(torch.utils.data.IterableDataset[Any]):
    """WebDataset's way: a stream in folder order, shuffled in a buffer."""

    def __init__(self, x: Tensor, y: np.ndarray, buffer: int) -> None:
        self.x, self.y, self.buffer = x, y, buffer

    def __iter__(self) -> Any:
        order = np.random.permutation(6 * 24).reshape(-1, 12)[np.random.permutation(12)].ravel()
        held: list[int] = []
        for index in order:
            held.append(int(index))
            if len(held) >= self.buffer:
                chosen = held.pop(np.random.randint(len(held)))
                yield self.x[chosen], int(self.y[chosen])
        for chosen in np.random.permutation(held):
            yield self.x[chosen], int(self.y[chosen])


@sound(
    "torch",
    "a stream without a length out of twelve shards, shuffled in a buffer of forty; Lightning, nesterov, rate 0.1",
    0.6,
)
def shards_and_a_buffer() -> Run:
    seed(560)
    x, y, v, w = small()
    train = DataLoader(Buffered(x, y, 40), batch_size=24)
    val = DataLoader(TensorDataset(v, torch.from_numpy(w)), batch_size=72)
    return lightning(cnn(6), train, val, 20, kind=PseudoLabelled)
