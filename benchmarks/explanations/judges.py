"""Other libraries as judges: do Quantus and Xplique find the same of our maps as the audit does?

    KERAS_BACKEND=tensorflow python benchmarks/explanations/judges.py

Pasted photos, whose truth is known (`scenes.py`), explained by the shipped model. Where the flower
is known, Quantus (https://github.com/understandable-machine-intelligence-lab/Quantus) and the audit
compute the same figure, so that their difference must be 0. Xplique's deletion and insertion
(https://github.com/deel-ai/xplique) delete single pixels and put grey in their place, where the
audit blurs squares: figures differ, and a random order looks better there, since scattered pixels
confuse a network wherever they lie.

Both are needed by this benchmark alone, Xplique with TensorFlow 2.20 at the most, which ends the
process where it is imported before PyTorch. FLORASCOPE_DATA holds flowers-102. Writes
results/judges.md beside this file.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from peers import PytorchGradCam
from scenes import Material, Scenes, pasted, recognised
from torch import Tensor

from florascope.audit.faithfulness import CentreBlob, Perturbation, RandomMap, faithfulness
from florascope.audit.localisation import localise
from florascope.audit.photos import TargetedImages, attribute
from florascope.bundle.config import find_bundle
from florascope.explanation.cam import ClassActivationMap
from florascope.explanation.inference import FastClassifier
from florascope.explanation.sharp import Sharp
from florascope.files import write_text
from florascope.nets.classifier import Classifier
from florascope.nets.saving import load_classifier

PHOTOS, PASTED = 120, 24
METHODS = (Sharp(), ClassActivationMap(), PytorchGradCam(), CentreBlob(), RandomMap())
ASIS = {
    "abs": False,
    "normalise": False,
    "disable_warnings": True,
    "display_progressbar": False,
}
SAME = {"pointing": "PointingGame", "energy": "RelevanceMassAccuracy", "auroc": "AUC"}
"""The audit's figures, and Quantus's of the same meaning."""

Row = list[object]


def localised(values: Tensor, scenes: Scenes) -> Iterator[object]:
    """Each figure by the audit and the largest difference to Quantus's, a photo."""
    import quantus

    ours = [localise(v, mask) for v, mask in zip(values.numpy(), scenes.masks, strict=True)]
    for figure, name in SAME.items():
        judge = getattr(quantus, name)(**ASIS)
        maps = values.clamp_min(0) if figure == "energy" else values
        theirs = judge(
            model=None,
            x_batch=scenes.images.numpy(),
            y_batch=scenes.targets.numpy(),
            a_batch=maps[:, None].numpy(),
            s_batch=np.stack(scenes.where)[:, None],
        )
        found = np.array([getattr(one, figure) for one in ours])
        yield f"{found.mean():.3f}"
        yield f"{np.abs(found - np.array(theirs, float)).max():.0e}"


def taken_apart(classifier: Classifier, scenes: Scenes) -> Callable[[Tensor], Iterator[object]]:
    """Deletion and insertion by the audit and by Xplique."""
    from xplique.metrics import Deletion, Insertion
    from xplique.wrappers import TorchWrapper

    fast, how = FastClassifier(classifier), Perturbation.of(scenes.images.shape[2])
    wrapped = TorchWrapper(Probable(fast).eval(), "cpu", is_channel_first=True, requires_grad=False)
    pixels = scenes.images.permute(0, 2, 3, 1).numpy()
    asked = np.eye(len(classifier.classes), dtype=np.float32)[scenes.targets.numpy()]
    judges = [kind(wrapped, pixels, asked, batch_size=16) for kind in (Deletion, Insertion)]

    def judged(values: Tensor) -> Iterator[object]:
        curves = faithfulness(fast, scenes.images, scenes.targets, values, how).probability
        for area, judge in zip((curves.deletion_auc, curves.insertion_auc), judges, strict=True):
            yield f"{area.mean():.3f}"
            yield f"{judge.evaluate(values.numpy()[..., None]):.3f}"

    return judged


class Probable(torch.nn.Module):
    """A classifier that answers with probabilities, as Xplique's scores are."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        """Softmax of the logits, without gradients."""
        with torch.no_grad():
            return self.classifier(images).softmax(1)


def main() -> None:
    """Measure and write the table."""
    classifier = load_classifier(find_bundle("flowers102-mobilenetv2"))
    scenes = recognised(classifier, pasted(Material.of(classifier, PHOTOS), PASTED))
    judged, targeted = (
        taken_apart(classifier, scenes),
        TargetedImages(scenes.images, scenes.targets),
    )
    head = ["method"]
    head += [text for f, name in SAME.items() for text in (f, f"less Quantus's {name}, at most")]
    head += [text for f in ("deletion", "insertion") for text in (f, f"Xplique's {f}")]
    rows: list[Row] = [list(head), ["---"] * len(head)]
    for how in METHODS:
        values = attribute(classifier, how, targeted).values.detach()
        rows.append([how.name, *localised(values, scenes), *judged(values)])
        print(*rows[-1], flush=True)
    table = "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)
    write_text(Path(__file__).parent / "results" / "judges.md", f"{about(scenes)}\n\n{table}\n")


def about(scenes: Scenes) -> str:
    """What was measured, by which versions."""
    import quantus
    import tensorflow as tf
    import xplique

    text = " ".join((__doc__ or "").split("\n\n")[2].split())
    return (
        f"# Other libraries as judges\n\nMade by `benchmarks/explanations/judges.py` with Quantus"
        f" {quantus.__version__}, Xplique {xplique.__version__} and TensorFlow"
        f" {tf.__version__}; {len(scenes.where)} photos. {text}"
    )


if __name__ == "__main__":
    main()
