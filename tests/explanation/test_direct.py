"""Direct effects: they sum to the logit, by formula and by taking parts of the network away."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from florascope.errors import ExplanationError
from florascope.explanation.direct import Direct, direct_effects
from florascope.explanation.explanation import Question, default_method, explain, explain_crops
from florascope.nets.classifier import Classifier
from florascope.nets.wrapped import wrap

SIZE = 64
TARGETS = torch.tensor([0, 2, 1])
NETWORKS = ["test_vit", "vit_tiny_patch16_224", "deit_tiny_patch16_224"]

MakeClassifier = Callable[..., Classifier]


def network(make_classifier: MakeClassifier, name: str = "test_vit") -> Classifier:
    return make_classifier(name, img_size=SIZE, depth=3, K=4)


def inputs() -> Tensor:
    return torch.randn(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", NETWORKS)
def test_all_parts_sum_to_the_logit(make_classifier: MakeClassifier, name: str) -> None:
    classifier = network(make_classifier, name)
    effects = direct_effects(classifier, inputs(), TARGETS)
    with torch.no_grad():
        logits = classifier(inputs()).gather(1, TARGETS[:, None])[:, 0]
    torch.testing.assert_close(effects.logit, logits, rtol=1e-4, atol=1e-4)
    assert effects.tokens.shape[:2] == (3, 3)
    assert effects.mlps.shape == (3, 3)


def test_a_heads_effect_is_what_the_logit_loses_without_it(make_classifier: MakeClassifier) -> None:
    """In the last block nothing comes after but its MLP, which is switched off: no formula."""
    classifier = network(make_classifier)
    block = classifier.backbone.net.blocks[-1]
    nn.init.zeros_(block.mlp.fc2.weight)
    effects = direct_effects(classifier, inputs(), TARGETS)
    whole = _before_the_norm(classifier)
    with torch.no_grad():  # the first of two heads writes through the first half of the projection
        block.attn.proj.weight[:, :32] = 0
    lost = whole - _before_the_norm(classifier)
    sigma = (whole.var(1, unbiased=False) + 1e-6).sqrt()
    norm, weight = classifier.backbone.net.norm, classifier.head.weight[TARGETS]
    expected = (weight * norm.weight * (lost - lost.mean(1, keepdim=True))).sum(1) / sigma
    torch.testing.assert_close(effects.tokens[:, -1, 0].sum(1), expected, rtol=1e-3, atol=1e-5)


def _before_the_norm(classifier: Classifier) -> Tensor:
    net = classifier.backbone.net
    norm, net.norm = net.norm, nn.Identity()
    with torch.no_grad():
        tokens: Tensor = net.forward_features(inputs())
    net.norm = norm
    return tokens[:, 0]


def test_a_place_that_is_not_attended_to_has_no_effect(make_classifier: MakeClassifier) -> None:
    """Registers and class token are left out; each patch's evidence lies in its own place."""
    classifier = network(make_classifier)
    effects = direct_effects(classifier, inputs(), TARGETS)
    places = effects.tokens.sum((1, 2))[:, 1:].reshape(3, 4, 4)
    found = Direct()(classifier, inputs(), TARGETS)
    coarse = nn.functional.avg_pool2d(found.values[:, None], 16)[:, 0] * 256
    torch.testing.assert_close(found.values.sum((1, 2)), places.sum((1, 2)), rtol=1e-4, atol=1e-5)
    signs = torch.corrcoef(torch.stack([coarse.flatten(), places.flatten()]))[0, 1]
    assert signs > 0.9  # bilinear: the neighbours take part


def test_what_is_left_out_is_said(make_classifier: MakeClassifier) -> None:
    classifier = network(make_classifier)
    effects = direct_effects(classifier, inputs(), TARGETS)
    found = Direct()(classifier, inputs(), TARGETS)
    rest = effects.tokens[..., 0].sum((1, 2)) + effects.mlps.sum(1)
    rest = rest + effects.start + effects.constants
    held = effects.tokens[..., 1:].sum((1, 2, 3))
    assert (found.complete, found.partial) == (False, True)
    torch.testing.assert_close(
        found.left_out, rest.abs() / (rest.abs() + held.abs()), rtol=1e-3, atol=1e-4
    )
    question = Question.of(classifier)
    side = classifier.preprocessing.size
    (explained,) = explain_crops(classifier, torch.zeros(1, side, side, 3).byte().numpy(), question)
    assert explained.method == "direct"
    assert explained.gap is None
    assert explained.to_json()["left_out"] == explained.left_out
    assert explained.left_out is not None
    assert 0 <= explained.left_out <= 1


def test_a_batch_is_each_alone_and_each_row_its_own_target(make_classifier: MakeClassifier) -> None:
    classifier = network(make_classifier)
    together = Direct()(classifier, inputs(), TARGETS).values
    for row in range(3):
        alone = Direct()(classifier, inputs()[row : row + 1], TARGETS[row : row + 1]).values
        torch.testing.assert_close(together[row], alone[0], rtol=1e-3, atol=1e-6)
    other = Direct()(classifier, inputs(), torch.tensor([0, 2, 3])).values
    torch.testing.assert_close(other[:2], together[:2])
    assert not torch.allclose(other[2], together[2])


def test_the_default_of_a_network_that_reads_a_token(make_classifier: MakeClassifier) -> None:
    classifier = network(make_classifier)
    assert default_method(classifier) == "direct"
    net = classifier.backbone.net
    net.head = nn.Linear(64, 4)
    wrapped = wrap(net, preprocessing=classifier.preprocessing)
    with torch.no_grad():
        wrapped.head.weight.copy_(classifier.head.weight)
    assert default_method(wrapped) == "direct"
    ours, theirs = (Direct()(c, inputs(), TARGETS).values for c in (classifier, wrapped))
    torch.testing.assert_close(ours, theirs)


def test_others_are_refused_with_what_exists(make_classifier: MakeClassifier) -> None:
    classifier = make_classifier("test_resnet")
    with pytest.raises(
        ExplanationError, match=r"test_resnet does not answer from a token.*method="
    ):
        explain(classifier, torch.zeros(8, 8, 3).byte().numpy(), "direct")
