"""What every explainer keeps to: a method in METHODS is under this suite without further ado."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from florascope.data.dataset import ClassName
from florascope.explanation.attribution import Attribution, Explainer
from florascope.explanation.explanation import METHODS, contrast, explainer
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.preprocessing import Preprocessing

SIZE = 64
TARGETS = torch.tensor([0, 2])
# One network of each family that ends in average pooling and a linear layer, as small as can be.
NETWORKS = ["mobilenetv2_050", "test_resnet", "test_convnext", "test_efficientnet", "test_vit"]


def network(name: str) -> Classifier:
    torch.manual_seed(2)
    pooled = {"global_pool": "avg"} if "vit" in name else {}
    backbone = Backbone(name, Preprocessing(size=SIZE), pooled)
    classes = tuple(ClassName(str(k), f"class {k}") for k in range(4))
    classifier = Classifier(backbone, classes).eval()
    nn.init.normal_(classifier.head.bias)
    return classifier


def inputs() -> Tensor:
    return torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module", params=NETWORKS)
def classifier(request: pytest.FixtureRequest) -> Classifier:
    return network(request.param)


# These are for transformers that answer from a token: test_direct.py, test_legrad.py.
OF_TOKENS = {"direct", "legrad"}


@pytest.fixture(scope="module", params=[name for name in METHODS if name not in OF_TOKENS])
def method(request: pytest.FixtureRequest) -> Explainer:
    return explainer(request.param)


@pytest.fixture(scope="module")
def found(classifier: Classifier, method: Explainer) -> Attribution:
    return method(classifier, inputs(), TARGETS)


def hooks(classifier: Classifier) -> int:
    """Number of hooks in a network."""
    return sum(
        len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks)
        for m in classifier.modules()
    )


def test_shape_name_and_finite_values(found: Attribution, method: Explainer) -> None:
    assert found.method == method.name
    assert METHODS[method.name]().name == method.name
    assert (found.values.shape, found.total.shape) == ((2, SIZE, SIZE), (2,))
    assert found.values.dtype == found.total.dtype == torch.float32
    assert found.values.isfinite().all()
    assert found.values.abs().amax((1, 2)).min() > 0


def test_same_again(classifier: Classifier, method: Explainer, found: Attribution) -> None:
    again = method(classifier, inputs(), TARGETS)
    assert torch.equal(found.values, again.values)
    assert torch.equal(found.total, again.total)


def test_batch_equals_single(classifier: Classifier, method: Explainer, found: Attribution) -> None:
    single = method(classifier, inputs()[1:2], TARGETS[1:2])
    scale = found.values[1].abs().max().item()
    torch.testing.assert_close(found.values[1], single.values[0], rtol=0, atol=1e-3 * scale)


def test_right_target(classifier: Classifier, method: Explainer, found: Attribution) -> None:
    """Each row is of its own target, and the total of a complete method is free of the bias."""
    other = method(classifier, inputs(), torch.tensor([0, 3]))
    torch.testing.assert_close(found.values[0], other.values[0], rtol=1e-4, atol=1e-7)
    assert not torch.allclose(found.values[1], other.values[1])
    if found.complete:
        lowered = Classifier(classifier.backbone, classifier.classes).eval()
        lowered.set_head(classifier.head.weight, classifier.head.bias - 7.0)
        torch.testing.assert_close(
            method(lowered, inputs(), TARGETS).total, found.total, rtol=1e-3, atol=1e-4
        )


def test_completeness_is_kept_where_promised(classifier: Classifier, method: Explainer) -> None:
    """A method that adds passes until it is complete may stop at its limit, and then says so."""
    for image, target in zip(inputs(), TARGETS, strict=True):
        passes: list[int] = []
        hook = classifier.backbone.register_forward_pre_hook(
            lambda _, inputs, passes=passes: passes.append(len(inputs[0]))
        )
        found = method(classifier, image[None], target[None])
        hook.remove()
        spent = sum(passes) >= getattr(method, "max_nodes", math.inf)
        assert not found.complete or spent or found.gap.item() <= 0.01


def test_network_left_untouched(classifier: Classifier, method: Explainer) -> None:
    before = {k: v.clone() for k, v in classifier.state_dict().items()}
    needing = [p.requires_grad for p in classifier.parameters()]
    addresses = [p.data_ptr() for p in classifier.parameters()]
    method(classifier, inputs()[:1], TARGETS[:1])
    assert all(torch.equal(before[k], v) for k, v in classifier.state_dict().items())
    assert [p.requires_grad for p in classifier.parameters()] == needing
    assert [p.data_ptr() for p in classifier.parameters()] == addresses
    assert not any(m.training for m in classifier.modules())
    assert hooks(classifier) == 0


@pytest.mark.parametrize("grad", [True, False])
def test_no_gradient_state_leaks(classifier: Classifier, method: Explainer, grad: bool) -> None:
    images = inputs()[:1]
    with torch.set_grad_enabled(grad):
        attribution = method(classifier, images, TARGETS[:1])
        assert torch.is_grad_enabled() == grad
    assert not attribution.values.requires_grad
    assert not attribution.total.requires_grad
    assert not images.requires_grad
    assert all(p.grad is None for p in classifier.parameters())


def test_frozen_weights_change_nothing(method: Explainer) -> None:
    free, frozen = (
        network("test_resnet"),
        network("test_resnet").requires_grad_(requires_grad=False),
    )
    one, other = (method(c, inputs()[:1], TARGETS[:1]).values for c in (free, frozen))
    torch.testing.assert_close(one, other)


def test_a_zero_head_gives_an_empty_map(method: Explainer) -> None:
    classifier = network("test_resnet")
    classifier.set_head(torch.zeros_like(classifier.head.weight), torch.ones(4))
    found = method(classifier, inputs(), TARGETS)
    assert found.values.abs().max().item() == 0
    assert found.total.abs().max().item() == 0 or not found.complete


def test_new_weights_give_new_maps(method: Explainer) -> None:
    """Nothing of a network is remembered between two calls."""
    classifier = network("test_resnet")
    before = method(classifier, inputs()[:1], TARGETS[:1]).values
    for weight in classifier.backbone.parameters():
        weight.data = torch.roll(weight.data, 1, 0)
    after = method(classifier, inputs()[:1], TARGETS[:1]).values
    assert not torch.allclose(before, after, rtol=1e-2)


class BrokenError(RuntimeError):
    """What goes wrong in the middle of a pass."""


@dataclass
class Fuse:
    """Breaks the head of a network while it is held."""

    classifier: Classifier

    def __enter__(self) -> None:
        def fail(*_: object) -> None:
            raise BrokenError

        norm = self.classifier.backbone.net.layer4[-1].bn1
        self.hook = norm.register_forward_pre_hook(fail)

    def __exit__(self, *_: object) -> None:
        self.hook.remove()


def test_hooks_are_gone_after_an_error(method: Explainer) -> None:
    classifier = network("test_resnet")
    with Fuse(classifier), pytest.raises(BrokenError):
        method(classifier, inputs()[:1], TARGETS[:1])
    assert hooks(classifier) == 0
    assert torch.is_grad_enabled()
    assert method(classifier, inputs()[:1], TARGETS[:1]).values.isfinite().all()


@pytest.fixture
def compiled() -> Iterator[Classifier]:
    """A graph for each size of photo: one for all sizes takes Dynamo ten seconds to work out."""
    classifier = network("test_resnet")
    classifier.compile(backend="eager", dynamic=False)
    classifier.backbone.compile(backend="eager", dynamic=False)
    yield classifier
    torch.compiler.reset()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # read by Dynamo
@pytest.mark.usefixtures("unchecked")  # Dynamo would trace the checks of shapes, too
def test_works_on_a_compiled_network(compiled: Classifier, method: Explainer) -> None:
    """Traced by Dynamo, whose graphs are run as they are: what a backend makes of them is its."""
    if method.name == "occlusion":
        pytest.skip("only asks for logits, in batches of three sizes, each compiled anew")
    plain = method(network("test_resnet"), inputs()[:1], TARGETS[:1])
    traced = method(compiled, inputs()[:1], TARGETS[:1])
    torch.testing.assert_close(plain.values, traced.values, rtol=1e-4, atol=1e-7)


def test_contrast_with_itself_is_empty_and_turns_its_sign(method: Explainer) -> None:
    classifier, images = network("test_resnet"), inputs()[:1]
    one, other = torch.tensor([1]), torch.tensor([3])
    assert contrast(method, classifier, images, one, one).values.abs().max().item() == 0
    there = contrast(method, classifier, images, one, other)
    back = contrast(method, classifier, images, other, one)
    torch.testing.assert_close(there.values, -back.values)
    assert there.complete == back.complete


@pytest.mark.parametrize("mark", [(10, 40), (44, 12)])
def test_a_mark_that_decides_is_found(method: Explainer, mark: tuple[int, int]) -> None:
    """A network that adds up redness is shown one red square: there the evidence must be."""
    classifier = Redness.classifier()
    images = torch.zeros(1, 3, SIZE, SIZE)
    row, column = mark
    images[0, 0, row : row + 8, column : column + 8] = 1.0
    values = method(classifier, images, torch.tensor([1])).values[0].clamp_min(0)
    near = values[max(0, row - 8) : row + 16, max(0, column - 8) : column + 16]
    assert near.sum() > 0.95 * values.sum() > 0
    top = divmod(int(values.argmax()), SIZE)
    assert row - 4 <= top[0] < row + 12
    assert column - 4 <= top[1] < column + 12


class Redness(Backbone):
    """A map of 16 x 16 places, each the red and the blue of its own 4 x 4 pixels."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.name, self.num_features, self.pools_linearly = "redness", 2, True
        self.preprocessing = Preprocessing(size=SIZE, mean=(0, 0, 0), std=(1, 1, 1))
        self.model_args, self.norm = {}, None
        self.net = nn.Sequential(nn.AvgPool2d(4), nn.Conv2d(3, 2, 1, bias=False), nn.ReLU())
        self.net.forward_features = self.net.forward
        with torch.no_grad():
            self.net[1].weight.copy_(torch.tensor([[1.0, 0, 0], [0, 0, 1.0]])[..., None, None])

    @classmethod
    def classifier(cls) -> Classifier:
        made = Classifier(cls(), (ClassName("0", "blue"), ClassName("1", "red"))).eval()
        made.set_head(torch.tensor([[0.0, 8.0], [8.0, 0.0]]), torch.zeros(2))
        return made
