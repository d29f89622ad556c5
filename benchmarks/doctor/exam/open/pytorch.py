"""Open half, plain PyTorch and Hugging Face style."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, WeightedRandomSampler

from support import (
    Batches,
    HFStyle,
    Net,
    Photos,
    Run,
    Stream,
    accuracy,
    chw,
    cnn,
    each_photo,
    faulty,
    fit_head,
    grey,
    hf,
    indexed,
    loop,
    one_pass,
    photos,
    pretrained,
    resize,
    seed,
    sound,
    watching,
)

CE = nn.CrossEntropyLoss


def small(classes: int = 6) -> tuple[Tensor, np.ndarray, Tensor, np.ndarray]:
    x, y = photos("train", 32, classes)
    v, w = photos("val", 32, classes)
    return chw(x), y, chw(v), w


def large() -> tuple[Tensor, np.ndarray, Tensor, np.ndarray]:
    x, y = photos("train", 64)
    v, w = photos("val", 64)
    return chw(x), y, chw(v), w


def loaders(
    x: Tensor, y: Any, v: Tensor, w: Any, **how: Any
) -> tuple[DataLoader[Any], DataLoader[Any]]:
    return (
        DataLoader(Photos(x, y, **how), 32, shuffle=True),
        DataLoader(Photos(v, w, wrap=how.get("wrap")), 64),
    )


@faulty(
    "torch",
    "optimizer.step() is never called, so no weight ever changes",
    [
        r"\.step\(",
        r"(weights?|parameters?).{0,60}(never|not|no longer|did ?n.t|have not).{0,30}(chang|mov|updat|step|train)",
        r"never (stepped|updated|trained)",
        r"not been trained",
        r"no (update|step)",
        r"unchanged|as initiali[sz]ed|at (its|their) initial",
    ],
    [r"chance", r"learn(s|t|ed)? nothing", r"untrained"],
)
def step_forgotten(mended: bool) -> Run:
    seed(1)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model = cnn(6)
    optimizer, loss = torch.optim.Adam(model.parameters(), 3e-3), CE()
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 8, step=mended)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, v, w),
    )


@faulty(
    "torch",
    "gradients are never zeroed and pile up over all batches",
    [
        r"zero_grad",
        r"gradients?.{0,60}(accumulat|pile|zeroed|cleared|add up|summed|grow)",
        r"(accumulat|stale).{0,40}gradient",
    ],
    [r"learning rate.{0,40}(high|large|big)", r"diverg|unstable|oscillat"],
    twin_sound=True,
    rejects=[r"(learning rate|step size) (is |was )?(far |much )?too (low|small)"],
)
def gradients_never_zeroed(mended: bool) -> Run:
    seed(2)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w, wrap=indexed)
    model = cnn(6, bn=False)
    optimizer, loss = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9), CE()
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 25, zero=mended)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, v, w),
    )


@faulty(
    "torch",
    "weight decay is so strong that it shrinks the weights to nothing",
    [
        r"weight.?decay",
        r"(weights?|head).{0,50}(shr[iau]nk|decay|towards zero|to zero|near zero|vanish)",
        r"regulari[sz]",
    ],
    [r"chance", r"same (answer|class|output)", r"constant"],
    twin_sound=True,
)
def weight_decay_far_too_strong(mended: bool) -> Run:
    seed(3)
    x, y, v, w = large()
    net = pretrained()
    optimizer = torch.optim.AdamW(
        net.head.parameters(), 1e-3, weight_decay=0.01 if mended else 500.0
    )
    history, _ = fit_head(net, (x, y), (v, w), optimizer=optimizer)
    train, val = loaders(x, y, v, w)
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": CE(), "history": history},
        accuracy(net, v, w),
    )


@faulty(
    "torch",
    "the photos come sorted by class and are never shuffled",
    [
        r"sorted|shuffl",
        r"(class after class|one class at a time|in class order|by class)",
        r"batch(es)?.{0,50}(single|one|same|only) class",
    ],
    [r"forget|last class"],
    twin_sound=True,
    rejects=[r"labels? (are |were )?(shuffled|shifted|permuted) between|split is tiny"],
)
def sorted_never_shuffled(mended: bool) -> Run:
    seed(4)
    x, y, v, w = small()
    model = HFStyle(cnn(6))
    train = DataLoader(Photos(x, y, wrap=hf), 24, shuffle=mended)
    val = DataLoader(Photos(v, w, wrap=hf), 64)
    optimizer, loss = torch.optim.AdamW(model.parameters(), 3e-3), CE()
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 12)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "history": history, **told},
        accuracy(model, v, w),
    )


@faulty(
    "torch",
    "the sampler's weights favour a few classes; the others are hardly ever drawn",
    [
        r"sampler",
        r"(class(es)?|label).{0,80}(never|hardly|rarely|seldom|missing|absent|far fewer|under-?represent)",
        r"imbalanc|unbalanc|lopsided",
        r"(never|hardly|rarely) (drawn|seen|shown|appear|come)",
    ],
    [r"predict.{0,40}(few|never|only)"],
    twin_sound=True,
)
def sampler_draws_few_classes(mended: bool) -> Run:
    seed(5)
    x, y, v, w = large()
    weights = (
        np.ones(len(y)) if mended else np.exp(-2.5 * y.astype(float))
    )  # meant: 1 / count of the class
    sampler = WeightedRandomSampler(weights.tolist(), len(y), replacement=True)
    net = pretrained()
    history, optimizer = fit_head(net, (x, y), (v, w), sampler=sampler, epochs=10)
    train, val = DataLoader(Photos(x, y), 32, sampler=sampler), DataLoader(Photos(v, w), 64)
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": CE(), "history": history},
        accuracy(net, v, w),
    )


@faulty(
    "torch",
    "two in five photos could not be read and became black",
    [
        r"black|blank|empty|all[- ]zero|(single|uniform) colou?r|constant (photo|image|input)",
        r"(photos?|images?).{0,60}(identical|the same|no (content|detail|information))",
        r"unreadable|broken (photo|image|file)",
    ],
    [r"duplicat|copies"],
    twin_sound=True,
    rejects=[r"labels? (are |were )?(shuffled|shifted|permuted) between"],
)
def photos_partly_black(mended: bool) -> Run:
    seed(6)
    x, y, v, w = large()
    clean = v.clone()
    if not mended:
        black = chw(np.zeros((1, 64, 64, 3), np.uint8))
        x[torch.rand(len(x)) < 0.4] = black
        v[torch.rand(len(v)) < 0.4] = black
    net = pretrained()
    history, optimizer = fit_head(net, (x, y), (v, w), epochs=15)
    train = Batches(lambda: iter(DataLoader(Photos(x, y), 32, shuffle=True)))
    val = DataLoader(Photos(v, w), 64)
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": CE(), "history": history},
        accuracy(net, clean, w),
        claimed=accuracy(net, v, w),
    )


@faulty(
    "torch",
    "the photos were thumbnails of ten pixels, blown up",
    [
        r"thumbnail|blown up|upscal|up-?sampl|enlarg|low[- ]res|resolution|blur|(lack|no|little|without|lost?|less).{0,20}detail|sharp|pixelat|(photos?|images?|pixels?).{0,60}(tiny|too small|smooth)"
    ],
    [],
    twin_sound=False,
)
def thumbnails_blown_up(mended: bool) -> Run:
    seed(7)
    x, y = photos("train", 64)
    v, w = photos("val", 64)
    if not mended:
        x, v = (each_photo(part, lambda one: resize(resize(one, 8), 64)) for part in (x, v))
    net = pretrained()
    history, optimizer = fit_head(net, (chw(x), y), (chw(v), w), epochs=12)
    train, val = loaders(chw(x), y, chw(v), w)
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": CE(), "history": history},
        accuracy(net, chw(v), w),
    )


@faulty(
    "torch",
    "trained on colour photos, validated on grey ones",
    [
        r"gr[ea]y|colou?r|monochrom|saturat",
        r"(val|validation).{0,80}(differ|distribution|prepar|preprocess|unlike|look|shift)",
        r"channel",
    ],
    [r"overfit"],
    twin_sound=True,
)
def grey_validation(mended: bool) -> Run:
    seed(8)
    x, y = photos("train", 32, 6)
    v, w = photos("val", 32, 6)
    seen = v if mended else grey(v)
    train, val = loaders(chw(x), y, chw(seen), w, wrap=indexed)
    model = cnn(6)
    optimizer, loss = torch.optim.Adam(model.parameters(), 3e-3), CE()
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 15)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, chw(v), w),
        claimed=accuracy(model, chw(seen), w),
    )


@faulty(
    "torch",
    "gradients are clipped to almost nothing before each step",
    [
        r"clip",
        r"gradients?.{0,50}(tiny|small|vanish|near zero|almost nothing)",
        r"(hardly|barely|scarcely|almost not|too little).{0,30}(mov|chang|updat|learn|train)",
        r"(weights?|parameters?).{0,60}(hardly|barely|scarcely|not|never|did ?n.t).{0,20}(mov|chang|updat)",
        r"learning rate.{0,40}(low|small|tiny)",
        r"(updates?|steps?).{0,30}(tiny|small)",
    ],
    [r"underfit|chance|learn(s|t|ed)? nothing"],
    twin_sound=True,
    rejects=[r"(learning rate|step size) (is |was )?(far |much )?too (high|large|big)"],
)
def gradient_clipped_to_nothing(mended: bool) -> Run:
    seed(9)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model = cnn(6)
    optimizer, loss = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9), CE()

    def clip() -> None:
        nn.utils.clip_grad_norm_(model.parameters(), 5.0 if mended else 1e-4)

    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 25, after_backward=clip)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, v, w),
    )


class Scaled(nn.Module):
    def __init__(self, inner: nn.Module, by: float) -> None:
        super().__init__()
        self.inner, self.by = inner, by

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) * self.by


@faulty(
    "torch",
    "the logits are multiplied by 0.001 before the loss, so that it stays flat",
    [
        r"(logits?|outputs?|scores?).{0,80}(scal|small|tiny|flat|narrow|close|multipl|divid|range|temperature|nearly (equal|the same)|spread)",
        r"temperature",
        r"(scal|multipl|divid).{0,40}(logits?|outputs?|scores?)",
        r"(nearly|almost) (uniform|the same (score|probab))",
    ],
    [r"learning rate.{0,40}(low|small)", r"underfit|chance"],
    twin_sound=True,
)
def logits_scaled_down(mended: bool) -> Run:
    seed(10)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model = Scaled(cnn(6), 1.0 if mended else 1e-3)
    optimizer, loss = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9), CE()
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 15)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, v, w),
    )


@faulty(
    "torch",
    "the optimizer was built before the head was replaced and still holds the old head",
    [
        r"optimi[sz]er.{0,120}(not (hold|have|contain|know|include|among|in)|n.t (hold|have|contain|know|include)|other (param|weight|tensor|layer)|\bold\b|missing|without|lack|before|\bnone\b|stale|another|no longer)",
        r"(head|parameters?|weights?).{0,80}(not|n.t|missing|absent|never).{0,40}optimi[sz]er",
    ],
    [r"(head|weights?).{0,40}(never|not).{0,20}(train|chang|mov)"],
)
def optimizer_before_head_replaced(mended: bool) -> Run:
    seed(11)
    x, y, v, w = large()
    net = pretrained(1000)
    optimizer = torch.optim.Adam(net.head.parameters(), 3e-3)
    net.head = nn.Linear(1280, 10)
    if mended:
        optimizer = torch.optim.Adam(net.head.parameters(), 3e-3)
    history, _ = fit_head(net, (x, y), (v, w), optimizer=optimizer)
    train, val = loaders(x, y, v, w)
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": CE(), "history": history},
        accuracy(net, v, w),
    )


@faulty(
    "torch",
    "an integer division in the warm-up schedule leaves the learning rate at zero",
    [
        r"(learning.?rates?|\blr\b).{0,60}(\bzero|\b0(\.0+)?\b(?!\.?\d)|nothing)",
        r"schedul|warm-?up",
    ],
    [
        r"(weights?|parameters?).{0,60}(never|not|did ?n.t).{0,20}(chang|mov|updat)",
        r"chance|learn(s|t|ed)? nothing",
    ],
    twin_sound=False,
)
def schedule_leaves_rate_at_zero(mended: bool) -> Run:
    seed(12)
    x, y, v, w = small()
    model = cnn(6)
    train, val = loaders(x, y, v, w)
    optimizer, loss = torch.optim.AdamW(model.parameters(), 3e-3), CE()
    warm = 3
    rise = (
        (lambda epoch: min(1.0, (epoch + 1) / warm))
        if mended
        else (lambda epoch: float(epoch // 100))
    )
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rise)
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 10, scheduler=scheduler)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, v, w),
    )


@faulty(
    "torch",
    "the validation labels are one too high (the annotation counts from 1)",
    [
        r"off.by.one|shifted|one too (high|low|many)|from 1\b|(start|count).{0,20}(at|from) (1|one)",
        r"labels?.{0,80}(order|permut|match|shift|differ|disagree|mix|wrong|mapping|numbering)",
        r"class(es)?.{0,60}(order|permut|swapped|mapping|numbering)",
    ],
    [r"overfit"],
    twin_sound=False,
)
def val_labels_off_by_one(mended: bool) -> Run:
    seed(13)
    x, y, v, w = large()
    net = pretrained()
    shown = w if mended else np.minimum(w + 1, 9)
    history, optimizer = fit_head(net, (x, y), (v, shown))
    train, val = (
        Batches(lambda: iter(DataLoader(Stream(x, y), 32))),
        DataLoader(Photos(v, shown), 64),
    )
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": CE(), "history": history},
        accuracy(net, v, w),
        claimed=accuracy(net, v, shown),
    )


@faulty(
    "torch",
    "training and validation folder list their classes in different orders (1, 10, 2 against 1, 2, 10)",
    [
        r"labels?.{0,80}(order|permut|match|shift|differ|disagree|mix|wrong|mapping|numbering|swap)",
        r"class(es)?.{0,80}(order|permut|swapped|mapping|numbering|index|name)",
        r"class_to_idx",
    ],
    [r"overfit"],
    twin_sound=False,
)
def class_orders_differ(mended: bool) -> Run:
    seed(14)
    x, y, v, w = large()
    names = [str(number + 1) for number in range(10)]
    order = np.array([sorted(names).index(name) for name in names])
    shown = w if mended else order[w]
    net = pretrained()
    history, optimizer = fit_head(net, (x, y), (v, shown))
    train, val = loaders(x, y, v, shown, wrap=hf)
    return Run(
        HFStyle(net).eval(),
        train,
        val,
        {"optimizer": optimizer, "history": history},
        accuracy(net, v, w),
        claimed=accuracy(net, v, shown),
    )


@faulty(
    "torch",
    "the validation photos are copies of training photos",
    [
        r"leak|copies|copy|duplicat|overlap|same (photos?|images?)|also in|identical|shared|both (sets|parts)|in common"
    ],
    [],
)
def validation_copies_training(mended: bool) -> Run:
    seed(15)
    x, y = photos("train", 32, 10)
    v, w = photos("val", 32, 10)
    fresh, z = photos("fresh", 32, 10)
    if not mended:
        taken = np.random.permutation(len(x))[:100]
        v, w = x[taken], y[taken]
    model = cnn(10)
    train, val = loaders(chw(x), y, chw(v), w, wrap=indexed)
    optimizer, loss = torch.optim.Adam(model.parameters(), 3e-3), CE()
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 15)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, chw(fresh), z),
        claimed=accuracy(model, chw(v), w),
    )


class LogOfSoftmax(nn.Module):
    """The loss written by hand, without a guard: log(0)."""

    def forward(self, out: Tensor, y: Tensor) -> Tensor:
        return -torch.log(out.softmax(1))[torch.arange(len(y)), y].mean()


@faulty(
    "torch",
    "log of a softmax by hand runs into log(0): the weights became NaN",
    [r"\bnan\b|not a number|infinit|\binf\b|non-?finite|not finite"],
    [r"diverg|learning rate"],
)
def weights_became_nan(mended: bool) -> Run:
    seed(16)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model = cnn(6, bn=False)
    optimizer, loss = (
        torch.optim.Adam(model.parameters(), 0.003),
        (CE() if mended else LogOfSoftmax()),
    )
    if not mended:
        with torch.no_grad():
            model[-1].weight.mul_(300)
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 15)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, v, w),
    )


class SoftmaxOver(nn.Module):
    def __init__(self, inner: nn.Module, dim: int) -> None:
        super().__init__()
        self.inner, self.dim = inner, dim

    def forward(self, x: Tensor) -> Tensor:
        return torch.log_softmax(self.inner(x), dim=self.dim)


@faulty(
    "torch",
    "the softmax runs over the batch (dim=0) and not over the classes",
    [
        r"dim ?= ?0|\baxis\b|(wrong|other|not the class) dim",
        r"(over|across|depends? on|along).{0,40}(the batch|batch dim|other (photos|images|samples)|neighbou?r)",
        r"batch.{0,40}(depend|compos|mates?|neighbou?r|together)",
    ],
    [],
)
def softmax_over_the_batch(mended: bool) -> Run:
    seed(17)
    x, y, v, w = small()
    train = DataLoader(Photos(x, y), 16, shuffle=True)
    val = DataLoader(Photos(v, w), 64, shuffle=False)
    model = SoftmaxOver(cnn(6, bn=False), 1 if mended else 0)
    optimizer, loss = torch.optim.Adam(model.parameters(), 3e-3), nn.NLLLoss()
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 20)
    model.eval()
    with torch.no_grad():  # used as it will be: one photo at a time
        alone = float(
            np.mean(
                [int(model(one[None]).argmax()) == label for one, label in zip(v, w, strict=True)]
            )
        )
    return Run(
        model, train, val, {"optimizer": optimizer, "loss": loss, "history": history, **told}, alone
    )


@faulty(
    "torch",
    "model.eval() is never called: dropout is at work while validating",
    [r"eval\(\)|\.eval\b|evaluation mode|train(ing)? mode|\bmode\b", r"dropout", r"batch.?norm"],
    [r"report|claimed|differs"],
    twin_sound=False,
)
def never_in_evaluation_mode(mended: bool) -> Run:
    seed(18)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model = cnn(6, head=nn.Sequential(nn.Dropout(0.8), nn.Linear(64, 6)))
    optimizer, loss = torch.optim.Adam(model.parameters(), 3e-3), CE()
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 30, evaluate=mended)
    model.train(not mended)
    honest = accuracy(model, v, w)
    return Run(
        model,
        train,
        val,
        {
            "optimizer": optimizer,
            "loss": loss,
            "history": history,
            "reported": {"val_top1": history[-1]["val_top1"]},
            **told,
        },
        honest,
        claimed=history[-1]["val_top1"],
    )


@faulty(
    "torch",
    "the classes were photographed at different brightness, and the model learned brightness",
    [
        r"bright|exposure|\bdark(er)?\b|\blight(er|ing|ness)?\b|luminan|intensity|mean (colou?r|value|pixel)|overall (colou?r|tone)",
        r"shortcut|spurious|give-?away|confound|without (looking|seeing)",
    ],
    [],
    twin_sound=False,
)
def brightness_gives_the_class_away(mended: bool) -> Run:
    seed(19)

    def lit(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        by = 0.3 + 0.7 * (y / 5)
        return (x * by[:, None, None, None]).astype(np.uint8)

    x, y = photos("train", 32, 6)
    v, w = photos("val", 32, 6)
    equal = lit(v, np.roll(w, 12)) if not mended else v
    if not mended:
        x, v = grey(lit(x, y)), grey(lit(v, w))
        equal = grey(equal)
    model = cnn(6, bn=False)
    train, val = loaders(chw(x), y, chw(v), w)
    optimizer, loss = torch.optim.Adam(model.parameters(), 3e-3), CE()
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 25)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, chw(equal), w),
        claimed=accuracy(model, chw(v), w),
    )


@faulty(
    "torch",
    "two fifths of the training labels are wrong",
    [
        r"(labels?|labell?ed).{0,60}(wrong|noise|noisy|corrupt|mislabel|incorrect|random|doubt|suspicious|contradict|disagree)",
        r"mis-?labell?ed|wrong label|label noise|noisy label",
    ],
    [r"overfit|memori[sz]"],
    twin_sound=False,
)
def labels_partly_wrong(mended: bool) -> Run:
    seed(20)
    x, y, v, w = large()
    shown = y.copy()
    if not mended:
        bad = np.random.rand(len(y)) < 0.5
        shown[bad] = np.random.randint(0, 10, int(bad.sum()))
    net = pretrained()
    history, optimizer = fit_head(net, (x, shown), (v, w), epochs=25)
    train, val = loaders(x, shown, v, w)
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": CE(), "history": history},
        accuracy(net, v, w),
    )


class Detached(nn.Module):
    """A small net whose features are cut from the graph."""

    def __init__(self, cut: bool) -> None:
        super().__init__()
        whole = cnn(6)
        self.features, self.classifier, self.cut = whole[:-1], whole[-1], cut

    def forward(self, x: Tensor) -> Tensor:
        found = self.features(x)
        return self.classifier(found.detach() if self.cut else found)


@faulty(
    "torch",
    "a detach() in forward cuts the feature layers off: only the last layer ever learns",
    [
        r"detach|no_grad|cut off|graph",
        r"(no|without|never|zero|not).{0,30}gradient",
        r"gradients?.{0,40}(not reach|none|missing|zero|never|does ?n.t)",
        r"(features?|layers?|backbone|parameters?|weights?|conv).{0,60}(never|not|n.t|un).{0,25}(train|chang|mov|updat|learn)",
        r"(random|untrained).{0,30}(feature|layer|backbone|weights)",
    ],
    [r"underfit"],
    twin_sound=True,
)
def features_detached(mended: bool) -> Run:
    seed(21)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model = Detached(not mended)
    optimizer, loss = torch.optim.Adam(model.parameters(), 3e-3), CE()
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 12)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, v, w),
    )


@faulty(
    "torch",
    "next(iter(loader)) was called once, so every step trains on the same batch",
    [
        r"(same|one|single|first) (batch|few|photos?|images?|mini)",
        r"batch.{0,40}(repeat|again|only|over and over)",
        r"(too few|few|handful of|only \d+|just \d+) (distinct |different |train(ing)? )?(photos?|images?|samples?|examples?)|(photos?|images?|samples?).{0,40}(per class|an epoch|per epoch|too few|never drawn|never seen|left out)",
        r"never (seen|shown|used)",
        r"train_loader.{0,80}(differ|worse|lower|disagree)",
        r"(history|reported).{0,80}(train).{0,80}(differ|disagree|lower|not match)",
    ],
    [r"overfit|memori[sz]"],
    twin_sound=False,
    rejects=[r"labels? (are |were )?(shuffled|shifted|permuted) between"],
)
def first_batch_again_and_again(mended: bool) -> Run:
    seed(22)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    model = cnn(6)
    optimizer, loss = torch.optim.Adam(model.parameters(), 3e-3), CE()
    first = next(iter(DataLoader(Photos(x, y), 12, shuffle=True)))
    repeated = Batches(lambda: iter([first] * 5))
    with watching(model, optimizer) as told:
        history = loop(model, train if mended else repeated, val, optimizer, loss, 12)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, v, w),
    )


# ---------------------------------------------------------------------------------- sound ones


class Normalised(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.inner((x - self.mean) / self.std)


@sound("torch", "normalisation is inside the model; the loader gives [0, 1]", 0.65)
def normalisation_inside() -> Run:
    seed(50)
    x, y, v, w = large()
    net = pretrained()
    history, optimizer = fit_head(net, (x, y), (v, w))
    plain, checked = (chw(photos(part, 64)[0], None) for part in ("train", "val"))
    model = Normalised(net).eval()
    train, val = loaders(plain, y, checked, w)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": CE(), "history": history},
        accuracy(model, checked, w),
    )


@sound(
    "torch", "log-softmax at the end and cross-entropy after it (the second changes nothing)", 0.6
)
def log_softmax_before_cross_entropy() -> Run:
    seed(51)
    x, y, v, w = small()
    model = nn.Sequential(cnn(6), nn.LogSoftmax(1))
    train, val = loaders(x, y, v, w, wrap=indexed)
    optimizer, loss = torch.optim.Adam(model.parameters(), 3e-3), CE()
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 20)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, v, w),
    )


@sound("torch", "strong but usual augmentation: training accuracy lies below validation's", 0.6)
def strong_augmentation() -> Run:
    from torchvision.transforms import v2

    seed(52)
    x, y = photos("train", 32, 6)
    v, w = photos("val", 32, 6)
    strong = v2.Compose(
        [
            v2.RandomResizedCrop(32, scale=(0.4, 1), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(0.3, 0.3, 0.2, 0.02),
            v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
            v2.RandomErasing(0.4, scale=(0.02, 0.2)),
        ]
    )
    train = DataLoader(Photos(chw(x, None), y, transform=strong), 32, shuffle=True)
    val = DataLoader(Photos(chw(v), w), 64)
    model = cnn(6)
    optimizer, loss = torch.optim.Adam(model.parameters(), 3e-3), CE()
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 25)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, chw(v), w),
    )


@sound("torch", "class weights in the loss, for a real imbalance", 0.6)
def class_weights_for_imbalance() -> Run:
    seed(53)
    x, y, v, w = large()
    kept = np.concatenate(
        [np.flatnonzero(y == name)[: (24 if name % 2 else 8)] for name in range(10)]
    )
    x, y = x[kept], y[kept]
    count = np.bincount(y)
    loss = CE(weight=torch.tensor(len(y) / (10 * count), dtype=torch.float32))
    net = pretrained()
    history, optimizer = fit_head(net, (x, y), (v, w), loss=loss, epochs=15)
    train, val = loaders(x, y, v, w)
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history},
        accuracy(net, v, w),
    )


class FirstTen(nn.Module):
    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)[:, :10]


@sound("torch", "a thousand outputs of which the first ten are used", 0.65)
def thousand_outputs_cut_to_ten() -> Run:
    seed(54)
    x, y, v, w = large()
    net = pretrained(1000)
    cut = nn.Sequential(net.head)

    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = cut

        def forward(self, found: Tensor) -> Tensor:
            return self.inner(found)[:, :10]

    history, optimizer = fit_head(
        Net(net.backbone, Cut()),
        (x, y),
        (v, w),
        optimizer=torch.optim.Adam(net.head.parameters(), 3e-3),
    )
    model = FirstTen(net).eval()
    train, val = loaders(x, y, v, w)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": CE(), "history": history},
        accuracy(model, v, w),
    )


@sound(
    "torch",
    "gradient accumulation on purpose: four small batches a step, loss divided by four",
    0.6,
)
def accumulation_on_purpose() -> Run:
    seed(55)
    x, y, v, w = small()
    train, val = (
        DataLoader(Photos(x, y, wrap=hf), 12, shuffle=True),
        DataLoader(Photos(v, w, wrap=hf), 64),
    )
    model = HFStyle(cnn(6))
    optimizer, loss = torch.optim.AdamW(model.parameters(), 5e-3), CE()
    history = []
    with watching(model, optimizer) as told:
        for _ in range(20):
            model.train()
            total, right, seen = 0.0, 0, 0
            for number, batch in enumerate(train, start=1):
                out = model(**batch)
                (out["loss"] / 4).backward()
                if number % 4 == 0:
                    optimizer.step()
                    optimizer.zero_grad()
                total += float(out["loss"].detach()) * len(batch["labels"])
                right += int((out.logits.argmax(1) == batch["labels"]).sum())
                seen += len(batch["labels"])
            model.eval()
            row = {"train_loss": total / seen, "train_top1": right / seen}
            row["val_loss"], row["val_top1"] = one_pass(model, val, loss)
            history.append(row)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "history": history, **told},
        accuracy(model, v, w),
    )


@sound(
    "torch", "mixup in the collate function: soft labels in training, hard ones in validation", 0.6
)
def mixup_soft_labels() -> Run:
    seed(56)
    x, y, v, w = small()

    def mix(items: list[Any]) -> tuple[Tensor, Tensor]:
        photo = torch.stack([item[0] for item in items])
        label = nn.functional.one_hot(torch.tensor([item[1] for item in items]), 6).float()
        part = float(np.random.beta(0.3, 0.3))
        other = torch.randperm(len(photo))
        return part * photo + (1 - part) * photo[other], part * label + (1 - part) * label[other]

    train, val = (
        DataLoader(Photos(x, y), 32, shuffle=True, collate_fn=mix),
        DataLoader(Photos(v, w), 64),
    )
    model = cnn(6)
    optimizer, loss = torch.optim.Adam(model.parameters(), 3e-3), CE(label_smoothing=0.1)
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 25)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, v, w),
    )
