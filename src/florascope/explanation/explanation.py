"""Why a classifier answers as it does, for one photo, by any method."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from PIL import Image

from florascope.data.dataset import ClassName
from florascope.data.names import match_classes
from florascope.display import picture_html
from florascope.errors import ExplanationError, check_arguments
from florascope.explanation.attribution import Attribution, Explainer, Targets, fitting_methods
from florascope.explanation.cam import ClassActivationMap, GradCAM
from florascope.explanation.direct import Direct
from florascope.explanation.integrated_gradients import IntegratedGradients
from florascope.explanation.layer_cam import LayerCAM
from florascope.explanation.legrad import LeGrad
from florascope.explanation.occlusion import Occlusion, announce
from florascope.explanation.sharp import Sharp
from florascope.images import RGB, as_rgb, write_picture
from florascope.nets.classifier import Classifier, Logits
from florascope.nets.extractor import Images
from florascope.nets.outside import wrap
from florascope.overlay import Picture, full_colour, overlay

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def contrast(
    explainer: Explainer, classifier: Classifier, images: Images, targets: Targets, rivals: Targets
) -> Attribution:
    """Explain logit[target] - logit[rival] by the difference of the two classes' maps.

    For the class activation map and fixed Integrated Gradients, which are linear in the logit,
    this is the map of the difference itself. A complete method stays complete: the values sum to
    the difference of the two totals.

    Args:
        explainer: any method.
        classifier: the network.
        images: (b, 3, H, W) normalised inputs.
        targets: (b,) class A of each.
        rivals: (b,) class B of each.
    """
    ours = explainer(classifier, images, targets)
    other = explainer(classifier, images, rivals)
    values, total = ours.values - other.values, ours.total - other.total
    return Attribution(ours.method, values, total, ours.complete, ours.partial)


METHODS: dict[str, Callable[[], Explainer]] = {
    "sharp": Sharp,
    "cam": ClassActivationMap,
    "direct": Direct,
    "legrad": LeGrad,
    "gradcam": GradCAM,
    "layercam": LayerCAM,
    "ig": IntegratedGradients,
    "occlusion": Occlusion,
}


def default_method(classifier: Classifier) -> str:
    """Return the method that suits a network best; see `fitting_methods`."""
    return fitting_methods(classifier.backbone)[0]


def explainer(name: str) -> Explainer:
    """Return an explainer with its default settings.

    Raises:
        ExplanationError: there is none of that name.
    """
    if name not in METHODS:
        raise ExplanationError(f"no method {name!r}", expected=f"one of {', '.join(METHODS)}")
    return METHODS[name]()


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a classifier answers as it does: the evidence of each pixel.

    Attributes:
        method: the explainer's name.
        target: the class that is explained.
        against: the class that it is compared with: values are then the evidence for the target
            less that for this one, logit the difference of the two; None for the target alone.
        logit: of the target, or the difference.
        probability: of the target, from the softmax.
        gap: completeness gap, where the method promises completeness.
        left_out: share of the logit that is not in the map, where the method knows it.
        crop: (S, S, 3) what the network saw.
        values: (S, S) evidence of each pixel in logit units, + for and - against.
    """

    method: str
    target: ClassName
    against: ClassName | None
    logit: float
    probability: float
    gap: float | None
    crop: RGB
    values: Float32[np.ndarray, "s s"]
    left_out: float | None = None

    @property
    def question(self) -> str:
        """What is asked: "Why lotus?", or "Why lotus and not rose?"."""
        rival = "" if self.against is None else f" and not {self.against.name}"
        return f"Why {self.target.name}{rival}?"

    def picture(self) -> Picture:
        """Draw the evidence over the photo, orange for and blue against, (S, S, 3)."""
        return overlay(self.crop, self.values, full_colour(self.values))

    @check_arguments(ExplanationError)
    def save(self, path: str | PathLike[str]) -> None:
        """Write the picture as a file of the kind that the name's ending says, PNG without one.

        Raises:
            ExplanationError: the path is a folder, or its ending no picture's.
            FlorascopeError: the file cannot be written.
        """
        target = Path(path)
        write_picture(target, self.picture(), _picture_kind(target))

    def plot(self, axes: "Axes | None" = None) -> "Axes":
        """Draw the picture on matplotlib axes; None makes a figure of its own."""
        from matplotlib import pyplot as plt

        shown = axes or plt.subplots()[1]
        shown.imshow(self.picture())
        shown.set_title(f"{self.question} ({self.method})")
        shown.set_axis_off()
        return shown

    def to_json(self) -> dict[str, Any]:
        """Return everything but the pixels as JSON values."""
        return {
            "method": self.method,
            "target": asdict(self.target),
            "against": None if self.against is None else asdict(self.against),
            "logit": self.logit,
            "probability": self.probability,
            "completeness_gap": self.gap,
            **({} if self.left_out is None else {"left_out": self.left_out}),
        }

    def __repr__(self) -> str:
        size = "x".join(map(str, self.values.shape))
        return f"<Explanation {self.question} by {self.method}, {size}, logit {self.logit:+.2f}>"

    def _repr_html_(self) -> str:
        caption = f"{self.question} {self.method}, {self.probability:.1%}, logit {self.logit:+.2f}"
        return picture_html(self.picture(), caption, kind="PNG")


def _picture_kind(target: Path) -> str:
    """Return Pillow's name of the format that a file's name asks for.

    Raises:
        ExplanationError: there is none.
    """
    if target.is_dir():
        raise ExplanationError(
            f"{target} is a folder",
            expected="a file's name",
            fix=f"save({str(target / 'why.png')!r})",
        )
    kind = Image.registered_extensions().get(target.suffix.lower() or ".png")
    if kind not in Image.SAVE:
        raise ExplanationError(
            f"{target} is no picture's name",
            expected="one that ends in .png, .jpg, .webp or another that Pillow writes",
            fix=f"save({str(target.with_suffix('.png'))!r})",
        )
    return kind


@check_arguments(ExplanationError)
def explain(
    model: Any,  # noqa: ANN401 (see `florascope.wrap`)
    photo: Any,  # noqa: ANN401 (see `florascope.images.as_rgb`)
    method: Explainer | str | None = None,
    target: int | str | None = None,
    against: int | str | None = None,
    layers: Sequence[str] = (),
) -> Explanation:
    """Explain the answer to one photo.

        fs.explain(torchvision.models.resnet18(weights="DEFAULT"), "photo.jpg", target=985)

    Args:
        model: a classifier, or any network that `florascope.wrap` takes: PyTorch's, Keras's, or the
            path of an ONNX or Keras file, a bundle or a run. Who explains many photos wraps it
            once, and names its classes.
        photo: of any size: a path, bytes, a PIL image, pixels (h, w, 3), a data set's photo.
        method: an explainer or the name of one ("sharp", "cam", "direct", "legrad", "gradcam",
            "layercam", "ig", "occlusion"); None takes the one that suits the network best.
        target: index, id or name of the class; None explains the answer.
        against: the class to compare it with; "nearest" for what the network finds likeliest beside
            it (Finer-CAM, Zhang et al. 2025, arXiv 2501.11309); None for none.
        layers: names of the network's modules for "layercam", which then is the method.

    Raises:
        PhotoError: the photo cannot be read.
        ExplanationError: the class is compared with itself or unknown, or the method is unknown or
            does not exist for this network; or the network cannot be wrapped.
    """
    classifier = wrap(model)
    question = Question.of(classifier, layers_method(layers, method), target, against)
    crop = classifier.preprocessing.crop(as_rgb(photo))
    announce(question.how, classifier, 1)
    (found,) = explain_crops(classifier, crop[None], question)
    return found


def layers_method(layers: Sequence[str], method: Explainer | str | None) -> Explainer | str | None:
    """Return the method: LayerCAM where layers are named, else what was asked for.

    Raises:
        ExplanationError: layers are named beside another method.
    """
    if not layers:
        return method
    if method not in (None, LayerCAM.name):
        raise ExplanationError(
            f"layers are named for the method {method}",
            expected="layercam, the one that looks at layers",
            fix="Leave out `layers`, or take `method='layercam'`",
        )
    return LayerCAM(tuple(layers))


Nearest = Literal["nearest"]
NEAREST: Nearest = "nearest"


@dataclass(frozen=True)
class Question:
    """What is asked of each photo.

    Attributes:
        how: the method.
        target: index of the class; None asks for the answer.
        rival: index of the class to compare it with, or NEAREST; None for none.
    """

    how: Explainer
    target: int | None = None
    rival: int | Nearest | None = None

    @classmethod
    def of(
        cls,
        classifier: Classifier,
        method: Explainer | str | None = None,
        target: int | str | None = None,
        against: int | str | None = None,
    ) -> Self:
        """Read a question in the terms of `explain`; errors as there."""
        if method is None or isinstance(method, str):
            method = explainer(method or default_method(classifier))
        chosen = None if target is None else find_class(classifier, target)
        return cls(method, chosen, None if against is None else _find_rival(classifier, against))

    def rivals(self, logits: Logits, targets: Targets) -> Targets | None:
        """Return the class that each photo's is compared with; None for none."""
        if self.rival == NEAREST:
            return logits.scatter(1, targets[:, None], -torch.inf).argmax(1)
        return None if self.rival is None else torch.full_like(targets, self.rival)


def explain_crops(
    classifier: Classifier,
    crops: UInt8[np.ndarray, "b s s 3"],
    question: Question,
    network: Callable[[Images], Logits] | None = None,
) -> list[Explanation]:
    """Explain the answers to a batch of photos.

    Args:
        classifier: the network.
        crops: the photos as its preprocessing crops them.
        question: asked of each.
        network: a faster way to its logits (`hastened`); None for the classifier itself.

    Raises:
        ExplanationError: a photo's class is compared with itself, or the method does not exist for
            this network.
    """
    images = torch.from_numpy(classifier.preprocessing.normalise(crops))
    with torch.no_grad():
        logits = (network or classifier)(images)
    targets = logits.argmax(1)
    if question.target is not None:
        targets = torch.full_like(targets, question.target)
    rivals = question.rivals(logits, targets)
    if rivals is None:
        found = question.how(classifier, images, targets)
    else:
        _refuse_itself(classifier, targets, rivals)
        found = contrast(question.how, classifier, images, targets, rivals)
    classes = classifier.classes
    shares = logits.double().softmax(1)
    scores = logits if rivals is None else logits - logits.gather(1, rivals[:, None])
    gaps = found.gap.tolist() if found.complete else [None] * len(crops)
    left_out = found.left_out.tolist() if found.partial else [None] * len(crops)
    values = found.values.detach().float().numpy()
    return [
        Explanation(
            method=found.method,
            target=classes[target],
            against=None if rivals is None else classes[int(rivals[row])],
            logit=scores[row, target].item(),
            probability=shares[row, target].item(),
            gap=gaps[row],
            left_out=left_out[row],
            crop=crops[row],
            values=values[row],
        )
        for row, target in enumerate(targets.tolist())
    ]


def _refuse_itself(classifier: Classifier, targets: Targets, rivals: Targets) -> None:
    same = (targets == rivals).nonzero()
    if len(same):
        raise ExplanationError(
            f"{classifier.classes[int(rivals[0])].name} is the class that is explained",
            expected="another one to compare it with",
            fix="Name another class in `against`, or another target",
        )


def _find_rival(classifier: Classifier, asked: int | str) -> int | Nearest:
    """Return a class's index, or NEAREST where no class is called so."""
    if asked == NEAREST and match_classes([ClassName(NEAREST, NEAREST)], classifier.classes)[0] < 0:
        return NEAREST
    return find_class(classifier, asked)


def find_class(classifier: Classifier, asked: int | str) -> int:
    """Return the index of the class with this index, id, or else name.

    Raises:
        ExplanationError: there is none.
    """
    classes = classifier.classes
    if not isinstance(asked, str):
        if 0 <= asked < len(classes):
            return int(asked)
        raise ExplanationError(
            f"no class of index {asked}", expected=f"an index from 0 to {len(classes) - 1}"
        )
    (found,) = match_classes([ClassName(asked, asked)], classes)
    if found >= 0:
        return found
    some = ", ".join(c.id for c in classes[:5])
    raise ExplanationError(
        f"no class {asked!r}", expected=f"the id or name of a class of the bundle ({some}, ...)"
    )
