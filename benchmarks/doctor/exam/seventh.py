"""What the seventh exam has beside `fourth`: ways of naming its causes, photos as other files hold them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image
from second import large, loaders
from torch import Tensor, nn

from support import Net, Run, accuracy, backbone, fit_head, photos

CLIPPED = [r"clip|gradient norm|norm of (the )?gradients?"]
CLASS_WEIGHTS = [
    r"(class|sample|loss)[ _]?weights?|weights? (of|for) (the |some |each |rare )?(class|photo|sample)",
    r"(weigh(t|s|ed)|rare|few).{0,60}class|class(es)?.{0,60}(weigh|rare|neglect|never (answered|predicted|learned))",
]
CROPPED = [r"crop|corner|framing|cut(s|ting)? (out|away|off)|translat|out of (the )?frame"]
SOFT_TARGETS = [r"teacher|distil|soft (target|label)s?"]
REGULARISED = [
    r"weight.?decay|regulari[sz]|penalt|\bl[12]\b|shrink|shrunk|(weights?|features?|activations?).{0,60}(vanish|near zero|towards zero|collaps|dead|die)",
]
AVERAGED = [r"\bema\b|moving average|averaged (weights|model|copy)|copy of the (model|network)"]
REPEATED = [
    r"(only|same) .{0,30}(photos?|images?|batch|batches|order|samples?)",
    r"(few|part|some|\d+( of \d+)?) (of the |train(ing)? )*(photos?|images?|samples?).{0,60}(seen|used|trained|drawn)",
    r"manual_seed|\bseed(s|ed)?\b",
]
RESTORED = [
    r"(restor|kept|best|stopp|early).{0,60}(epoch|weights|worst|wrong)|monitor|mode ?=",
    r"(worst|earl(y|ier)|first) epoch",
]


def classes_apart(first: int, then: int) -> tuple[np.ndarray, np.ndarray]:
    """Six classes at 32 px: `first` photos of each of the first three, `then` of each of the others."""
    x, y = photos("train", 32, 6)
    rows = np.concatenate(
        [np.flatnonzero(y == name)[: first if name < 3 else then] for name in range(6)]
    )
    return x[rows], y[rows]


def head_run(x: Tensor | None = None, y: Any = None, epochs: int = 12, **lines: Any) -> Run:
    """A head on a frozen backbone, trained on these photos and labels, or on the right ones."""
    right, labels, v, w = large()
    x, y = right if x is None else x, labels if y is None else y
    net = Net(backbone(), nn.Linear(1280, 10))
    history, optimizer = fit_head(net, (x, y), (v, w), epochs=epochs, **lines)
    told = {"optimizer": optimizer, "loss": nn.CrossEntropyLoss(), "history": history}
    return Run(net, *loaders(x, y, v, w), told, accuracy(net, v, w))


def rows_padded(photo: np.ndarray, skip: bool) -> np.ndarray:
    """A photo from a file whose rows are padded to 16 bytes: the padding skipped, or read as pixels."""
    height, width = photo.shape[:2]
    used = width * 3
    stride = -(-(used + 1) // 16) * 16
    held = np.zeros((height, stride), np.uint8)
    held[:, :used] = photo.reshape(height, used)
    flat = held[:, :used] if skip else held.reshape(-1)[: height * used]
    return np.ascontiguousarray(flat).reshape(height, width, 3)


def palette(photo: np.ndarray, colours: bool) -> np.ndarray:
    """A photo from a PNG with a palette of its own: its colours, or the places in the palette."""
    kept = Image.fromarray(photo).quantize(64)
    if colours:
        return np.asarray(kept.convert("RGB"))
    return np.repeat(np.asarray(kept)[..., None] * 4, 3, -1).astype(np.uint8)


def each_of(change: Callable[[np.ndarray], np.ndarray], *sets: np.ndarray) -> list[np.ndarray]:
    return [np.stack([change(photo) for photo in photos_]) for photos_ in sets]
