"""The same explanations by other libraries, to be timed and compared in the same run.

Captum (https://captum.ai), pytorch-grad-cam (`pytorch_grad_cam`) and TorchCAM (`torchcam`) are
needed by this benchmark alone.
"""

from dataclasses import dataclass
from functools import cache

import torch
from captum.attr import IntegratedGradients, LayerGradCam
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn
from torchcam.methods import CAM
from torchcam.methods import GradCAM as TorchGradCAM

from florascope.errors import ExplanationError
from florascope.explanation.attribution import Attribution
from florascope.nets.classifier import Classifier

STEPS = 50  # Captum's default


@dataclass(frozen=True)
class CaptumIG:
    """Integrated Gradients from Captum's default baseline, zero, by Gauss-Legendre quadrature."""

    steps: int = STEPS
    name: str = "captum ig, 50 steps"

    def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
        """Sum over the channels, with the difference of the logits as the total."""
        values = IntegratedGradients(classifier).attribute(
            images,
            target=targets,
            n_steps=self.steps,
            method="gausslegendre",
            internal_batch_size=max(16, len(images)),
        )
        with torch.no_grad():
            ends = classifier(images) - classifier(torch.zeros_like(images))
        total = ends.gather(1, targets[:, None])[:, 0]
        return Attribution(self.name, values.detach().sum(1).float(), total, complete=True)


@dataclass(frozen=True)
class CaptumGradCam:
    """Grad-CAM of the last feature map, enlarged by Captum."""

    name: str = "captum gradcam"

    def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
        """Signed, at the input's size."""
        gradcam = LayerGradCam(classifier, last_layer(classifier))
        small = gradcam.attribute(images, target=targets).detach()
        size = tuple(images.shape[2:])
        return _incomplete(self.name, LayerGradCam.interpolate(small, size, "bilinear")[:, 0])


@dataclass(frozen=True)
class PytorchGradCam:
    """Grad-CAM of pytorch-grad-cam: positive part alone, scaled to [0, 1]."""

    name: str = "pytorch-grad-cam gradcam"

    def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
        """At the input's size."""
        chosen = [ClassifierOutputTarget(int(target)) for target in targets]
        with GradCAM(classifier, [last_layer(classifier)]) as gradcam:
            values = torch.from_numpy(gradcam(input_tensor=images, targets=chosen))
        return _incomplete(self.name, values)


@dataclass(frozen=True)
class TorchCam:
    """Class activation map of TorchCAM: positive part alone, at the feature map's size."""

    name: str = "torchcam cam"

    def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
        """Enlarged here, as TorchCAM leaves that to its caller."""
        layer, shape = last_layer(classifier), tuple(images.shape[1:])
        with CAM(classifier, layer, classifier.head, shape) as cam, torch.no_grad():
            classifier(images)
            (small,) = cam(targets.tolist())
        return _incomplete(self.name, _enlarged(small, images))


@dataclass(frozen=True)
class TorchGradCam:
    """Grad-CAM of TorchCAM: positive part alone, at the feature map's size."""

    name: str = "torchcam gradcam"

    def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
        """Enlarged here, as TorchCAM leaves that to its caller."""
        layer, shape = last_layer(classifier), tuple(images.shape[1:])
        with TorchGradCAM(classifier, layer, shape) as cam:
            (small,) = cam(targets.tolist(), classifier(images))
        return _incomplete(self.name, _enlarged(small, images))


PEERS = (CaptumGradCam(), PytorchGradCam(), TorchCam(), TorchGradCam())


@cache
def last_layer(classifier: Classifier) -> nn.Module:
    """Find the module of the backbone whose output is the feature map; once, outside the timing.

    Raises:
        ExplanationError: no module's output is it (token-based backbones).
    """
    outputs: list[tuple[nn.Module, Tensor]] = []

    def note(module: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, Tensor):
            outputs.append((module, output))

    hooks = [module.register_forward_hook(note) for module in classifier.backbone.net.modules()]
    size = classifier.preprocessing.size
    with torch.no_grad():
        shape = classifier.answer(torch.zeros(1, 3, size, size)).map.shape
    for hook in hooks:
        hook.remove()
    found = [module for module, output in outputs if output.shape == shape]
    if not found:
        raise ExplanationError(
            f"no layer of {classifier.backbone.name} puts out the feature map",
            expected="a convolutional backbone for the peers' Grad-CAM",
        )
    return found[-1]


def _enlarged(small: Tensor, images: Tensor) -> Tensor:
    size = images.shape[2:]
    return nn.functional.interpolate(small[:, None], size=size, mode="bilinear")[:, 0].detach()


def _incomplete(name: str, values: Tensor) -> Attribution:
    return Attribution(name, values.float(), torch.zeros(len(values)), complete=False)
