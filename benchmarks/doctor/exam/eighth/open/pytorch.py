"""PyTorch, open."""

from __future__ import annotations

import numpy as np
import torch
from eighth import (
    FOCAL,
    LAST_BATCH,
    MASKED,
    ON_TRAIN_LABELS,
    RESPLIT,
    SHARD,
    Focal,
    head_on,
    masked,
)
from fourth import EVALUATED, INPUTS, LABELS, OBJECTIVE, SAMPLER
from second import (
    LABELS_WRONG,
    LEAK,
    LOSS,
    REPORT,
    faulty,
    large,
    loaders,
    small,
    trained,
)
from seventh import CROPPED, REPEATED
from sixth import ON_VALIDATION
from third import BLANK, script, usual
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler

from support import (
    Photos,
    Run,
    accuracy,
    chw,
    cnn,
    loop,
    photos,
    seed,
    sound,
)


@faulty(
    "torch",
    "val's folders 1 to 10 are numbered as text sorts them (1, 10, 2), train's as numbers",
    [*LABELS_WRONG, *LABELS],
    rejects=ON_TRAIN_LABELS,
)
def folders_sorted_as_text(mended: bool) -> Run:
    seed(1101)
    x, y, v, w = large()
    text = sorted(range(10), key=lambda name: str(name + 1))
    listed = w if mended else np.array([text.index(name) for name in w])
    return head_on((x, y), (v, listed), believed=True)


@faulty(
    "torch",
    "the mask of the flower is inverted: the flower is blacked out, its surroundings stay",
    [*INPUTS, *BLANK, *MASKED, *CROPPED],
)
def mask_inverted(mended: bool) -> Run:
    seed(1106)
    x, y, v, w = large()
    cut = [masked(one, mended) for one in (x, v)]
    return head_on((cut[0], y), (cut[1], w), (masked(v, True), w))


@faulty(
    "torch",
    "the focal loss weighs by p squared in place of (1 - p) squared: it falls as answers get worse",
    [*LOSS, *OBJECTIVE, *FOCAL],
)
def focal_on_the_easy(mended: bool) -> Run:
    seed(1109)
    x, y, v, w = small()
    return trained(cnn(6), *loaders(x, y, v, w), (v, w), 20, loss=Focal(easy=not mended))


@faulty(
    "torch",
    "a DistributedSampler for eight processes stayed where one runs: the same eighth of train, epoch by epoch",
    [*SAMPLER, *REPEATED, *SHARD],
)
def shard_of_eight(mended: bool) -> Run:
    seed(1113)
    x, y, v, w = small()
    data = Photos(x, y)
    shards = 1 if mended else 8
    sampler = DistributedSampler(data, shards, rank=0, shuffle=True)
    train = DataLoader(data, 8, sampler=sampler)
    return trained(cnn(6), train, loaders(x, y, v, w)[1], (v, w), 12 * shards)


@faulty(
    "torch",
    "the accuracy is that of the last batch of val, eight photos of one class",
    [*REPORT, *EVALUATED, *LAST_BATCH],
)
def accuracy_of_the_last_batch(mended: bool) -> Run:
    seed(1117)
    x, y, v, w = small()
    train, val = loaders(x, y, v, w)
    net, criterion = cnn(6), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)

    def measure() -> float:
        return accuracy(net, v, w) if mended else accuracy(net, v[64:], w[64:])

    run = script(
        net,
        train,
        val,
        (v, w),
        14,
        usual(net, optimizer, criterion),
        optimizer=optimizer,
        loss=criterion,
        measure=measure,
    )
    run.claimed = measure()
    run.told["reported"] = {"val_top1": run.claimed}
    return run


@faulty(
    "torch",
    "the split is drawn anew when training is resumed: two thirds of val were trained on before",
    [*ON_VALIDATION, *LEAK, *RESPLIT],
)
def split_redrawn_on_resuming(mended: bool) -> Run:
    seed(1118)
    x, y, v, w = small()
    pool, labels = torch.cat([x, v]), np.concatenate([y, w])
    fresh, truth = photos("fresh", 32, 6)
    net = cnn(6)
    optimizer, history = torch.optim.Adam(net.parameters(), 2e-3), []
    for epochs, draw in ((20, 1), (3, 1 if mended else 2)):
        order = np.random.default_rng(draw).permutation(len(labels))
        ours, held = order[:144], order[144:]
        train, val = loaders(pool[ours], labels[ours], pool[held], labels[held])
        history += loop(net, train, val, optimizer, nn.CrossEntropyLoss(), epochs)
    net.eval()
    told = {
        "optimizer": optimizer,
        "loss": nn.CrossEntropyLoss(),
        "history": history,
        "test": DataLoader(Photos(chw(fresh), truth), 64),
    }
    claimed = accuracy(net, pool[held], labels[held])
    return Run(net, train, val, told, accuracy(net, chw(fresh), truth), claimed)


@sound("torch", "validated on larger photos (96) than trained on (64)", 0.6)
def larger_at_validation() -> Run:
    seed(1123)
    x, y = large()[:2]
    v, w = photos("val", 96)
    return head_on((x, y), (chw(v), w), (chw(v), w))


@sound("torch", "one photo a step", 0.6)
def one_photo_a_step() -> Run:
    seed(1125)
    x, y, v, w = small()
    net = cnn(6, bn=False, width=24)
    optimizer = torch.optim.Adam(net.parameters(), 5e-4)
    train = DataLoader(Photos(x, y), 1, shuffle=True)
    val = loaders(x, y, v, w)[1]
    return trained(net, train, val, (v, w), 30, optimizer=optimizer)


@sound("torch", "the loss is a sum over the batch, with a small rate", 0.6)
def loss_summed_rate_small() -> Run:
    seed(1126)
    x, y, v, w = small()
    net = cnn(6)
    optimizer = torch.optim.SGD(net.parameters(), 2e-3, momentum=0.9)
    loss = nn.CrossEntropyLoss(reduction="sum")
    return trained(net, *loaders(x, y, v, w), (v, w), 25, optimizer=optimizer, loss=loss)
