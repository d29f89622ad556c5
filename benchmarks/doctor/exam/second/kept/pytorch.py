"""Kept half, plain PyTorch."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from second import (
    AUGMENT,
    LABELS_WRONG,
    LOSS,
    MORE_AUGMENTATION,
    NOT_TRAINED,
    OPTIMIZER,
    RATE_HIGH,
    RATE_TOO_LOW,
    REPORT,
    VAL_DIFFERS,
    digits,
    faulty,
    fruit,
    large,
    loaders,
    shapes,
    small,
    trained,
)
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler
from torchvision.transforms import v2

from support import (
    MEAN,
    STD,
    Net,
    Photos,
    Run,
    accuracy,
    backbone,
    chw,
    cnn,
    fit_head,
    loop,
    photos,
    pretrained,
    seed,
    sound,
    watching,
)

CE = nn.CrossEntropyLoss


@faulty(
    "torch",
    "five species lie in two folders each ('rose' and 'roses', merged from two downloads)",
    [
        r"class(es)?.{0,100}(same|alike|duplicat|confus|identical|indistinguish|merge|overlap|mix|cannot be told|synonym|similar)",
        r"folders?.{0,60}(same|alike|hold one)|same species|(confus|mix)\w*.{0,80}class|pairs? of class|labels?.{0,60}(contradict|ambigu|inconsistent|conflict|nois|doubt)",
        *LABELS_WRONG,
    ],
    [r"overfit|label"],
)
def species_in_two_folders(mended: bool) -> Run:
    seed(402)
    x, y, v, w = large(5)
    if not mended:
        x_side, v_side = np.arange(len(y)) % 2, np.arange(len(w)) % 2
        y, w = y + 5 * x_side, w + 5 * v_side
    count = 5 if mended else 10
    net = pretrained(count)
    history, optimizer = fit_head(net, (x, y), (v, w), epochs=15)
    train, val = loaders(x, y, v, w)
    told = {"optimizer": optimizer, "loss": CE(), "history": history}
    return Run(net, train, val, told, accuracy(net, v, w))


@faulty(
    "torch",
    "the validation digits come from a .mat file and lie transposed (as EMNIST's do)",
    [
        *VAL_DIFFERS,
        r"transpos|rotat|orient|mirror|turned|\baxes|row.{0,20}column",
    ],
    [r"overfit", *LABELS_WRONG],
)
def digits_transposed_in_validation(mended: bool) -> Run:
    seed(403)
    (x, y), (v, w) = digits("train", 60), digits("val")
    seen = v if mended else v.transpose(0, 2, 1)  # columns first, as MATLAB keeps them
    a, b, right = (torch.from_numpy(p.copy())[:, None].float() / 255 for p in (x, seen, v))
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )
    train, val = loaders(a, y, b, w)
    return trained(model, train, val, (right, w), 15, claimed=(b, w), watch=False)


@faulty(
    "torch",
    "ColorJitter(hue=0.5) while the classes differ by nothing but colour: augmentation erases the label",
    [*AUGMENT, r"hue|jitter|colou?r", *VAL_DIFFERS],
    [r"underfit", *LABELS_WRONG],
    rejects=MORE_AUGMENTATION,
)
def hue_jitter_erases_the_class(mended: bool) -> Run:
    seed(404)
    (x, y), (v, w) = fruit("train"), fruit("val", 15)
    jitter = v2.ColorJitter(0.2, 0.2, 0.2, 0.0 if mended else 0.5)
    augment = v2.Compose([v2.RandomHorizontalFlip(), jitter, v2.Normalize(MEAN, STD)])
    train = DataLoader(Photos(chw(x, None), y, transform=augment), 32, shuffle=True)
    val = DataLoader(Photos(chw(v), w), 64)
    return trained(cnn(6, width=8), train, val, (chw(v), w), 10)


@faulty(
    "torch",
    "class weights for an imbalance are the counts, not one over them: rare classes weigh nothing",
    [
        *LOSS,
        r"class.?weights?|weight(s|ed)?.{0,60}(class|invert|rare|loss|count|balanc|frequen)",
        r"(rare|small|minority).{0,60}class.{0,60}(never|ignored|neglect)",
    ],
    [r"(never|few) predict|imbalanc|unbalanc|minority"],
)
def class_weights_upside_down(mended: bool) -> Run:
    seed(405)
    x, y, v, w = large(6)
    kept = np.concatenate([np.flatnonzero(y == name)[: 24 if name % 2 else 6] for name in range(6)])
    x, y = x[kept], y[kept]
    count = torch.bincount(torch.from_numpy(y)).float()
    weight = (1 / count if mended else count**2) / count.mean() ** (-1 if mended else 2)
    loss = CE(weight=weight)
    net = pretrained(6)
    optimizer = torch.optim.SGD(net.head.parameters(), 0.01, momentum=0.9)
    history, _ = fit_head(net, (x, y), (v, w), loss=loss, optimizer=optimizer, epochs=12)
    train, val = loaders(x, y, v, w)
    told = {"optimizer": optimizer, "loss": loss, "history": history}
    return Run(net, train, val, told, accuracy(net, v, w))


@faulty(
    "torch",
    "momentum=0.999 for 0.9: every step is a thousand steps long, the weights overshoot",
    [r"momentum", *RATE_HIGH, *OPTIMIZER],
    [r"chance|dead"],
    rejects=RATE_TOO_LOW,
)
def momentum_nearly_one(mended: bool) -> Run:
    seed(406)
    x, y, v, w = small()
    model = cnn(6, bn=False)
    optimizer = torch.optim.SGD(model.parameters(), 0.02, momentum=0.9 if mended else 0.999)
    train, val = loaders(x, y, v, w)
    return trained(model, train, val, (v, w), 40, optimizer=optimizer)


@faulty(
    "torch",
    "six hidden layers of sigmoids: the gradient is gone before it reaches the first",
    [
        r"sigmoid|saturat|vanish",
        r"gradients?.{0,80}(small|tiny|vanish|shrink|fade|near zero|1e-|lost)",
        r"(first|early|lower) layers?.{0,80}(not|never|hardly|barely|no |tiny|small)",
        r"(features?|outputs?|activations?).{0,60}(constant|the same|collaps|alike|identical|carry)",
        r"(gap|cause|difference).{0,40}(network|architecture|layers?|tail)",
    ],
    [r"chance|learning rate.{0,40}low|underfit"],
)
def sigmoids_all_the_way(mended: bool) -> Run:
    seed(407)
    (x, y), (v, w) = digits("train", 60), digits("val")
    x, v = (torch.from_numpy(p)[:, None].float() / 255 for p in (x, v))
    squash = nn.ReLU if mended else nn.Sigmoid
    deep: list[nn.Module] = [nn.Flatten(), nn.Linear(64, 64), squash()]
    for _ in range(5):
        deep += [nn.Linear(64, 64), squash()]
    model = nn.Sequential(*deep, nn.Linear(64, 10))
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    train, val = loaders(x, y, v, w)
    return trained(model, train, val, (v, w), 25, optimizer=optimizer)


def init_weights(part: nn.Module) -> None:
    if isinstance(part, nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(part.weight)
        nn.init.zeros_(part.bias)


@faulty(
    "torch",
    "model.apply(init_weights) stands inside the epoch loop: every epoch begins from scratch",
    [
        r"(re-?)?initiali[sz]|reset|from scratch|starts? (again|anew|over)|start(s|ed)? over|re-?creat",
        r"(weights?|parameters?).{0,80}(jump|overwrit|replaced|outside|other than the optimi[sz]er|between epochs)",
        r"(history|loss|accuracy).{0,80}(saw-?tooth|falls back|starts again|jumps back)",
    ],
    [r"underfit|learning rate.{0,40}low|(few|more) epochs", *NOT_TRAINED],
)
def weights_initialised_every_epoch(mended: bool) -> Run:
    seed(408)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model, criterion = cnn(6), CE()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    model.apply(init_weights)
    history = []
    with watching(model, optimizer) as told:
        for _ in range(15):
            if not mended:
                model.apply(init_weights)
            model.train()
            losses = []
            for images, labels in train:
                optimizer.zero_grad()
                loss = criterion(model(images), labels)
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            model.eval()
            history.append(
                {"train_loss": float(np.mean(losses)), "val_top1": accuracy(model, v, w)}
            )
    told = {"optimizer": optimizer, "loss": criterion, "history": history, **told}
    return Run(model, train, val, told, accuracy(model, v, w))


@faulty(
    "torch",
    "the average of the weights (EMA 0.9999) is kept and used after 80 steps: it is nearly the start",
    [
        r"\bema\b|(weight|parameter|moving|exponential)\w* averag|averaged (weights|model|parameters)",
        r"optimi[sz]er.{0,120}(not (hold|have|contain|know|include)|n.t (hold|have|contain|know|include)|other|another|different|copy)",
        r"(model|weights?|network).{0,80}(not the (one|model)|another model|other than the|a copy|nearly initial|initial values)",
        *NOT_TRAINED,
        *REPORT,
    ],
    [r"underfit|chance"],
)
def average_lags_behind(mended: bool) -> Run:
    seed(409)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model, criterion = cnn(6), CE()
    averaged = AveragedModel(
        model, multi_avg_fn=get_ema_multi_avg_fn(0.9 if mended else 0.9999), use_buffers=True
    )
    averaged.update_parameters(model)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    history = []
    for _ in range(16):
        model.train()
        right = 0
        for images, labels in train:
            optimizer.zero_grad()
            outputs = model(images)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            averaged.update_parameters(model)
            right += int((outputs.argmax(1) == labels).sum())
        model.eval()
        history.append(
            {
                "train_loss": loss.item(),
                "train_top1": right / len(y),
                "val_top1": accuracy(model, v, w),
            }
        )
    shipped = copy.deepcopy(averaged.module).eval()
    told = {"optimizer": optimizer, "loss": criterion, "history": history}
    return Run(shipped, train, val, told, accuracy(shipped, v, w))


@faulty(
    "torch",
    "torch.max(outputs, 1)[0] takes the scores for the predictions: the accuracy reported is nonsense",
    [*REPORT, r"argmax|torch\.max|predict.{0,60}(score|value|index)"],
    [r"chance"],
)
def scores_taken_for_predictions(mended: bool) -> Run:
    seed(410)
    x, y, v, w = large()
    train, val = loaders(x, y, v, w)
    net = pretrained()
    history, optimizer = fit_head(net, (x, y), (v, w), epochs=12)
    correct = total = 0
    with torch.no_grad():
        for images, labels in val:
            outputs = net(images)
            predicted = torch.max(outputs, 1)[1 if mended else 0]
            correct += int((predicted.round() == labels).sum())
            total += len(labels)
    for row in history:
        row.pop("val_top1")
    told = {
        "optimizer": optimizer,
        "loss": CE(),
        "history": history,
        "reported": {"val_top1": correct / total},
    }
    return Run(net, train, val, told, accuracy(net, v, w), claimed=correct / total)


@faulty(
    "torch",
    "the photos are opened as HSV (left from an experiment); the pretrained network wants RGB",
    [
        r"hsv|colou?r ?space|\brgb\b|\bbgr\b|channels?.{0,60}(order|swap|statistic|mean|differ|wrong)|colou?rs?|\bhue",
        r"(gap|difference|cause).{0,40}(in|by) the (input|photo|pixel|preprocess)|inputs?.{0,60}(exchang|wrong|not what|differ from)|preprocess",
    ],
    [r"feature|underfit|normali[sz]"],
)
def photos_opened_as_hsv(mended: bool) -> Run:
    seed(411)

    class Folder(Dataset[Any]):
        def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
            self.x, self.y = [Image.fromarray(one) for one in x], y
            self.transform = v2.Compose(
                [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
            )

        def __len__(self) -> int:
            return len(self.y)

        def __getitem__(self, index: int) -> tuple[Tensor, int]:
            photo = np.array(self.x[index].convert("RGB" if mended else "HSV"))
            return self.transform(photo), int(self.y[index])

    sets = Folder(*photos("train", 64)), Folder(*photos("val", 64))
    a, b = (torch.stack([photo for photo, _ in one]) for one in sets)
    net = pretrained()
    history, optimizer = fit_head(net, (a, sets[0].y), (b, sets[1].y), epochs=12)
    train, val = DataLoader(sets[0], 32, shuffle=True), DataLoader(sets[1], 64)
    told = {"optimizer": optimizer, "loss": CE(), "history": history}
    return Run(net, train, val, told, accuracy(net, b, sets[1].y))


class FocalLoss(nn.Module):
    """As found in many a repository; the minus is easily lost."""

    def __init__(self, gamma: float = 2.0, sign: float = -1.0) -> None:
        super().__init__()
        self.gamma, self.sign = gamma, sign

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        log = F.log_softmax(logits, 1).gather(1, target[:, None])[:, 0]
        return self.sign * ((1 - log.exp()) ** self.gamma * log).mean()


@faulty(
    "torch",
    "a focal loss written by hand lost its minus: training makes the right answers less likely",
    [*LOSS, r"\bsign\b|minus|negat|maximi[sz]|ascent|wrong direction|upside|uphill"],
    [r"diverg|chance|below chance", r"labels?"],
)
def focal_loss_without_its_minus(mended: bool) -> Run:
    seed(412)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model = cnn(6)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    return trained(
        model,
        train,
        val,
        (v, w),
        20,
        optimizer=optimizer,
        loss=FocalLoss(sign=-1.0 if mended else 1.0),
    )


# ---------------------------------------------------------------------------------- sound ones


@sound("torch", "a weighted sampler that evens out a real imbalance", 0.65)
def sampler_for_a_real_imbalance() -> Run:
    seed(450)
    x, y, v, w = large()
    kept = np.concatenate(
        [np.flatnonzero(y == name)[: 24 if name % 2 else 8] for name in range(10)]
    )
    x, y = x[kept], y[kept]
    weights = 1.0 / np.bincount(y)[y]
    sampler = WeightedRandomSampler(weights.tolist(), len(y), replacement=True)
    net = pretrained()
    history, optimizer = fit_head(net, (x, y), (v, w), sampler=sampler, epochs=15)
    train = DataLoader(Photos(x, y), 32, sampler=sampler)
    told = {"optimizer": optimizer, "loss": CE(), "history": history}
    return Run(net, train, DataLoader(Photos(v, w), 64), told, accuracy(net, v, w))


@sound("torch", "the backbone is tuned with a rate a thousand times smaller than the head's", 0.7)
def backbone_tuned_very_gently() -> Run:
    seed(451)
    x, y, v, w = large(5)
    net = Net(backbone(freeze=False), nn.Linear(1280, 5))
    optimizer = torch.optim.AdamW(
        [
            {"params": net.backbone.parameters(), "lr": 3e-6},
            {"params": net.head.parameters(), "lr": 3e-3},
        ]
    )
    train, val = loaders(x, y, v, w)
    return trained(net, train, val, (v, w), 3, optimizer=optimizer, frozen_backbone=True)


@sound(
    "torch", "stochastic weight averaging; the average, its statistics renewed, is handed over", 0.6
)
def averaged_weights() -> Run:
    seed(452)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model = cnn(6)
    averaged = AveragedModel(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    epoch = iter(range(100))

    def collect() -> None:
        if next(epoch) >= 15:
            averaged.update_parameters(model)

    history = loop(model, train, val, optimizer, CE(), 25, each_epoch=collect)
    update_bn(train, averaged)
    shipped = averaged.module.eval()
    told = {"loss": CE(), "history": history}
    return Run(shipped, train, val, told, accuracy(shipped, v, w))


@sound("torch", "batches of two photos, GroupNorm in place of BatchNorm", 0.6)
def batches_of_two() -> Run:
    seed(453)
    x, y, v, w = small()
    model = nn.Sequential(
        *[
            layer
            for inn, out in ((3, 16), (16, 32), (32, 64))
            for layer in (
                nn.Conv2d(inn, out, 3, padding=1),
                nn.GroupNorm(4, out),
                nn.ReLU(),
                nn.MaxPool2d(2),
            )
        ],
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 6),
    )
    train, val = DataLoader(Photos(x, y), 2, shuffle=True), DataLoader(Photos(v, w), 16)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    return trained(model, train, val, (v, w), 12, optimizer=optimizer)


@sound(
    "torch", "everything right at once, training and validation at 100 %: the task is easy", 0.97
)
def easy_and_perfect() -> Run:
    seed(454)
    (x, y), (v, w) = shapes("train"), shapes("val", 20)
    train, val = loaders(chw(x), y, chw(v), w)
    return trained(cnn(3, width=8), train, val, (chw(v), w), 10)


@sound("torch", "a margin loss (multi-class hinge) in place of cross-entropy", 0.7)
def multi_class_hinge() -> Run:
    seed(455)
    x, y, v, w = large()
    net, loss = pretrained(), nn.MultiMarginLoss(margin=1.0)
    history, optimizer = fit_head(net, (x, y), (v, w), loss=loss, epochs=12)
    train, val = loaders(x, y, v, w)
    told = {"optimizer": optimizer, "loss": loss, "history": history}
    return Run(net, train, val, told, accuracy(net, v, w))
