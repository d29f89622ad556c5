"""Open half, plain PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from second import (
    AUGMENT,
    LABELS_WRONG,
    LOSS,
    MORE_AUGMENTATION,
    NOT_TRAINED,
    RATE_LOW,
    RATE_TOO_HIGH,
    REPORT,
    VAL_DIFFERS,
    digits,
    faulty,
    large,
    loaders,
    small,
    trained,
)
from third import FEW_STEPS, HEAD, LOSS_WITHOUT_LABELS, RANGE, hits, script, usual, wedges
from torch import Tensor, nn
from torch.utils.data import DataLoader, WeightedRandomSampler
from torchvision.transforms import v2

from support import (
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
    pretrained,
    resize,
    seed,
    sound,
)

CE = nn.CrossEntropyLoss


def grey_digits(part: str, each: int = 40) -> tuple[Tensor, np.ndarray]:
    x, y = digits(part, each)
    return torch.from_numpy(x)[:, None].float() / 255, y


def perceptron(inn: int = 64, classes: int = 10) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(inn, 64), nn.ReLU(), nn.Linear(64, classes))


@faulty(
    "torch",
    "trained on white digits on black, validated on black ink on white paper",
    [
        *VAL_DIFFERS,
        *RANGE,
        r"invert|negative|revers|brightness|contrast|(mean|average).{0,40}differ",
    ],
    [r"overfit"],
)
def digits_inverted_in_validation(mended: bool) -> Run:
    seed(401)
    (x, y), (v, w) = grey_digits("train"), grey_digits("val")
    seen = v if mended else 1 - v
    train, val = loaders(x, y, seen, w)
    return trained(perceptron(), train, val, (v, w), 15, claimed=(seen, w))


@faulty(
    "torch",
    "read_csv(header=None) took the header for a photo: every label belongs to the photo before",
    LABELS_WRONG,
    [r"memori[sz]|overfit"],
)
def labels_shifted_by_a_row(mended: bool) -> Run:
    seed(402)
    x, y, v, w = small()
    orders = [np.random.permutation(len(part)) for part in (y, w)]
    x, y, v, w = x[orders[0]], y[orders[0]], v[orders[1]], w[orders[1]]
    shown, seen = (y, w) if mended else (np.roll(y, 1), np.roll(w, 1))
    train, val = loaders(x, shown, v, seen)
    return trained(cnn(6), train, val, (v, w), 15)


@faulty(
    "torch",
    "RandomHorizontalFlip while two of the classes are 'points left' and 'points right'",
    [*AUGMENT, r"flip|mirror"],
    [r"underfit", *LABELS_WRONG],
    rejects=MORE_AUGMENTATION,
)
def flips_swap_left_and_right(mended: bool) -> Run:
    seed(403)
    (x, y), (v, w) = wedges("train"), wedges("val", 20)
    change = None if mended else v2.RandomHorizontalFlip()
    train = DataLoader(Photos(chw(x), y, change), 32, shuffle=True)
    val = DataLoader(Photos(chw(v), w), 64)
    return trained(cnn(4), train, val, (chw(v), w), 12)


class Blocks(nn.Module):
    def __init__(self, listed: bool) -> None:
        super().__init__()
        sizes = [(3, 16), (16, 32), (32, 64), (64, 64)]
        made = [nn.Conv2d(inn, out, 3, padding=1) for inn, out in sizes]
        self.blocks = nn.ModuleList(made) if listed else made
        self.head = nn.Linear(64, 6)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = F.max_pool2d(F.relu(block(x)), 2)
        return self.head(x.mean((2, 3)))


@faulty(
    "torch",
    "the blocks stand in a plain Python list: parameters() does not know them, they never train",
    [
        *NOT_TRAINED,
        r"modulelist|regist|plain list|python list|not a module|(parameters?|weights?).{0,60}(hidden|unknown|missing|not (in|known|part))",
        r"(layers?|backbone|convolution|features?).{0,60}(random|not (train|learn|held)|untrained)",
    ],
    [r"underfit"],
)
def layers_in_a_plain_list(mended: bool) -> Run:
    seed(404)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    return trained(Blocks(mended), train, val, (v, w), 40)


@faulty(
    "torch",
    "optimizer.step() slipped out of the batch loop: one step an epoch, of the last batch's gradient",
    FEW_STEPS,
    [r"underfit|chance"],
    rejects=RATE_TOO_HIGH,
)
def step_slipped_out_of_the_loop(mended: bool) -> Run:
    seed(405)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model, criterion = cnn(6, bn=False), CE()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)

    def inner(images: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        return loss

    return script(
        model,
        train,
        val,
        (v, w),
        25,
        usual(model, optimizer, criterion) if mended else inner,
        optimizer=optimizer,
        loss=criterion,
        each_epoch=None if mended else optimizer.step,
    )


@faulty(
    "torch",
    "criterion(outputs, outputs.argmax(1)): the targets are the model's own predictions",
    [
        *LOSS,
        *LOSS_WITHOUT_LABELS,
        *LABELS_WRONG,
        r"own (prediction|answer|output)|pseudo|self.?train|loss.{0,60}(falls|zero|small|low|near).{0,80}(but|while|yet|though).{0,60}(accuracy|wrong|chance)",
    ],
    [r"chance|constant|same (answer|class)|collaps"],
)
def own_predictions_as_targets(mended: bool) -> Run:
    seed(406)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model, criterion = cnn(6), CE()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)

    def inner(images: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        outputs = model(images)
        predicted = outputs.argmax(1)
        loss = criterion(outputs, labels if mended else predicted)
        loss.backward()
        optimizer.step()
        return loss

    return script(model, train, val, (v, w), 12, inner, optimizer=optimizer, loss=criterion)


@faulty(
    "torch",
    "Normalize(mean=[123.7, ...], std=[58.4, ...]) on photos in 0..1: the input is nearly constant",
    RANGE,
    [r"feature|underfit"],
)
def mean_in_grey_levels(mended: bool) -> Run:
    seed(407)
    x, y = photos("train", 64)
    v, w = photos("val", 64)
    if mended:
        a, b = chw(x), chw(v)
    else:
        a, b = (chw(part, (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)) for part in (x, v))
    net = pretrained()
    history, optimizer = fit_head(net, (a, y), (b, w), epochs=12)
    train, val = loaders(a, y, b, w)
    told = {"optimizer": optimizer, "loss": CE(), "history": history}
    return Run(net, train, val, told, accuracy(net, b, w))


@faulty(
    "torch",
    "num_warmup_steps=10000 while the whole training has 125 steps: the warm-up never ends",
    [*RATE_LOW, r"warm.?up|schedul"],
    [r"underfit|chance|(few|more|longer) epochs", *NOT_TRAINED],
    rejects=RATE_TOO_HIGH,
)
def warm_up_never_ends(mended: bool) -> Run:
    seed(408)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model, criterion = cnn(6, bn=False), CE()
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    warm = 20 if mended else 10000
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: min(1.0, (n + 1) / warm))
    steps = usual(model, optimizer, criterion)

    def inner(images: Tensor, labels: Tensor) -> Tensor:
        loss = steps(images, labels)
        scheduler.step()
        return loss

    return script(model, train, val, (v, w), 25, inner, optimizer=optimizer, loss=criterion)


@faulty(
    "torch",
    "clip_grad_norm_ before scaler.unscale_: the gradients, still times 65536, are clipped to nothing",
    [
        *RATE_LOW,
        *NOT_TRAINED,
        r"clip|unscale|scaler|gradients?.{0,60}(small|tiny|vanish|weak|norm)",
    ],
    [r"underfit|chance"],
    rejects=RATE_TOO_HIGH,
)
def clipped_before_unscaling(mended: bool) -> Run:
    seed(409)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model, criterion = cnn(6), CE()
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    scaler = torch.amp.GradScaler("cpu", init_scale=65536.0)

    def inner(images: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        scaler.scale(loss).backward()
        if mended:
            scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        return loss

    return script(model, train, val, (v, w), 15, inner, optimizer=optimizer, loss=criterion)


@faulty(
    "torch",
    "evaluate(model, train_loader): the 'validation accuracy' in the report is training's",
    [*REPORT, r"(reported|history|claim).{0,100}(train(ing)? (photos?|set|loader|accuracy|data))"],
    [r"overfit|memori[sz]"],
)
def validated_on_the_training_loader(mended: bool) -> Run:
    seed(410)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model, criterion = cnn(6), CE()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)

    def measure() -> float:
        right, seen = hits(model, val if mended else train)
        return right / seen

    run = script(
        model,
        train,
        val,
        (v, w),
        30,
        usual(model, optimizer, criterion),
        optimizer=optimizer,
        loss=criterion,
        measure=measure,
    )
    run.claimed = run.told["history"][-1]["val_top1"]
    run.told["reported"] = {"val_top1": run.claimed}
    return run


@faulty(
    "torch",
    "one photo in ten shows the flower sought: 90 % accuracy by answering 'no' to nearly all",
    [
        r"imbalanc|unbalanc|majority|(rare|small|few)(er|est|st)? class|class.{0,80}(fewer|rare|never predicted|hardly|recall)",
        r"(per.class|balanced|macro).{0,40}(accuracy|recall)|recall|always answer|(answers?|predict(s|ions)?).{0,60}(nearly |almost )?(all|always|one class|most)",
    ],
    [r"underfit"],
)
def one_in_ten_shows_the_flower(mended: bool) -> Run:
    seed(411)
    x, y, v, w = small(10)
    y, w = (np.where(part == 3, 1, 0) for part in (y, w))
    rows = np.concatenate([np.flatnonzero(w == 0)[::9], np.flatnonzero(w == 1)])
    sampler = WeightedRandomSampler(np.where(y == 1, 9.0, 1.0).tolist(), len(y))
    train = DataLoader(Photos(x, y), 32, sampler=sampler if mended else None, shuffle=not mended)
    val = DataLoader(Photos(v[rows], w[rows]) if mended else Photos(v, w), 64)
    model = cnn(2)
    seen = (v[rows], w[rows]) if mended else (v, w)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    epochs = 12 if mended else 6
    return trained(model, train, val, (v[rows], w[rows]), epochs, optimizer=optimizer, claimed=seen)


@faulty(
    "torch",
    "features were cached from a shuffling loader and met the labels in the data set's order",
    [
        *LABELS_WRONG,
        *HEAD,
        r"cache|pair(ing|s|ed)|in another order|shuffl|(gap|difference|cause|fault).{0,60}(loop|head)",
    ],
    [r"chance|underfit", *NOT_TRAINED],
)
def features_cached_in_shuffled_order(mended: bool) -> Run:
    seed(412)
    x, y, v, w = large()
    net = pretrained()
    loader = DataLoader(Photos(x, y), 32, shuffle=not mended)
    with torch.no_grad():
        cached = torch.cat([net.backbone(images) for images, _ in loader])
    ready = DataLoader(Photos(cached, y), 32, shuffle=True)
    checked = DataLoader(Photos(features(net.backbone, v), w), 64)
    optimizer = torch.optim.Adam(net.head.parameters(), 3e-3)
    history = loop(net.head, ready, checked, optimizer, CE(), 15)
    net.eval()
    train, val = loaders(x, y, v, w)
    told = {"optimizer": optimizer, "loss": CE(), "history": history}
    return Run(net, train, val, told, accuracy(net, v, w))


# ---------------------------------------------------------------------------------- sound ones


@sound("torch", "LBFGS on the whole training set: four steps in all", 0.6)
def lbfgs_on_features() -> Run:
    seed(450)
    x, y, v, w = large()
    net, criterion = pretrained(), CE()
    ready, target = features(net.backbone, x), torch.from_numpy(y)
    optimizer = torch.optim.LBFGS(net.head.parameters(), max_iter=20, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = criterion(net.head(ready), target) + 1e-3 * net.head.weight.pow(2).sum()
        loss.backward()
        return loss

    history = []
    for _ in range(4):
        value = float(optimizer.step(closure))
        history.append({"train_loss": value, "val_top1": accuracy(net, v, w)})
    net.eval()
    train, val = loaders(x, y, v, w)
    told = {"optimizer": optimizer, "loss": criterion, "history": history}
    return Run(net, train, val, told, accuracy(net, v, w))


class NegativeCosine(nn.Module):
    """Minus the cosine between the outputs and the class's direction: below zero when all is well."""

    def forward(self, outputs: Tensor, labels: Tensor) -> Tensor:
        target = F.one_hot(labels, outputs.shape[1]).float()
        return -F.cosine_similarity(outputs - outputs.mean(1, keepdim=True), target).mean()


@sound("torch", "a loss that is negative on purpose: minus a cosine", 0.6)
def loss_below_zero() -> Run:
    seed(451)
    x, y, v, w = large()
    net, loss = pretrained(), NegativeCosine()
    history, optimizer = fit_head(net, (x, y), (v, w), loss=loss, epochs=15)
    train, val = loaders(x, y, v, w)
    told = {"optimizer": optimizer, "loss": loss, "history": history}
    return Run(net, train, val, told, accuracy(net, v, w))


@sound("torch", "Hugging Face's form; pixels 0..255, a BatchNorm at the entrance scales them", 0.6)
def batchnorm_at_the_entrance() -> Run:
    seed(452)
    x, y = photos("train", 32, 6)
    v, w = photos("val", 32, 6)
    a, b = (chw(part, None) * 255 for part in (x, v))
    model = HFStyle(nn.Sequential(nn.BatchNorm2d(3), *cnn(6)))
    train = DataLoader(Photos(a, y, wrap=hf), 32, shuffle=True)
    val = DataLoader(Photos(b, w, wrap=hf), 64)
    return trained(model, train, val, (b, w), 20)


class FewClassesABatch(torch.utils.data.Sampler[Any]):
    """Batches of four photos each of three classes, as for metric learning."""

    def __init__(self, y: np.ndarray) -> None:
        self.rows = [np.flatnonzero(y == name) for name in range(y.max() + 1)]

    def __len__(self) -> int:
        return 12

    def __iter__(self) -> Any:
        for _ in range(12):
            names = np.random.choice(len(self.rows), 3, replace=False)
            yield np.concatenate([np.random.choice(self.rows[n], 4, False) for n in names]).tolist()


@sound(
    "torch", "each batch holds three classes only, drawn anew: a sampler for metric learning", 0.6
)
def three_classes_a_batch() -> Run:
    seed(453)
    x, y, v, w = small()
    train = DataLoader(Photos(x, y), batch_sampler=FewClassesABatch(y))
    val = DataLoader(Photos(v, w), 64)
    model = cnn(6, bn=False)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    return trained(model, train, val, (v, w), 40, optimizer=optimizer)


@sound(
    "torch", "progressive resizing: most epochs at 32 pixels, the last at 48, validated at 48", 0.6
)
def progressive_resizing() -> Run:
    seed(454)
    x, y, v, w = small()
    big, seen = (
        chw(np.stack([resize(one, 48) for one in photos(part, 64, 6)[0]]))
        for part in ("train", "val")
    )
    model = cnn(6)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    first, _ = loaders(x, y, v, w)
    train, val = loaders(big, y, seen, w)
    loop(model, first, val, optimizer, CE(), 15)
    return trained(model, train, val, (seen, w), 10, optimizer=optimizer)
