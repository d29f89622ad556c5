"""A backbone in PyTorch: on a GPU where there is one, else on the CPU."""

import copy

import torch
from torch import nn

from florascope.model.backbone import Backbone
from florascope.training.engine import Batch, Features
from florascope.training.engine_choice import Precision


class Torch:
    """Runs the network eagerly, its tensors laid out channels last.

    Args:
        backbone: the network; copied.
        precision: "32", or "bf16" for products of bfloat16 (features come back as float32).
    """

    def __init__(self, backbone: Backbone, precision: Precision) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._half = precision == "bf16"
        network: nn.Module = copy.deepcopy(backbone).eval().to(self._device)
        self._network = network.to(memory_format=torch.channels_last)

    def __call__(self, batch: Batch) -> Features:
        """Pooled features of a normalised batch."""
        images = torch.from_numpy(batch).to(self._device, non_blocking=True)
        images = images.contiguous(memory_format=torch.channels_last)
        with (
            torch.inference_mode(),
            torch.autocast(self._device.type, torch.bfloat16, enabled=self._half),
        ):
            features: Features = self._network(images).features.float().cpu().numpy()
        return features
