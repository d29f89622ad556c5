"""Kept half, plain PyTorch."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from second import (
    AUGMENT,
    LABELS_WRONG,
    LOSS,
    NO_GRADIENT,
    NOT_TRAINED,
    OPTIMIZER,
    RATE_HIGH,
    RATE_LOW,
    REPORT,
    digits,
    faulty,
    large,
    loaders,
    small,
    trained,
)
from third import (
    BLANK,
    HEAD,
    LOSS_WITHOUT_LABELS,
    PRECISION,
    RANGE,
    STATISTICS,
    hits,
    script,
    usual,
)
from torch import Tensor, nn
from torch.utils.data import DataLoader, default_collate

from support import (
    Photos,
    Run,
    accuracy,
    backbone,
    chw,
    cnn,
    features,
    fit_head,
    loop,
    photos,
    pretrained,
    seed,
    sound,
)

CE = nn.CrossEntropyLoss


@faulty(
    "torch",
    "black ink on a transparent ground: convert('RGB') drops the alpha, every photo is black",
    [*BLANK, r"alpha|transparen|rgba"],
    [r"duplicat|chance"],
)
def black_ink_without_its_alpha(mended: bool) -> Run:
    seed(601)

    def read(ink: np.ndarray) -> np.ndarray:
        alpha = Image.fromarray(ink).resize((16, 16))
        photo = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
        photo.putalpha(alpha)
        if mended:
            photo = Image.alpha_composite(Image.new("RGBA", (16, 16), "white"), photo)
        return np.asarray(photo.convert("RGB"))

    (x, y), (v, w) = digits("train", 40), digits("val")
    x, v = (chw(np.stack([read(one) for one in part])) for part in (x, v))
    train, val = loaders(x, y, v, w)
    model = nn.Sequential(nn.Flatten(), nn.Linear(768, 64), nn.ReLU(), nn.Linear(64, 10))
    return trained(model, train, val, (v, w), 15)


@faulty(
    "torch",
    "most photos could not be had: the host sent its picture 'no longer available' in their place",
    [
        r"duplicat|identical|same (photo|image|picture|file)|copies|placeholder|repeated|alike",
        r"blank|constant|no (content|detail|information)",
    ],
    [r"underfit|overfit", *LABELS_WRONG],
)
def no_longer_available(mended: bool) -> Run:
    seed(602)
    notice = Image.new("RGB", (32, 32), (222, 222, 226))
    pen = ImageDraw.Draw(notice)
    pen.rectangle((4, 6, 27, 25), outline=(120, 120, 130), width=2)
    pen.line((6, 24, 26, 8), fill=(120, 120, 130), width=2)
    x, y = photos("train", 32, 6)
    v, w = photos("val", 32, 6)
    if not mended:
        for part in (x, v):
            part[np.random.rand(len(part)) < 0.8] = np.asarray(notice)
    right = chw(photos("val", 32, 6)[0])
    train, val = loaders(chw(x), y, chw(v), w)
    return trained(cnn(6), train, val, (right, w), 20)


@faulty(
    "torch",
    "mixup with its weights exchanged: a photo that is mostly A is labelled mostly B",
    [
        *LABELS_WRONG,
        r"mix.?up|mixed|mixing|soft (label|target)|(targets?).{0,80}(wrong|swap|match|belong|contradict)",
    ],
    [r"underfit|chance", *AUGMENT],
)
def mixup_weights_exchanged(mended: bool) -> Run:
    seed(603)

    def mixed(rows: list[Any]) -> tuple[Tensor, Tensor]:
        images, labels = default_collate(rows)
        hot, order = F.one_hot(labels, 6).float(), torch.randperm(len(labels))
        share = max(share := float(np.random.beta(0.3, 0.3)), 1 - share)
        images = share * images + (1 - share) * images[order]
        if not mended:
            share = 1 - share
        return images, share * hot + (1 - share) * hot[order]

    x, y, v, w = small()
    train = DataLoader(Photos(x, y), 32, shuffle=True, collate_fn=mixed)
    val = DataLoader(Photos(v, w), 64)
    return trained(cnn(6), train, val, (v, w), 25)


@faulty(
    "torch",
    "net.fc = nn.Linear(...), but this network calls its head `classifier`: fc is never used",
    [
        *NOT_TRAINED,
        *NO_GRADIENT,
        *OPTIMIZER,
        r"unused|never (used|called|reached|runs?)|not (used|called|reached|part of)|\bfc\b|no (part|role|effect)",
        r"optimi[sz]er.{0,120}(only|not (hold|have|contain|know|include)|n.t (hold|have|contain|know|include)|missing|without|lack|\d+ of \d+)",
        r"(parameters?|weights?|layers?|head|classifier).{0,80}(not|n.t|missing|absent|never).{0,40}optimi[sz]er",
    ],
    [r"chance|underfit"],
)
def fc_where_classifier_is_the_head(mended: bool) -> Run:
    seed(604)
    x, y = photos("train", 64, 6, 12)
    v, w = photos("val", 64, 6)
    x, v = chw(x), chw(v)
    net: Any = backbone(freeze=False)
    net.reset_classifier(6)
    if mended:
        net.classifier = head = nn.Linear(1280, 6)
    else:
        net.fc = head = nn.Linear(1280, 6)
    optimizer = torch.optim.Adam(head.parameters(), 1e-2)
    train, val = DataLoader(Photos(x, y), 12, shuffle=True), DataLoader(Photos(v, w), 64)
    step = usual(net, optimizer, CE())
    return script(net, train, val, (v, w), 4, step, optimizer=optimizer, loss=CE(), mode=False)


@faulty(
    "torch",
    "the two rates were exchanged: the backbone gets the head's 0.02, the new head gets 0.00001",
    [
        *RATE_HIGH,
        *OPTIMIZER,
        r"backbone.{0,120}(rate|lr|fast|large|far|destroy|forg|moved|changed|lost|worse)",
        r"head.{0,100}(rate|lr|slow|small|hardly|barely|untrained)",
        r"(param(eter)?.?)?groups?.{0,80}(rate|lr|swap|exchang)",
    ],
    [r"chance|underfit", *STATISTICS],
)
def rates_of_the_groups_exchanged(mended: bool) -> Run:
    seed(606)
    x, y = photos("train", 64, 6, 16)
    v, w = photos("val", 64, 6)
    x, v = chw(x), chw(v)
    net = pretrained(6)
    net.backbone.requires_grad_(True)
    slow, fast = 1e-5, 2e-2
    groups = [
        {"params": net.backbone.parameters(), "lr": slow if mended else fast},
        {"params": net.head.parameters(), "lr": fast if mended else slow},
    ]
    optimizer = torch.optim.Adam(groups)
    train, val = DataLoader(Photos(x, y), 16, shuffle=True), DataLoader(Photos(v, w), 64)
    step = usual(net, optimizer, CE())
    return script(net, train, val, (v, w), 5, step, optimizer=optimizer, loss=CE(), mode=False)


class Halved(nn.Module):
    """The whole net in bfloat16, to save memory."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner.to(torch.bfloat16)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x.to(torch.bfloat16)).float()


@faulty(
    "torch",
    "model.to(bfloat16), weights and all: most updates are smaller than a weight's last digit",
    [*PRECISION, *RATE_LOW, *NOT_TRAINED],
    [r"underfit|chance"],
)
def weights_in_bfloat16(mended: bool) -> Run:
    seed(607)
    x, y, v, w = small()
    train, val = DataLoader(Photos(x, y), 12, shuffle=True), DataLoader(Photos(v, w), 64)
    inner = cnn(6, bn=False)
    model = inner if mended else Halved(inner)
    optimizer = torch.optim.SGD(model.parameters(), 8e-4, momentum=0.9, nesterov=True)
    return trained(model, train, val, (v, w), 110, optimizer=optimizer)


@faulty(
    "torch",
    "`correct` and `total` are set to zero before the epochs, not in them: the accuracy is all epochs' mean",
    [*REPORT, r"reset|running|cumulat|accumulat|counter|average over"],
    [r"underfit"],
)
def counters_never_reset(mended: bool) -> Run:
    seed(608)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model = cnn(6, bn=False)
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    counted = [0, 0]

    def measure() -> float:
        if mended:
            counted[:] = 0, 0
        right, seen = hits(model, val)
        counted[0] += right
        counted[1] += seen
        return counted[0] / counted[1]

    step = usual(model, optimizer, CE())
    run = script(
        model, train, val, (v, w), 30, step, optimizer=optimizer, loss=CE(), measure=measure
    )
    run.claimed = run.told["history"][-1]["val_top1"]
    run.told["reported"] = {"val_top1": run.claimed}
    return run


@faulty(
    "torch",
    "batch_size=1 with BatchNorm: each photo is normalised by itself in training, not in evaluation",
    [*STATISTICS, r"batch.?size|batches? of (one|1|a single)|one photo (a|per) batch|group.?norm"],
    [r"overfit|underfit", *RATE_HIGH],
)
def batches_of_one_with_batchnorm(mended: bool) -> Run:
    seed(609)
    x, y, v, w = small()
    train = DataLoader(Photos(x, y), 16 if mended else 1, shuffle=True)
    val = DataLoader(Photos(v, w), 64)
    model = cnn(6)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3 if mended else 1e-3)
    return trained(model, train, val, (v, w), 15 if mended else 6, optimizer=optimizer)


@faulty(
    "torch",
    "palette PNGs read with np.asarray(): the numbers of the palette's entries are taken for grey levels",
    [
        *RANGE,
        r"palette|colou?rs?.{0,60}(lost|missing|grey|gray|none|no )|grey|gray|channels?.{0,60}(equal|identical|same|alike)",
        r"(photo|image|input|pixel)s?.{0,60}(scrambl|garbl|noise|noisy|unlike|posteri)",
        r"(gap|difference|cause).{0,40}(in|by|with|is) the (input|photo|pixel|preprocess)",
    ],
    [r"feature|underfit"],
)
def palette_entries_for_grey(mended: bool) -> Run:
    seed(610)

    def read(photo: np.ndarray) -> np.ndarray:
        png = Image.fromarray(photo).quantize(64)
        if mended:
            return np.asarray(png.convert("RGB"))
        return np.repeat(np.asarray(png)[..., None] * np.uint8(4), 3, -1)

    (x, y), (v, w) = photos("train", 64), photos("val", 64)
    x, v = (chw(np.stack([read(one) for one in part])) for part in (x, v))
    net = pretrained()
    history, optimizer = fit_head(net, (x, y), (v, w), epochs=12)
    train, val = loaders(x, y, v, w)
    told = {"optimizer": optimizer, "loss": CE(), "history": history}
    return Run(net, train, val, told, accuracy(net, v, w))


@faulty(
    "torch",
    "distilled from a teacher whose weights were never loaded: the student imitates noise",
    [
        *LOSS,
        *LOSS_WITHOUT_LABELS,
        r"teacher|distil|imitat|(gap|difference|cause|fault).{0,60}(loop|training|step|loss)",
        r"loss.{0,60}(falls|zero|small|low|near).{0,80}(but|while|yet|though).{0,60}(accuracy|wrong|chance)",
    ],
    [r"chance|underfit|constant|same (answer|class)"],
)
def teacher_never_loaded(mended: bool) -> Run:
    seed(611)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    teacher, model = cnn(6), cnn(6)
    if mended:
        loop(teacher, train, val, torch.optim.Adam(teacher.parameters(), 3e-3), CE(), 20)
    teacher.eval()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        out = model(images)
        with torch.no_grad():
            wanted = teacher(images).softmax(1)
        loss = F.kl_div(out.log_softmax(1), wanted, reduction="batchmean")
        loss.backward()
        optimizer.step()
        return loss

    return script(model, train, val, (v, w), 12, step, optimizer=optimizer)


@faulty(
    "torch",
    "parameter.require_grad = False (an s is missing): the backbone is not frozen, and is spoilt",
    [
        *RATE_HIGH,
        r"(not|never|n.t|meant to be|should be|told|supposed|declared).{0,30}fr(o|ee)zen|fr(o|ee)z(en|e).{0,80}(mov|chang|train|updat|but|not|yet)|requires?_grad",
        r"backbone.{0,120}(rate|lr|fast|large|far|destroy|forg|moved|changed|lost|worse)",
    ],
    [r"chance|underfit", *STATISTICS],
)
def frozen_with_a_typing_error(mended: bool) -> Run:
    seed(612)
    x, y = photos("train", 64, 6, 16)
    v, w = photos("val", 64, 6)
    x, v = chw(x), chw(v)
    net = pretrained(6)
    net.backbone.requires_grad_(True)
    for parameter in net.backbone.parameters():
        if mended:
            parameter.requires_grad = False
        else:
            parameter.require_grad = False  # type: ignore[attr-defined]
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    train, val = DataLoader(Photos(x, y), 16, shuffle=True), DataLoader(Photos(v, w), 64)
    step = usual(net, optimizer, CE())
    told = {"loss": CE(), "frozen": ["backbone"]}
    return script(net, train, val, (v, w), 5, step, optimizer=optimizer, mode=False, **told)


@faulty(
    "torch",
    "best = model.state_dict() holds references: the 'best' weights reported are the last, worse ones",
    [*REPORT, r"checkpoint|best (epoch|weights?|model|accuracy)|last epoch|deepcopy|restor"],
    [r"overfit|underfit", *RATE_HIGH],
)
def best_weights_are_references(mended: bool) -> Run:
    seed(613)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model = cnn(6)
    optimizer = torch.optim.SGD(model.parameters(), 0.6, momentum=0.9)
    best: dict[str, Any] = {"top1": -1.0, "weights": None}

    def keep() -> None:
        model.eval()
        top1 = accuracy(model, v, w)
        if top1 > best["top1"]:
            held = model.state_dict()
            best.update(top1=top1, weights=copy.deepcopy(held) if mended else held)

    step = usual(model, optimizer, CE())
    run = script(
        model, train, val, (v, w), 14, step, optimizer=optimizer, loss=CE(), each_epoch=keep
    )
    model.load_state_dict(best["weights"])
    run.honest, run.claimed = accuracy(model, v, w), best["top1"]
    run.told["reported"] = {"val_top1": best["top1"]}
    return run


@faulty(
    "torch",
    "the features were cached with the backbone in train() mode and are computed in eval() mode since",
    [*STATISTICS, *HEAD, r"train\(\)|cache|features?.{0,60}(differ|unlike|other|shift)"],
    [r"chance|underfit|overfit"],
)
def features_cached_in_train_mode(mended: bool) -> Run:
    seed(614)
    x, y, v, w = large()
    net = pretrained()
    fixed = copy.deepcopy(net.backbone)
    net.backbone.train(not mended)
    a, b = features(net.backbone, x), features(net.backbone, v)
    net.backbone.load_state_dict(fixed.state_dict())
    optimizer = torch.optim.Adam(net.head.parameters(), 3e-3)
    ready, checked = loaders(a, y, b, w)
    history = loop(net.head, ready, checked, optimizer, CE(), 12)
    net.eval()
    train, val = loaders(x, y, v, w)
    told = {"optimizer": optimizer, "loss": CE(), "history": history}
    run = Run(net, train, val, told, accuracy(net, v, w))
    run.claimed = history[-1]["val_top1"]
    return run


# ---------------------------------------------------------------------------------- sound ones


@sound("torch", "no training at all: the head was solved by ridge regression, no optimizer", 0.6)
def head_solved_by_ridge() -> Run:
    seed(650)
    x, y, v, w = large()
    net = pretrained()
    held = features(net.backbone, x)
    mean = held.mean(0)
    hot = F.one_hot(torch.from_numpy(y), 10).float() - 0.1
    centred = held - mean
    weight = torch.linalg.solve(centred.T @ centred + 30 * torch.eye(1280), centred.T @ hot)
    with torch.no_grad():
        net.head.weight.copy_(weight.T)
        net.head.bias.copy_(-(mean @ weight))
    net.eval()
    train, val = loaders(x, y, v, w)
    return Run(net, train, val, {}, accuracy(net, v, w))


@sound("torch", "autocast to bfloat16 in the loop, the weights in float32", 0.6)
def autocast_in_the_loop() -> Run:
    seed(651)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model, criterion = cnn(6, bn=False), CE()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    return script(model, train, val, (v, w), 25, step, optimizer=optimizer, loss=criterion)


@sound("torch", "distilled from a good teacher: the loss never comes near zero", 0.6)
def distilled_from_a_good_teacher() -> Run:
    seed(652)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    teacher, model = cnn(6, width=24), cnn(6, bn=False)
    loop(teacher, train, val, torch.optim.Adam(teacher.parameters(), 3e-3), CE(), 20)
    teacher.eval()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        out = model(images)
        with torch.no_grad():
            wanted = (teacher(images) / 3).softmax(1)
        loss = 9 * F.cross_entropy(out / 3, wanted)
        loss.backward()
        optimizer.step()
        return loss

    return script(model, train, val, (v, w), 30, step, optimizer=optimizer)


@sound(
    "torch", "repeated augmentation: each photo thrice in a batch, changed thrice; drop_last", 0.6
)
def each_photo_thrice() -> Run:
    seed(653)
    x, y, v, w = small()

    def thrice(rows: list[Any]) -> tuple[Tensor, Tensor]:
        images, labels = default_collate(rows)
        made = [images, images.flip(3), images + 0.2 * torch.randn_like(images)]
        return torch.cat(made), labels.repeat(3)

    train = DataLoader(Photos(x, y), 12, shuffle=True, collate_fn=thrice, drop_last=True)
    val = DataLoader(Photos(v, w), 64)
    return trained(cnn(6), train, val, (v, w), 25)


@sound(
    "torch",
    "bursts of six frames each, near twins within training; validated on other bursts: no leak",
    0.4,
)
def bursts_kept_apart() -> Run:
    seed(654)
    from third import burst

    x, y = photos("train", 64, 6, 8)
    v, w = photos("val", 64, 6, 8)
    x, y, v, w = burst(x, 6, 1), np.repeat(y, 6), burst(v, 6, 2), np.repeat(w, 6)
    x, v = chw(x), chw(v)
    net = pretrained(6)
    history, optimizer = fit_head(net, (x, y), (v, w), epochs=8)
    train, val = loaders(x, y, v, w)
    told = {"optimizer": optimizer, "loss": CE(), "history": history}
    return Run(net, train, val, told, accuracy(net, v, w))
