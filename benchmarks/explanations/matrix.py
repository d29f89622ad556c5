"""Which explanations exist for which network, and do those that promise a sum keep it?

    python benchmarks/explanations/matrix.py [NETWORK...]

Architectures of timm, torchvision and Hugging Face with random weights, wrapped as they come
(`florascope.wrap`), and every method. A cell says what was measured on two pictures of noise: the
largest |sum of the map + bias - logit| relative to the largest logit where the method promises that
sum, "map" where it promises none, or why the method does not exist. "direct" promises that all of
its parts sum to the logit, the map being one of them; "ig" says how near it came with up to 64
passes a picture. LayerCAM is asked for two layers in the middle, occlusion for 6 x 6 squares. Hooks
left behind are an error.

Hugging Face's `transformers` is needed by this benchmark alone. Some minutes on two cores. Writes
results/{matrix.csv, matrix.md} beside this file.
"""

import csv
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import timm
import torch
import torchvision
import transformers
from torch import Tensor, nn

import florascope as fs
from florascope.errors import ExplanationError
from florascope.explanation.attribution import Explainer, fitting_methods
from florascope.explanation.direct import direct_effects
from florascope.explanation.explanation import METHODS
from florascope.explanation.integrated_gradients import IntegratedGradients
from florascope.explanation.layer_cam import LayerCAM
from florascope.explanation.occlusion import Occlusion
from florascope.files import write_text
from florascope.nets.classifier import Classifier
from florascope.preprocessing import Preprocessing

SIZE, CLASSES = 224, 10
RESULTS = Path(__file__).parent / "results"
WIDTHS = [64, 128, 256, 512]
TARGETS = torch.tensor([3, 7])
Make = Callable[[], nn.Module]


def of_timm(name: str, **arguments: object) -> Make:
    """A network of timm."""
    return lambda: timm.create_model(name, num_classes=CLASSES, **arguments)


def of_torchvision(name: str) -> Make:
    """A network of torchvision."""
    return lambda: torchvision.models.get_model(name, weights=None, num_classes=CLASSES)


def of_hugging_face(name: str, **arguments: object) -> Make:
    """A network of transformers, by the names of its configuration and of its model."""
    config, model = (
        getattr(transformers, name + end) for end in ("Config", "ForImageClassification")
    )
    return lambda: model(config(num_labels=CLASSES, **arguments))


NETWORKS: dict[str, tuple[Make, tuple[str, str]]] = {
    "timm mobilenetv2_100": (of_timm("mobilenetv2_100"), ("blocks.3", "blocks.5")),
    "timm resnet18": (of_timm("resnet18"), ("layer2", "layer3")),
    "timm efficientnet_b0": (of_timm("efficientnet_b0"), ("blocks.3", "blocks.5")),
    "timm convnext_atto": (of_timm("convnext_atto"), ("stages.1", "stages.2")),
    "timm mobilenetv3_small_100": (of_timm("mobilenetv3_small_100"), ("blocks.2", "blocks.4")),
    "timm swin_tiny": (of_timm("swin_tiny_patch4_window7_224"), ("layers.1", "layers.2")),
    "timm vit_tiny (token)": (of_timm("vit_tiny_patch16_224"), ("blocks.5", "blocks.9")),
    "timm vit_tiny (average)": (
        of_timm("vit_tiny_patch16_224", global_pool="avg"),
        ("blocks.5", "blocks.9"),
    ),
    "timm vit_small_dinov2, registers": (
        of_timm("vit_small_patch14_reg4_dinov2", img_size=SIZE),
        ("blocks.5", "blocks.9"),
    ),
    "timm vit_tiny (attention pooling)": (
        of_timm("vit_tiny_patch16_224", global_pool="map", class_token=False),
        ("blocks.5", "blocks.9"),
    ),
    "torchvision densenet121": (
        of_torchvision("densenet121"),
        ("features.denseblock2", "features.denseblock3"),
    ),
    "torchvision vgg11": (of_torchvision("vgg11"), ("features.10", "features.15")),
    "torchvision vit_b_16": (
        of_torchvision("vit_b_16"),
        ("encoder.layers.encoder_layer_5", "encoder.layers.encoder_layer_9"),
    ),
    "Hugging Face ResNet": (
        of_hugging_face("ResNet", layer_type="basic", depths=[2, 2, 2, 2], hidden_sizes=WIDTHS),
        ("resnet.encoder.stages.1", "resnet.encoder.stages.2"),
    ),
    "Hugging Face ViT": (
        of_hugging_face("ViT", hidden_size=192, num_attention_heads=3, intermediate_size=768),
        ("vit.layers.5", "vit.layers.9"),
    ),
}


def explainer(name: str, layers: tuple[str, str]) -> Explainer:
    """Return a method; Integrated Gradients add up to 64 nodes, occlusion hides large squares."""
    asked: dict[str, Explainer] = {
        "layercam": LayerCAM(layers),
        "ig": IntegratedGradients(max_nodes=64),
        "occlusion": Occlusion(grid=6),
    }
    return asked.get(name) or METHODS[name]()


def cell(classifier: Classifier, how: Explainer, images: Tensor) -> str:
    """What one method does for one network."""
    try:
        found = how(classifier, images, TARGETS)
    except ExplanationError as error:
        return f"no: {error.found}"
    if not found.values.isfinite().all() or hooks(classifier):
        return "BROKEN"
    with torch.no_grad():
        logits = classifier(images)
    if how.name == "ig":
        return f"gap {found.gap.max():.1%}"
    if found.partial:
        total = direct_effects(classifier, images, TARGETS).logit
    elif found.complete:
        total = found.values.sum((1, 2)) + classifier.head.bias[TARGETS]
    else:
        return "map"
    gap = total - logits.gather(1, TARGETS[:, None])[:, 0]
    return f"{gap.abs().max() / logits.abs().max():.0e}"


def hooks(classifier: Classifier) -> int:
    """How many hooks a network holds."""
    return sum(
        len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks)  # noqa: SLF001
        for m in classifier.modules()
    )


def measured(name: str) -> list[str]:
    """One row: the network, its default, and every method's cell."""
    make, layers = NETWORKS[name]
    torch.manual_seed(0)
    classifier = fs.wrap(make().eval(), preprocessing=Preprocessing(size=SIZE))
    images = torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    cells = (cell(classifier, explainer(method, layers), images) for method in METHODS)
    return [name, fitting_methods(classifier.backbone)[0], *cells]


def page(rows: Sequence[Sequence[str]]) -> str:
    """The table, with the reasons why methods do not exist below it."""
    reasons: dict[str, str] = {}
    lines = [["network", "default", *METHODS], ["---"] * (2 + len(METHODS))]
    for row in rows:
        for text in row:
            if text.startswith("no: "):
                reasons.setdefault(text[4:], f"[{len(reasons) + 1}]")
        lines.append([f"no {reasons[c[4:]]}" if c.startswith("no: ") else c for c in row])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    notes = "\n".join(f"- {mark} {text}" for text, mark in reasons.items())
    about = " ".join((__doc__ or "").split("\n\n")[2].split())
    return f"# Which explanations exist for which network\n\n{about}\n\n{table}\n\n{notes}\n"


def main(*names: str) -> None:
    """Measure the networks that are named, or all, and write the table of all that have been."""
    file = RESULTS / "matrix.csv"
    held = (
        {row[0]: row for row in csv.reader(file.open(encoding="utf-8"))} if file.is_file() else {}
    )
    for name in names or NETWORKS:
        held[name] = measured(name)
        print(" | ".join(held[name]), flush=True)
        rows = [held[known] for known in NETWORKS if known in held]
        table = io.StringIO()
        csv.writer(table, lineterminator="\n").writerows(rows)
        write_text(file, table.getvalue())
        write_text(RESULTS / "matrix.md", page(rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
