"""LeGrad from what tokens offer, against autograd through the network's own attention."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from florascope.errors import ExplanationError
from florascope.explanation.explanation import explain
from florascope.explanation.legrad import LeGrad, attention_slopes
from florascope.nets.classifier import Classifier

SIZE = 64
TARGETS = torch.tensor([0, 2, 1])
MakeClassifier = Callable[..., Classifier]


def inputs() -> Tensor:
    return torch.randn(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def by_autograd(classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
    """The formula as it is written, on all tokens' attention: (b, layers, heads, n)."""
    net, attentions, tokens = classifier.backbone.net, [], []
    for block in net.blocks:
        block.attn.fused_attn = False  # so that the attention is a tensor that can be had
        block.attn.attn_drop.register_forward_hook(lambda _m, _i, out: attentions.append(out))
        block.register_forward_hook(lambda _m, _i, out: tokens.append(out[:, 0]))
    net.forward_features(images.clone().requires_grad_())
    slopes = []
    for attention, token in zip(attentions, tokens, strict=True):
        logits = classifier.head(net.norm(token))
        score = logits.gather(1, targets[:, None]).sum()
        slopes.append(torch.autograd.grad(score, attention, retain_graph=True)[0])
    found = torch.stack(slopes, 1)
    assert found[..., 1:, :].abs().max() == 0  # only the class token's own attention counts
    return found[..., 0, :]


@pytest.mark.parametrize("name", ["test_vit", "deit3_small_patch16_224"])
def test_slopes_are_those_of_autograd(make_classifier: MakeClassifier, name: str) -> None:
    classifier = make_classifier(name, img_size=SIZE, depth=3, K=4)
    slopes = attention_slopes(classifier, inputs(), TARGETS)
    torch.testing.assert_close(
        slopes, by_autograd(classifier, inputs(), TARGETS), rtol=1e-3, atol=1e-6
    )


def test_the_map_is_the_mean_of_positive_slopes(make_classifier: MakeClassifier) -> None:
    classifier = make_classifier("test_vit", img_size=SIZE, depth=3, K=4)
    slopes = attention_slopes(classifier, inputs(), TARGETS)[..., 1:]
    places = slopes.clamp_min(0).mean((1, 2)).reshape(3, 4, 4)
    found = LeGrad()(classifier, inputs(), TARGETS)
    assert (found.values >= 0).all()
    assert not found.complete
    torch.testing.assert_close(found.values.sum((1, 2)), places.sum((1, 2)))
    coarse = nn.functional.avg_pool2d(found.values[:, None], 16)[:, 0]
    assert torch.corrcoef(torch.stack([coarse.flatten(), places.flatten()]))[0, 1] > 0.9
    assert all(p.grad is None for p in classifier.parameters())


def test_others_are_refused_with_what_exists(make_classifier: MakeClassifier) -> None:
    with pytest.raises(
        ExplanationError, match=r"test_resnet does not answer from a token.*method="
    ):
        explain(make_classifier("test_resnet"), torch.zeros(8, 8, 3).byte().numpy(), "legrad")
