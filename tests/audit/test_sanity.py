"""The cascade must reach every weight, leave the original alone, and unmask a map of the photo."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from florascope.audit.photos import TargetedImages, maps_of
from florascope.audit.sanity import (
    Maps,
    Noise,
    Scores,
    Similarity,
    cascade,
    correlation,
    gini,
    rank_correlation,
    sanity,
    shuffle,
    stages,
    under_flip,
    under_noise,
)
from florascope.audit.verdict import SIMILAR
from florascope.bundle.config import find_bundle
from florascope.data.dataset import ClassName
from florascope.evaluation.intervals import bootstrap
from florascope.explanation.attribution import Attribution, Explainer
from florascope.explanation.explanation import default_method, explainer
from florascope.garden.scene import GardenPhoto
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.nets.saving import load_classifier
from florascope.nets.weights import load_backbone
from florascope.nets.wrapped import wrap
from florascope.preprocessing import Preprocessing

CLASSES = tuple(ClassName(str(k), str(k)) for k in range(5))


@dataclass(frozen=True)
class Cam:
    """Class activation map, enlarged to the photo."""

    name: str = "cam"

    def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
        with torch.no_grad():
            answer = classifier.answer(images)
            small = torch.einsum("bc,bchw->bhw", classifier.head.weight[targets], answer.map)
            size = images.shape[2:]
            values = nn.functional.interpolate(small[:, None], size, mode="bilinear")[:, 0]
        return Attribution(self.name, values, torch.zeros(len(images)), complete=False)


@dataclass(frozen=True)
class Edges:
    """Contrast of the photo: looks convincing, knows nothing of the network."""

    name: str = "edges"

    def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
        values = (images - images.roll(1, 3)).abs().sum(1)
        return Attribution(self.name, values, torch.zeros(len(images)), complete=False)


def make(name: str, size: int = 64, seed: int = 0, **model_args: int) -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        backbone = Backbone(name, Preprocessing(size=size), model_args)
        classifier = Classifier(backbone, CLASSES).eval()
        nn.init.normal_(classifier.head.weight)
    return classifier


def followed(
    classifier: Classifier, explainer: Explainer, targeted: TargetedImages, most: int, seed: int = 0
) -> list[Similarity]:
    trained = maps_of(classifier, explainer, targeted)
    return sanity(classifier, explainer, targeted, trained, most, seed)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return make("mobilenetv2_035")


@pytest.fixture(scope="module")
def targeted() -> TargetedImages:
    generator = torch.Generator().manual_seed(0)
    small = torch.randn(8, 3, 8, 8, generator=generator)
    images = nn.functional.interpolate(small, (64, 64), mode="bilinear")
    return TargetedImages(images, torch.arange(8) % 5)


@pytest.mark.parametrize("name", ["mobilenetv2_035", "resnet10t", "test_vit", "test_convnext"])
@pytest.mark.parametrize("most", [2, 4, 100])
def test_stages_hold_every_weight_once(name: str, most: int) -> None:
    classifier = make(name, 160 if name == "test_vit" else 64)
    found = stages(classifier, most)
    weights = [id(weight) for stage in found for weight in stage.weights]
    assert len(weights) == len(set(weights))
    assert set(weights) == {id(weight) for weight in classifier.parameters()}
    assert 2 <= len(found) <= most
    assert len({stage.name for stage in found}) == len(found)


def test_stages_go_from_the_top_downwards(classifier: Classifier) -> None:
    names = [stage.name for stage in stages(classifier, 100)]
    top = ["linear head", "bn2", "conv_head"]
    assert names == [*top, *(f"blocks.{i}" for i in range(6, -1, -1)), "bn1", "conv_stem"]
    assert [stage.name for stage in stages(classifier, 1)] == ["linear head", "conv_stem"]


def test_shuffling_keeps_the_numbers_and_loses_their_places() -> None:
    weight = nn.Parameter(torch.arange(60.0).reshape(3, 4, 5))
    shuffle(weight, torch.Generator().manual_seed(0))
    assert weight.shape == (3, 4, 5)
    assert torch.equal(weight.flatten().sort().values, torch.arange(60.0))
    assert (weight.flatten() == torch.arange(60.0)).sum() < 6
    assert weight.requires_grad


def test_the_cascade_reaches_one_stage_more_each_time(classifier: Classifier) -> None:
    trained = dict(classifier.named_parameters())
    reached = []
    for _, randomised in cascade(classifier, most=5):
        pairs = ((key, weight, trained[key]) for key, weight in randomised.named_parameters())
        reached.append({key for key, weight, was in pairs if not torch.equal(weight, was)})
    assert reached[0] == {"head.weight", "head.bias"}
    assert all(one < more for one, more in itertools.pairwise(reached))
    assert len(reached) == 5
    spread = {key for key, was in trained.items() if was.std() > 0}  # a fresh norm is all ones
    assert reached[-1] == spread


def test_the_classifier_is_left_exactly_as_it_was(
    classifier: Classifier, targeted: TargetedImages
) -> None:
    before = {key: value.clone() for key, value in classifier.state_dict().items()}
    storage = [weight.data_ptr() for weight in classifier.parameters()]
    with torch.no_grad():
        logits = classifier(targeted.images)
    followed(classifier, Cam(), targeted, most=3)
    after = classifier.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert [weight.data_ptr() for weight in classifier.parameters()] == storage
    assert all(weight.requires_grad and weight.grad is None for weight in classifier.parameters())
    assert not classifier.training
    with torch.no_grad():
        assert torch.equal(classifier(targeted.images), logits)


def test_a_map_of_the_network_collapses(classifier: Classifier, targeted: TargetedImages) -> None:
    found = followed(classifier, Cam(), targeted, most=4)
    assert found[0].stage == "linear head"
    assert abs(found[-1].signed.mean()) < 0.5
    assert found[-1].signed.shape == (8,)


def test_a_map_of_the_photo_survives(classifier: Classifier, targeted: TargetedImages) -> None:
    for similarity in followed(classifier, Edges(), targeted, most=4):
        assert similarity.signed == pytest.approx([1.0] * 8)
        assert similarity.absolute == pytest.approx([1.0] * 8)


def flat() -> Classifier:
    """A network without a map: two layers on all pixels."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 32), nn.ReLU(), nn.Linear(32, 5))
    return wrap(net.eval(), preprocessing=Preprocessing(size=64))


DEFAULTS: dict[str, Callable[[], Classifier]] = {
    "sharp": lambda: load_classifier(find_bundle("flowers102-mobilenetv2")),
    "gradcam": lambda: make("mobilenetv3_small_050"),
    "direct": lambda: make("test_vit", img_size=64),
    "ig": flat,
}


@pytest.mark.parametrize("method", DEFAULTS)
def test_every_default_map_is_of_the_network(method: str) -> None:
    """The audit's criterion `learned`, for a network of each kind that has its own default."""
    classifier = DEFAULTS[method]()
    assert default_method(classifier) == method
    photos = [GardenPhoto(k, 0, 0, classifier.preprocessing.size) for k in range(8)]
    pixels = classifier.preprocessing.normalise(np.stack([photo.read() for photo in photos]))
    garden = TargetedImages(torch.from_numpy(pixels), torch.arange(8) % 5)
    last = followed(classifier, explainer(method), garden, most=2)[-1]
    assert max(bootstrap(each).high for each in (last.signed, last.absolute)) < SIMILAR
    photo_alone = followed(classifier, Edges(), garden, most=2)[-1]
    assert bootstrap(photo_alone.absolute).low > SIMILAR


def test_the_absolute_map_sees_through_a_turned_sign(targeted: TargetedImages) -> None:
    """A one-class head whose weight turns over: the signed map reverses, the absolute stays."""

    @dataclass(frozen=True)
    class Turned:
        name: str = "turned"

        def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
            values = images.mean(1) * torch.where(classifier.head.bias[0] > 0, 1.0, -1.0)
            return Attribution(self.name, values, torch.zeros(len(images)), complete=False)

    classifier = make("mobilenetv2_035")
    with torch.no_grad():
        classifier.head.bias.copy_(torch.tensor([1.0, -1, -1, -1, -1]))
    first = followed(classifier, Turned(), targeted, most=2)[0]
    assert first.signed == pytest.approx([-1.0] * 8)
    assert first.absolute == pytest.approx([1.0] * 8)


def test_the_seed_decides(classifier: Classifier, targeted: TargetedImages) -> None:
    runs = [followed(classifier, Cam(), targeted, most=2, seed=s)[-1].signed for s in (0, 0, 1)]
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


@pytest.mark.real_weights
@pytest.mark.usefixtures("real_weights")
def test_a_real_network_does_not_die_of_it(targeted: TargetedImages) -> None:
    """MobileNetV2 with folded norms still has a varied feature map at every stage."""
    classifier = Classifier(load_backbone("mobilenetv2_100", "torchvision"), CLASSES).eval()
    for _, randomised in cascade(classifier):
        with torch.no_grad():
            feature_map = randomised.answer(targeted.images).map
        assert feature_map.isfinite().all()
        assert feature_map.std((2, 3)).mean() > 0.05


@dataclass(frozen=True)
class Brightness:
    """The photo itself: it moves with the photo exactly."""

    name: str = "brightness"

    def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
        return Attribution(self.name, images.mean(1), torch.zeros(len(images)), complete=False)


@dataclass(frozen=True)
class Ramp:
    """Rises from left to right, whatever the photo."""

    name: str = "ramp"

    def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
        ramp = torch.linspace(-1, 1, images.shape[3]).expand(len(images), *images.shape[2:])
        return Attribution(self.name, ramp, torch.zeros(len(images)), complete=False)


@pytest.fixture
def portraits() -> TargetedImages:
    generator = torch.Generator().manual_seed(0)
    return TargetedImages(torch.rand(3, 3, 32, 32, generator=generator), torch.tensor([0, 1, 1]))


def test_a_map_that_moves_with_the_photo_is_equivariant(
    patch_classifier: Classifier, portraits: TargetedImages
) -> None:
    maps = maps_of(patch_classifier, Brightness(), portraits)
    found = under_flip(patch_classifier, Brightness(), portraits, maps)
    assert found == pytest.approx([1, 1, 1])


def test_a_map_that_stays_put_is_turned_round(
    patch_classifier: Classifier, portraits: TargetedImages
) -> None:
    maps = maps_of(patch_classifier, Ramp(), portraits)
    found = under_flip(patch_classifier, Ramp(), portraits, maps)
    assert found == pytest.approx([-1, -1, -1])


def test_noise_moves_the_brightness_by_its_own_size(
    patch_classifier: Classifier, portraits: TargetedImages
) -> None:
    """Mean of three channels of deviation s: noise of variance s^2 / 3 beside the map's own."""
    maps = maps_of(patch_classifier, Brightness(), portraits)
    found = under_noise(patch_classifier, Brightness(), portraits, maps, Noise(levels=25.5))
    variance = maps.var((1, 2))
    expected = np.sqrt(variance / (variance + 0.01 / 3))
    assert found == pytest.approx(expected, abs=0.02)


def test_a_map_that_ignores_the_photo_ignores_its_noise(
    patch_classifier: Classifier, portraits: TargetedImages
) -> None:
    maps = maps_of(patch_classifier, Ramp(), portraits)
    found = under_noise(patch_classifier, Ramp(), portraits, maps, Noise(levels=50))
    assert found == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_noise_is_in_levels_of_the_photo(order: Literal["rgb", "bgr"]) -> None:
    """Undo the normalisation: each channel's noise must have two levels of deviation."""
    pre = Preprocessing(size=64, std=(0.2, 0.5, 1.0), channel_order=order)
    grey = np.full((4, 64, 64, 3), 128, np.uint8)
    images = torch.from_numpy(pre.normalise(grey))
    noise = (Noise(2.0)(images, pre) - images).numpy()
    std = np.array(pre.std if order == "rgb" else pre.std[::-1])
    levels = noise.std((0, 2, 3)) * std * 255
    assert levels == pytest.approx([2, 2, 2], rel=0.02)
    back = pre.denormalise(images.numpy() + noise).astype(np.float64)
    assert back.std((0, 1, 2)) == pytest.approx([2.02] * 3, rel=0.03)  # with rounding: +1/12


def test_noise_is_seeded() -> None:
    images, pre = torch.zeros(1, 3, 8, 8), Preprocessing(size=8)
    assert torch.equal(Noise(2, 5)(images, pre), Noise(2, 5)(images, pre))
    assert not torch.equal(Noise(2, 5)(images, pre), Noise(2, 6)(images, pre))


Correlate = Callable[[Maps, Maps], Scores]


def maps(seed: int, levels: int = 1000) -> np.ndarray:
    """Three maps of 5 x 7 with few enough levels to tie."""
    return np.random.default_rng(seed).integers(-levels, levels, (3, 5, 7)).astype(np.float64)


@pytest.mark.parametrize("levels", [2, 5, 1000])
def test_correlations_are_scipys(levels: int) -> None:
    first, second = maps(0, levels), maps(1, levels)
    pairs = [(a.ravel(), b.ravel()) for a, b in zip(first, second, strict=True)]
    pearson = [stats.pearsonr(a, b).statistic for a, b in pairs]
    spearman = [stats.spearmanr(a, b).statistic for a, b in pairs]
    assert correlation(first, second) == pytest.approx(pearson)
    assert rank_correlation(first, second) == pytest.approx(spearman)


def test_rank_correlation_sees_order_alone() -> None:
    first = maps(0)
    assert rank_correlation(first, np.exp(first / 500)) == pytest.approx(1.0)
    assert rank_correlation(first, -(first**3)) == pytest.approx(-1.0)
    assert correlation(first, -(first**3)).min() > -0.99


def test_correlation_ignores_scale_and_offset() -> None:
    first = maps(0)
    assert correlation(first, 3 * first + 7) == pytest.approx(1.0)
    assert correlation(first, -2 * first + 1) == pytest.approx(-1.0)


@pytest.mark.parametrize("similarity", [correlation, rank_correlation])
def test_a_constant_map_resembles_itself_alone(similarity: Correlate) -> None:
    flat, varied = np.full((3, 5, 7), 0.1), maps(0)
    assert list(similarity(flat, flat)) == [1, 1, 1]
    assert list(similarity(flat, flat + 1)) == [0, 0, 0]
    assert list(similarity(flat, varied)) == [0, 0, 0]
    assert list(similarity(varied, flat)) == [0, 0, 0]


def one_map(values: list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float64).reshape(1, 1, -1)


@pytest.mark.parametrize("n", [2, 10, 49])
def test_gini_of_one_pixel_is_one_less_a_share(n: int) -> None:
    values = np.zeros((1, 1, n))
    values[0, 0, n // 2] = -3.0
    assert gini(values) == pytest.approx([1 - 1 / n])


@pytest.mark.parametrize("value", [0.0, 0.3, -2.0])
def test_gini_of_an_even_map_is_zero(value: float) -> None:
    assert gini(np.full((2, 3, 4), value)) == pytest.approx([0, 0], abs=1e-12)


@pytest.mark.parametrize("n", [2, 7, 100])
def test_gini_of_one_to_n(n: int) -> None:
    """sum k (n - k + 1/2) = n (n + 1) (2n + 1) / 12 gives G = (n - 1) / (3n)."""
    assert gini(one_map(list(range(1, n + 1)))) == pytest.approx([(n - 1) / (3 * n)])


def test_gini_is_half_the_relative_mean_difference() -> None:
    values = np.random.default_rng(0).normal(size=(1, 6, 9))
    size = np.abs(values.ravel())
    difference = np.abs(size[:, None] - size[None, :]).mean()
    assert gini(values) == pytest.approx([difference / (2 * size.mean())])
