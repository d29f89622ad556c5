"""Kept half, plain PyTorch and Hugging Face style."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, SubsetRandomSampler

from support import (
    Batches,
    HFStyle,
    Net,
    Photos,
    Run,
    Stream,
    accuracy,
    backbone,
    chw,
    cnn,
    each_photo,
    faulty,
    fit_head,
    grey,
    hf,
    indexed,
    jpeg,
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
HALF = (0.5, 0.5, 0.5)


def small(classes: int = 6) -> tuple[Tensor, np.ndarray, Tensor, np.ndarray]:
    x, y = photos("train", 32, classes)
    v, w = photos("val", 32, classes)
    return chw(x), y, chw(v), w


def large() -> tuple[Tensor, np.ndarray, Tensor, np.ndarray]:
    x, y = photos("train", 64)
    v, w = photos("val", 64)
    return chw(x), y, chw(v), w


def pair(
    x: Tensor, y: Any, v: Tensor, w: Any, wrap: Any = None, batch: int = 32
) -> tuple[DataLoader[Any], DataLoader[Any]]:
    return DataLoader(Photos(x, y, wrap=wrap), batch, shuffle=True), DataLoader(
        Photos(v, w, wrap=wrap), 64
    )


@faulty(
    "torch",
    "the optimizer was given the backbone's last block alone; the new head is in no group and stays random",
    [
        r"optimi[sz]er.{0,120}(not (hold|have|contain|know|include|among|in)|n.t (hold|have|contain|know|include)|missing|without|lack|\bnone\b)",
        r"(missing|absent|left out|not|never).{0,30}(from|in|by|to) (the |any )?optimi[sz]er",
        r"head.{0,60}(never|not|did ?n.t).{0,25}(train|chang|mov|updat|learn)",
    ],
    [r"underfit"],
)
def p_head_in_no_group(mended: bool) -> Run:
    seed(201)
    x, y, v, w = small()
    model = nn.Sequential()
    whole = cnn(6)
    model = Net(whole[:-1], whole[-1])
    with torch.no_grad():
        model.head.weight.mul_(0.05)
    train, val = pair(x, y, v, w, indexed)
    told_to = list(model.backbone[8:].parameters()) + (
        list(model.head.parameters()) if mended else []
    )
    optimizer, loss = torch.optim.Adam(told_to, 3e-3), CE()
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
    "the learning rate is far too small",
    [
        r"(learning.?rate|\blr\b|step size).{0,80}(small|low|tiny|rais|increas|higher|larger|bigger)",
        r"(hardly|barely|scarcely|almost not|too little|too slow).{0,30}(mov|chang|updat|learn|train)",
        r"(updates?|steps?).{0,30}(tiny|too small)",
    ],
    [r"underfit|chance"],
    twin_sound=True,
    rejects=[r"(learning rate|step size) (is |was )?(far |much )?too (high|large|big)"],
)
def p_rate_far_too_small(mended: bool) -> Run:
    seed(202)
    x, y, v, w = large()
    net = pretrained()
    optimizer = torch.optim.AdamW(net.head.parameters(), 3e-3 if mended else 1e-6)
    history, _ = fit_head(net, (x, y), (v, w), optimizer=optimizer)
    train, val = pair(x, y, v, w, hf)
    return Run(
        HFStyle(net).eval(),
        train,
        val,
        {"optimizer": optimizer, "history": history},
        accuracy(net, v, w),
    )


@faulty(
    "torch",
    "the loss is summed over the batch (reduction='sum') at a rate meant for the mean",
    [
        r"reduction|summ?(ed)?\b|(loss|gradients?).{0,80}(batch size|times too|too (big|large|high)|scaled?|huge|explod)",
        r"(learning.?rate|\blr\b|step size).{0,80}(high|large|big|lower|reduc|smaller|great)",
        r"diverg|blew up|unstable|oscillat|overshoot",
    ],
    [r"chance|dead|constant|same (answer|class|output)"],
    rejects=[r"(learning rate|step size) (is |was )?(far |much )?too (low|small)|softmax"],
)
def p_summed_loss(mended: bool) -> Run:
    seed(203)
    x, y, v, w = small()
    train, val = pair(x, y, v, w)
    model = cnn(6, bn=False)
    optimizer, loss = (
        torch.optim.SGD(model.parameters(), 0.05, momentum=0.9),
        CE(reduction="mean" if mended else "sum"),
    )
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 30)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, v, w),
    )


@faulty(
    "torch",
    "label smoothing of 1.0: every target is the same for all classes",
    [r"smooth"],
    [r"underfit|chance|uniform|flat|learn(s|t|ed)? nothing|confiden"],
)
def p_label_smoothing_of_one(mended: bool) -> Run:
    seed(204)
    x, y, v, w = small()
    train, val = pair(x, y, v, w, hf)
    model = HFStyle(cnn(6))
    optimizer, loss = (
        torch.optim.AdamW(model.parameters(), 3e-3),
        CE(label_smoothing=0.1 if mended else 1.0),
    )
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
    "the validation transform lacks the Normalize that training has",
    [
        r"normali[sz]|standardi[sz]|\bmean\b.{0,60}(std|deviation|differ)|(val|validation).{0,100}(differ|prepar|preprocess|distribution|shift|unlike|\brange|scale)",
        r"(train|val).{0,60}(prepared|scaled|preprocess).{0,40}(differ|another|not the same)",
    ],
    [r"overfit"],
)
def p_validation_not_normalised(mended: bool) -> Run:
    seed(205)
    x, y = photos("train", 32, 6)
    v, w = photos("val", 32, 6)
    seen = chw(v) if mended else chw(v, None)
    train, val = pair(chw(x), y, seen, w)
    model = cnn(6)
    optimizer, loss = torch.optim.Adam(model.parameters(), 3e-3), CE()
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 20)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, chw(v), w),
        claimed=accuracy(model, seen, w),
    )


@faulty(
    "torch",
    "the crop takes the upper left corner of every photo and leaves the flower out",
    [
        r"crop|cut (away|off|out)|(object|subject|flower).{0,60}(outside|missing|lost|left out|not (in|visible))|corner|region of interest",
        r"blur|resolution|blown up|upscal|enlarg|(lack|no|little|without|lost?|less).{0,20}detail|sharp|thumbnail",
        r"(photos?|images?|inputs?).{0,80}(carry|hold|tell|say|contain).{0,30}(little|nothing|no |few|not)",
    ],
    [r"underfit|overfit"],
)
def p_crop_leaves_the_flower_out(mended: bool) -> Run:
    seed(206)
    x, y = photos("train", 64)
    v, w = photos("val", 64)
    if not mended:
        x, v = (each_photo(part, lambda one: resize(one[:10, :10], 64)) for part in (x, v))
    net = pretrained()
    history, optimizer = fit_head(net, (chw(x), y), (chw(v), w))
    train, val = pair(chw(x), y, chw(v), w)
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": CE(), "history": history},
        accuracy(net, chw(v), w),
    )


@faulty(
    "torch",
    "each class was saved with its own JPEG quality, and the model reads the compression",
    [
        r"jpe?g|compress|quality|block(s|y|ing)?\b.{0,30}artefact|artefact|artifact|sharp|detail|blur|high.?frequenc",
        r"shortcut|spurious|give-?away|confound|without (looking|seeing)|camera|source",
    ],
    [],
)
def p_jpeg_quality_gives_the_class_away(mended: bool) -> Run:
    seed(207)
    x, y = photos("train", 64, 4)
    v, w = photos("val", 64, 4)
    quality = [3, 8, 22, 95]

    def saved(part: np.ndarray, by: np.ndarray) -> np.ndarray:
        return np.stack([jpeg(one, quality[name]) for one, name in zip(part, by, strict=True)])

    # without the shortcut: the same photos under another class's quality
    plain = v if mended else grey(saved(grey(v), np.roll(w, 12)))
    if not mended:
        x, v = grey(saved(grey(x), y)), grey(saved(grey(v), w))
    model = cnn(4)
    train, val = pair(chw(x), y, chw(v), w, indexed, 16)
    optimizer, loss = torch.optim.Adam(model.parameters(), 2e-3), CE()
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 12)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, chw(plain), w),
        claimed=accuracy(model, chw(v), w),
    )


@faulty(
    "torch",
    "the gradients of six batches are added up and not divided by six",
    [
        r"accumul|divid|(gradients?|updates?|steps?).{0,60}(large|big|huge|explod|times)",
        r"(learning.?rate|\blr\b|step size).{0,80}(high|large|big|lower|reduc|smaller|great)",
        r"diverg|blew up|unstable|oscillat|overshoot",
    ],
    [r"chance|dead|constant|same (answer|class|output)"],
    rejects=[r"(learning rate|step size) (is |was )?(far |much )?too (low|small)"],
)
def p_accumulated_without_division(mended: bool) -> Run:
    seed(208)
    x, y, v, w = small()
    train, val = pair(x, y, v, w, hf, 12)
    model = HFStyle(cnn(6, bn=False))
    optimizer, loss = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9), CE()
    history = []
    with watching(model, optimizer) as told:
        for _ in range(40):
            model.train()
            total, right, seen = 0.0, 0, 0
            for number, batch in enumerate(train, start=1):
                out = model(**batch)
                (out["loss"] / (6 if mended else 1)).backward()
                if number % 6 == 0:
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


@faulty(
    "torch",
    "the averaged (EMA) copy that is evaluated was never updated",
    [
        r"\bema\b|averaged|moving averag|(another|other|different|wrong|not the) (model|weights|net)",
        r"(weights?|parameters?|model).{0,60}(never|not|did ?n.t|have not|un).{0,30}(chang|mov|updat|step|train)|untrained|as initiali[sz]ed|at (its|their) initial",
        r"(history|reported).{0,100}(differ|disagree|not match|does ?n.t|contradict|higher|better)",
        r"checkpoint|not (the one|what) .{0,30}trained",
    ],
    [r"chance"],
)
def p_ema_never_updated(mended: bool) -> Run:
    seed(209)
    x, y, v, w = small()
    train, val = pair(x, y, v, w)
    model = cnn(6)
    averaged = copy.deepcopy(model)
    optimizer, loss = torch.optim.Adam(model.parameters(), 3e-3), CE()

    def update() -> None:
        if mended:
            with torch.no_grad():
                for kept, new in zip(
                    averaged.state_dict().values(), model.state_dict().values(), strict=True
                ):
                    kept.copy_(kept * 0.7 + new * 0.3 if kept.is_floating_point() else new)

    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 15, each_epoch=update)
    averaged.eval()
    last = one_pass(averaged, val, loss)
    history[-1]["val_loss"], history[-1]["val_top1"] = last
    return Run(
        averaged, train, val, {"loss": loss, "history": history, **told}, accuracy(averaged, v, w)
    )


@faulty(
    "torch",
    "a SubsetRandomSampler left from debugging draws twelve photos only",
    [
        r"sampler|subset|(too few|few|handful of|only \d+|just \d+) (distinct |different |train(ing)? )?(photos?|images?|samples?|examples?)|(photos?|images?|samples?).{0,40}(per class|an epoch|per epoch|too few|never drawn|never seen|left out)"
    ],
    [r"overfit|memori[sz]"],
    twin_sound=True,
    rejects=[r"labels? (are |were )?(shuffled|shifted|permuted) between"],
)
def p_subset_left_from_debugging(mended: bool) -> Run:
    seed(210)
    x, y, v, w = large()
    chosen = (
        np.arange(len(y))
        if mended
        else np.concatenate([np.flatnonzero(y == name)[:2] for name in range(10)])
    )
    sampler = SubsetRandomSampler(chosen.tolist())
    net = pretrained()
    history, optimizer = fit_head(net, (x, y), (v, w), sampler=sampler, epochs=20)
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
    "a ReLU follows the last layer: logits cannot be negative and whole classes die",
    [
        r"relu|activation.{0,60}(last|final|head|output|after)|(last|final|head|output).{0,60}activation",
        r"(logits?|outputs?|scores?).{0,60}(negative|zero|clipp|non-?negative|dead|constant|cut)",
        r"dead",
    ],
    [r"never predict|(class(es)?).{0,40}never|underfit|chance"],
)
def p_relu_after_the_head(mended: bool) -> Run:
    seed(211)
    x, y, v, w = small()
    train, val = pair(x, y, v, w, indexed)
    model = nn.Sequential(*cnn(6, bn=False), *([] if mended else [nn.ReLU()]))
    optimizer, loss = torch.optim.Adam(model.parameters(), 1e-2), CE()
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 20)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, v, w),
    )


@faulty(
    "torch",
    "photos and labels come from two loaders that shuffle apart: labels do not belong to their photos",
    [
        r"labels?.{0,100}(random|match|belong|correspond|shuffl|mix|wrong|noise|noisy|unrelated|pair|each (time|pass)|chang|nothing to do|scrambl|mislabel|corrupt)",
        r"mis-?label|label noise|shuffled (apart|separately|independent)",
    ],
    [r"overfit|chance|learn(s|t|ed)? nothing"],
)
def p_labels_shuffled_apart(mended: bool) -> Run:
    seed(212)
    x, y, v, w = small()

    def zipped() -> Iterator[Any]:
        order = torch.randperm(len(x))
        other = order if mended else torch.randperm(len(x))
        for a, b in zip(order.split(32), other.split(32), strict=True):
            yield x[a], torch.from_numpy(y)[b]

    train, val = Batches(zipped), DataLoader(Photos(v, w), 64)
    model = cnn(6)
    optimizer, loss = torch.optim.Adam(model.parameters(), 3e-3), CE()
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
    "BatchNorm's momentum of 0.001 leaves its running statistics where they began",
    [
        r"batch.?norm|\bbn\b|running.{0,20}(stat|mean|var)|momentum|(train|eval).{0,20}mode.{0,80}(differ|disagree|lower|worse)"
    ],
    [r"overfit"],
    twin_sound=True,
)
def p_running_statistics_lag(mended: bool) -> Run:
    seed(213)
    x, y, v, w = small()
    train, val = pair(x, y, v, w)
    model = cnn(6)
    for part in model:
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = 0.1 if mended else 0.001
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
    "the reported accuracy is that of the last batch alone",
    [
        r"(last|single|one|final) batch",
        r"report(ed)?.{0,120}(differ|lower|higher|not|disagree|but|while|against|measured|match|instead)",
        r"(measured|actual|true|recomputed).{0,80}report",
    ],
    [],
)
def p_accuracy_of_the_last_batch(mended: bool) -> Run:
    seed(214)
    x, y, v, w = large()
    net = pretrained()
    history, optimizer = fit_head(net, (x, y), (v, w), epochs=2)
    train, val = DataLoader(Photos(x, y), 32, shuffle=True), DataLoader(Photos(v, w), 13)
    with torch.no_grad():
        for photo, label in val:
            last = float((net(photo).argmax(1) == label).float().mean())
    honest = accuracy(net, v, w)
    claimed = honest if mended else last
    history = [{k: r for k, r in row.items() if not k.startswith("val")} for row in history]
    return Run(
        net,
        train,
        val,
        {
            "optimizer": optimizer,
            "loss": CE(),
            "history": history,
            "reported": {"val_top1": claimed},
        },
        honest,
        claimed=claimed,
    )


@faulty(
    "torch",
    "the model ends in a softmax and the loss (cross-entropy) applies another",
    [r"softmax|(probabilit|sum to (one|1)).{0,100}(logits?|cross|loss|twice|again)|twice"],
    [r"underfit|learning.?rate"],
)
def p_softmax_twice(mended: bool) -> Run:
    seed(215)
    x, y, v, w = large()
    head = nn.Sequential(nn.Linear(1280, 10), *([] if mended else [nn.Softmax(dim=1)]))
    net = pretrained(head=head)
    optimizer = torch.optim.SGD(net.head.parameters(), 0.002, momentum=0.9)
    history, _ = fit_head(net, (x, y), (v, w), optimizer=optimizer, epochs=6)
    train, val = pair(x, y, v, w)
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": CE(), "history": history},
        accuracy(net, v, w),
    )


@faulty(
    "torch",
    "the checkpoint's keys begin with module. and strict=False skipped all of them: the backbone is random",
    [
        r"checkpoint|pre-?trained|strict|load|random(ly)?.{0,40}(init|weight|feature|backbone)|untrained|initiali[sz]|features?.{0,80}(constant|the same|alike|carry|tell|poor|weak|useless|little|collaps)"
    ],
    [r"frozen|freez|chance|underfit"],
    twin_sound=True,
)
def p_checkpoint_keys_do_not_match(mended: bool) -> Run:
    seed(216)
    x, y, v, w = large()
    held = {
        ("" if mended else "module.") + key: value for key, value in backbone().state_dict().items()
    }
    base = backbone(pretrained=False)
    base.load_state_dict(held, strict=False)
    net = Net(base, nn.Linear(1280, 10))
    history, optimizer = fit_head(net, (x, y), (v, w))
    train, val = pair(x, y, v, w, hf)
    return Run(
        HFStyle(net).eval(),
        train,
        val,
        {"optimizer": optimizer, "history": history},
        accuracy(net, v, w),
    )


@faulty(
    "torch",
    "a debugging limit lets the loader give one batch an epoch",
    [
        r"(one|single|few|1) (batch|step|update|iteration)",
        r"(few|little|too (few|short)|not enough|more|longer).{0,40}(step|update|epoch|iteration|training)|under-?train|not.{0,20}finished",
        r"(too few|few|handful of|only \d+|just \d+) (distinct |different |train(ing)? )?(photos?|images?|samples?|examples?)|(photos?|images?|samples?).{0,40}(per class|an epoch|per epoch|too few|never drawn|never seen|left out)|islice",
    ],
    [r"underfit|learning.?rate"],
    rejects=[
        r"labels? (are |were )?(shuffled|shifted|permuted) between|(learning rate|step size) (is |was )?(far |much )?too (high|large|big)"
    ],
)
def p_one_batch_an_epoch(mended: bool) -> Run:
    seed(217)
    x, y, v, w = small()
    loader = DataLoader(Photos(x, y), 16, shuffle=True)
    train = Batches(lambda: itertools.islice(iter(loader), None if mended else 1))
    val = DataLoader(Photos(v, w), 64)
    model = cnn(6)
    optimizer, loss = torch.optim.Adam(model.parameters(), 1e-3), CE()
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
    "the weights are initialised anew at the end of each epoch",
    [
        r"(re-?)?initiali[sz]|reset|(weights?|model|parameters?).{0,60}(anew|again|scratch|start over|lost|thrown|forg[oe]t|random)|untrained|restart",
        r"(history|train|loss).{0,100}(start|begin)s?.{0,30}(again|each|every|same)|flat|no progress|does not (fall|improve)|not improv",
        r"(history|reported).{0,100}(differ|disagree|contradict|not match)",
    ],
    [r"chance|underfit|learning.?rate"],
)
def p_initialised_anew_each_epoch(mended: bool) -> Run:
    seed(218)
    x, y, v, w = small()
    train, val = pair(x, y, v, w, batch=8)
    model = cnn(6)

    def anew() -> None:
        if not mended:
            for part in model.modules():
                if hasattr(part, "reset_parameters"):
                    part.reset_parameters()

    optimizer, loss = torch.optim.Adam(model.parameters(), 2e-3), CE()
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 8, each_epoch=anew)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, v, w),
    )


@faulty(
    "torch",
    "half the photos were filed under two classes at once: the same photo with contradicting labels",
    [
        r"(same|identical|duplicate|copies|twin|equal).{0,100}(label|class|differ|contradict|conflict)",
        r"contradict|conflict|ambigu|two (classes|labels|folders)|mis-?labell?ed|wrong label|label noise|noisy label",
    ],
    [r"duplicat|copies"],
    twin_sound=True,
)
def p_photos_in_two_classes(mended: bool) -> Run:
    seed(219)
    x, y, v, w = large()
    if not mended:  # every photo of the even classes also lies in the next class's folder, and the other way round
        x, y = torch.cat([x, x]), np.concatenate([y, y ^ 1])
    net = pretrained()
    history, optimizer = fit_head(net, (x, y), (v, w), epochs=12)
    train, val = pair(x, y, v, w)
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": CE(), "history": history},
        accuracy(net, v, w),
    )


@faulty(
    "torch",
    "validation photos are stretched to four times their width before cropping; training's are not",
    [
        r"aspect|stretch|squash|squeez|distort|resiz|crop|proportion|(val|validation).{0,100}(differ|prepar|preprocess|distribution|shift|unlike)|blur|sharp|zoom"
    ],
    [r"overfit"],
)
def p_validation_stretched(mended: bool) -> Run:
    seed(220)
    x, y, v, w = large()
    raw = photos("val", 64)[0]
    seen = v if mended else chw(each_photo(raw, lambda one: resize(one, 320, 64)[:, 128:192]))
    net = pretrained()
    history, optimizer = fit_head(net, (x, y), (seen, w))
    train, val = pair(x, y, seen, w, indexed)
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": CE(), "history": history},
        accuracy(net, v, w),
        claimed=accuracy(net, seen, w),
    )


# ---------------------------------------------------------------------------------- sound ones


@sound("torch", "NLLLoss on log-probabilities", 0.6)
def p_nll_on_log_probabilities() -> Run:
    seed(250)
    x, y, v, w = small()
    model = nn.Sequential(*cnn(6), nn.LogSoftmax(dim=1))
    train, val = pair(x, y, v, w, indexed)
    optimizer, loss = torch.optim.Adam(model.parameters(), 3e-3), nn.NLLLoss()
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 20)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, v, w),
    )


@sound("torch", "the averaged (EMA) weights are handed over, rightly updated", 0.6)
def p_ema_weights() -> Run:
    seed(251)
    x, y, v, w = small()
    train, val = pair(x, y, v, w)
    model = cnn(6)
    averaged = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.7), use_buffers=True
    )
    optimizer, loss = torch.optim.Adam(model.parameters(), 3e-3), CE()
    with watching(model, optimizer) as told:
        history = loop(
            model,
            train,
            val,
            optimizer,
            loss,
            20,
            each_epoch=lambda: averaged.update_parameters(model),
        )
    averaged.eval()
    return Run(
        averaged, train, val, {"loss": loss, "history": history, **told}, accuracy(averaged, v, w)
    )


@sound("torch", "part of the backbone frozen, part tuned, two parameter groups", 0.6)
def p_part_frozen_part_tuned() -> Run:
    seed(252)
    x, y, v, w = large()
    base = backbone()
    for parameter in list(base.conv_head.parameters()):
        parameter.requires_grad_(True)
    net = Net(base, nn.Linear(1280, 10))
    train, val = pair(x, y, v, w)
    groups = [
        {"params": base.conv_head.parameters(), "lr": 1e-4},
        {"params": net.head.parameters(), "lr": 3e-3},
    ]
    optimizer, loss = torch.optim.AdamW(groups), CE()
    with watching(net, optimizer) as told:
        history = loop(net, train, val, optimizer, loss, 2, frozen_backbone=True)
    net.eval()
    return Run(
        net,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(net, v, w),
    )


@sound("torch", "a stream (IterableDataset) without a length, rightly shuffled", 0.6)
def p_stream_without_length() -> Run:
    seed(253)
    x, y, v, w = small()
    train, val = DataLoader(Stream(x, y), 32), DataLoader(Stream(v, w, shuffle=False), 64)
    model = cnn(6)
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


@sound("torch", "Resize((S, S)) squashes every photo alike, in training and validation", 0.65)
def p_resized_square() -> Run:
    seed(254)
    x, y = photos("train", 64, kind="squashed")
    v, w = photos("val", 64, kind="squashed")
    net = pretrained()
    history, optimizer = fit_head(net, (chw(x), y), (chw(v), w))
    train, val = pair(chw(x), y, chw(v), w, hf)
    return Run(
        HFStyle(net).eval(),
        train,
        val,
        {"optimizer": optimizer, "history": history},
        accuracy(net, chw(v), w),
    )


@sound("torch", "the cosine schedule has run out: the learning rate is zero now", 0.6)
def p_cosine_run_out() -> Run:
    seed(255)
    x, y, v, w = small()
    train, val = pair(x, y, v, w)
    model = cnn(6)
    optimizer, loss = (
        torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=5e-4),
        CE(),
    )
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 20, scheduler=scheduler)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, v, w),
    )


@sound(
    "torch",
    "a small net without any normalisation layer, inputs in [-1, 1], validation sorted by class",
    0.6,
)
def p_plain_inputs_no_norm() -> Run:
    seed(256)
    x, y = photos("train", 32, 6)
    v, w = photos("val", 32, 6)
    train, val = pair(chw(x, HALF, HALF), y, chw(v, HALF, HALF), w)
    model = cnn(6, bn=False, width=24)
    optimizer, loss = torch.optim.Adam(model.parameters(), 2e-3), CE()
    with watching(model, optimizer) as told:
        history = loop(model, train, val, optimizer, loss, 45)
    return Run(
        model,
        train,
        val,
        {"optimizer": optimizer, "loss": loss, "history": history, **told},
        accuracy(model, chw(v, HALF, HALF), w),
    )
